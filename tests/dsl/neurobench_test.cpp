// The figures of NeuroBench's harness on the same nets, weights, inputs and voltages
// (tests/golden/make_neurobench.py).
#include <synfire/neurobench.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include <synfire/dsl.hpp>
#include <synfire/weights.hpp>

#include "golden.hpp"

using namespace synfire;

namespace {

constexpr std::size_t kInputs = 12;

// clang-format off
struct NonSpiking : Network<Input<kInputs>, Dense<9>, Activate<Relu>, Dense<4>> {};
struct One : Network<Input<kInputs>, Dense<9>, Spiking<Relu>, MeanOverTime, Dense<4>> {};
struct Two : Network<
    Input<kInputs>, Dense<9>, Spiking<Relu>, Dense<7>, Spiking<Relu>, MeanOverTime, Dense<4>> {};
struct Three : Network<
    Input<kInputs>, Dense<9>, Spiking<Relu>, Dense<7>, Spiking<Relu>, Dense<6>, Spiking<Relu>,
    MeanOverTime, Dense<4>> {};
struct LeakyTwo : Network<
    Input<kInputs>, Dense<9>, Spiking<Lif>, Dense<7>, Spiking<Lif>, MeanOverTime, Dense<4>> {};
template <class Wide>
struct Thinned : Network<
    Input<kInputs>, Wide, Spiking<Relu>, Wide, Spiking<Relu>, MeanOverTime, Dense<4>> {};
struct Filtering : Network<
    Input<kInputs>, Dense<9>, Spiking<Relu>, Lowpass<>, LastOverTime, Dense<4>> {};
// clang-format on

const nlohmann::json& figures_of(const std::string& net) {
  static const nlohmann::json file = test::read_json(test::golden_path("neurobench.json"));
  return file.at("nets").at(net);
}

const Tensor& tensor_of(const std::string& name) {
  static const TensorFile file = read_safetensors(test::golden_path("neurobench.safetensors"));
  INFO(name);
  const Tensor* tensor = file.find(name);
  REQUIRE(tensor != nullptr);
  return *tensor;
}

/// Counts are whole and the harness divides them as we do: equal to the last bit. It adds shares
/// where it means sparsities over samples.
void check_figures(const NeuroBench& found, const nlohmann::json& wanted) {
  CHECK(found.footprint_bytes == wanted.at("footprint_bytes").get<std::uint64_t>());
  CHECK(found.connection_sparsity == wanted.at("connection_sparsity").get<double>());
  CHECK(found.activation_sparsity ==
        Approx(wanted.at("activation_sparsity").get<double>()).epsilon(1e-12));
  CHECK(found.effective_macs == wanted.at("effective_macs").get<double>());
  CHECK(found.effective_acs == wanted.at("effective_acs").get<double>());
  CHECK(found.dense_operations == wanted.at("dense_operations").get<double>());
  CHECK(found.membrane_updates == wanted.at("membrane_updates").get<double>());
  CHECK(found.accuracy == wanted.at("accuracy").get<double>());
  const nlohmann::json& layers = wanted.at("layers");
  REQUIRE(found.layers.size() == layers.size());
  for (const NeuroBench::Layer& layer : found.layers)
    CHECK(layer.activation_sparsity == layers.at(layer.label).get<double>());
}

/// `neurons`: the layers whose neurons start from voltages that are not 0.
template <class Net, Name... neurons>
void check_net(const std::string& name, double dense_above) {
  INFO(name << ", dense above " << dense_above);
  const nlohmann::json& golden = figures_of(name);
  Parameters<Net> parameters;
  REQUIRE(parameters.signature() == golden.at("signature").get<std::string>());
  for (std::size_t i = 0; i < parameters.count(); ++i) {
    const std::vector<float> values = tensor_of(name + "." + parameters.placed(i).name()).floats();
    REQUIRE(values.size() == parameters.tensor(i).size());
    std::copy(values.begin(), values.end(), parameters.tensor(i).begin());
  }
  const std::vector<float> x = tensor_of(name + ".x").floats();
  const std::vector<std::uint64_t> labels = tensor_of(name + ".labels").integers();
  const std::size_t samples = labels.size();
  REQUIRE(x.size() == samples * kInputs);

  using Engine = EventEngine<Net, Counted>;
  Engine engine(parameters, {.dt = golden.at("dt").get<float>(),
                             .steps = golden.at("steps").get<std::size_t>(),
                             .dense_above = dense_above});
  Profile all;
  all.layers = Engine::counted_layers(parameters);
  all.steps = engine.options().steps;
  for (std::size_t s = 0; s < samples; ++s) {
    INFO("sample " << s);
    [[maybe_unused]] const auto start = [&]<Name layer>() {
      const std::string label(layer.view());
      const std::string index = label.substr(label.find('_') + 1);
      const std::vector<float> voltage = tensor_of(name + "." + index + ".voltage").floats();
      const std::size_t size = voltage.size() / samples;
      engine.template set_initial_voltage<layer>(Values(voltage).subspan(s * size, size));
    };
    (start.template operator()<neurons>(), ...);
    const Values logits = engine.run(Values(x).subspan(s * kInputs, kInputs), s);
    Profile one = all;
    one.sums = engine.counts();
    one.predicted = {static_cast<std::uint32_t>(std::max_element(logits.begin(), logits.end()) -
                                                logits.begin())};
    one.labels = {static_cast<std::uint32_t>(labels[s])};
    check_figures(neurobench(one), golden.at("samples").at(s));
    all.predicted.push_back(one.predicted.front());
    all.labels.push_back(one.labels.front());
  }
  all.sums = engine.sum_of_counts();
  check_figures(neurobench(all), golden.at("all"));
}

}  // namespace

TEST_CASE("the figures of NeuroBench's harness") {
  for (const double dense_above : {0.0, 0.95, 2.0}) {
    check_net<NonSpiking>("nonspiking", dense_above);
    check_net<One, "spiking_2">("spiking", dense_above);
    check_net<Two, "spiking_2", "spiking_4">("deep", dense_above);
    check_net<Three, "spiking_2", "spiking_4", "spiking_6">("deeper", dense_above);
    check_net<LeakyTwo>("lif", dense_above);
    check_net<Thinned<Dense<16>>, "spiking_2", "spiking_4">("pruned", dense_above);
    check_net<Thinned<Sparse<16, Csr>>, "spiking_2", "spiking_4">("pruned", dense_above);
    check_net<Thinned<Sparse<16, Blocked<8>>>, "spiking_2", "spiking_4">("pruned", dense_above);
    check_net<Filtering, "spiking_2">("lowpass", dense_above);
  }
}
