// The ten steps of the neurons as a plain loop, for contenders whose library has no such thing.
#pragma once

#include <cmath>

#include "contender.hpp"

namespace seed {

/// mean[j] = the mean rate of a neuron that starts at voltage[j] and is driven by rate[j], for the
/// kHidden neurons of an image. Steps are the outer loop: g++ vectorises the inner one alone.
inline void integrate(const float* rate, const float* voltage, float* mean) {
  alignas(64) float drive[kHidden], v[kHidden], total[kHidden]{};
  for (std::size_t j = 0; j < kHidden; ++j) drive[j] = rate[j] * kDt;
  std::copy_n(voltage, kHidden, v);
  for (std::size_t t = 0; t < kSteps; ++t)
    for (std::size_t j = 0; j < kHidden; ++j) {
      v[j] += drive[j];
      const float spikes = std::floor(v[j]);
      v[j] -= spikes;
      total[j] += spikes;
    }
  for (std::size_t j = 0; j < kHidden; ++j) mean[j] = total[j] * (1 / (kSteps * kDt));
}

}  // namespace seed
