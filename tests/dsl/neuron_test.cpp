// KerasSpiking's own SpikingActivation: outputs, voltages and gradients, step by step.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include <synfire/dsl.hpp>

#include "golden.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

template <std::size_t units, class A>
struct Sequence : Network<InputSequence<units>, Named<"neurons", Spiking<A>>> {};
template <std::size_t units, class A>
struct Last : Network<InputSequence<units>, Named<"neurons", Spiking<A>>, LastOverTime> {};

/// One case in one mode: what goes in, and what KerasSpiking made of it.
struct Case {
  float dt;
  std::size_t batch, steps, units;
  std::size_t chunks;
  Array x, v0, weights;  // [batch][steps][units], [batch][units], as x
  Array y, v1, gradient;

  Values of(const Array& array, std::size_t sample) const {
    const std::size_t n = array.values.size() / batch;
    return Values(array.values).subspan(sample * n, n);
  }
  /// Of one neuron in one step.
  double most_spikes() const {
    double most = 0;
    for (const float rate : y.values) most = std::max(most, std::abs(double{rate}) * dt);
    return most;
  }
};

std::size_t outputs = 0, gradients = 0;  // compared

/// Before the whole spikes are taken off, a voltage is as much larger as there are of them, and its
/// roundings, and those of exp, softplus and the like, with it: some units of 6e-8 of that.
void check_voltages(Values found, Values wanted, double most_spikes) {
  REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == Approx(wanted[i]).epsilon(0).margin(1e-6 * std::max(1.0, most_spikes)));
}

void check_outputs(Values found, Values wanted) {
  REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == wanted[i]);
  outputs += found.size();
}

/// The reference or the event engine, with the voltages handed on from chunk to chunk.
template <class Net, template <class, class...> class Expansion>
void check_run(const Case& c) {
  const std::size_t steps = c.steps / c.chunks;
  Expansion<Net> engine(Parameters<Net>(), {.dt = c.dt, .steps = steps, .stateful = c.chunks != 1});
  for (std::size_t b = 0; b < c.batch; ++b) {
    engine.template set_state<"neurons">(c.of(c.v0, b));
    std::vector<float> found;
    for (std::size_t k = 0; k < c.chunks; ++k)
      for (const float y :
           engine.run(c.of(c.x, b).subspan(k * steps * c.units, steps * c.units), b))
        found.push_back(y);
    check_outputs(found, c.of(c.y, b));
    check_voltages(engine.template state<"neurons">(), c.of(c.v1, b), c.most_spikes());
  }
}

/// The trainer's neurons, with spikes or as the activation itself, and back.
template <class A, class Net>
void check_training(const Case& c, bool spikes) {
  using In = typename Net::Walk::Out;
  constexpr std::size_t units = In::size;
  using Place = Site<1, Signal<Shape<units>, Stepped>, Signal<Shape<units>, Spikes>, 0,
                     Delivery::EveryStep, Delivery::EveryStep, true>;
  const Parameters<Net> parameters;
  std::vector<Buffer<float>> none;
  typename Spiking<A>::template Batch<Place> neurons(
      Learning{&parameters, &none, c.batch, c.steps, c.dt, spikes});
  neurons.initial_voltage = Buffer<float>(c.v0.values.size());
  std::copy(c.v0.values.begin(), c.v0.values.end(), neurons.initial_voltage.begin());

  // Step after step, where the file has sample after sample.
  OwnedMatrix x(c.batch * c.steps, units), g(c.batch * c.steps, units);
  const auto row = [&](std::size_t b, std::size_t t) { return t * c.batch + b; };
  for (std::size_t b = 0; b < c.batch; ++b)
    for (std::size_t t = 0; t < c.steps; ++t) {
      std::copy_n(c.of(c.x, b).data() + t * units, units, x.row(row(b, t)));
      std::copy_n(c.of(c.weights, b).data() + t * units, units, g.row(row(b, t)));
    }
  ThreadPool pool(2);
  const std::vector<std::uint32_t> samples(c.batch);
  const BatchRun run{c.batch, c.steps, c.dt, 0, 0, samples.data(), &pool};
  neurons.forward(x.view(), run);
  for (std::size_t b = 0; b < c.batch; ++b) {
    for (std::size_t t = 0; t < c.steps; ++t) {
      const Values wanted = c.of(c.y, b).subspan(t * units, units);
      const Values found{neurons.out.row(row(b, t)), units};
      if (spikes) {
        check_outputs(found, wanted);
      } else {
        for (std::size_t i = 0; i < units; ++i)
          CHECK(found[i] == Approx(wanted[i]).epsilon(1e-6).margin(1e-7));
      }
    }
    if (spikes) check_voltages({neurons.voltage.row(b), units}, c.of(c.v1, b), c.most_spikes());
  }

  neurons.backward(g.view(), run);
  double most = 0;
  for (const float value : c.gradient.values) most = std::max(most, std::abs(double{value}));
  for (std::size_t b = 0; b < c.batch; ++b)
    for (std::size_t t = 0; t < c.steps; ++t)
      for (std::size_t i = 0; i < units; ++i) {
        CHECK(neurons.in_gradient.row(row(b, t))[i] ==
              Approx(c.of(c.gradient, b)[t * units + i]).epsilon(1e-5).margin(1e-6 * most));
        ++gradients;
      }
}

template <class A, std::size_t units>
void check_case(const nlohmann::json& json) {
  Case c{};
  c.dt = json.at("dt").get<float>();
  c.x = array_from(json.at("inputs"));
  c.v0 = array_from(json.at("initial_voltage"));
  c.batch = c.x.shape[0];
  c.steps = c.x.shape[1];
  c.units = units;
  c.chunks = json.contains("stateful_chunks") ? json.at("stateful_chunks").size() : 1;
  REQUIRE(c.x.shape[2] == units);
  for (const auto& [mode, wanted] : json.items()) {
    if (mode.rfind("aware=", 0) != 0) continue;
    INFO(json.at("activation") << " dt " << c.dt << ' ' << mode);
    c.y = array_from(wanted.at("outputs"));
    c.v1 = array_from(wanted.at("final_voltage"));
    const bool spikes = mode != "aware=0,training=1";
    if (!json.value("return_sequences", true)) {
      check_run<Last<units, A>, EventEngine>(c);
      check_run<Last<units, A>, ClockedReference>(c);
    } else if (spikes) {
      check_run<Sequence<units, A>, EventEngine>(c);
      check_run<Sequence<units, A>, ClockedReference>(c);
    }
    if (json.contains("loss_weights")) {
      c.weights = array_from(json.at("loss_weights"));
      c.gradient = array_from(wanted.at("grad_inputs"));
      check_training<A, Sequence<units, A>>(c, spikes);
    }
  }
}

}  // namespace

TEST_CASE("spiking activations do as KerasSpiking's") {
  const std::map<std::string, void (*)(const nlohmann::json&)> checks{
      {"elu", check_case<Elu, 6>},           {"linear", check_case<Linear, 6>},
      {"relu", check_case<Relu, 6>},         {"sigmoid", check_case<Sigmoid, 6>},
      {"softplus", check_case<Softplus, 6>}, {"swish", check_case<Swish, 6>},
      {"tanh", check_case<Tanh, 6>}};
  std::size_t cases = 0;
  const nlohmann::json file = read_json(golden_path("spiking_activation.json"));
  for (const auto& c : file.at("cases")) {
    if (c.contains("seeded_initial_state")) continue;  // TensorFlow's random numbers, not ours
    const auto units = c.at("inputs").at("shape").at(2).get<std::size_t>();
    if (units == 6)
      checks.at(c.at("activation"))(c);
    else
      (units == 4 ? check_case<Relu, 4> : check_case<Relu, 10>)(c);
    ++cases;
  }
  CHECK(cases == 16);
  CHECK(outputs > 20000);
  CHECK(gradients == 13 * 4 * 3 * 12 * 6);
}
