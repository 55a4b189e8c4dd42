// State between runs, inputs that change from step to step, the last step alone.
#include <rapidcheck.h>
#include <catch2/catch.hpp>
#include <cmath>

#include <synfire/error.hpp>

#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

// clang-format off
template <class N>
struct SequenceOut : Network<
    InputSequence<7>, Dense<18>, Named<"first", Spiking<N>>, Dense<21>, Named<"second", Spiking<N>>> {};

template <class N>
struct SequenceMean : Network<
    InputSequence<7>, Dense<18>, Named<"first", Spiking<N>>, Dense<21>, Named<"second", Spiking<N>>,
    MeanOverTime> {};

template <class N>
struct HeldMean : Network<Input<7>, Dense<18>, Named<"first", Spiking<N>>, MeanOverTime> {};

template <class N>
struct Last : Network<
    InputSequence<7>, Dense<18>, Named<"first", Spiking<N>>, Dense<21>, Named<"second", Spiking<N>>,
    LastOverTime> {};

struct LastCurrent : Network<
    InputSequence<2, 3>, Flatten, Dense<18>, Spiking<Tanh>, Named<"current", Dense<5>>, LastOverTime,
    Activate<Relu>, Dense<3>> {};

// Nothing learns before these neurons.
struct Direct : Network<InputSequence<7>, Spiking<Tanh>, LastOverTime, Dense<3>> {};
struct DirectMean : Network<InputSequence<7>, MeanOverTime, Dense<3>> {};
struct DirectHeld : Network<Input<7>, Spiking<Tanh>, MeanOverTime, Dense<3>> {};
// clang-format on

template <class Net>
Parameters<Net> random_weights(std::mt19937& random, float scale) {
  std::normal_distribution<float> normal(0, scale);
  Parameters<Net> parameters;
  for (std::size_t i = 0; i < parameters.count(); ++i)
    if (parameters.placed(i).spec.trainable)
      for (float& value : parameters.tensor(i)) value = normal(random);
  return parameters;
}

std::vector<float> signed_sample(std::mt19937& random, std::size_t n) {
  std::normal_distribution<float> normal;
  std::vector<float> sample(n);
  for (float& value : sample) value = normal(random);
  return sample;
}

std::vector<float> copy(Values values) {
  return {values.begin(), values.end()};
}

RunOptions random_options() {
  return {.dt = static_cast<float>(std::pow(10.0, *rc::gen::inRange(-2000, 1) / 1000.0)),
          .steps = *rc::gen::inRange<std::size_t>(1, 40),
          .seed = *rc::gen::arbitrary<std::uint64_t>(),
          .stateful = true};
}

/// Two stateful runs of T steps are one of 2T, spike for spike, and so are the states they leave.
template <class Net, template <class, class...> class Expansion, Name... labels>
void check_two_are_one() {
  const RunOptions options = random_options();
  RunOptions both = options;
  both.steps *= 2;
  std::mt19937 random(*rc::gen::arbitrary<std::uint32_t>());
  const auto parameters = random_weights<Net>(random, 2.0f);
  Expansion<Net> chunks(parameters, options), whole(parameters, both), fresh(parameters, options);
  const auto x = signed_sample(random, whole.sample_size());
  const Values first = Values(x).first(chunks.sample_size());
  const Values second = Values(x).last(chunks.sample_size());

  const std::vector<float> wanted = copy(whole.run(x, 3));
  std::vector<float> one, other;
  const auto check = [&] {
    one = copy(chunks.run(first, 3));
    other = copy(chunks.run(second, 4));  // its address draws nothing
    if constexpr (in_time<typename Net::Out>) {
      std::vector<float> found = one;
      found.insert(found.end(), other.begin(), other.end());
      RC_ASSERT(same_bits(found, wanted));
    } else {
      for (std::size_t i = 0; i < wanted.size(); ++i)
        RC_ASSERT(std::abs((one[i] + other[i]) / 2 - wanted[i]) <=
                  1e-4f * (1 + std::abs(one[i]) + std::abs(other[i])));
    }
    (RC_ASSERT(same_bits(chunks.template state<labels>(), whole.template state<labels>())), ...);
  };
  check();
  chunks.reset();
  check();

  // A state that was read can be set elsewhere.
  chunks.reset();
  RC_ASSERT(same_bits(chunks.run(first, 3), one));
  (fresh.template set_state<labels>(chunks.template state<labels>()), ...);
  RC_ASSERT(same_bits(fresh.run(second), other));
}

template <class Neuron>
void check_neuron_states(const std::string& name) {
  CHECK(rc::check("a stream of " + name + ", reference",
                  check_two_are_one<SequenceOut<Neuron>, ClockedReference, "first", "second">));
  CHECK(rc::check("a stream of " + name + ", engine",
                  check_two_are_one<SequenceOut<Neuron>, EventEngine, "first", "second">));
  CHECK(rc::check("means of a stream of " + name,
                  check_two_are_one<SequenceMean<Neuron>, EventEngine, "first", "second">));
  CHECK(rc::check("means of held " + name,
                  check_two_are_one<HeldMean<Neuron>, EventEngine, "first">));
}

/// The trainer's forward pass is the reference's; without spikes its gradients are slopes.
template <class Net>
void check_trained() {
  std::mt19937 random(5);
  auto parameters = random_weights<Net>(random, 0.7f);
  constexpr std::size_t count = 3;
  const RunOptions options{.dt = 0.2f, .steps = 6};
  ClockedReference<Net> reference(parameters, options);
  const std::size_t n = reference.sample_size();
  const std::vector<float> x = signed_sample(random, count * n);
  DenseTrainer<Net> aware(parameters, {.dt = options.dt, .steps = options.steps, .batch = 4});
  REQUIRE(aware.input_size() == n);
  const Values found = aware.predict(x.data(), count);
  for (std::size_t s = 0; s < count; ++s) {
    const auto wanted = reference.run(Values(x).subspan(s * n, n), s);
    for (std::size_t k = 0; k < 3; ++k)
      CHECK(found[s * 3 + k] == Approx(wanted[k]).epsilon(1e-5).margin(1e-4));
  }

  DenseTrainer<Net> rate(
      parameters, {.dt = options.dt, .steps = options.steps, .spiking_aware = false, .batch = 4});
  const std::vector<std::uint8_t> labels{0, 2, 1};
  const std::vector<std::uint32_t> samples{0, 1, 2};
  const auto loss = [&] {
    return rate.differentiate(x.data(), labels.data(), samples.data(), count, 0).loss_sum / count;
  };
  for (std::size_t i = 0; i < parameters.count(); ++i)
    for (std::size_t k = 0; k < parameters.tensor(i).size(); k += 5) {
      loss();
      const double gradient = rate.gradient(i)[k];
      const float w = parameters.tensor(i)[k], h = 1.0f / 1024;
      parameters.tensor(i)[k] = w + h;
      const double more = loss();
      parameters.tensor(i)[k] = w - h;
      const double less = loss();
      parameters.tensor(i)[k] = w;
      INFO("tensor " << i << " value " << k);
      CHECK(gradient == Approx((more - less) / (2.0 * h)).epsilon(0.01).margin(5e-4));
    }
}

}  // namespace

TEST_CASE("two stateful runs are one of both lengths") {
  check_neuron_states<Relu>("relu");
  check_neuron_states<Tanh>("tanh");
  check_neuron_states<Lif>("leaky neurons");
}

TEST_CASE("a state lasts until reset, a set one for the next run") {
  using Net = HeldMean<Relu>;
  std::mt19937 random(2);
  const auto parameters = random_weights<Net>(random, 2.0f);
  const auto x = signed_sample(random, 7);
  const auto check = [&]<class Expansion>(std::type_identity<Expansion>) {
    Expansion plain(parameters, {.dt = 0.1f, .steps = 5});
    Expansion stateful(parameters, {.dt = 0.1f, .steps = 5, .stateful = true});
    const std::vector<float> drawn = copy(plain.run(x, 1)),
                             left = copy(plain.template state<"first">());
    CHECK(copy(stateful.run(x, 1)) == drawn);
    CHECK(copy(stateful.run(x, 1)) != drawn);
    stateful.reset();
    CHECK(copy(stateful.run(x, 1)) == drawn);
    CHECK(copy(plain.run(x, 1)) == drawn);

    plain.template set_state<"first">(left);
    const std::vector<float> carried = copy(plain.run(x, 1));
    CHECK(carried != drawn);
    CHECK(copy(plain.run(x, 1)) == drawn);
    plain.template set_state<"first">(left);
    plain.reset();
    CHECK(copy(plain.run(x, 1)) == drawn);
    plain.template set_initial_voltage<"first">(left);
    CHECK(copy(plain.run(x, 1)) == carried);
    CHECK(copy(plain.run(x, 2)) == carried);

    CHECK_THROWS_AS(plain.template set_state<"first">(Values(left).first(17)), ShapeMismatch);
    CHECK_THROWS_AS(plain.template set_initial_voltage<"first">({}), ShapeMismatch);
  };
  check(std::type_identity<EventEngine<Net>>{});
  check(std::type_identity<ClockedReference<Net>>{});
  CHECK_THROWS_AS((BatchEngine<Net>(parameters, {.dt = 0.1f, .stateful = true})), InvalidSetting);
}

TEST_CASE("a sequence has values for every step") {
  const Parameters<SequenceOut<Relu>> parameters;
  EventEngine<SequenceOut<Relu>> engine(parameters, {.dt = 0.1f, .steps = 4});
  ClockedReference<SequenceOut<Relu>> reference(parameters, {.dt = 0.1f, .steps = 4});
  CHECK(engine.sample_size() == 4 * 7);
  CHECK(engine.run(std::vector<float>(28)).size() == 4 * 21);
  CHECK_THROWS_AS(engine.run(std::vector<float>(7)), ShapeMismatch);
  CHECK_THROWS_AS(reference.run(std::vector<float>(27)), ShapeMismatch);
  CHECK(Parameters<LastCurrent>().signature() ==
        "synfire/1|input_sequence(2,3)|flatten|dense(18)|spiking(tanh)|dense(5)|last_over_time|"
        "activate(relu)|dense(3)");
}

TEST_CASE("the last step alone is the last row of the sequence") {
  std::mt19937 random(6);
  const RunOptions options{.dt = 0.1f, .steps = 9, .seed = 4};
  const auto parameters = random_weights<Last<Tanh>>(random, 2.0f);
  Parameters<SequenceOut<Tanh>> same;
  for (std::size_t i = 0; i < same.count(); ++i) same.tensor(i) = parameters.tensor(i);
  EventEngine<SequenceOut<Tanh>> sequence(same, options);
  ClockedReference<Last<Tanh>> reference(parameters, options);
  EventEngine<Last<Tanh>> engine(parameters, options);
  std::size_t fired = 0;
  for (std::size_t s = 0; s < 20; ++s) {
    const auto x = signed_sample(random, engine.sample_size());
    const std::vector<float> last = copy(sequence.run(x, s).last(21));
    CHECK(copy(engine.run(x, s)) == last);
    CHECK(copy(reference.run(x, s)) == last);
    fired += static_cast<std::size_t>(21 - std::count(last.begin(), last.end(), 0.0f));
  }
  CHECK(fired > 20);

  const auto weights = random_weights<LastCurrent>(random, 1.0f);
  ClockedReference<LastCurrent, Probe<"current">> obvious(weights, options);
  EventEngine<LastCurrent, Probe<"current">> fast(weights, options);
  for (std::size_t s = 0; s < 20; ++s) {
    const auto x = signed_sample(random, fast.sample_size());
    CHECK(same_bits(fast.run(x, s), obvious.run(x, s)));
    CHECK(same_bits(fast.recorded<"current">().values(), obvious.recorded<"current">().values()));
  }
}

TEST_CASE("sequences and last steps are trained") {
  struct LastHead : Network<InputSequence<7>, Dense<8>, Spiking<Tanh>, Dense<9>, Spiking<Softplus>,
                            LastOverTime, Dense<3>> {};
  struct MeanHead : Network<InputSequence<7>, Dense<8>, Spiking<Tanh>, Dense<9>, Spiking<Softplus>,
                            MeanOverTime, Dense<3>> {};
  struct HeldHead : Network<Input<7>, Dense<8>, Spiking<Tanh>, LastOverTime, Dense<3>> {};
  check_trained<LastHead>();
  check_trained<MeanHead>();
  check_trained<HeldHead>();
  check_trained<LastCurrent>();
  check_trained<Direct>();
  check_trained<DirectMean>();
  check_trained<DirectHeld>();
}

TEST_CASE("spikes of either sign are counted one by one") {
  std::mt19937 random(1);
  const RunOptions options{.dt = 0.5f, .steps = 30};
  const auto parameters = random_weights<SequenceMean<Linear>>(random, 1.0f);
  EventEngine<SequenceMean<Linear>> engine(parameters, options);
  ClockedReference<SequenceMean<Linear>, Probe<"second">> reference(parameters, options);
  const auto x = signed_sample(random, engine.sample_size());
  CHECK(same_bits(engine.run(x), reference.run(x)));
  double spikes = 0, balance = 0;
  std::vector<float> fired(21);
  for (std::size_t t = 0; t < options.steps; ++t) {
    const Values counts = reference.recorded<"second">().step(t);
    for (std::size_t i = 0; i < 21; ++i) {
      fired[i] += std::abs(counts[i]);
      spikes += std::abs(counts[i]);
      balance += counts[i];
    }
  }
  CHECK(std::abs(balance) < 0.9 * spikes);
  const LayerActivity found = engine.activity().layers[3];
  CHECK(found.label == "second");
  CHECK(static_cast<double>(found.spikes) == spikes);
  CHECK(found.most_a_step == *std::max_element(fired.begin(), fired.end()) / 30.0);
}

TEST_CASE("what is no number is not counted") {
  struct Net : Network<Input<2>, Spiking<Exponential>, MeanOverTime> {};
  EventEngine<Net> engine(Parameters<Net>(), {.dt = 1, .steps = 2});
  const Values rates = engine.run(std::vector<float>{std::nanf(""), 1000});
  CHECK(std::isnan(rates[0]));
  CHECK(std::isnan(rates[1]));
  CHECK(engine.activity().spikes() == 0);
}

TEST_CASE("neurons that rest under a held current keep their voltages, and others are not missed") {
  std::mt19937 random(3);
  const RunOptions options{.dt = 0.01f, .steps = 20};
  auto parameters = random_parameters<TwoLayers>(random, options.dt);
  ClockedReference<TwoLayers, Probe<"first">> reference(parameters, options);
  EventEngine<TwoLayers, Probe<"first">> engine(parameters, options);
  // Whole and negative voltages fire without any drive; a zero's sign does not outlast a step.
  const float kinds[] = {0.0f, -0.0f, 0.25f, 0x1.fffffep-1f, 1.0f, 3.5f, -2.5f};
  std::vector<float> voltage(33);
  std::size_t silent = 0;
  for (std::size_t s = 0; s < 7; ++s) {
    for (std::size_t i = 0; i < voltage.size(); ++i) voltage[i] = kinds[(i + s) % 7];
    const auto sample = random_sample(random, 23);
    reference.set_initial_voltage<"first">(voltage);
    engine.set_initial_voltage<"first">(voltage);
    CHECK(same_bits(engine.run(sample, s), reference.run(sample, s)));
    const Values state = engine.state<"first">(), wanted = reference.state<"first">();
    for (std::size_t i = 0; i < voltage.size(); ++i) {
      CHECK(state[i] == wanted[i]);
      CHECK(std::signbit(state[i]) == std::signbit(wanted[i]));
    }
    CHECK(same_bits(engine.recorded<"first">().values(), reference.recorded<"first">().values()));
    for (std::size_t i = 0; i < voltage.size(); ++i) silent += state[i] == voltage[i];
  }
  CHECK(silent > 30);
}
