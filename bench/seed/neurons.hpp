// The ten steps of the neurons as a plain loop, for contenders whose library has no such thing.
#pragma once

#include <cmath>

#include "contender.hpp"

namespace seed {

/// mean[j] = the mean rate of a neuron that starts at voltage[j] and is driven by rate[j].
inline void integrate(const float* rate, const float* voltage, std::size_t n, float* mean) {
  for (std::size_t j = 0; j < n; ++j) {
    const float drive = rate[j] * kDt;
    float v = voltage[j], total = 0;
    for (std::size_t t = 0; t < kSteps; ++t) {
      v += drive;
      const float spikes = std::floor(v);
      v -= spikes;
      total += spikes;
    }
    mean[j] = total * (1 / (kSteps * kDt));
  }
}

}  // namespace seed
