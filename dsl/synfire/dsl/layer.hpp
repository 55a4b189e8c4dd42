// What a layer is made of, and where it stands.
//
// A layer is a struct in layers/ that says everything about itself:
//   kind                  its word in signatures and default labels ("dense")
//   signature()           kind and what distinguishes it ("dense(128)")
//   is_source             true for inputs alone
//   accepts<In>           whether it takes the signal In
//   Demand<Where, In>     the static_asserts that refuse the others, a sentence each
//   Out<In>               the signal it makes
//   tensors<In>           std::array of TensorSpec
//   needs                 how it wants what changes in time delivered
//   delivers(Delivery)    how it delivers to a reader who wants that (EveryStep without)
//   relays                where it hands on spikes as they are delivered to it (Flatten)
//   stats<In>             LayerStats, for its energy; a layer may leave it out
//   states(n)             values of state that it keeps for n inputs, where it keeps any
//   Clocked<Site>         the definition: scalar, every step   -> clocked_reference.hpp
//   Event<Site>           the event-driven run                 -> event_engine.hpp
//   Batch<Site>           forward and backward over a batch    -> dense_trainer.hpp
#pragma once

#include <array>
#include <cstddef>

#include <synfire/dsl/name.hpp>
#include <synfire/dsl/signal.hpp>
#include <synfire/energy.hpp>
#include <synfire/parameter_set.hpp>

namespace synfire {

/// Gives a layer a label of the user's own.
template <Name label, class Layer>
struct Named {};

/// All that a layer's expansions may know at compile time about their place.
template <std::size_t index_, class In_, class Out_, std::size_t first_tensor_, Delivery given_,
          Delivery wanted_, bool learns_before_, bool counted_ = false>
struct Site {
  using In = In_;
  using Out = Out_;
  static constexpr std::size_t index = index_;
  static constexpr std::size_t first_tensor = first_tensor_;  // in the network's ParameterSet
  static constexpr Delivery given = given_;                   // how what changes in time comes in
  static constexpr bool given_mean = given == Delivery::Mean;
  static constexpr Delivery wanted = wanted_;  // how its reader wants it to go out
  static constexpr bool learns_before =
      learns_before_;                        // whether a gradient of the input is needed
  static constexpr bool counted = counted_;  // whether its runs are counted, step by step
};

/// For layers without weights.
inline constexpr std::array<TensorSpec, 0> no_tensors{};

}  // namespace synfire
