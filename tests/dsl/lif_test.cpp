#include <synfire/error.hpp>

#include "conformance.hpp"
#include "nets.hpp"

using namespace synfire;

TEST_CASE("the leaky neuron") {
  Parameters<test::Leaky> parameters;
  constexpr std::size_t tau = 2;
  REQUIRE(parameters.placed(tau).spec.name == "tau");
  CHECK(parameters.tensor(tau)[0] == 0.005f);
  const Lif::Constants constants(parameters, tau, 0.001f);
  CHECK(constants.decay == Approx(std::exp(-0.2)));
  test::check_neuron<Lif>(constants);

  float v = 0;
  CHECK(Lif::update(v, 1.5f, constants) == 1);  // fires at once
  CHECK(v == 1.5f);
  CHECK(Lif::update(v, 0.0f, constants) == 0);  // the spike is subtracted behind the decay
  CHECK(v == Approx(1.5f * std::exp(-0.2f) - 1));
  CHECK(Lif::update(v = 0, 1.0f, constants) == 0);  // the threshold itself is not above it
}

TEST_CASE("a time constant that cannot be is refused") {
  Parameters<test::Leaky> parameters;
  for (const float tau : {0.0f, -1.0f, std::nanf("")}) {
    parameters.tensor(2)[0] = tau;
    CHECK_THROWS_AS((EventEngine<test::Leaky>(parameters, {.dt = 0.1f, .steps = 1})),
                    InvalidSetting);
    CHECK_THROWS_AS((DenseTrainer<test::Leaky>(parameters, {})), InvalidSetting);
  }
}
