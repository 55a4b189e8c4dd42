#include <rapidcheck.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include <synfire/error.hpp>

#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

// clang-format off
template <class Weight>
struct Shallow : Network<
    Input<23>, Dense<19, Weight>, Named<"first", Spiking<Relu>>, MeanOverTime,
    Named<"class", Dense<5, Weight>>> {};

template <class Weight, class A>
struct Stacked : Network<
    Input<23>, Dense<9, Weight>, Named<"first", Spiking<A>>, Dense<7, Weight>,
    Named<"second", Spiking<Relu>>, Flatten, MeanOverTime, Named<"class", Dense<5, Weight>>> {};

struct Smooth : Network<
    Input<23>, Dense<19>, Named<"first", Spiking<Tanh>>, MeanOverTime, Dense<6>, Activate<Relu>,
    Named<"class", Dense<5>>> {};

struct Membranes : Network<
    Input<23>, Dense<19>, Named<"first", Spiking<Lif>>, Dense<11>, Named<"second", Spiking<Lif>>,
    MeanOverTime, Named<"class", Dense<5>>> {};

struct Currents : Network<
    Input<23>, Dense<19>, Named<"first", Spiking<LeakyRelu<>>>, Dense<5>, Activate<HardSigmoid>,
    Named<"class", MeanOverTime>> {};

struct LastCurrents : Network<
    Input<23>, Dense<9>, Named<"first", Spiking<Linear>>, Dense<6>, LastOverTime, Flatten,
    Dense<5>, Named<"class", Activate<Relu>>> {};

struct LastSpikes : Network<
    Input<23>, Dense<9>, Named<"first", Spiking<Relu>>, LastOverTime, Named<"class", Dense<5>>> {};

struct Filtering : Network<
    Input<23>, Dense<19>, Named<"first", Spiking<Relu>>, Lowpass<>, LastOverTime,
    Named<"class", Dense<5>>> {};

struct Sequenced : Network<
    InputSequence<23>, Dense<19>, Named<"first", Spiking<Lif>>, MeanOverTime,
    Named<"class", Dense<5>>> {};
// clang-format on

std::size_t class_of(Values y) {
  return static_cast<std::size_t>(std::max_element(y.begin(), y.end()) - y.begin());
}

/// By which the largest value leads the second; NaN where one of them is.
double lead_of(Values y) {
  std::vector<float> sorted(y.begin(), y.end());
  for (const float value : sorted)
    if (std::isnan(value)) return value;
  std::sort(sorted.begin(), sorted.end());
  return static_cast<double>(sorted.back()) - static_cast<double>(sorted[sorted.size() - 2]);
}

bool same_or_nan(Values a, Values b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](float x, float y) {
           return x == y || (std::isnan(x) && std::isnan(y));
         });
}

enum class Kind { Usual, Silent, Tied, NearlyTied, Huge, NoNumber, Coarse };
constexpr std::array kKinds{Kind::Usual,      Kind::Silent, Kind::Tied,  Kind::Usual,
                            Kind::NearlyTied, Kind::Huge,   Kind::Coarse};

template <class Net>
struct Example {
  Example(std::uint32_t seed, Kind kind, float dt, std::size_t steps)
      : random(seed), options{.dt = dt, .steps = steps, .seed = seed} {
    constexpr bool rates = !std::is_same_v<Net, Membranes> && !std::is_same_v<Net, Sequenced>;
    parameters = random_parameters<Net>(random, dt, rates);
    const std::size_t last = parameters.count() - 2;
    for (std::size_t i = 0; i < parameters.count(); ++i) {
      auto& tensor = parameters.tensor(i);
      if (!parameters.placed(i).spec.trainable) continue;
      if (kind == Kind::Silent) std::fill(tensor.begin(), tensor.end(), -0.0f);
      if (kind == Kind::Coarse)
        for (float& w : tensor) w = std::round(w * dt * 4) / dt;
      if (kind == Kind::Huge)
        for (float& w : tensor) w *= seed % 2 == 0 ? 1e15f : 1e4f;
    }
    if (kind == Kind::Tied || kind == Kind::NearlyTied) {
      auto& kernel = parameters.tensor(last);
      auto& bias = parameters.tensor(last + 1);
      const std::size_t width = bias.size();
      const auto like_first = [&](float* row, std::size_t j) {
        row[j] = row[0];
        if (kind == Kind::NearlyTied && random() % 4 == 0) row[j] = std::nextafter(row[0], 1e9f);
      };
      for (std::size_t j = 1; j < width; ++j) {
        if (kind == Kind::Tied && j == 3) continue;
        for (std::size_t i = 0; i < kernel.size(); i += width) like_first(kernel.data() + i, j);
        like_first(bias.data(), j);
      }
    }
    sample = random_sample(random, ClockedReference<Net>(parameters, options).sample_size());
    if (kind == Kind::NoNumber) sample[random() % sample.size()] = std::nanf("");
  }

  std::vector<float> reference(std::size_t steps) const {
    RunOptions shorter = options;
    shorter.steps = steps;
    const std::size_t inputs = ClockedReference<Net>(parameters, shorter).sample_size();
    return ClockedReference<Net>(parameters, shorter).run(Values(sample).first(inputs), 3);
  }
  EventEngine<Net> engine(Stop stop) const {
    RunOptions stopping = options;
    stopping.stop = stop;
    return EventEngine<Net>(parameters, stopping);
  }

  std::mt19937 random;
  RunOptions options;
  Parameters<Net> parameters;
  std::vector<float> sample;
};

template <class Net>
Example<Net> random_example() {
  const double exponent = *rc::gen::inRange(-4000, 301) / 1000.0;
  return Example<Net>(*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::elementOf(kKinds),
                      static_cast<float>(std::pow(10.0, exponent)),
                      *rc::gen::inRange<std::size_t>(1, 41));
}

template <class Net>
void check_exact(const Example<Net>& e, std::size_t& early) {
  auto engine = e.engine(Stop::exact());
  const Values y = engine.run(e.sample, 3);
  const std::size_t used = engine.steps_used();
  RC_ASSERT(used >= 1 && used <= e.options.steps);
  RC_ASSERT(same_or_nan(y, e.reference(used)));
  RC_ASSERT(class_of(y) == class_of(e.reference(e.options.steps)));
  early += used < e.options.steps;
}

template <class Net>
void check_margin(const Example<Net>& e, double margin, std::size_t& early) {
  auto engine = e.engine(Stop::at_margin(margin));
  const Values y = engine.run(e.sample, 3);
  const std::size_t used = engine.steps_used();
  RC_ASSERT(same_or_nan(y, e.reference(used)));
  ClockedReference<Net, Probe<"class">> reference(e.parameters, e.options);
  reference.run(e.sample, 3);
  const auto& outputs = reference.template recorded<"class">();
  for (std::size_t t = 0; t + 1 < used; ++t) RC_ASSERT(!(lead_of(outputs.step(t)) >= margin));
  if (used < e.options.steps) RC_ASSERT(lead_of(outputs.step(used - 1)) >= margin);
  early += used < e.options.steps;
}

template <class Net>
void check_stops(const std::string& what, bool stops_exactly = true) {
  std::size_t early = 0;
  CHECK(rc::check("exact: " + what, [&] { check_exact(random_example<Net>(), early); }));
  CHECK((early > 0) == stops_exactly);
  early = 0;
  CHECK(rc::check("margin: " + what, [&] {
    check_margin(random_example<Net>(), *rc::gen::elementOf(std::vector{0.0, 0.01, 1.0, 100.0}),
                 early);
  }));
  CHECK(early > 0);
}

}  // namespace

TEST_CASE("a run that stops early has the whole run's class, and the reference's output then") {
  check_stops<Shallow<float32>>("held currents");
  check_stops<Shallow<bfloat16>>("held currents, bfloat16");
  check_stops<Shallow<int8>>("held currents, int8");
  check_stops<Stacked<float32, Relu>>("spikes between layers");
  check_stops<Stacked<bfloat16, Linear>>("spikes of both signs between layers, bfloat16");
  check_stops<Stacked<int8, Relu>>("spikes between layers, int8");
  check_stops<Smooth>("an activation of which nothing is known but its held value");
  check_stops<Membranes>("leaky neurons");
  check_stops<Currents>("means of currents");
  check_stops<LastCurrents>("the last current");
  check_stops<LastSpikes>("the last spikes");
  check_stops<Filtering>("a filter, of which nothing is known", false);
  check_stops<Sequenced>("another input at each step");
}

TEST_CASE("an exact stop is sooner where more is known") {
  std::size_t shallow = 0, stacked = 0, whole = 0;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    const Example<Shallow<float32>> one(seed, Kind::Usual, 0.01f, 100);
    auto engine = one.engine(Stop::exact());
    engine.run(one.sample, seed);
    shallow += engine.steps_used();
    const Example<Stacked<float32, Relu>> two(seed, Kind::Usual, 0.01f, 100);
    auto deeper = two.engine(Stop::exact());
    deeper.run(two.sample, seed);
    stacked += deeper.steps_used();
    whole += 100;
  }
  CHECK(shallow < whole / 20);  // the rest of a held current's spikes is known but for one
  CHECK(stacked < whole);
}

TEST_CASE("what is no number never stops a run") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Example<Stacked<float32, Relu>> e(seed, Kind::NoNumber, 0.01f, 9);
    for (const Stop stop : {Stop::exact(), Stop::at_margin(0)}) {
      auto engine = e.engine(stop);
      CHECK(same_or_nan(engine.run(e.sample, 3), e.reference(9)));
      CHECK(engine.steps_used() == 9);
    }
  }
}

TEST_CASE("steps used are those of the last run") {
  const Example<Shallow<float32>> e(1, Kind::Usual, 0.01f, 30);
  auto whole = e.engine({});
  CHECK(whole.steps_used() == 0);
  whole.run(e.sample);
  CHECK(whole.steps_used() == 30);
  CHECK(whole.activity().steps_used() == 30);
  auto engine = e.engine(Stop::at_margin(0));
  engine.run(e.sample);
  CHECK(engine.steps_used() == 1);
}

TEST_CASE("activity counts the steps that were done") {
  const Example<Stacked<float32, Relu>> e(4, Kind::Usual, 0.01f, 30);
  auto engine = e.engine(Stop::at_margin(2));
  ClockedReference<Stacked<float32, Relu>, Probe<"first">, Probe<"second">> reference(e.parameters,
                                                                                      e.options);
  std::uint64_t used = 0, first = 0, second = 0;
  double highest = 0;
  std::mt19937 random(5);
  for (std::size_t s = 0; s < 40; ++s) {
    const auto sample = random_sample(random, 23);
    engine.run(sample, s);
    reference.run(sample, s);
    const std::size_t steps = engine.steps_used();
    used += steps;
    std::vector<double> counts(9);
    for (std::size_t t = 0; t < steps; ++t) {
      for (std::size_t i = 0; i < 9; ++i) counts[i] += reference.recorded<"first">().step(t)[i];
      for (const float count : reference.recorded<"second">().step(t))
        second += static_cast<std::uint64_t>(count);
    }
    for (const double count : counts) {
      first += static_cast<std::uint64_t>(count);
      highest = std::max(highest, count / (static_cast<double>(steps) * 0.01));
    }
  }
  REQUIRE(used > 40);
  REQUIRE(used < 40 * 30);
  const Activity activity = engine.activity();
  CHECK(activity.steps == 30);
  CHECK(activity.steps_used() == used);
  CHECK(activity.mean_steps() == static_cast<double>(used) / 40);
  CHECK(activity.layers[1].spikes == first);
  CHECK(activity.layers[1].neuron_updates == used * 9);
  CHECK(activity.layers[1].mean_rate ==
        Approx(static_cast<double>(first) / (static_cast<double>(used) * 9 * 0.01)));
  CHECK(activity.layers[1].max_rate == Approx(highest));
  CHECK(activity.layers[3].spikes == second);
  CHECK(activity.layers[3].neuron_updates == used * 7);
  engine.forget();
  CHECK(engine.activity().steps_used() == 0);
}

TEST_CASE("a batch stops as its samples do, for any number of threads") {
  using Net = Stacked<float32, Relu>;
  const Example<Net> e(11, Kind::Usual, 0.01f, 25);
  RunOptions options = e.options;
  options.stop = Stop::at_margin(3);
  constexpr std::size_t count = 120;
  std::mt19937 random(2);
  std::vector<std::vector<float>> samples(count);
  for (auto& sample : samples) sample = random_sample(random, 23);
  EventEngine<Net> single(e.parameters, options);
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < count; ++i) {
    single.run(samples[i], i);
    wanted.push_back(single.steps_used());
  }
  for (const std::size_t threads : {1u, 2u, 3u}) {
    BatchEngine<Net> batch(e.parameters, options, threads);
    std::vector<std::size_t> found(count);
    batch.run(
        0, count,
        [&](std::size_t i, float* to) { std::copy(samples[i].begin(), samples[i].end(), to); },
        [&](std::size_t i, const auto& engine, Values) { found[i] = engine.steps_used(); });
    CHECK(found == wanted);
    CHECK(batch.activity().steps_used() == single.activity().steps_used());
    CHECK(batch.activity().layers[1].mean_rate == single.activity().layers[1].mean_rate);
    CHECK(batch.activity().layers[1].max_rate == single.activity().layers[1].max_rate);
  }
}

TEST_CASE("runs that may stop early start from states that are set") {
  const Example<Shallow<float32>> e(7, Kind::Usual, 0.01f, 20);
  std::vector<float> voltage(19, 0.5f);
  ClockedReference<Shallow<float32>> reference(e.parameters, e.options);
  auto engine = e.engine(Stop::at_margin(1e9));
  reference.set_initial_voltage<"first">(voltage);
  engine.set_initial_voltage<"first">(voltage);
  CHECK(same_bits(engine.run(e.sample), reference.run(e.sample)));
  CHECK(same_bits(engine.state<"first">(), reference.state<"first">()));
  reference.set_state<"first">(voltage);
  engine.set_state<"first">(voltage);
  CHECK(same_bits(engine.run(e.sample), reference.run(e.sample)));
  voltage[4] = std::numeric_limits<float>::infinity();
  engine = e.engine(Stop::exact());
  engine.set_state<"first">(voltage);
  engine.run(e.sample);
  CHECK(engine.steps_used() == 20);  // a voltage that is no number tells nothing
}

TEST_CASE("stops that cannot be are refused") {
  struct OneValue : Network<Input<4>, Dense<3>, Spiking<Relu>, MeanOverTime, Dense<1>> {};
  struct NoEnd : Network<Input<4>, Dense<3>, Spiking<Relu>> {};
  static_assert(EventEngine<Seed>::can_stop);
  static_assert(!EventEngine<Seed, Probe<"out">>::can_stop);
  static_assert(!EventEngine<OneValue>::can_stop);
  static_assert(!EventEngine<NoEnd>::can_stop);
  static_assert(!EventEngine<Analog>::can_stop);

  const RunOptions exact{.dt = 0.01f, .steps = 3, .stop = Stop::exact()};
  CHECK_THROWS_AS(EventEngine<OneValue>(Parameters<OneValue>(), exact), InvalidSetting);
  CHECK_THROWS_AS(EventEngine<NoEnd>(Parameters<NoEnd>(), exact), InvalidSetting);
  CHECK_THROWS_WITH(EventEngine<Analog>(Parameters<Analog>(), exact),
                    "stop is exact: it must be never in a network whose output is not several "
                    "values known at the end");
  CHECK_THROWS_WITH((EventEngine<Seed, Probe<"out">>(Parameters<Seed>(), exact)),
                    "stop is exact: it must be never where layers are probed");
  RunOptions stateful = exact;
  stateful.stateful = true;
  CHECK_THROWS_WITH(EventEngine<Seed>(Parameters<Seed>(), stateful),
                    "stop is exact: it must be never where a run goes on from the last");
  for (const double margin : {-0.5, std::nan(""), std::numeric_limits<double>::infinity()}) {
    const RunOptions options{.dt = 0.01f, .steps = 3, .stop = Stop::at_margin(margin)};
    CHECK_THROWS_AS(options.validate(), InvalidSetting);
    CHECK_THROWS_AS(EventEngine<Seed>(Parameters<Seed>(), options), InvalidSetting);
  }
  CHECK_THROWS_WITH(Stop::at_margin(-0.5).validate(),
                    "the margin to stop at is -0.5: it must be a finite number of at least 0");
}

namespace {

/// Runs the definition from v by drives within bounds, and compares with what was foreseen.
template <class Neuron>
void check_bounds(float v, float least, float most, std::size_t steps,
                  const typename Neuron::Constants& constants, std::mt19937& random) {
  const SpikeBounds each = Neuron::each_ahead(v, least, most, constants);
  double sum = 0;
  const float start = v;
  for (std::size_t t = 1; t <= steps; ++t) {
    const float part = std::uniform_real_distribution<float>(0, 1)(random);
    const float drive = random() % 3 == 0 ? least
                        : random() % 2 == 0
                            ? most
                            : std::clamp(least + part * (most - least), least, most);
    const float count = Neuron::update(v, drive, constants);
    RC_ASSERT(count >= each.least);
    RC_ASSERT(count <= each.most);
    sum += count;
    if (t < 20 || t == steps) {
      const SpikeBounds all = Neuron::sum_ahead(start, least, most, t, constants);
      RC_ASSERT(sum >= all.least);
      RC_ASSERT(sum <= all.most);
    }
  }
}

float random_drive() {
  const double size = std::pow(10.0, *rc::gen::inRange(-9000, 4000) / 1000.0);
  return static_cast<float>((*rc::gen::arbitrary<bool>() ? 1 : -1) * size);
}

}  // namespace

TEST_CASE("neurons spike within the bounds that they foresee") {
  const Parameters<Membranes> parameters;
  const RateNeuron<Linear>::Constants constants(parameters, 0, 0.01f);
  CHECK(rc::check("rate neurons", [&] {
    using Neuron = RateNeuron<Linear>;
    std::mt19937 random(*rc::gen::arbitrary<std::uint32_t>());
    float low = random_drive(), high = *rc::gen::arbitrary<bool>() ? low : random_drive();
    if (low > high) std::swap(low, high);
    float v = std::uniform_real_distribution<float>(0, 1)(random);
    if (random() % 4 == 0) v = random() % 2 == 0 ? 0.0f : 0x1.fffffep-1f;
    check_bounds<Neuron>(v, low, high, *rc::gen::inRange<std::size_t>(1, 3000), constants, random);
  }));
  CHECK(rc::check("leaky neurons", [&] {
    const Lif::Constants leaky(parameters, 2, 0.001f * *rc::gen::inRange(1, 20));
    std::mt19937 random(*rc::gen::arbitrary<std::uint32_t>());
    std::uniform_real_distribution<float> voltage(-2, 3), drive(-0.5f, 1.2f);
    const float low = drive(random), edge = 1 - leaky.decay;
    const float high = random() % 2 == 0 ? edge : drive(random);
    check_bounds<Lif>(random() % 2 == 0 ? 1.0f : voltage(random), std::min(low, high),
                      std::max(low, high), *rc::gen::inRange<std::size_t>(1, 300), leaky, random);
  }));
  // A held drive's bounds leave hardly a choice.
  const SpikeBounds held = RateNeuron<Linear>::sum_ahead(0.5f, 0.3f, 0.3f, 100, constants);
  CHECK(held.least == 30);
  CHECK(held.most == 30);
  CHECK(RateNeuron<Linear>::each_ahead(0.5f, 0, 0, constants).most == 0);
  CHECK(std::isnan(RateNeuron<Linear>::each_ahead(std::nanf(""), 0, 0, constants).most));
}

namespace {

/// Sums of inputs within bounds are within theirs, and one that leads is ahead.
template <class Weight, class Carrier>
void check_sums(const std::string& what) {
  constexpr std::size_t inputs = 23, width = 5;
  struct Net : Network<Input<inputs>, Dense<width, Weight>> {};
  using Sums = Dense<width, Weight>;
  using Placed = Site<1, Signal<Shape<inputs>, Carrier>, Signal<Shape<width>, Final>, 0,
                      Delivery::EveryStep, Delivery::EveryStep, false>;
  constexpr bool spikes = carried_by<typename Placed::In, Spikes>;
  std::size_t leading = 0;
  CHECK(rc::check(what, [&] {
    std::mt19937 random(*rc::gen::arbitrary<std::uint32_t>());
    auto parameters = random_parameters<Net>(random, 1);
    typename Sums::template Event<Placed> event(parameters, RunOptions{});
    Outlook in(inputs), out(width), work(width);
    const float size = std::pow(10.0f, static_cast<float>(*rc::gen::inRange(-4, 5)));
    std::normal_distribution<float> normal(0, size);
    const auto value = [&] { return spikes ? std::round(normal(random)) : normal(random); };
    in.unit = spikes ? 0.01f : 1.0f;
    const bool certain = random() % 2 == 0;
    for (std::size_t i = 0; i < inputs; ++i) {
      const float x = random() % 4 == 0 ? 0.0f : value(), y = certain ? x : value();
      in.least[i] = std::min(x, y);
      in.most[i] = std::max(x, y);
    }
    in.settle();
    event.foresee(in, out);
    RC_ASSERT(out.known);
    std::array<bool, width> leads{};
    for (std::size_t c = 0; c < width; ++c) leading += leads[c] = event.leads(in, c, work);
    for (int run = 0; run < 20; ++run) {
      Buffer<float> x(inputs), count(inputs);
      Buffer<std::uint32_t> index(inputs);
      std::size_t events = 0;
      for (std::size_t i = 0; i < inputs; ++i) {
        const double part = static_cast<double>(random() % 5) / 4;
        const double inside = in.least[i] + part * (in.most[i] - in.least[i]);
        x[i] = static_cast<float>(spikes ? std::floor(inside) : inside);
        if (x[i] == 0) continue;
        index[events] = static_cast<std::uint32_t>(i);
        count[events++] = x[i];
      }
      if constexpr (spikes)
        event.step(SpikeView{index.data(), count.data(), events, in.unit});
      else
        event.after(Values(x));
      for (std::size_t j = 0; j < width; ++j) {
        RC_ASSERT(event.value()[j] >= out.least[j]);
        RC_ASSERT(event.value()[j] <= out.most[j]);
        for (std::size_t c = 0; c < width; ++c)
          RC_ASSERT(j == c || !leads[c] || event.value()[c] > event.value()[j]);
      }
    }
  }));
  CHECK(leading > 0);
}

}  // namespace

TEST_CASE("sums are within the bounds that their inputs give them") {
  check_sums<float32, Final>("float32 of values");
  check_sums<float32, Spikes>("float32 of spikes");
  check_sums<bfloat16, Final>("bfloat16 of values");
  check_sums<bfloat16, Spikes>("bfloat16 of spikes");
  check_sums<int8, Final>("int8 of values");
  check_sums<int8, Spikes>("int8 of spikes");
}

TEST_CASE("of equal values the first one leads") {
  Outlook y(3);
  const auto set = [&y](std::size_t i, double least, double most) {
    y.least[i] = least;
    y.most[i] = most;
  };
  set(0, -1, 0);
  set(1, 0, 2);
  set(2, -3, 0);
  y.settle();
  CHECK(!leads(y, 1));
  set(0, -1, -0.5);
  CHECK(leads(y, 1));
  CHECK(!leads(y, 0));
  set(1, -0.25, 2);
  CHECK(!leads(y, 1));
  set(1, 1, std::numeric_limits<double>::infinity());
  y.settle();
  CHECK(!leads(y, 1));
}

TEST_CASE("weights say what they stand for") {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 1);
  constexpr std::size_t inputs = 7, width = 53;
  std::vector<float> kernel(inputs * width), bias(width);
  for (float& w : kernel) w = normal(random);
  for (float& b : bias) b = normal(random);
  const float32::Event<inputs, width> whole(kernel.data(), bias.data(), {});
  const bfloat16::Event<inputs, width> half(kernel.data(), bias.data(), {});
  const int8::Event<inputs, width> byte(kernel.data(), bias.data(), {});
  const int8::Clocked<inputs, width> byte_definition(kernel.data(), bias.data());
  const bfloat16::Clocked<inputs, width> half_definition(kernel.data(), bias.data());
  for (std::size_t i = 0; i < inputs; ++i)
    for (std::size_t j = 0; j < width; ++j) {
      const std::size_t k = i * width + j;
      CHECK(whole.weight(i, j) == kernel[k]);
      CHECK(half.weight(i, j) == half_definition.kernel[k]);
      CHECK(byte.weight(i, j) == byte_definition.scale[j] * byte_definition.weight[k]);
    }
  for (std::size_t j = 0; j < width; ++j) {
    CHECK(whole.bias(j) == bias[j]);
    CHECK(half.bias(j) == bias[j]);
    CHECK(byte.bias(j) == bias[j]);
  }
}
