#include <rapidcheck.h>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <type_traits>

#include <synfire/error.hpp>
#include <synfire/target.hpp>

#include "filter_nets.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

struct Case {
  RunOptions options;
  std::mt19937 random;
};

Case random_case(std::size_t most_steps) {
  const double exponent = *rc::gen::inRange(-4000, 301) / 1000.0;
  return {{.dt = static_cast<float>(std::pow(10.0, exponent)),
           .steps = *rc::gen::inRange<std::size_t>(1, most_steps),
           .seed = *rc::gen::arbitrary<std::uint64_t>()},
          std::mt19937(*rc::gen::arbitrary<std::uint32_t>())};
}

template <class Net, class... Probed>
void check_same_bits(const char* what) {
  const auto targets = supported_targets();
  CHECK(rc::check(what, [&] {
    Case c = random_case(121);
    force_target(*rc::gen::elementOf(targets));
    const auto parameters = random_filters<Net>(c.random, c.options.dt);
    const auto sample = random_sample(c.random, 23);
    ClockedReference<Net, Probed...> reference(parameters, c.options);
    EventEngine<Net, Probed...> probed(parameters, c.options);
    EventEngine<Net> engine(parameters, c.options);
    const Values wanted = reference.run(sample);
    RC_ASSERT(same_bits(probed.run(sample), wanted));
    RC_ASSERT(same_bits(engine.run(sample), wanted));
    RC_ASSERT(same_bits(engine.run(sample), wanted));  // no state is left over
    for (std::size_t t = 0; t < c.options.steps; ++t)
      RC_ASSERT((same_bits(probed.template recorded<Probed::name>().step(t),
                           reference.template recorded<Probed::name>().step(t)) &&
                 ...));
    force_target("");
  }));
}

/// Values as close as 1e-5 of the largest that the filter of that unit took. A mean is that of the
/// reference's steps: as it adds up hundreds of floats, it is not as close to that itself.
template <class Net, class Reader>
void check_close(const char* what) {
  const auto targets = supported_targets();
  CHECK(rc::check(what, [&] {
    Case c = random_case(700);
    force_target(*rc::gen::elementOf(targets));
    const auto parameters = random_filters<Net>(c.random, c.options.dt);
    const auto sample = random_sample(c.random, 23);
    ClockedReference<Net, Probe<"filter">> reference(parameters, c.options);
    EventEngine<Net> engine(parameters, c.options);
    const Values wanted = reference.run(sample);
    engine.run(random_sample(c.random, 23));
    const Values found = engine.run(sample);
    RC_ASSERT(found.size() == wanted.size());
    const auto& filtered = reference.template recorded<"filter">();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      double most = 0, sum = 0;
      for (std::size_t t = 0; t < c.options.steps; ++t) {
        const double value = filtered.step(t)[i];
        most = std::max(most, std::abs(value));
        sum += value;
      }
      const double right = std::is_same_v<Reader, MeanOverTime>
                               ? sum / static_cast<double>(c.options.steps)
                               : wanted[i];
      RC_ASSERT(std::abs(found[i] - right) <= 1e-5 * most);
    }
    force_target("");
  }));
}

template <class Filter, class Reader>
void check_all_close() {
  check_close<FilterSpikes<Filter, Reader>, Reader>("of spikes");
  check_close<FilterCurrents<Filter, Reader>, Reader>("of currents");
  check_close<FilterHeld<Filter, Reader>, Reader>("of a held value");
  check_close<FilterFiltered<Filter, Reader>, Reader>("of a filter");
}

/// Gradients where the reader has each step's value, and where it has one for all.
template <class Filter, class Reader>
void check_gradients(bool spiking) {
  struct Once : Network<Input<23>, Dense<33>, Spiking<Relu>, Filter, Reader, Dense<5>> {};
  // Flatten reads every step.
  struct Each : Network<Input<23>, Dense<33>, Spiking<Relu>, Filter, Flatten, Reader, Dense<5>> {};
  struct HeldOnce : Network<Input<23>, Dense<33>, Filter, Reader, Dense<5>> {};
  struct HeldEach : Network<Input<23>, Dense<33>, Filter, Flatten, Reader, Dense<5>> {};
  const auto check = [&]<class A, class B>(const A&, const B&) {
    std::mt19937 random(4);
    const TrainOptions options{
        .dt = 0.1f, .steps = 9, .spiking_aware = spiking, .batch = 6, .threads = 2};
    auto a = random_filters<A>(random, options.dt);
    Parameters<B> b;
    for (std::size_t i = 0; i < a.count(); ++i) b.tensor(i) = a.tensor(i);
    DenseTrainer<A> once(a, options);
    DenseTrainer<B> each(b, options);
    const std::vector<float> x = random_sample(random, 6 * 23);
    const std::vector<std::uint8_t> labels{0, 1, 2, 3, 4, 0};
    const std::vector<std::uint32_t> samples{5, 3, 1, 0, 2, 4};
    // A smaller batch before leaves its gradients in other rows.
    once.differentiate(x.data(), labels.data(), samples.data(), 3, 0);
    each.differentiate(x.data(), labels.data(), samples.data(), 3, 0);
    const auto found = once.differentiate(x.data(), labels.data(), samples.data(), 6, 0);
    const auto wanted = each.differentiate(x.data(), labels.data(), samples.data(), 6, 0);
    CHECK(found.loss_sum == Approx(wanted.loss_sum).epsilon(1e-5));
    for (std::size_t i = 0; i < a.count(); ++i) {
      INFO("tensor " << a.placed(i).name());
      float most = 0, worst = 0;
      for (std::size_t k = 0; k < each.gradient(i).size(); ++k) {
        most = std::max(most, std::abs(each.gradient(i)[k]));
        worst = std::max(worst, std::abs(each.gradient(i)[k] - once.gradient(i)[k]));
      }
      CHECK((most > 0 || !Filter::settings.apply_during_training));
      CHECK(worst <= 1e-5f * most);
    }
  };
  check(Once{}, Each{});
  check(HeldOnce{}, HeldEach{});
}

}  // namespace

TEST_CASE("filters that are read at every step are the reference's, bit for bit") {
  check_same_bits<LowpassToDense, Probe<"first">, Probe<"filter">, Probe<"second">>("lowpass");
  check_same_bits<AlphaToSpiking, Probe<"first">, Probe<"filter">, Probe<"second">>("alpha");
  check_same_bits<HeldToSpiking, Probe<"filter">, Probe<"first">, Probe<"second">>("held");
}

TEST_CASE("the last value of a filter, or its mean, is the reference's") {
  check_all_close<Lowpass<>, LastOverTime>();
  check_all_close<Lowpass<>, MeanOverTime>();
  check_all_close<Alpha<>, LastOverTime>();
  check_all_close<Alpha<>, MeanOverTime>();
}

TEST_CASE("a filter that is read once has the gradients of one that is read at every step") {
  for (const bool spiking : {true, false}) {
    check_gradients<Lowpass<>, LastOverTime>(spiking);
    check_gradients<Lowpass<>, MeanOverTime>(spiking);
    check_gradients<Alpha<>, LastOverTime>(spiking);
    check_gradients<Alpha<>, MeanOverTime>(spiking);
    check_gradients<Lowpass<ApplyDuringTraining<false>>, MeanOverTime>(spiking);
  }
}

TEST_CASE("a layer between neurons and their mean has every step delivered") {
  struct Net : Network<Input<23>, Dense<33>, Named<"first", Spiking<Relu>>, Flatten, MeanOverTime,
                       Dense<5>> {};
  check_same_bits<Net, Probe<"first">>("means of flattened spikes");
}

TEST_CASE("the last step of spikes, or of currents") {
  struct OfSpikes
      : Network<Input<23>, Dense<33>, Named<"first", Spiking<Relu>>, LastOverTime, Dense<5>> {};
  struct OfCurrents
      : Network<Input<23>, Dense<33>, Named<"first", Spiking<Relu>>, Dense<7>, LastOverTime> {};
  check_same_bits<OfSpikes, Probe<"first">>("spikes");
  check_same_bits<OfCurrents, Probe<"first">>("currents");

  std::mt19937 random(8);
  auto parameters = random_parameters<OfSpikes>(random, 0.1f);
  const std::vector<float> x = random_sample(random, 2 * 23);
  ClockedReference<OfSpikes> reference(parameters, {.dt = 0.1f, .steps = 4});
  DenseTrainer<OfSpikes> trainer(parameters, {.dt = 0.1f, .steps = 4, .batch = 2});
  reference.set_initial_voltage<"first">(std::vector<float>(33, 0.5f));
  trainer.set_initial_voltage<"first">(std::vector<float>(2 * 33, 0.5f));
  const Values found = trainer.predict(x.data(), 2);
  const auto& wanted = reference.run(Values(x).first(23));
  for (std::size_t i = 0; i < 5; ++i) CHECK(found[i] == Approx(wanted[i]).epsilon(1e-5));
}

TEST_CASE("a filter starts with the settings of its type") {
  using Layer = Lowpass<Tau<std::ratio<1, 40>>, Fixed>;
  const Parameters<Network<Input<6>, Layer>> parameters;
  CHECK(parameters.signature() == "synfire/1|input(6)|lowpass");
  REQUIRE(parameters.count() == 2);
  CHECK(parameters.placed(0).name() == "1.initial_level");
  CHECK(parameters.placed(1).name() == "1.tau");
  for (const float level : parameters.tensor(0)) CHECK(level == 0);
  for (const float tau : parameters.tensor(1)) CHECK(tau == 0.025f);
  CHECK_FALSE(parameters.placed(1).spec.trainable);
  CHECK(Parameters<Network<Input<6>, Alpha<>>>().tensor(1)[0] == 0.1f);
  CHECK(Alpha<>::signature() == "alpha");
}

TEST_CASE("a time constant that is no number is refused in one sentence") {
  using Net = FilterSpikes<Lowpass<>, LastOverTime>;
  Parameters<Net> parameters;
  parameters.tensor(3)[7] = std::numeric_limits<float>::quiet_NaN();
  const RunOptions options{.dt = 0.01f, .steps = 3};
  const std::string sentence = "tau of a lowpass is nan: it must be a number of seconds";
  CHECK_THROWS_WITH((EventEngine<Net>(parameters, options)), sentence);
  CHECK_THROWS_WITH((ClockedReference<Net>(parameters, options)), sentence);
  CHECK_THROWS_WITH((DenseTrainer<Net>(parameters, {})), sentence);
  parameters.tensor(3)[7] = -1;
  CHECK_NOTHROW(EventEngine<Net>(parameters, options));
}
