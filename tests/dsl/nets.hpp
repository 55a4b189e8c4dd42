// Small networks for the tests of their expansions.
#pragma once

#include <random>
#include <vector>

#include <synfire/dsl.hpp>

namespace synfire::test {

// clang-format off
struct Seed : Network<
    Input<6, 5>, Flatten, Named<"hidden", Dense<19>>, Named<"out", Spiking<Relu>>,
    MeanOverTime, Dense<7>> {};

struct TwoLayers : Network<
    Input<23>, Dense<33>, Named<"first", Spiking<Relu>>, Dense<40>, Named<"second", Spiking<Relu>>,
    MeanOverTime, Dense<5>> {};

struct Leaky : Network<
    Input<23>, Dense<33>, Named<"first", Spiking<Lif>>, Dense<40>, Named<"second", Spiking<Lif>>,
    MeanOverTime, Dense<5>> {};

// Spikes through a Flatten, currents through an activation, means of currents.
struct Mixed : Network<
    Input<4, 5>, Flatten, Dense<17>, Activate<Relu>, Dense<18>, Named<"first", Spiking<Relu>>,
    Flatten, Dense<21>, Activate<Relu>, MeanOverTime, Dense<3>, Activate<Relu>> {};

// Spikes whose mean is wanted behind a Flatten, or two.
struct Relayed : Network<
    Input<4, 5>, Named<"out", Spiking<Relu>>, Named<"flat", Flatten>, Flatten, MeanOverTime,
    Dense<3>> {};

struct RelayedLater : Network<
    Input<20>, Dense<17>, Spiking<Relu>, Dense<18>, Named<"out", Spiking<Relu>>,
    Named<"flat", Flatten>, MeanOverTime, Dense<3>> {};

// Each kind of narrow weights on a held input, on spikes, on a stepped value and on a final one.
template <class Weight>
struct Narrow : Network<
    Input<23>, Dense<33, Weight>, Named<"first", Spiking<Relu>>, Dense<40, Weight>, Activate<Tanh>,
    Dense<19, Weight>, Named<"second", Spiking<Linear>>, MeanOverTime, Dense<5, Weight>> {};

// Sparse connectivity in the same places.
template <class Format>
struct SparseLayers : Network<
    Input<23>, Sparse<33, Format>, Named<"first", Spiking<Relu>>, Sparse<40, Format>, Activate<Tanh>,
    Sparse<19, Format>, Named<"second", Spiking<Linear>>, MeanOverTime, Sparse<5, Format>> {};

struct Analog : Network<Input<4, 5>, Flatten, Dense<17>, Activate<Relu>, Dense<3>> {};

struct Sequence : Network<Input<23>, Dense<33>, Named<"first", Spiking<Relu>>> {};
// clang-format on

/// Parameters with values of a size that makes neurons fire now and then, for rates of about 1 /
/// dt.
template <class Net>
Parameters<Net> random_parameters(std::mt19937& random, float dt, bool rates = true) {
  Parameters<Net> parameters;
  for (std::size_t i = 0; i < parameters.count(); ++i) {
    const TensorSpec& spec = parameters.placed(i).spec;
    if (!spec.trainable) continue;
    const bool first = parameters.placed(i).layer <= 2;
    std::normal_distribution<float> normal(0.0f, first && rates ? 0.3f / dt : 0.3f);
    for (float& value : parameters.tensor(i)) value = normal(random);
  }
  return parameters;
}

inline std::vector<float> random_sample(std::mt19937& random, std::size_t n) {
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> sample(n);
  for (float& value : sample) value = std::max(uniform(random), 0.0f);  // about half are zero
  return sample;
}

inline bool same_bits(Values a, Values b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](float x, float y) { return x == y; });
}

}  // namespace synfire::test
