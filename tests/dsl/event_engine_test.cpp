#include <rapidcheck.h>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include <synfire/error.hpp>
#include <synfire/prune.hpp>
#include <synfire/target.hpp>

#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

struct Case {
  RunOptions options;
  std::uint32_t seed;
  std::size_t sample;
};

Case random_case() {
  const double exponent = *rc::gen::inRange(-4000, 301) / 1000.0;
  return {{.dt = static_cast<float>(std::pow(10.0, exponent)),
           .steps = *rc::gen::inRange<std::size_t>(1, 201),
           .seed = *rc::gen::arbitrary<std::uint64_t>(),
           .dense_above = *rc::gen::inRange(-10, 111) / 100.0},
          *rc::gen::arbitrary<std::uint32_t>(),
          *rc::gen::inRange<std::size_t>(0, 1000000)};
}

/// Runs the reference, the engine, and the engine with probes (which takes other kernels).
template <class Net, class... Probed>
void check_equal(const Case& c, bool rates, const std::string& target) {
  force_target(target);
  std::mt19937 random(c.seed);
  auto parameters = random_parameters<Net>(random, c.options.dt, rates);
  prune(parameters, std::uniform_real_distribution<double>(0, 0.99)(random));
  const auto sample = random_sample(random, ClockedReference<Net>::input_size());
  ClockedReference<Net, Probed...> reference(parameters, c.options);
  EventEngine<Net, Probed...> probed(parameters, c.options);
  EventEngine<Net> engine(parameters, c.options);

  const Values wanted = reference.run(sample, c.sample);
  RC_ASSERT(same_bits(probed.run(sample, c.sample), wanted));
  RC_ASSERT(same_bits(engine.run(sample, c.sample), wanted));
  RC_ASSERT(same_bits(engine.run(sample, c.sample), wanted));  // no state is left over
  (
      [&] {
        for (std::size_t t = 0; t < c.options.steps; ++t)
          RC_ASSERT(same_bits(probed.template recorded<Probed::name>().step(t),
                              reference.template recorded<Probed::name>().step(t)));
      }(),
      ...);
  force_target("");
}

template <class Net, class... Probed>
void check_everywhere(const std::string& what, bool rates) {
  const auto targets = supported_targets();
  CHECK(rc::check(what, [&] {
    check_equal<Net, Probed...>(random_case(), rates, *rc::gen::elementOf(targets));
  }));
}

}  // namespace

TEST_CASE("the event engine is the reference, spike for spike and bit for bit") {
  check_everywhere<Seed, Probe<"out">>("the seed's net", true);
  check_everywhere<TwoLayers, Probe<"first">, Probe<"second">>("spikes between layers", true);
  check_everywhere<Leaky, Probe<"first">, Probe<"second">>("leaky neurons", false);
  check_everywhere<Mixed, Probe<"first">>("stepped activations", true);
  check_everywhere<Relayed, Probe<"out">>("means through Flatten", true);
  check_everywhere<Relayed, Probe<"flat">>("a probed Flatten", true);
  check_everywhere<RelayedLater, Probe<"out">, Probe<"flat">>("means through Flatten, later", true);
  check_everywhere<Narrow<bfloat16>, Probe<"first">, Probe<"second">>("bfloat16", true);
  check_everywhere<Narrow<int8>, Probe<"first">, Probe<"second">>("int8", true);
  check_everywhere<SparseLayers<Csr>, Probe<"first">, Probe<"second">>("csr", true);
  check_everywhere<SparseLayers<Blocked<8>>, Probe<"first">, Probe<"second">>("blocks of 8", true);
  check_everywhere<SparseLayers<Blocked<16>>, Probe<"first">, Probe<"second">>("blocks of 16",
                                                                               true);
  check_everywhere<SparseLayers<Blocked<64>>, Probe<"first">, Probe<"second">>("blocks of 64",
                                                                               true);
  check_everywhere<Analog>("no spikes", false);
  check_everywhere<Sequence, Probe<"first">>("an output that changes in time", true);
}

TEST_CASE("neurons fire in the cases that are compared") {
  std::mt19937 random(1);
  const RunOptions options{.dt = 0.01f, .steps = 50};
  const auto relu = random_parameters<TwoLayers>(random, options.dt);
  const auto lif = random_parameters<Leaky>(random, options.dt, false);
  const auto sample = random_sample(random, 23);
  EventEngine<TwoLayers> a(relu, options);
  EventEngine<Leaky> b(lif, options);
  a.run(sample);
  b.run(sample);
  for (const Activity& activity : {a.activity(), b.activity()})
    for (const LayerActivity& layer : activity.layers)
      if (layer.spiking) CHECK(layer.spikes > layer.neurons);
}

TEST_CASE("the engine counts what it did") {
  std::mt19937 random(7);
  const RunOptions options{.dt = 0.01f, .steps = 20};
  const auto parameters = random_parameters<TwoLayers>(random, options.dt);
  EventEngine<TwoLayers> engine(parameters, options);
  ClockedReference<TwoLayers, Probe<"first">, Probe<"second">> reference(parameters, options);
  std::uint64_t first = 0, second = 0, nonzero_inputs = 0, events = 0, means = 0;
  float most = 0;
  for (std::size_t s = 0; s < 5; ++s) {
    const auto sample = random_sample(random, 23);
    engine.run(sample, s);
    reference.run(sample, s);
    for (const float x : sample) nonzero_inputs += x != 0;
    for (std::size_t i = 0; i < 40; ++i) {
      float total = 0;
      for (std::size_t t = 0; t < options.steps; ++t)
        total += reference.recorded<"second">().step(t)[i];
      most = std::max(most, total);
      means += total != 0;
      second += static_cast<std::uint64_t>(total);
    }
    for (const float count : reference.recorded<"first">().values()) {
      first += static_cast<std::uint64_t>(count);
      events += count != 0;
    }
  }
  const Activity activity = engine.activity();
  REQUIRE(activity.layers.size() == 5);
  CHECK(activity.samples == 5);
  CHECK(activity.layers[0].synaptic_operations == nonzero_inputs * 33);
  CHECK(activity.layers[0].weight_rows == nonzero_inputs);
  CHECK(activity.layers[0].weight_bytes == nonzero_inputs * 48 * 4);  // 33, padded
  CHECK(activity.layers[1].label == "first");
  CHECK(activity.layers[1].spikes == first);
  CHECK(activity.layers[1].neuron_updates == 5 * 20 * 33);
  CHECK(activity.layers[2].synaptic_operations == first * 40);
  CHECK(activity.layers[2].weight_rows == events);  // a double spike reads its row once
  CHECK(activity.layers[2].weight_bytes == events * 48 * 4);
  CHECK(activity.layers[3].spikes == second);
  CHECK(activity.layers[3].max_rate == Approx(most / (20 * 0.01)));
  CHECK(activity.layers[3].mean_rate == Approx(static_cast<double>(second) / (5 * 40 * 20 * 0.01)));
  CHECK(activity.layers[4].synaptic_operations == means * 5);
  CHECK(activity.spikes() == first + second);
  CHECK(activity.weight_bytes() == (nonzero_inputs + events) * 48 * 4 + means * 16 * 4);
  engine.forget();
  CHECK(engine.activity().spikes() == 0);
  CHECK(engine.activity().weight_bytes() == 0);
}

TEST_CASE("initial voltages are addressed by seed and sample, or given") {
  std::mt19937 random(3);
  const auto parameters = random_parameters<Seed>(random, 0.01f);
  const auto sample = random_sample(random, 30);
  using Engine = EventEngine<Seed, Probe<"out">>;
  const auto counts = [&](std::uint64_t seed, std::size_t number) {
    Engine engine(parameters, {.dt = 0.01f, .steps = 3, .seed = seed});
    engine.run(sample, number);
    const Values values = engine.recorded<"out">().values();
    return std::vector<float>(values.begin(), values.end());
  };
  CHECK(counts(1, 0) == counts(1, 0));
  CHECK(counts(1, 0) != counts(2, 0));
  CHECK(counts(1, 0) != counts(1, 1));

  Engine engine(parameters, {.dt = 0.01f, .steps = 3});
  ClockedReference<Seed, Probe<"out">> reference(parameters, {.dt = 0.01f, .steps = 3});
  std::vector<float> voltage(19, 0.999f);
  engine.set_initial_voltage<"out">(voltage);
  reference.set_initial_voltage<"out">(voltage);
  CHECK(same_bits(engine.run(sample, 0), reference.run(sample, 1)));
  voltage.pop_back();
  CHECK_THROWS_AS(engine.set_initial_voltage<"out">(voltage), ShapeMismatch);
}

TEST_CASE("settings and samples that cannot be are refused") {
  const Parameters<Seed> parameters;
  using Limits = std::numeric_limits<float>;
  for (const float dt : {0.0f, -0.1f, Limits::quiet_NaN(), Limits::infinity()}) {
    CHECK_THROWS_AS((EventEngine<Seed>(parameters, {.dt = dt, .steps = 1})), InvalidSetting);
    CHECK_THROWS_AS((ClockedReference<Seed>(parameters, {.dt = dt, .steps = 1})), InvalidSetting);
  }
  CHECK_THROWS_AS((EventEngine<Seed>(parameters, {.dt = 0.1f, .steps = 0})), InvalidSetting);
  EventEngine<Seed> engine(parameters, {.dt = 0.1f, .steps = 1});
  CHECK_THROWS_AS(engine.run(std::vector<float>(29)), ShapeMismatch);
  CHECK_THROWS_AS(engine.run({}), ShapeMismatch);
}
