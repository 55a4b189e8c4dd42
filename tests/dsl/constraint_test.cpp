#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include <synfire/dsl.hpp>

#include "golden.hpp"
#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

TEST_CASE("the mean constraint is KerasSpiking's") {
  std::size_t cases = 0;
  const nlohmann::json file = read_json(golden_path("regularizers.json"));
  for (const auto& c : file.at("cases")) {
    if (!c.contains("constraint")) continue;
    ++cases;
    const int axis = c.at("axis").get<int>();
    INFO("axis " << axis);
    Array x = array_from(c.at("inputs"));
    const Array wanted = array_from(c.at("outputs"));
    const TensorSpec::Extents extents{x.shape[0], x.shape[1]};
    const Constraint apply = axis == -1  ? constrain<Mean<>>
                             : axis == 0 ? constrain<Mean<0>>
                                         : constrain<Mean<1>>;
    apply(x.values.data(), extents);
    for (std::size_t i = 0; i < wanted.values.size(); ++i)
      CHECK(x.values[i] == Approx(wanted.values[i]).epsilon(1e-6).margin(1e-7));
  }
  CHECK(cases == 3);
}

TEST_CASE("constraints of a vector, one after the other") {
  std::vector<float> x{0.5f, -3.0f, 1.0f, std::numeric_limits<float>::quiet_NaN(), 0.0f};
  const TensorSpec::Extents extents{5, 0};
  LowerBound<std::ratio<1, 4>>::apply(x.data(), extents);
  CHECK(std::isnan(x[3]));
  x[3] = 0.25f;
  CHECK(x == std::vector<float>{0.5f, 0.25f, 1.0f, 0.25f, 0.25f});
  constrain<Mean<>, LowerBound<std::ratio<1, 2>>>(x.data(), extents);
  CHECK(x == std::vector<float>(5, 0.5f));
  CHECK((ConstraintOf<Mean<>, 1> && ConstraintOf<Mean<0>, 1> && ConstraintOf<Mean<-2>, 2>));
  CHECK_FALSE((ConstraintOf<Mean<1>, 1> || ConstraintOf<Mean<-2>, 1> || ConstraintOf<Relu, 1>));
}

namespace {
template <class... Settings>
struct Net
    : Network<Input<23>, Dense<33>, Spiking<Relu>, Lowpass<Settings...>, LastOverTime, Dense<5>> {};

/// The tensors of the filter after some steps of training.
template <class... Settings>
std::array<std::vector<float>, 2> trained() {
  std::mt19937 random(3);
  auto parameters = Parameters<Net<Settings...>>::initial(1);
  DenseTrainer<Net<Settings...>> trainer(
      parameters, {.dt = 0.01f, .steps = 8, .batch = 4, .learning_rate = 0.02f});
  for (std::uint32_t epoch = 0; epoch < 5; ++epoch) {
    const std::vector<float> x = random_sample(random, 4 * 23);
    const std::vector<std::uint8_t> labels{0, 1, 2, 3};
    const std::vector<std::uint32_t> samples{0, 1, 2, 3};
    trainer.train_batch(x.data(), labels.data(), samples.data(), 4, epoch);
  }
  const auto vector = [](const Buffer<float>& b) { return std::vector<float>(b.begin(), b.end()); };
  return {vector(parameters.tensor(2)), vector(parameters.tensor(3))};
}
}  // namespace

TEST_CASE("training keeps parameters to their constraints") {
  const auto [level, tau] = trained<Tau<std::ratio<1, 20>>>();
  CHECK(*std::min_element(tau.begin(), tau.end()) < *std::max_element(tau.begin(), tau.end()));
  CHECK(*std::min_element(tau.begin(), tau.end()) < 0.05f);
  CHECK(*std::min_element(level.begin(), level.end()) < 0);

  const auto [kept_level, shared_tau] =
      trained<Tau<std::ratio<1, 20>>, TauConstraint<Mean<>>,
              InitialLevelConstraint<LowerBound<std::ratio<0>>>>();
  CHECK(shared_tau.front() != 0.05f);
  CHECK(shared_tau == std::vector<float>(33, shared_tau.front()));
  CHECK(*std::min_element(kept_level.begin(), kept_level.end()) == 0);
  CHECK(*std::max_element(kept_level.begin(), kept_level.end()) > 0);

  // What is fixed is neither trained nor constrained.
  const auto [fixed_level, fixed_tau] =
      trained<Fixed, TauConstraint<LowerBound<std::ratio<1>>>, Tau<std::ratio<1, 20>>>();
  CHECK(fixed_tau == std::vector<float>(33, 0.05f));
  CHECK(fixed_level == std::vector<float>(33));
}
