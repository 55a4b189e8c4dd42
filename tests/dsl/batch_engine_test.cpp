#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <synfire/target.hpp>

#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

TEMPLATE_TEST_CASE("a batch gives each sample's own bits, for any number of threads", "", TwoLayers,
                   Narrow<bfloat16>, Narrow<int8>, Mixed) {
  using Engine = EventEngine<TestType>;
  std::mt19937 random(11);
  const RunOptions options{.dt = 0.01f, .steps = 12, .seed = 5};
  const auto parameters = random_parameters<TestType>(random, options.dt);
  constexpr std::size_t outputs = TestType::Out::size;
  constexpr std::size_t count = 150, first = 7;
  std::vector<std::vector<float>> samples(first + count);
  for (auto& sample : samples) sample = random_sample(random, Engine::input_size());

  Engine single(parameters, options);
  std::vector<float> wanted;
  for (std::size_t i = first; i < first + count; ++i)
    for (const float logit : single.run(samples[i], i)) wanted.push_back(logit);
  const Activity counted = single.activity();

  for (const std::size_t threads : {1u, 2u, 3u, 5u}) {
    BatchEngine<TestType> batch(parameters, options, threads);
    std::vector<float> found(count * outputs);
    batch.run(
        first, count,
        [&](std::size_t i, float* values) {
          std::copy(samples[i].begin(), samples[i].end(), values);
        },
        [&](std::size_t i, const auto&, Values output) {
          std::copy(output.begin(), output.end(), found.data() + (i - first) * outputs);
        });
    CHECK(found == wanted);
    const Activity activity = batch.activity();
    CHECK(activity.samples == count);
    for (std::size_t l = 0; l < counted.layers.size(); ++l) {
      CHECK(activity.layers[l].spikes == counted.layers[l].spikes);
      CHECK(activity.layers[l].synaptic_operations == counted.layers[l].synaptic_operations);
      CHECK(activity.layers[l].weight_rows == counted.layers[l].weight_rows);
      CHECK(activity.layers[l].weight_bytes == counted.layers[l].weight_bytes);
      CHECK(activity.layers[l].mean_rate == counted.layers[l].mean_rate);
      CHECK(activity.layers[l].max_rate == counted.layers[l].max_rate);
    }
  }
}

namespace {

// clang-format off
template <class Hidden>
struct Pixels : Network<
    Input<9, 11>,
    Flatten,
    Hidden,
    Named<"neurons", Spiking<Relu>>,
    MeanOverTime,
    Dense<5>> {};
// clang-format on

constexpr std::size_t kPixels = 99, kNeurons = 40;

/// Weights as the net takes them.
float taken(float w, bool rounded) {
  return rounded ? kernels::float_of_bf16(kernels::bf16_of_float(w)) : w;
}

/// Voltages from which a neuron's sums come within a few roundings of 1 in some step.
std::vector<float> tight_voltages(std::mt19937& random, const ParameterSet& parameters,
                                  const std::vector<float>& x, const RunOptions& options,
                                  bool rounded) {
  std::vector<float> voltage(kNeurons);
  for (std::size_t j = 0; j < kNeurons; ++j) {
    float sum = parameters.tensor(1)[j];
    for (std::size_t i = 0; i < kPixels; ++i)
      sum = std::fma(x[i], taken(parameters.tensor(0)[i * kNeurons + j], rounded), sum);
    const auto t = static_cast<float>(1 + random() % options.steps);
    const float ahead = std::max(sum, 0.0f) * options.dt * t;
    voltage[j] = std::max(0.0f, 1 - (ahead - std::floor(ahead)));
    for (unsigned k = random() % 6; k > 0; --k)
      voltage[j] = std::nextafter(voltage[j], random() % 2 ? 2.0f : 0.0f);
    if (random() % 4 == 0) voltage[j] = static_cast<float>(random() % 1000) / 1000;
    voltage[j] = std::min(voltage[j], std::nextafter(1.0f, 0.0f));
  }
  return voltage;
}

template <class Net>
void check_together(unsigned seed, bool rounded) {
  std::mt19937 random(seed);
  const float dt = std::ldexp(1.0f, -static_cast<int>(random() % 10));
  const RunOptions options{.dt = dt, .steps = 1 + random() % 20, .seed = seed};
  const auto parameters = random_parameters<Net>(random, dt);
  EventEngine<Net, Counted> single(parameters, options), prepared(parameters, options);
  EventEngine<Net> plain(parameters, options);
  prepared.prepare_together();
  plain.prepare_together();
  const std::size_t count = 1 + random() % kernels::kMostProducts;
  std::vector counted(count, prepared);
  std::vector many(count, plain);

  // Few of them tight, or tiles would never be seen to do.
  const unsigned share = random() % 3;
  std::vector<std::vector<float>> samples, voltages;
  std::vector<Values> in;
  for (std::size_t k = 0; k < count; ++k) {
    auto& x = samples.emplace_back(kPixels);
    for (float& value : x) value = random() % 2 ? static_cast<float>(random() % 256) / 255 : 0;
    auto& voltage = voltages.emplace_back(kNeurons);
    for (float& value : voltage) value = static_cast<float>(random() % 1000) / 1000;
    if (random() % 4 < share) voltage = tight_voltages(random, parameters, x, options, rounded);
    many[k].template set_state<"neurons">(voltage);
    counted[k].template set_state<"neurons">(voltage);
  }
  for (const auto& x : samples) in.push_back(x);
  EventEngine<Net>::run_together(many, in, 0);
  EventEngine<Net, Counted>::run_together(counted, in, 0);
  for (std::size_t k = 0; k < count; ++k) {
    single.template set_state<"neurons">(voltages[k]);
    const Values wanted = single.run(in[k], k);
    RC_ASSERT(same_bits(many[k].output(), wanted));
    RC_ASSERT(same_bits(counted[k].output(), wanted));
    RC_ASSERT(counted[k].counts().counts == single.counts().counts);
    RC_ASSERT(many[k].activity().layers[0].weight_bytes ==
              counted[k].activity().layers[0].weight_bytes);
  }
}

template <class Net>
void check_pixels(const std::string& what, bool rounded = false) {
  CHECK(rc::check(what, [&] {
    const auto targets = supported_targets();
    force_target(*rc::gen::elementOf(targets));
    check_together<Net>(*rc::gen::arbitrary<unsigned>(), rounded);
    force_target("");
  }));
}

}  // namespace

TEST_CASE("runs together give each sample's own spikes, however near a threshold they come") {
  check_pixels<Pixels<Dense<kNeurons>>>("float32");
  check_pixels<Pixels<Dense<kNeurons, bfloat16>>>("bfloat16", true);
  check_pixels<Pixels<Dense<kNeurons, synfire::int8>>>("int8");
}

TEST_CASE("stateful runs together leave each sample's own voltages") {
  using Net = Pixels<Dense<kNeurons>>;
  std::mt19937 random(2);
  const auto parameters = random_parameters<Net>(random, 0.01f);
  const RunOptions options{.dt = 0.01f, .steps = 10, .stateful = true};
  EventEngine<Net> single(parameters, options), prepared(parameters, options);
  prepared.prepare_together();
  std::vector many(kernels::kMostProducts, prepared);
  std::vector<float> x(kPixels);
  for (float& value : x) value = static_cast<float>(random() % 256) / 255;
  const std::vector<Values> in(many.size(), x);
  for (int run = 0; run < 3; ++run) {
    EventEngine<Net>::run_together(many, in, 0);
    single.run(x, 7);
    const Values wanted = single.state<"neurons">();
    CHECK(same_bits(many[7].state<"neurons">(), wanted));
  }
}
