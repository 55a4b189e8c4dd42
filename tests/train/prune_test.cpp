#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <synfire/error.hpp>
#include <synfire/prune.hpp>

using namespace synfire;

namespace {

using Floats = std::vector<float>;

Floats pruned(Floats values, std::size_t width, std::size_t group, double sparsity,
              const Power& power = {}) {
  prune(values.data(), values.size(), width, group, sparsity, power);
  return values;
}

}  // namespace

TEST_CASE("pruning takes the least weights, of equal ones the first") {
  CHECK(pruned({3, -1, 2, -4}, 2, 1, 0.5) == Floats{3, 0, 0, -4});
  CHECK(pruned({1, -1, 1, 1}, 2, 1, 0.5) == Floats{0, 0, 1, 1});
  CHECK(pruned({3, -1, 2, -4}, 2, 1, 0) == Floats{3, -1, 2, -4});
  CHECK(pruned({3, -1, 2, -4}, 2, 1, 0.49) == Floats{3, 0, 2, -4});          // 1.96 of them: one
  CHECK(pruned({0, 0, 5, 0, 0, 1}, 6, 1, 0.5) == Floats{0, 0, 5, 0, 0, 1});  // gone before
}

TEST_CASE("pruning takes groups of neighbours by their norm, a smaller one at a row's end") {
  // Norms squared: 5 | 4 of the first row, 8 | 1 of the second.
  CHECK(pruned({1, 2, 2, 2, 2, 1}, 3, 2, 0.5) == Floats{1, 2, 0, 2, 2, 0});
  CHECK(pruned({1, 2, 2, 2, 2, 1}, 3, 2, 0.75) == Floats{0, 0, 0, 2, 2, 0});
}

TEST_CASE("pruning weighs rows by their power, and takes the least of those without") {
  CHECK(pruned({1, 2, 3, 4}, 2, 1, 0.5, {100, 1}) == Floats{1, 2, 0, 0});
  CHECK(pruned({1, 2, 3, 4}, 2, 1, 0.5, {10, 1}) == Floats{0, 2, 0, 4});  // 10, 40 | 9, 16
  CHECK(pruned({4, 3, 1, 1}, 2, 1, 0.25, {0, 1}) == Floats{4, 0, 1, 1});
}

TEST_CASE("pruning leaves exactly what it says") {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const std::size_t group : {1, 8, 16})
    for (const double sparsity : {0.1, 0.5, 0.9, 0.999}) {
      Floats values(40 * 64);
      for (float& x : values) x = normal(random);
      const Floats after = pruned(values, 64, group, sparsity);
      std::size_t zeros = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        CHECK((after[i] == values[i] || after[i] == 0));
        zeros += after[i] == 0;
      }
      const auto groups = static_cast<double>(values.size() / group);
      CHECK(zeros == static_cast<std::size_t>(std::floor(sparsity * groups)) * group);
    }
}

TEST_CASE("the tensors of sparse connectivity are pruned, and no others") {
  const TensorSpec sparse{"kernel", {2, 2}, {}, true, nullptr, 1}, bias{"bias", {2, 0}, {}},
      full{"kernel", {2, 2}, {}};
  ParameterSet parameters({"a", "b"}, {{0, sparse}, {0, bias}, {1, full}});
  for (std::size_t i = 0; i < 3; ++i)
    std::fill(parameters.tensor(i).begin(), parameters.tensor(i).end(), 1.0f);
  const auto done = prune(parameters, 0.75, {{1, 2}, {}, {}});
  REQUIRE(done.size() == 1);
  CHECK(done[0].layer == 0);
  CHECK(done[0].values == 4);
  CHECK(done[0].kept == 1);
  CHECK(parameters.tensor(0)[3] == 1);
  for (const std::size_t i : {1, 2})
    for (const float x : parameters.tensor(i)) CHECK(x == 1);
  CHECK(prune(parameters, 0).size() == 1);
  ParameterSet dense({"b"}, {{0, full}});
  CHECK(prune(dense, 0.5).empty());
}

TEST_CASE("a pruning that cannot be is refused and changes nothing") {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  for (const double sparsity : {-0.1, 1.0, 2.0, kNaN}) {
    Floats values{3, 1, 2};
    CHECK_THROWS_AS(prune(values.data(), 3, 3, 1, sparsity), InvalidSetting);
    CHECK(values == Floats{3, 1, 2});
  }
  for (const double exponent : {-0.1, 1.1, kNaN})
    CHECK_THROWS_AS(require_exponent(exponent), InvalidSetting);
  Floats values{3, std::numeric_limits<float>::quiet_NaN(), 2};
  CHECK_THROWS_AS(prune(values.data(), 3, 3, 1, 0.5), InvalidSetting);
  CHECK(values[0] == 3);
  values[1] = 1;
  CHECK_THROWS_AS(prune(values.data(), 3, 3, 1, 0.5, {kNaN}), InvalidSetting);
}
