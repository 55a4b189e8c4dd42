// Every activation against its formula, and its neurons in the reference and the event engine. A
// new activation is one line in the first test, and one word in the second.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>

#include "conformance.hpp"
#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

using Formula = long double (*)(long double);
constexpr long double kSeluScale = 1.0507009873554804934193349852946L,
                      kSeluAlpha = 1.6732632423543772848170429916717L;

long double sigmoid(long double x) {
  return 1 / (1 + std::exp(-x));
}
long double normal(long double x) {
  return std::erfc(-x / std::numbers::sqrt2_v<long double>) / 2;
}
long double normal_density(long double x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<long double>);
}

/// From 1e-30 to 1e30, and closely around 0.
std::vector<float> arguments() {
  std::vector<float> all{0};
  for (float x = 0.01f; x < 30; x += 0.173f) all.insert(all.end(), {x, -x});
  for (int exponent = -30; exponent <= 30; ++exponent) {
    const auto x = static_cast<float>(std::pow(10.0, exponent));
    all.insert(all.end(), {x, -x});
  }
  return all;
}

/// A few units in the last place, or of the least normal number, or an infinity.
bool close(float found, long double wanted, long double margin = 0) {
  using Limits = std::numeric_limits<float>;
  if (std::abs(wanted) > Limits::max()) return found == static_cast<float>(wanted);
  return std::abs(found - wanted) <=
         4 * Limits::epsilon() * std::abs(wanted) + Limits::min() + margin;
}

class Conformance {
 public:
  /// `value` and `derivative` as TensorFlow has them; at a kink, `derivative` is the one it takes.
  /// `margin` is the absolute error that Keras's own arithmetic has.
  template <Activation A>
  void check(std::string_view name, Formula value, Formula derivative,
             const std::vector<float>& kinks = {}, long double margin = 0) {
    INFO(name);
    CHECK(A::name == name);
    CHECK(names_.insert(A::name).second);
    std::vector<float> xs = arguments();
    xs.insert(xs.end(), kinks.begin(), kinks.end());
    for (const float x : xs) {
      INFO(x);
      CHECK(close(A::value(x), value(x), margin));
      CHECK(close(A::derivative(x), derivative(x), 1e-15L));
      if constexpr (is_nonnegative<A>) CHECK(A::value(x) >= 0);
      const bool smooth = std::none_of(kinks.begin(), kinks.end(),
                                       [x](float k) { return std::abs(x - k) < 1e-2f; });
      if (smooth && std::abs(x) < 30) {
        const long double h = 1e-5L;
        const auto slope = static_cast<double>((value(x + h) - value(x - h)) / (2 * h));
        CHECK(A::derivative(x) == Approx(slope).epsilon(1e-6).margin(1e-12));
      }
    }
    const float infinity = std::numeric_limits<float>::infinity();
    for (const float end : {-infinity, infinity}) {
      const float far = A::value(std::copysign(1e30f, end));
      CHECK(A::value(end) == (std::abs(far) < 1e20f ? far : far * infinity));
      CHECK(A::derivative(end) == A::derivative(std::copysign(1e30f, end)));
    }
    CHECK(std::isnan(A::value(std::nanf(""))));
  }

 private:
  std::set<std::string_view> names_;
};

}  // namespace

TEST_CASE("activations and their derivatives are their formulas") {
  using X = long double;
  Conformance c;
  // clang-format off
  c.check<Elu>("elu", [](X x) { return x < 0 ? std::expm1(x) : x; }, [](X x) { return x < 0 ? std::exp(x) : 1; }, {0});
  c.check<Exponential>("exponential", [](X x) { return std::exp(x); }, [](X x) { return std::exp(x); });
  c.check<Gelu>("gelu", [](X x) { return x * normal(x); }, [](X x) { return normal(x) + x * normal_density(x); });
  c.check<HardSigmoid>("hard_sigmoid", [](X x) { return std::clamp<X>(0.2L * x + 0.5L, 0, 1); }, [](X x) { return std::abs(x) <= 2.5L ? 0.2L : 0; }, {-2.5f, 2.5f}, 1e-7L);
  c.check<LeakyRelu<>>("leaky_relu(1/5)", [](X x) { return x > 0 ? x : 0.2L * x; }, [](X x) { return x > 0 ? 1 : 0.2L; }, {0});
  c.check<LeakyRelu<std::ratio<30, 1000>>>("leaky_relu(3/100)", [](X x) { return x > 0 ? x : 0.03L * x; }, [](X x) { return x > 0 ? 1 : 0.03L; }, {0});
  c.check<Linear>("linear", [](X x) { return x; }, [](X) -> X { return 1; });
  c.check<Relu>("relu", [](X x) { return std::max<X>(x, 0); }, [](X x) -> X { return x > 0 ? 1 : 0; }, {0});
  c.check<Selu>("selu", [](X x) { return kSeluScale * (x < 0 ? kSeluAlpha * std::expm1(x) : x); }, [](X x) { return kSeluScale * (x < 0 ? kSeluAlpha * std::exp(x) : 1); }, {0});
  c.check<Sigmoid>("sigmoid", sigmoid, [](X x) { return sigmoid(x) * sigmoid(-x); });
  c.check<Softplus>("softplus", [](X x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }, sigmoid);
  c.check<Softsign>("softsign", [](X x) { return x / (1 + std::abs(x)); }, [](X x) { return 1 / ((1 + std::abs(x)) * (1 + std::abs(x))); }, {0});
  c.check<Swish>("swish", [](X x) { return x * sigmoid(x); }, [](X x) { return sigmoid(x) * (1 + x * sigmoid(-x)); });
  c.check<Tanh>("tanh", [](X x) { return std::tanh(x); }, [](X x) { return 4 * sigmoid(2 * x) * sigmoid(-2 * x); });
  // clang-format on
}

TEMPLATE_TEST_CASE("neurons of every activation fire in the event engine as in the reference", "",
                   Elu, Exponential, Gelu, HardSigmoid, LeakyRelu<>, Linear, Relu, Selu, Sigmoid,
                   Softplus, Softsign, Swish, Tanh) {
  check_neuron<RateNeuron<TestType>>({Parameters<Network<Input<1>>>(), 0, 0.1f});

  struct Net : Network<Input<11>, Dense<19>, Named<"first", Spiking<TestType>>, Dense<21>,
                       Named<"second", Spiking<TestType>>, MeanOverTime, Dense<3>> {};
  using First = Probe<"first">;
  using Second = Probe<"second">;
  std::mt19937 random(8);
  std::normal_distribution<float> normal(0, 0.2f);
  Parameters<Net> parameters;
  std::uint64_t fired = 0, negative = 0;
  for (std::size_t round = 0; round < 8; ++round) {
    for (std::size_t i = 0; i < parameters.count(); ++i)
      for (float& value : parameters.tensor(i)) value = normal(random);
    const RunOptions options{.dt = 0.1f, .steps = 15, .seed = round};
    const auto sample = random_sample(random, 11);
    ClockedReference<Net, First, Second> reference(parameters, options);
    EventEngine<Net, First, Second> probed(parameters, options);
    EventEngine<Net> engine(parameters, options);
    const Values wanted = reference.run(sample, round);
    CHECK(same_bits(probed.run(sample, round), wanted));
    CHECK(same_bits(engine.run(sample, round), wanted));
    std::uint64_t counted = 0;
    const auto compare = [&](Values found, Values expected) {
      CHECK(same_bits(found, expected));
      for (const float count : expected) {
        counted += static_cast<std::uint64_t>(std::abs(count));
        negative += count < 0;
      }
    };
    compare(probed.template recorded<"first">().values(),
            reference.template recorded<"first">().values());
    compare(probed.template recorded<"second">().values(),
            reference.template recorded<"second">().values());
    CHECK(probed.activity().spikes() == counted);
    CHECK(engine.activity().spikes() == counted);
    CHECK(engine.activity().max_rate() == probed.activity().max_rate());
    fired += counted;
  }
  CHECK(fired > 50);
  CHECK((negative > 0) == !is_nonnegative<TestType>);
}
