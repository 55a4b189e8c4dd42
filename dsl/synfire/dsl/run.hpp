// What the running expansions of a layer share.
//
// Clocked<Site>, the definition: scalar, dense, every layer at every step.
//   start(RandomAddress)  a new state, where the layer has one; a stateful run goes on without
//   begin()               a new run, where the layer counts or adds up over a run
//   step(in)              one step
//   value                 what it made
//   state()               std::span<float> of its state, where it has one
//
// Event<Site>: a layer has the methods of the phases in which it works, and no others.
//   start(RandomAddress), begin(), state()  as above
//   before(in)            once, before the steps: everything that is Held
//   step(in)              each step
//   after(in)             once, after the steps: everything that is Final
//   value()               a view of what it made, valid until it works again
//   tally(LayerActivity&) adds what it counted
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <synfire/activity.hpp>
#include <synfire/buffer.hpp>
#include <synfire/dsl/signal.hpp>
#include <synfire/kernels.hpp>
#include <synfire/parameter_set.hpp>
#include <synfire/random.hpp>
#include <synfire/timebase.hpp>

namespace synfire {

/// The spikes of one step in the reference: a count for every neuron.
struct ClockedCounts {
  std::vector<float> count;
  float unit = 1;  // one spike is worth 1 / unit

  std::size_t size() const { return count.size(); }
  float operator[](std::size_t i) const { return count[i] / unit; }
};

template <class In>
using ClockedValue = std::conditional_t<carried_by<In, Spikes>, ClockedCounts, std::vector<float>>;

/// Room for the events of one step of n neurons.
struct EventBuffer {
  explicit EventBuffer(std::size_t n) : index(n), count(n) {}
  SpikeView view(float unit) const { return {index.data(), count.data(), size, unit}; }

  Buffer<std::uint32_t> index;
  Buffer<float> count;
  std::size_t size = 0;
};

/// Sum of |count|; 0 where it is none that a counter could hold (NaN, infinity). Sums of whole
/// numbers are exact in any order: four at a time do not wait for each other.
inline std::uint64_t spikes_in(const float* count, std::size_t n) {
  std::array<double, 4> part{};
  const std::size_t fours = n / 4 * 4;
  for (std::size_t i = 0; i < fours; i += 4)
    for (std::size_t k = 0; k < 4; ++k) part[k] += std::abs(count[i + k]);
  for (std::size_t k = 0; k < n % 4; ++k) part[k] += std::abs(count[fours + k]);
  const double sum = (part[0] + part[1]) + (part[2] + part[3]);
  return sum < 0x1p63 ? static_cast<std::uint64_t>(sum) : 0;
}

}  // namespace synfire
