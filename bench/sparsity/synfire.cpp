// Synfire's event engine.
#include <memory>
#include <synfire/dsl.hpp>

#include "contenders.hpp"

namespace contest {
namespace {

using namespace synfire;

// clang-format off
template <class Hidden>
struct Net : Network<
    Input<28, 28>,
    Flatten,
    Hidden,
    Named<"first", Spiking<Relu>>,
    Hidden,
    Named<"second", Spiking<Relu>>,
    MeanOverTime,
    Dense<kClasses>> {};
// clang-format on

template <class Hidden>
Contender make(const Task& task, const std::string& name) {
  Parameters<Net<Hidden>> parameters;
  std::size_t tensor = 0;
  for (const Floats* values : {&task.w1, &task.b1, &task.w2, &task.b2, &task.w3, &task.b3})
    std::copy(values->begin(), values->end(), parameters.tensor(tensor++).begin());
  const auto engine = std::make_shared<EventEngine<Net<Hidden>>>(
      parameters, RunOptions{.dt = kDt, .steps = kSteps});
  return {name, [&task, engine](std::size_t i) {
            engine->template set_state<"first">({task.voltage_1(i), kHidden});
            engine->template set_state<"second">({task.voltage_2(i), kHidden});
            return engine->run({task.image(i), kInputs}).data();
          }};
}

}  // namespace

std::vector<Contender> synfire(const std::vector<Pruned>& pruned) {
  std::vector<Contender> all;
  for (const Pruned& p : pruned) {
    if (p.group == 1) {
      all.push_back(make<Dense<kHidden>>(p.task, "Synfire dense"));
      all.push_back(make<Sparse<kHidden, Csr>>(p.task, "Synfire csr"));
    }
    if (p.group == 8)
      all.push_back(make<Sparse<kHidden, Blocked<8>>>(p.task, "Synfire blocked(8)"));
    if (p.group == 16)
      all.push_back(make<Sparse<kHidden, Blocked<16>>>(p.task, "Synfire blocked(16)"));
  }
  return all;
}

}  // namespace contest
