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
//   before_together(all, in)  static; the same of several, a sample each, where that is faster
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

}  // namespace synfire
