#include <synfire/energy.hpp>

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <synfire/dsl.hpp>
#include <synfire/error.hpp>

#include "golden.hpp"

using namespace synfire;
using Catch::Matchers::Contains;

namespace {

const nlohmann::json& golden() {
  static const nlohmann::json file = test::read_json(test::golden_path("model_energy.json"));
  return file.at("cases");
}

const nlohmann::json& golden(const std::string& name) {
  for (const auto& one : golden())
    if (one.at("name").get<std::string>().starts_with(name)) return one;
  throw std::runtime_error("no golden case " + name);
}

std::vector<EnergyLayer> layers_of(const nlohmann::json& one) {
  std::vector<EnergyLayer> layers;
  for (const auto& l : one.at("layers")) {
    EnergyLayer layer{.name = l.at("name"),
                      .kind = l.at("type"),
                      .output_shape = l.at("output_shape"),
                      .parameters = l.at("params"),
                      .stats = LayerStats{l.at("connections"), l.at("neurons"), l.at("spiking")},
                      .rate = {}};
    if (!l.at("rate").is_null()) layer.rate = l.at("rate").get<double>();
    layers.push_back(std::move(layer));
  }
  return layers;
}

SummaryOptions summary_options(const nlohmann::json& args) {
  SummaryOptions options;
  options.columns = args.at("columns").get<std::vector<std::string>>();
  options.timesteps_per_inference = args.value("timesteps_per_inference", std::size_t{1});
  options.dt = args.value("dt", kDefaultDeviceDt);
  options.line_length = args.value("line_length", std::size_t{98});
  options.print_warnings = args.value("print_warnings", true);
  return options;
}

/// NumPy's RandomState: the Mersenne twister, 53-bit doubles, the polar method.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) : twister_(seed) {}

  double uniform() {
    const auto high = static_cast<double>(twister_() >> 5);
    const auto low = static_cast<double>(twister_() >> 6);
    return (high * 67108864.0 + low) / 9007199254740992.0;
  }
  double normal() {
    if (kept_) return *std::exchange(kept_, std::nullopt);
    double x, y, square;
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square == 0);
    const double factor = std::sqrt(-2 * std::log(square) / square);
    kept_ = factor * x;
    return factor * y;
  }

 private:
  std::mt19937 twister_;
  std::optional<double> kept_;
};

template <class Net>
ExampleRun golden_run(std::uint32_t seed, const RunOptions& options, std::size_t samples,
                      const std::function<void(std::size_t, float*)>& load,
                      std::size_t threads = 2) {
  Parameters<Net> parameters;
  NumpyRandom random(seed);
  for (std::size_t i = 0; i < parameters.count(); ++i)
    for (float& value : parameters.tensor(i)) value = static_cast<float>(random.normal() * 0.05);
  return run_examples(parameters, options, samples, load, threads);
}

/// The golden images, RandomState(5).uniform(0, 1, (16, 28, 28)).
std::vector<float> golden_images() {
  NumpyRandom random(5);
  std::vector<float> images(16 * 784);
  for (float& pixel : images) pixel = static_cast<float>(random.uniform());
  return images;
}

auto load_from(const std::vector<float>& images) {
  return [&images](std::size_t i, float* values) {
    std::copy_n(images.begin() + static_cast<std::ptrdiff_t>(i * 784), 784, values);
  };
}

const auto ones = [](std::size_t, float* values) { std::fill_n(values, 32, 1.0f); };

// clang-format off
struct ReluImage : Network<Input<28, 28>, Activate<Relu>> {};
struct ReluRow : Network<Input<28>, Activate<Relu>> {};
struct OneDense : Network<Input<784>, Dense<128>, Activate<Relu>> {};
struct DenseRelu : Network<Input<32>, Dense<64>, Activate<Relu>> {};
struct DenseSpiking : Network<Input<32>, Dense<64>, Spiking<Relu>> {};
struct SeedNonSpiking : Network<
    Input<28, 28>, Flatten, Named<"hidden", Dense<128>>, Activate<Relu>, Dense<10>> {};
struct SeedSpiking : Network<
    Input<28, 28>, Flatten, Named<"hidden", Dense<128>>, Spiking<Relu>, MeanOverTime,
    Dense<10>> {};
struct SpikingDeep : Network<
    Input<32>, Dense<64>, Spiking<Relu>, Dense<8>, Activate<Relu>, MeanOverTime> {};
// clang-format on

template <class Net>
ModelEnergy model_of(const std::vector<double>& rates = {}) {
  return ModelEnergy(energy_layers(describe<Net>(), rates));
}

void check_totals(const ModelEnergy& energy, const nlohmann::json& one, double tolerance) {
  for (const auto& total : one.at("total_energy")) {
    const double dt = total.at("dt").is_null() ? kDefaultDeviceDt : total.at("dt").get<double>();
    const double joules = energy.total_energy(total.at("device").get<std::string>(),
                                              total.at("timesteps_per_inference"), dt);
    CHECK(joules == Approx(total.at("joules").get<double>()).epsilon(tolerance).margin(0));
  }
}

}  // namespace

TEST_CASE("the devices are KerasSpiking's") {
  const auto& golden_devices = golden("devices").at("devices");
  CHECK(golden_devices.size() == 6);
  for (const auto& [name, want] : golden_devices.items()) {
    const Device device = find_device(name);
    CHECK(device.joules_per_synaptic_operation == want.at("energy_per_synop").get<double>());
    CHECK(device.joules_per_neuron_update == want.at("energy_per_neuron").get<double>());
    CHECK(device.spiking == want.at("spiking").get<bool>());
  }
  CHECK(find_device("Loihi").name == "loihi");
}

TEST_CASE("energies and tables are KerasSpiking's, figure by figure") {
  std::size_t totals = 0, tables = 0;
  for (const auto& one : golden()) {
    if (!one.contains("layers")) continue;
    INFO(one.at("name"));
    const ModelEnergy energy(layers_of(one));
    check_totals(energy, one, 0);
    totals += one.at("total_energy").size();
    for (const auto& each : one.at("layer_energy")) {
      for (std::size_t i = 0; i < energy.layers().size(); ++i) {
        const LayerEnergy found =
            energy.layer_energy(i, each.at("device").get<std::string>(),
                                each.at("timesteps_per_inference"), each.at("dt"));
        const auto want = each.at("synop_neuron").at(i).get<std::vector<double>>();
        CHECK(found.synaptic == want[0]);
        CHECK(found.neuron == want[1]);
      }
    }
    for (const auto& table : one.at("summary_string")) {
      CHECK(energy.summary(summary_options(table.at("args"))) ==
            table.at("text").get<std::string>());
      ++tables;
    }
  }
  CHECK(totals > 500);
  CHECK(tables > 80);
}

TEST_CASE("networks of the DSL count what KerasSpiking counts") {
  check_totals(model_of<ReluImage>(), golden("docs: ReLU 28x28"), 0);
  check_totals(model_of<ReluRow>(), golden("docs: ReLU None x 28"), 0);
  check_totals(model_of<OneDense>(), golden("docstring: 784-128 relu"), 0);

  const ModelEnergy seed = model_of<SeedSpiking>();
  const auto& want = golden("seed: spiking").at("layers");
  REQUIRE(seed.layers().size() == want.size() + 1);  // Keras' Reshape is Input and Flatten
  for (std::size_t i = 0; i < want.size(); ++i) {
    const EnergyLayer& layer = seed.layers()[i + 1];
    CHECK(layer.parameters == want[i].at("params").get<std::size_t>());
    CHECK(layer.stats->connections == want[i].at("connections").get<std::size_t>());
    CHECK(layer.stats->neurons == want[i].at("neurons").get<std::size_t>());
    CHECK(layer.stats->spiking == want[i].at("spiking").get<bool>());
  }
  CHECK(seed.unknown_layers().empty());
}

TEST_CASE("rates from example data are KerasSpiking's") {
  const auto compare = [](const std::vector<double>& rates, const nlohmann::json& one,
                          std::vector<std::pair<std::size_t, std::size_t>> pairs) {
    for (const auto& [ours, theirs] : pairs) {
      INFO(one.at("name") << ", layer " << ours);
      const double want = one.at("layers").at(theirs).at("rate");
      CHECK(rates.at(ours) == Approx(want).epsilon(1e-6).margin(0));
    }
  };
  const auto relu = golden_run<DenseRelu>(12, {.dt = 0.001f, .steps = 10}, 8, ones);
  compare(relu.rates, golden("docs: Dense-ReLU"), {{0, 0}, {1, 1}, {2, 2}});
  check_totals(model_of<DenseRelu>(relu.rates), golden("docs: Dense-ReLU"), 1e-6);

  const auto spiking = golden_run<DenseSpiking>(12, {.dt = 0.001f, .steps = 10}, 8, ones);
  compare(spiking.rates, golden("docs: Dense-SpikingActivation"), {{0, 0}, {1, 1}, {2, 2}});
  check_totals(model_of<DenseSpiking>(spiking.rates), golden("docs: Dense-SpikingActivation"),
               1e-6);

  const auto images = golden_images();
  const auto seed = golden_run<SeedNonSpiking>(13, {.dt = 1, .steps = 1}, 16, load_from(images));
  compare(seed.rates, golden("seed: non-spiking"), {{0, 0}, {1, 0}, {2, 1}, {4, 2}});
  check_totals(model_of<SeedNonSpiking>(seed.rates), golden("seed: non-spiking"), 1e-6);
}

TEST_CASE("the spiking seed net's estimate is KerasSpiking's, up to its initial voltages") {
  const auto& one = golden("seed: spiking");
  const auto images = golden_images();
  const auto run = golden_run<SeedSpiking>(14, {.dt = 0.01f, .steps = 10}, 16, load_from(images));
  CHECK(run.rates[2] == Approx(one.at("layers").at(1).at("rate").get<double>()).epsilon(1e-6));
  CHECK(run.rates[3] == Approx(one.at("layers").at(2).at("rate").get<double>()).epsilon(1e-6));
  // 16 samples of 128 neurons fire about 66 times in all: the voltages' luck is some 10 %.
  const double want = one.at("layers").at(4).at("rate");
  CHECK(run.rates[5] == Approx(want).epsilon(0.3));
  CHECK(run.rates[5] == Approx(run.activity.layers[1].mean_rate).epsilon(1e-6));
  // On energies that is nothing: the last layer has 1280 of 101632 connections.
  check_totals(model_of<SeedSpiking>(run.rates), one, 5e-3);
}

TEST_CASE("an example run counts what an engine counts, whatever the number of threads") {
  const auto images = golden_images();
  const RunOptions options{.dt = 0.1f, .steps = 10};
  const auto run = golden_run<SeedSpiking>(14, options, 16, load_from(images), 1);
  const auto again = golden_run<SeedSpiking>(14, options, 16, load_from(images), 3);
  CHECK(run.rates == again.rates);

  Parameters<SeedSpiking> parameters;
  NumpyRandom random(14);
  for (std::size_t i = 0; i < parameters.count(); ++i)
    for (float& value : parameters.tensor(i)) value = static_cast<float>(random.normal() * 0.05);
  EventEngine<SeedSpiking> engine(parameters, options);
  std::vector<float> image(784);
  REQUIRE(run.samples.size() == 16);
  for (std::size_t s = 0; s < 16; ++s) {
    load_from(images)(s, image.data());
    engine.forget();
    engine.run(image, s);
    const Activity want = engine.activity();
    REQUIRE(run.samples[s].layers.size() == want.layers.size());
    for (std::size_t i = 0; i < want.layers.size(); ++i) {
      for (const Activity& found : {run.samples[s], again.samples[s]}) {
        CHECK(found.layers[i].label == want.layers[i].label);
        CHECK(found.layers[i].spikes == want.layers[i].spikes);
        CHECK(found.layers[i].synaptic_operations == want.layers[i].synaptic_operations);
        CHECK(found.layers[i].neuron_updates == want.layers[i].neuron_updates);
        CHECK(found.layers[i].max_rate == want.layers[i].max_rate);
      }
    }
  }
  CHECK(run.activity.samples == 16);
  std::uint64_t spikes = 0;
  for (const Activity& sample : run.samples) spikes += sample.spikes();
  CHECK(run.activity.spikes() == spikes);
  CHECK(spikes > 0);
}

TEST_CASE("spikes are rates in hertz, whatever one spike is worth") {
  struct Leaky : Network<Input<32>, Dense<64>, Spiking<Lif>, Dense<8>, MeanOverTime> {};
  auto parameters = Parameters<Leaky>::initial(3);
  const auto run = run_examples(parameters, {.dt = 0.001f, .steps = 20}, 4,
                                [](auto, float* x) { std::fill_n(x, 32, 1.0f); });
  const LayerActivity& spiking = run.activity.layers.at(1);
  REQUIRE(spiking.spikes > 0);
  CHECK(run.rates[3] == Approx(spiking.mean_rate).epsilon(1e-9));
  // Then the estimate's operations are those that were counted, but for how often a held input is
  // applied.
  const ModelEnergy energy = model_of<Leaky>(run.rates);
  CHECK(energy.layer_energy(3, "loihi", 20, run.activity.dt).total() ==
        Approx(energy.counted_energy(run.activity, "loihi")[3].total()).epsilon(1e-9));
}

TEST_CASE("counted energy is what a run counted at the device's price") {
  const ModelEnergy energy = model_of<SpikingDeep>();
  Activity activity{2, 10, 0.01, {}};
  LayerActivity dense{.index = 1, .label = "dense_1", .neurons = 64};
  dense.synaptic_operations = 4000;
  LayerActivity spiking{.index = 2, .label = "spiking_2", .neurons = 64};
  spiking.spiking = true;
  spiking.spikes = 50;
  spiking.neuron_updates = 1280;
  LayerActivity second{.index = 3, .label = "dense_3", .neurons = 8};
  second.synaptic_operations = 400;
  activity.layers = {dense, spiking, second};
  const auto layers = energy.counted_energy(activity, "loihi");
  REQUIRE(layers.size() == 6);
  CHECK(layers[0].total() == 0);
  CHECK(layers[1].synaptic == Approx(2000 * 27.1e-12));
  CHECK(layers[1].neuron == 0);
  CHECK(layers[2].synaptic == 0);
  CHECK(layers[2].neuron == Approx(640 * 81e-12));
  CHECK(layers[3].synaptic == Approx(200 * 27.1e-12));
  CHECK(layers[4].neuron == Approx(8 * 10 * 81e-12));  // relu of a current, at every step
  CHECK(energy.nonspiking_energy("cpu") == Approx((32 * 64 + 64 * 8 + 64 + 8) * 8.6e-9));
  CHECK(energy.nonspiking_energy("cpu") == energy.total_energy("cpu", 10, 0.01));

  Activity single = activity, twice = activity;
  single.samples = twice.samples = 1;
  twice.layers[0].synaptic_operations *= 3;
  const double less = 4400 * 8.6e-9 + (1280 + 80) * 8.6e-9, more = less + 8000 * 8.6e-9;
  const EnergySpread spread = energy.counted_spread(std::vector{twice, single}, "cpu");
  CHECK(spread.min == Approx(less));
  CHECK(spread.max == Approx(more));
  CHECK(spread.mean == Approx((less + more) / 2));

  Activity stopped = activity;
  stopped.steps_saved = 5;
  CHECK(energy.counted_energy(stopped, "loihi")[4].neuron == Approx(8 * 7.5 * 81e-12));

  CHECK(energy.counted_energy(Activity{}, "cpu")[4].total() == 0);
  activity.layers[2].index = 6;
  CHECK_THROWS_AS(energy.counted_energy(activity, "cpu"), ShapeMismatch);
}

TEST_CASE("a constant input's activation is updated once an inference") {
  const auto run = golden_run<DenseRelu>(12, {.dt = 0.01f, .steps = 10}, 3, ones);
  const auto layers = model_of<DenseRelu>().counted_energy(run.activity, "cpu");
  CHECK(layers[1].synaptic == Approx(2048 * 8.6e-9));  // and its synapses too
  CHECK(layers[2].neuron == Approx(64 * 8.6e-9));
}

TEST_CASE("a program registers devices, and replaces them") {
  CHECK_FALSE(register_device({"My chip", 1e-12, 2e-12, true}));
  const ModelEnergy energy = model_of<DenseSpiking>({1, 1, 0.25});
  CHECK(energy.total_energy("my chip", 10, 0.01) ==
        Approx(2048 * 0.01 * 10 * 1e-12 + 64 * 10 * 2e-12));
  CHECK_THAT(energy.summary({.columns = {"name", "energy My chip"}}), Contains("J/inf (My chip)"));
  const auto replaced = register_device({"my chip", 1, 1, false});
  REQUIRE(replaced);
  CHECK_THAT(*replaced, Contains("'my chip' was registered before"));
  CHECK(energy.total_energy("MY CHIP") == 2048 + 64);
  CHECK(devices().size() == 7);

  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double joules : {-1.0, nan, infinity}) {
    CHECK_THROWS_AS(register_device({"bad", joules, 1, true}), InvalidSetting);
    CHECK_THROWS_AS(register_device({"bad", 1, joules, true}), InvalidSetting);
  }
  CHECK_THROWS_AS(register_device({"", 1, 1, true}), InvalidSetting);
  CHECK_THROWS_WITH(find_device("bad"),
                    "the device is 'bad': it must be one of cpu, gpu, arm, loihi, spinnaker, "
                    "spinnaker2, my chip");
}

TEST_CASE("a program registers kinds of layers, and replaces them") {
  std::vector<LayerInfo> layers = describe<OneDense>();
  layers[1].kind = "upsample";
  layers[1].stats.reset();
  CHECK(energy_layers(layers)[1].stats.has_value() == false);
  const ModelEnergy before(energy_layers(layers));
  CHECK(before.total_energy("cpu") == Approx(128 * 8.6e-9));
  REQUIRE(before.unknown_layers().size() == 1);
  CHECK_THAT(before.unknown_layers()[0], Contains("'dense_1' counts as free"));

  CHECK_FALSE(register_layer("upsample", [](const LayerInfo& layer) {
    return LayerStats{layer.shape.front() + layer.input_shape.front(), 0, true};
  }));
  const ModelEnergy after(energy_layers(layers));
  CHECK(after.layers()[1].stats->connections == 128 + 784);
  CHECK(after.unknown_layers().empty());
  CHECK(register_layer("upsample", [](const LayerInfo&) { return LayerStats{}; }).has_value());
  CHECK_THROWS_AS(register_layer("upsample", {}), InvalidSetting);
}

TEST_CASE("energy refuses what it cannot answer") {
  const ModelEnergy energy = model_of<DenseSpiking>();
  CHECK(energy.total_energy("cpu") > 0);
  CHECK_THROWS_WITH(
      energy.total_energy("loihi"),
      "the rate of layer 'input_0' is unknown: it must be given for spiking device 'loihi'");
  CHECK_THROWS_AS(energy.total_energy("abacus"), InvalidSetting);
  CHECK_THROWS_AS(energy.total_energy("cpu", 0), InvalidSetting);
  for (const double dt : {0.0, -0.001, std::nan("")})
    CHECK_THROWS_AS(energy.total_energy("cpu", 1, dt), InvalidSetting);
  CHECK_THROWS_AS(energy.layer_energy(3, "cpu"), InvalidSetting);
  CHECK_THROWS_AS(energy_layers(describe<DenseSpiking>(), std::vector<double>{1, 2}),
                  ShapeMismatch);
  CHECK_THROWS_AS(model_of<DenseSpiking>({1, -1, 1}), InvalidSetting);
  CHECK_THROWS_AS(model_of<DenseSpiking>({1, std::nan(""), 1}), InvalidSetting);

  CHECK_THROWS_WITH(energy.summary({.columns = {"name", "weight"}}),
                    Contains("'weight': it must be one of name, output_shape, params, rate"));
  CHECK_THROWS_AS(energy.summary({.columns = {}}), InvalidSetting);
  CHECK_THROWS_AS(energy.summary({.columns = {"energy"}}), InvalidSetting);
  CHECK_THROWS_AS(energy.summary({.columns = {"name"}, .line_length = 39}), InvalidSetting);
  CHECK_THAT(energy.summary({.columns = {"rate"}}), Contains("nan"));

  Parameters<DenseSpiking> parameters;
  CHECK_THROWS_AS(run_examples(parameters, {}, 0, ones), InvalidSetting);
}

TEST_CASE("the table cuts and pads by characters, and breaks warnings at spaces") {
  const EnergyLayer layer{.name = "\xC3\xBC\xC3\xBC",
                          .kind = std::string(60, 'k'),
                          .output_shape = "7",
                          .stats = LayerStats{1, 1, false},
                          .rate = 1};
  const ModelEnergy energy({layer});
  const std::string cut = energy.summary({.columns = {"name", "output_shape"}, .line_length = 40});
  CHECK(cut ==
        "Layer (type)               |Output shape\n"
        "---------------------------|------------\n"
        "\xC3\xBC\xC3\xBC (kkkkkkkkkkkkkkkkkkkkkkk|           7");
  const std::string padded = energy.summary({.columns = {"rate", "output_shape"}});
  CHECK(padded ==
        "Rate [Hz]|Output shape\n"
        "---------|------------\n"
        "        1|           7");
  CHECK_THAT(energy.summary({.columns = {"energy loihi"}, .line_length = 40}),
             Contains("* This model contains non-spiking\n  activations that would not"));
}
