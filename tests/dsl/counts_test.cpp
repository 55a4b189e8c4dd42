// Counts against a brute force: every neuron and synapse of the reference's values, one by one.
#include <rapidcheck.h>
#include <catch2/catch.hpp>
#include <cmath>

#include <synfire/dsl/thresholds.hpp>
#include <synfire/error.hpp>
#include <synfire/model.hpp>
#include <synfire/prune.hpp>
#include <synfire/target.hpp>

#include "filter_nets.hpp"
#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

/// A neuron that takes no census of its own.
struct Plain {
  using Model = Lif;
  static constexpr std::string_view name = "plain";
  static constexpr auto tensors = Model::tensors;
  [[maybe_unused]] static constexpr bool integrates_rate = false, random_start = false,
                                         nonnegative = true;
  using Constants = Model::Constants;
  static float drive(float x, const Constants& c) { return Model::drive(x, c); }
  static float update(float& v, float drive, const Constants& c) {
    return Model::update(v, drive, c);
  }
  static std::size_t fire(const float* drive, float* v, std::size_t n, const Constants& c,
                          std::uint32_t* index, float* count) {
    return Model::fire(drive, v, n, c, index, count);
  }
  static void fire_total(const float* drive, float* v, std::size_t n, std::size_t steps,
                         const Constants& c, float* total) {
    Model::fire_total(drive, v, n, steps, c, total);
  }
  static void fire_add(const float* drive, float* v, std::size_t n, const Constants& c,
                       float* total) {
    Model::fire_add(drive, v, n, c, total);
  }
  static float input_gradient(float g, float x, float v, float& carry, const Constants& c) {
    return Model::input_gradient(g, x, v, carry, c);
  }
};

// clang-format off
struct PlainLayers : Network<
    Input<23>, Dense<33>, Named<"first", Spiking<Plain>>, Dense<40>, Named<"second", Spiking<Plain>>,
    MeanOverTime, Dense<5>> {};
struct Exact : Network<Input<23>, Dense<33>, Spiking<LeakyRelu<>>, Dense<4>> {};
// clang-format on

/// All that the brute force looks at: each layer's values, as the reference has them at each step.
struct Seen {
  const std::vector<Record>* values;  // of each layer
  const ParameterSet* parameters;
  RunOptions options;
  std::size_t used, sample;  // steps
};

template <class Placed>
void count_layer(const Seen& seen, RunCounts& all, bool step_by_step) {
  using Node = typename Placed::Node;
  using Layer = typename Node::Layer;
  using In = typename Node::In;
  using Site = typename Placed::Site;
  const auto value = [&](std::size_t layer, std::size_t t) {
    return (*seen.values)[layer].step(t);
  };
  const std::size_t steps = seen.options.steps, last = seen.used - 1;
  std::vector<StepCounts> counted(steps);

  // The steps in which the engine computes the layer, and whose values it takes.
  std::vector<std::size_t> when;
  if (carried_by<In, Held>) when = {0};
  if (carried_by<In, Final> && !step_by_step) when = {last};
  if (when.empty())
    for (std::size_t t = 0; t < seen.used; ++t) when.push_back(t);

  if constexpr (requires { typename Layer::Weight; }) {
    const Buffer<float>& kernel = seen.parameters->tensor(Site::first_tensor);
    constexpr std::size_t width = Node::Out::size;
    for (const std::size_t t : when) {
      StepCounts& of = counted[t];
      bool graded = false;
      for (std::size_t i = 0; i < In::size; ++i) {
        const float x = value(Node::index - 1, t)[i];
        if (x != 0 && x != 1 && x != -1) graded = true;
        of.events += x != 0;
        for (std::size_t j = 0; j < width; ++j) {
          ++of.dense_operations;
          if (x == 0 || kernel[i * width + j] == 0) continue;
          ++of.synaptic_events;
          if (carried_by<In, Spikes>)
            of.acs += static_cast<std::uint64_t>(std::abs(x));
          else
            ++of.macs;
        }
      }
      of.inputs += In::size;
      if (graded) of.graded_events += of.synaptic_events;
      if constexpr (std::is_same_v<typename Layer::Weight, float32>)
        of.weight_bytes += of.events * kernels::padded(width) * sizeof(float);
    }
  } else if constexpr (requires { typename Layer::Neuron; }) {
    using Neuron = typename Layer::Neuron;
    const typename Neuron::Constants constants(*seen.parameters, Site::first_tensor,
                                               seen.options.dt);
    std::vector<float> v(In::size, 0.0f);
    if (Neuron::random_start)
      uniform({.seed = seen.options.seed,
               .layer = Node::index,
               .sample = static_cast<std::uint32_t>(seen.sample)},
              v.data(), v.size());
    const bool in_registers =
        carried_by<In, Held> && Site::wanted == Delivery::Mean && !step_by_step;
    // Under a held current of 0 or less a rate neuron rests, in layers that are wide enough.
    const bool can_rest =
        carried_by<In, Held> && !in_registers && In::size >= kRestFrom && has_rest<Neuron>;
    std::vector<bool> rests(In::size);
    for (std::size_t i = 0; can_rest && i < In::size; ++i)
      rests[i] = Neuron::drive(value(Node::index - 1, 0)[i], constants) == 0 && v[i] < 1;
    const auto resting = static_cast<std::size_t>(std::count(rests.begin(), rests.end(), true));
    for (std::size_t t = 0; t < steps; ++t) {
      StepCounts& of = counted[t];
      of.clocked_updates = In::size;
      if (t >= seen.used) continue;
      for (std::size_t i = 0; i < In::size; ++i) {
        const float before = v[i];
        const float n =
            Neuron::update(v[i], Neuron::drive(value(Node::index - 1, t)[i], constants), constants);
        RC_ASSERT(n == value(Node::index, t)[i]);
        ++of.outputs;
        of.membrane_updates += !rests[i];
        of.spikes += static_cast<std::uint64_t>(std::abs(n));
        of.silent += n == 0;
        of.membrane_changes += before != v[i];
      }
      if (t == 0 || !in_registers) of.state_bytes += (In::size - resting) * 2 * sizeof(float);
    }
  } else if constexpr (requires { Layer::settings; }) {
    constexpr std::size_t order = Layer::order, n = In::size;
    constexpr bool every_step = Site::wanted == Delivery::EveryStep;
    constexpr std::size_t rows = order + (Site::wanted == Delivery::Mean);
    for (std::size_t t = 0; t < seen.used; ++t) {
      std::size_t touched = 2 * order * n;
      if (!every_step) {
        std::size_t events = n;
        if (carried_by<In, Spikes>) {
          const Values x = value(Node::index - 1, t);
          events = n - static_cast<std::size_t>(std::count(x.begin(), x.end(), 0.0f));
        }
        touched = carried_by<In, Held> && t != last ? 0 : 2 * rows * events;
        if (t == last) touched += 2 * (order + rows) * n;
      }
      counted[t].state_bytes += touched * sizeof(float);
    }
  } else if constexpr (requires { typename Layer::Function; }) {
    for (const std::size_t t : when) {
      counted[t].outputs += In::size;
      for (const float y : value(Node::index, t)) counted[t].silent += y == 0;
    }
  } else {
    return;
  }
  all.counts.insert(all.counts.end(), counted.begin(), counted.end());
}

template <class Net, class... Places>
RunCounts brute_force(hana::tuple<Places...> places, const Parameters<Net>& parameters,
                      const RunOptions& options, Values sample, std::size_t number,
                      std::size_t used, bool step_by_step) {
  ClockedReference<Net, detail::ProbeOf<typename Places::type::Node>...> reference(parameters,
                                                                                   options);
  reference.run(sample, number);
  const std::vector<Record> values{
      reference.template recorded<detail::ProbeOf<typename Places::type::Node>::name>()...};
  RunCounts all{options.steps, {}};
  const Seen seen{&values, &parameters, options, used, number};
  hana::for_each(places, [&](auto place) {
    count_layer<typename decltype(place)::type>(seen, all, step_by_step);
  });
  return all;
}

constexpr double kNeverDense = 2;

struct Run {
  RunOptions options;
  std::uint32_t seed;
};

Run random_run() {
  const double exponent = *rc::gen::inRange(-3000, 301) / 1000.0;
  return {{.dt = static_cast<float>(std::pow(10.0, exponent)),
           .steps = *rc::gen::inRange<std::size_t>(1, 41),
           .seed = *rc::gen::arbitrary<std::uint64_t>(),
           .dense_above = kNeverDense},
          *rc::gen::arbitrary<std::uint32_t>()};
}

/// Where only float32's rows have a definition of the bytes that are read.
template <class Net>
void forget_other_bytes(RunCounts& counts, const std::vector<CountedLayer>& layers) {
  std::vector<bool> rows(Net::Walk::size);
  for (const LayerInfo& layer : describe<Net>()) rows[layer.index] = layer.weights == "float32";
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (!rows[layers[i].index])
      for (StepCounts& step : counts.of(i)) step.weight_bytes = 0;
}

template <class Net>
Parameters<Net> any_parameters(std::mt19937& random, float dt, bool rates) {
  auto parameters =
      rates ? random_filters<Net>(random, dt) : random_parameters<Net>(random, dt, false);
  // Some weights are 0, in nets of any kind, or none are.
  if (random() % 3 != 0)
    for (std::size_t i = 0; i < parameters.count(); ++i)
      if (parameters.placed(i).spec.name == "kernel")
        for (float& w : parameters.tensor(i))
          if (random() % 4 == 0) w = 0;
  prune(parameters, std::uniform_real_distribution<double>(0, 0.99)(random));
  return parameters;
}

template <class Net>
void check_run(const Run& run, bool rates, const std::string& target) {
  force_target(target);
  std::mt19937 random(run.seed);
  const auto parameters = any_parameters<Net>(random, run.options.dt, rates);
  std::vector<float> sample = random_sample(random, detail::sample_size<Net>(run.options.steps));
  if (random() % 2 == 0)
    for (float& x : sample) x = std::round(x);  // binary inputs

  using Engine = EventEngine<Net, Counted>;
  const auto layers = Engine::counted_layers(parameters);
  Engine engine(parameters, run.options);
  EventEngine<Net> plain(parameters, run.options);
  RunCounts sum{run.options.steps, {}};
  for (std::size_t number = 0; number < 3; ++number) {
    RC_ASSERT(same_bits(engine.run(sample, number), plain.run(sample, number)));
    RunCounts counts = engine.counts();
    if (number == 0) sum.counts.resize(counts.counts.size());
    sum += counts;
    RunCounts wanted = brute_force<Net>(Sites<Net, Probes<Counted>>{}, parameters, run.options,
                                        sample, number, run.options.steps, false);
    forget_other_bytes<Net>(wanted, layers);
    forget_other_bytes<Net>(counts, layers);
    RC_ASSERT(counts.counts.size() == wanted.counts.size());
    for (std::size_t i = 0; i < layers.size(); ++i)
      for (std::size_t t = 0; t < run.options.steps; ++t) {
        const StepCounts found = counts.of(i)[t], want = wanted.of(i)[t];
        StepCounts::for_each(
            found, [&, k = std::size_t{0}](const char* name, std::uint64_t count) mutable {
              std::size_t at = 0;
              StepCounts::for_each(want, [&](const char*, std::uint64_t brute) {
                if (at++ != k) return;
                if (brute != count)
                  RC_FAIL(layers[i].label + ", step " + std::to_string(t) + ": " + name + " " +
                          std::to_string(count) + ", brute force " + std::to_string(brute));
              });
              ++k;
            });
      }

    SampleCounts totals(engine.recorded_layers(), 1);
    const RunCounts last = engine.counts();
    engine.move_counts(engine, totals.record(0));
    for (std::size_t i = 0; i < layers.size(); ++i) RC_ASSERT(totals.of(0, i) == last.total(i));
    for (const StepCounts& step : engine.counts().counts) RC_ASSERT(step.spikes == 0);
  }
  RC_ASSERT(engine.sum_of_counts().counts == sum.counts);
  engine.forget();
  for (const StepCounts& step : engine.sum_of_counts().counts) RC_ASSERT(step == StepCounts{});
  force_target("");
}

template <class Net>
void check_net(const std::string& what, bool rates = true) {
  const auto targets = supported_targets();
  CHECK(
      rc::check(what, [&] { check_run<Net>(random_run(), rates, *rc::gen::elementOf(targets)); }));
}

}  // namespace

TEST_CASE("counts are those of a brute force", "[counts]") {
  check_net<Seed>("a held layer whose means are read");
  check_net<TwoLayers>("spikes between layers");
  check_net<Leaky>("leaky neurons", false);
  check_net<PlainLayers>("neurons without a census of their own", false);
  check_net<Mixed>("currents and activations");
  check_net<Exact>("negative spikes, an output in time");
  check_net<Narrow<synfire::int8>>("weights of 8 bits");
  check_net<SparseLayers<Blocked<8>>>("blocks of synapses");
}

TEST_CASE("filters' states are counted as they are touched", "[counts]") {
  check_net<LowpassToDense>("every step");
  check_net<FilterSpikes<Alpha<>, LastOverTime>>("events, the last value");
  check_net<FilterHeld<Alpha<>, LastOverTime>>("a held value");
}

TEST_CASE("a run that stops early counts what it did", "[counts]") {
  CHECK(rc::check("by a margin", [] {
    Run run = random_run();
    run.options.stop = Stop::at_margin(*rc::gen::inRange(0, 100) / 20.0);
    std::mt19937 random(run.seed);
    const auto parameters = any_parameters<TwoLayers>(random, run.options.dt, true);
    const auto sample = random_sample(random, 23);
    EventEngine<TwoLayers, Counted> engine(parameters, run.options);
    engine.run(sample, 7);
    const auto layers = engine.counted_layers(parameters);
    RunCounts wanted = brute_force<TwoLayers>(Sites<TwoLayers, Probes<Counted>>{}, parameters,
                                              run.options, sample, 7, engine.steps_used(), true);
    RC_ASSERT(engine.counts().counts == wanted.counts);
    EventEngine<TwoLayers> plain(parameters, run.options);
    RC_ASSERT(same_bits(plain.run(sample, 7), engine.output()));
    RC_ASSERT(plain.steps_used() == engine.steps_used());
  }));
}

TEST_CASE("a dense product reads all rows, and does as many operations as before", "[counts]") {
  std::mt19937 random(3);
  const auto parameters = random_parameters<TwoLayers>(random, 0.1f);
  const auto sample = random_sample(random, 23);
  RunOptions options{.dt = 0.1f, .steps = 5, .dense_above = -1};
  EventEngine<TwoLayers, Counted> dense(parameters, options);
  dense.run(sample);
  options.dense_above = kNeverDense;
  EventEngine<TwoLayers, Counted> sparse(parameters, options);
  sparse.run(sample);
  CHECK(dense.counts().of(0)[0].weight_bytes == 23 * kernels::padded(33) * sizeof(float));
  RunCounts a = dense.counts(), b = sparse.counts();
  for (StepCounts& step : a.counts) step.weight_bytes = 0;
  for (StepCounts& step : b.counts) step.weight_bytes = 0;
  CHECK(a.counts == b.counts);
}

TEST_CASE("many samples at once count as one by one, on any number of threads", "[counts]") {
  std::mt19937 random(5);
  const auto parameters = random_parameters<Seed>(random, 0.1f);
  const RunOptions options{.dt = 0.1f, .steps = 7, .dense_above = kNeverDense};
  std::vector<std::vector<float>> samples;
  for (int i = 0; i < 77; ++i) samples.push_back(random_sample(random, 30));
  EventEngine<Seed, Counted> single(parameters, options);
  for (std::size_t i = 0; i < samples.size(); ++i) single.run(samples[i], i);
  for (const std::size_t threads : {1u, 3u}) {
    BatchEngine<Seed, Counted> batch(parameters, options, threads);
    batch.run(
        0, samples.size(),
        [&](std::size_t i, float* to) { std::copy(samples[i].begin(), samples[i].end(), to); },
        [](std::size_t, const auto&, Values) {});
    CHECK(batch.sum_of_counts().counts == single.sum_of_counts().counts);
  }
}

TEST_CASE("probes and counts go together", "[counts]") {
  std::mt19937 random(6);
  const auto parameters = random_parameters<TwoLayers>(random, 0.1f);
  const RunOptions options{.dt = 0.1f, .steps = 4};
  const auto sample = random_sample(random, 23);
  EventEngine<TwoLayers, Counted, Probe<"second">> engine(parameters, options);
  ClockedReference<TwoLayers, Probe<"second">> reference(parameters, options);
  CHECK(same_bits(engine.run(sample), reference.run(sample)));
  CHECK(same_bits(engine.recorded<"second">().values(), reference.recorded<"second">().values()));
  std::uint64_t spikes = 0;
  for (const float n : reference.recorded<"second">().values())
    spikes += static_cast<std::uint64_t>(n);
  const auto layers = engine.counted_layers(parameters);
  REQUIRE(layers[3].label == "second");
  CHECK(engine.counts().total(3).spikes == spikes);
}

TEST_CASE("layers say what they hold", "[counts]") {
  Parameters<Narrow<synfire::int8>> narrow;
  narrow.initialize(0);
  narrow.tensor(0)[5] = 0;
  const auto layers = EventEngine<Narrow<synfire::int8>, Counted>::counted_layers(narrow);
  REQUIRE(layers.size() == 7);
  CHECK(layers[0].label == "dense_1");
  CHECK(layers[0].weights == 23 * 33);
  CHECK(layers[0].zero_weights == 1);
  CHECK(layers[0].parameter_bytes == 23 * 33 + 4 * 33 + 4 * 33);
  CHECK_FALSE(layers[0].spikes_come_in);
  CHECK(layers[1].spiking);
  CHECK(layers[1].neurons == 33);
  CHECK(layers[1].state_bytes == 4 * 33);
  CHECK(layers[2].spikes_come_in);
  CHECK(layers[3].kind == "activate");
  CHECK(layers[3].neurons == 40);
  CHECK_FALSE(layers[3].spiking);
}

TEST_CASE("Model's profile is that of its images", "[counts]") {
  const auto model = make_model("spiking");
  model->initialize(1);
  Dataset data = load_dataset("silhouettes");
  data.test.labels.resize(100);
  data.test.pixels.resize(100 * 784);
  const RunOptions options{.dt = 0.1f, .steps = 6, .seed = 2};
  std::vector<std::vector<StepCounts>> each(100);
  const Profile one = model->profile(data.test, options, 1, nullptr);
  const Profile two =
      model->profile(data.test, options, 2, [&](std::size_t i, const RunCounts& counts) {
        for (std::size_t layer = 0; layer < 3; ++layer) each[i].push_back(counts.total(layer));
      });
  CHECK(one.samples == two.samples);
  CHECK(one.sums.counts == two.sums.counts);
  CHECK(one.predicted == two.predicted);
  const Evaluation evaluation = model->evaluate(data.test, options, 2);
  CHECK(one.correct() == evaluation.correct);
  REQUIRE(one.layers.size() == 3);
  StepCounts all;
  for (std::size_t i = 0; i < 100; ++i) {
    for (std::size_t layer = 0; layer < 3; ++layer) CHECK(one.of(i, layer) == each[i][layer]);
    all += one.of(i, 1);
    CHECK(one.steps_used[i] == 6);
  }
  CHECK(all == one.sums.total(1));
  CHECK(all.spikes == evaluation.activity.spikes());
  CHECK(all.clocked_updates == 100u * 128 * 6);
}

TEST_CASE("thresholds are scaled by the synapses", "[counts]") {
  std::mt19937 random(8);
  auto parameters = random_parameters<Seed>(random, 0.01f);
  const auto sample = random_sample(random, 30);
  const RunOptions options{.dt = 0.01f, .steps = 4000};
  const auto spikes = [&](const Parameters<Seed>& of) {
    EventEngine<Seed> engine(of, options);
    const Values y = engine.run(sample);
    return std::pair(engine.activity().spikes(), std::vector<float>(y.begin(), y.end()));
  };
  const auto [before, output] = spikes(parameters);
  scale_thresholds(parameters, 4.0f);
  const auto [behind, scaled] = spikes(parameters);
  CHECK(static_cast<double>(behind) == Approx(static_cast<double>(before) / 4).epsilon(0.02));
  for (std::size_t i = 0; i < output.size(); ++i)
    CHECK(scaled[i] == Approx(output[i]).epsilon(0.05).margin(1));

  const auto kept = parameters.tensor(0);
  CHECK_THROWS_AS(scale_thresholds(parameters, 0.0f), InvalidSetting);
  CHECK_THROWS_AS(scale_thresholds(parameters, -1.0f), InvalidSetting);
  CHECK_THROWS_AS(scale_thresholds(parameters, NAN), InvalidSetting);
  CHECK(std::equal(kept.begin(), kept.end(), parameters.tensor(0).begin()));

  Parameters<Relayed> no_synapses;
  CHECK_THROWS_WITH(scale_thresholds(no_synapses, 2.0f),
                    Catch::Contains("there are no synapses on both sides of it"));
  Parameters<Analog> no_spikes;
  CHECK_THROWS_WITH(scale_thresholds(no_spikes, 2.0f), Catch::Contains("no neuron of this net"));
  struct Squashed : Network<Input<3>, Dense<4>, Spiking<Tanh>, Dense<2>> {};
  Parameters<Squashed> squashed;
  CHECK_THROWS_WITH(scale_thresholds(squashed, 2.0f), Catch::Contains("not in proportion"));
}

TEST_CASE("a threshold of a power of two, and the time step over it, send the same spikes",
          "[counts]") {
  std::mt19937 random(9);
  auto parameters = random_parameters<Seed>(random, 0.125f);
  const auto sample = random_sample(random, 30);
  EventEngine<Seed, Counted> quarter(parameters, {.dt = 0.125f / 4, .steps = 40});
  quarter.run(sample);
  scale_thresholds(parameters, 4.0f);
  EventEngine<Seed, Counted> scaled(parameters, {.dt = 0.125f, .steps = 40});
  scaled.run(sample);
  CHECK(quarter.counts().total(1) == scaled.counts().total(1));
}
