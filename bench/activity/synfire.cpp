// Synfire's event engine.
#include <memory>
#include <synfire/dsl.hpp>

#include "contenders.hpp"

namespace contest {
namespace {

using namespace synfire;

// clang-format off
template <class Weight>
struct Net : Network<
    Input<28, 28>,
    Flatten,
    Dense<kHidden, Weight>,
    Named<"first", Spiking<Relu>>,
    Dense<kHidden, Weight>,
    Named<"second", Spiking<Relu>>,
    MeanOverTime,
    Dense<kClasses>> {};
// clang-format on

template <class Weight>
Contender make(const Task& task, const std::string& name, double dense_above) {
  Parameters<Net<Weight>> parameters;
  std::size_t tensor = 0;
  for (const Floats* values : {&task.w1, &task.b1, &task.w2, &task.b2, &task.w3, &task.b3})
    std::copy(values->begin(), values->end(), parameters.tensor(tensor++).begin());
  const auto engine = std::make_shared<EventEngine<Net<Weight>>>(
      parameters, RunOptions{.dt = kDt, .steps = kSteps, .dense_above = dense_above});
  return {name, [&task, engine](std::size_t i) {
            engine->template set_state<"first">({task.voltage_1(i), kHidden});
            engine->template set_state<"second">({task.voltage_2(i), kHidden});
            return engine->run({task.image(i), kInputs}).data();
          }};
}

}  // namespace

std::vector<Contender> synfire(const Task& task) {
  const double usual = RunOptions{}.dense_above;
  return {make<float32>(task, "Synfire f32", usual), make<bfloat16>(task, "Synfire bf16", usual),
          make<int8>(task, "Synfire int8", usual),
          make<float32>(task, "Synfire f32, dense at every step", -1)};
}

}  // namespace contest
