#include <synfire/percentile.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <random>

using synfire::percentile;

TEST_CASE("a percentile is the least value that so many do not exceed") {
  std::vector<double> values(1000);
  std::iota(values.begin(), values.end(), 1.0);
  std::shuffle(values.begin(), values.end(), std::mt19937(1));
  CHECK(percentile(values, 0.5) == 500);
  CHECK(percentile(values, 0.99) == 990);
  CHECK(percentile(values, 0.999) == 999);
  CHECK(percentile(values, 1) == 1000);
  CHECK(percentile(values, 0.0001) == 1);
  for (std::size_t rank = 1; rank <= 1000; ++rank)
    REQUIRE(percentile(values, static_cast<double>(rank) / 1000) == static_cast<double>(rank));
  values.push_back(1001);
  CHECK(percentile(values, 0.5) == 501);
  CHECK(percentile(values, 0.999) == 1000);
}

TEST_CASE("percentiles of few values and of equal ones") {
  std::vector<double> one{7};
  for (const double part : {0.001, 0.5, 0.999, 1.0}) CHECK(percentile(one, part) == 7);
  std::vector<double> two{3, 1};
  CHECK(percentile(two, 0.5) == 1);
  CHECK(percentile(two, 0.51) == 3);
  std::vector<double> equal(99, 2.0);
  equal.push_back(9);
  CHECK(percentile(equal, 0.99) == 2);
  CHECK(percentile(equal, 0.999) == 9);
}
