// Synfire's event engine in a contest, with hidden layers of any kind.
#pragma once

#include <memory>
#include <synfire/dsl.hpp>

#include "contest.hpp"

namespace contest_synfire {

using namespace contest;
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
Contender make(const Task& task, const std::string& name,
               double dense_above = RunOptions{}.dense_above) {
  Parameters<Net<Hidden>> parameters;
  std::size_t tensor = 0;
  for (const Floats* values : {&task.w1, &task.b1, &task.w2, &task.b2, &task.w3, &task.b3})
    std::copy(values->begin(), values->end(), parameters.tensor(tensor++).begin());
  const auto engine = std::make_shared<EventEngine<Net<Hidden>>>(
      parameters, RunOptions{.dt = kDt, .steps = kSteps, .dense_above = dense_above});
  return {name, [&task, engine](std::size_t i) {
            engine->template set_state<"first">({task.voltage_1(i), kHidden});
            engine->template set_state<"second">({task.voltage_2(i), kHidden});
            return engine->run({task.image(i), kInputs}).data();
          }};
}

}  // namespace contest_synfire
