// Time of a simulation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace synfire {

/// How a network is run. Throws InvalidSetting from validate() unless 0 < dt < infinity, steps > 0
/// and dense_above is a number.
struct RunOptions {
  float dt = 0.001f;       // seconds a step
  std::size_t steps = 1;   // steps a sample
  std::uint64_t seed = 0;  // of the initial voltages
  bool stateful = false;   // a run starts from what the last run left, until reset()
  /// Share of a layer's inputs: where more are active, all rows of its weights are read in their
  /// order, and not those of the active ones. The results are the same; which is faster,
  /// measure_crossover() finds. With the default neither way is a tenth faster than what is taken,
  /// on the processors that were measured.
  double dense_above = 0.95;

  void validate() const;
};

}  // namespace synfire
