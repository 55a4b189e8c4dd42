// Small networks with filters: each source of a filter, each reader.
#pragma once

#include "nets.hpp"

namespace synfire::test {

// clang-format off
// Every step is read.
struct LowpassToDense : Network<
    Input<23>, Dense<33>, Named<"first", Spiking<Relu>>, Named<"filter", Lowpass<>>, Dense<40>,
    Named<"second", Spiking<Relu>>, MeanOverTime> {};
struct AlphaToSpiking : Network<
    Input<23>, Dense<33>, Named<"first", Spiking<Relu>>, Named<"filter", Alpha<>>,
    Named<"second", Spiking<Relu>>, MeanOverTime> {};
struct HeldToSpiking : Network<
    Input<23>, Dense<33>, Named<"filter", Lowpass<>>, Named<"first", Spiking<Relu>>, Alpha<>,
    Named<"second", Spiking<Relu>>, MeanOverTime> {};

// The last value alone is read, or the mean.
template <class Filter, class Reader>
struct FilterSpikes : Network<
    Input<23>, Dense<33>, Named<"first", Spiking<Relu>>, Named<"filter", Filter>, Reader> {};
template <class Filter, class Reader>
struct FilterCurrents : Network<
    Input<23>, Dense<33>, Named<"first", Spiking<Relu>>, Dense<19>, Named<"filter", Filter>,
    Reader> {};
template <class Filter, class Reader>
struct FilterHeld : Network<Input<23>, Dense<33>, Named<"filter", Filter>, Reader> {};
template <class Filter, class Reader>
struct FilterFiltered : Network<
    Input<23>, Dense<33>, Named<"first", Spiking<Relu>>, Lowpass<>, Named<"filter", Filter>,
    Reader> {};
// clang-format on

/// Time constants from a third of a step to 30 steps, some of them clamped.
template <class Net>
Parameters<Net> random_filters(std::mt19937& random, float dt) {
  auto parameters = random_parameters<Net>(random, dt);
  std::uniform_real_distribution<float> exponent(-0.5f, 1.5f), any(-0.5f, 0.5f);
  for (std::size_t i = 0; i < parameters.count(); ++i) {
    const std::string_view name = parameters.placed(i).spec.name;
    for (float& value : parameters.tensor(i)) {
      if (name == "initial_level") value = any(random) / dt;
      if (name == "tau")
        value = random() % 16 == 0 ? any(random) * 1e-8f : dt * std::pow(10.0f, exponent(random));
    }
  }
  return parameters;
}

}  // namespace synfire::test
