// Time of a simulation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace synfire {

/// How a network is run. Throws InvalidSetting from validate() unless 0 < dt < infinity and steps >
/// 0.
struct RunOptions {
  float dt = 0.001f;       // seconds a step
  std::size_t steps = 1;   // steps a sample
  std::uint64_t seed = 0;  // of the initial voltages
  bool stateful = false;   // a run starts from what the last run left, until reset()

  void validate() const;
};

}  // namespace synfire
