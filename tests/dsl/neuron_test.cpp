// KerasSpiking's own SpikingActivation: outputs, voltages and gradients, step by step.
#include <catch2/catch.hpp>
#include <cmath>

#include <synfire/dsl.hpp>

#include "golden.hpp"

using namespace synfire;
using namespace synfire::test;

TEST_CASE("spiking relu fires as KerasSpiking's does") {
  using Neuron = RateNeuron<Relu>;
  const Parameters<Network<Input<1>>> none;
  std::size_t outputs = 0, gradients = 0;
  const nlohmann::json file = read_json(golden_path("spiking_activation.json"));
  for (const auto& c : file.at("cases")) {
    if (!c.contains("inputs") || c.at("activation") != "relu") continue;
    const Array x = array_from(c.at("inputs")), v0 = array_from(c.at("initial_voltage"));
    const float dt = c.at("dt").get<float>();
    const Neuron::Constants constants(none, 0, dt);
    const std::size_t batch = x.shape[0], steps = x.shape[1], units = x.shape[2];
    const bool sequences = c.value("return_sequences", true);
    for (const auto& [mode, wanted] : c.items()) {
      if (mode.rfind("aware=", 0) != 0) continue;
      const bool spikes = mode != "aware=0,training=1";
      const Array y = array_from(wanted.at("outputs")), v1 = array_from(wanted.at("final_voltage"));
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t u = 0; u < units; ++u) {
          float v = v0.values[b * units + u], last = 0;
          for (std::size_t t = 0; t < steps; ++t) {
            const std::size_t i = (b * steps + t) * units + u;
            last = spikes ? Neuron::update(v, Neuron::drive(x.values[i], constants), constants) /
                                constants.unit
                          : Neuron::rate(x.values[i]);
            if (sequences) CHECK(last == y.values[i]);
            ++outputs;
            if (wanted.contains("grad_inputs")) {
              const float g = array_from(c.at("loss_weights")).values[i];
              float carry = 0;
              CHECK(Neuron::input_gradient(g, x.values[i], v, carry, constants) ==
                    Approx(array_from(wanted.at("grad_inputs")).values[i]).epsilon(1e-6));
              ++gradients;
            }
          }
          if (!sequences) CHECK(last == y.values[b * units + u]);
          CHECK(v == Approx(v1.values[b * units + u]).margin(2e-7));
        }
      }
    }
  }
  CHECK(outputs > 3000);
  CHECK(gradients > 3000);
}
