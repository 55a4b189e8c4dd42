// What flows between layers: a shape, and when its values are known.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <synfire/dsl/shape.hpp>

namespace synfire {

/// Constant over the run: computed once a sample.
struct Held {
  static constexpr std::string_view name = "held";
};
/// Events {index, count} of one step.
struct Spikes {
  static constexpr std::string_view name = "spikes";
};
/// An analog value that can change every step.
struct Stepped {
  static constexpr std::string_view name = "stepped";
};
/// Known when the run ends.
struct Final {
  static constexpr std::string_view name = "final";
};

template <class Shape_, class Carrier_>
struct Signal {
  using Shape = Shape_;
  using Carrier = Carrier_;
  static constexpr std::size_t size = Shape::size;
};

/// What comes into the first layer.
struct Nothing {};

/// What comes out of a layer that was refused. Every layer takes it, so one fault is one error.
struct NoSignal {
  using Shape = synfire::Shape<0>;
  using Carrier = Held;
  static constexpr std::size_t size = 0;
};

template <class In>
inline constexpr bool is_signal = false;
template <class S, class C>
inline constexpr bool is_signal<Signal<S, C>> = true;

template <class In, class... Carriers>
inline constexpr bool carried_by = false;
template <class S, class C, class... Carriers>
inline constexpr bool carried_by<Signal<S, C>, Carriers...> = (std::same_as<C, Carriers> || ...);

template <class In>
inline constexpr bool flat = false;
template <class S, class C>
inline constexpr bool flat<Signal<S, C>> = S::rank == 1;

/// A layer whose values change from step to step.
template <class In>
inline constexpr bool in_time = carried_by<In, Spikes, Stepped>;

/// How a layer hands on what it makes in time: step by step, or, to a reader who wants nothing
/// else, once, when the run ends: each value's mean over the run, or its last. A layer that can do
/// more than EveryStep says what it does for a reader's wish: delivers(Delivery).
enum class Delivery { EveryStep, Mean, Last };

/// The events of one step: neuron index[k] fired count[k] times, indices ascending. One spike is
/// worth 1 / unit to the layers that read it: unit is dt for rate neurons (their output is in
/// hertz).
struct SpikeView {
  const std::uint32_t* index;
  const float* count;
  std::size_t size;
  float unit;
};

using Values = std::span<const float>;

}  // namespace synfire
