// Uses every expansion of a network.
#pragma once

#include <synfire/dsl.hpp>

template <class Net>
void use(synfire::Values sample) {
  using namespace synfire;
  Parameters<Net> parameters;
  const RunOptions options{.dt = 0.01f, .steps = 10};
  EventEngine<Net> engine{parameters, options};
  engine.run(sample);
  ClockedReference<Net> reference{parameters, options};
  reference.run(sample);
  DenseTrainer<Net> trainer{parameters, {}};
  trainer.predict(sample.data(), 1);
  run_examples(parameters, options, 1, [](std::size_t, float*) {});
}
