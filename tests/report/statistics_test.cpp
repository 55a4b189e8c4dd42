#include <synfire/statistics.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>

#include <rapidcheck.h>

#include <synfire/error.hpp>
#include <synfire/random.hpp>

using namespace synfire;

namespace {

/// The interval's share of `trials` data sets, of n values each, that holds the mean that they were
/// drawn from.
double coverage(std::size_t n, std::size_t trials, double (*shape)(double), double mean) {
  std::size_t held = 0;
  for (std::size_t trial = 0; trial < trials; ++trial) {
    std::vector<float> drawn(n);
    uniform({99, Stream::Data, 0, 0, static_cast<std::uint32_t>(trial)}, drawn.data(), n);
    std::vector<std::vector<double>> column(1, std::vector<double>(n));
    for (std::size_t i = 0; i < n; ++i) column[0][i] = shape(static_cast<double>(drawn[i]));
    const MeanInterval found = bootstrap_means(column, {trial, 1000, 0.95})[0];
    held += found.low <= mean && mean <= found.high;
  }
  return static_cast<double>(held) / static_cast<double>(trials);
}

/// p by all 2^n flips.
double all_flips(const std::vector<double>& d) {
  const double found = std::abs(std::accumulate(d.begin(), d.end(), 0.0));
  std::size_t beyond = 0;
  for (std::size_t flips = 0; flips < std::size_t{1} << d.size(); ++flips) {
    double sum = 0;
    for (std::size_t i = 0; i < d.size(); ++i) sum += (flips >> i & 1) != 0 ? -d[i] : d[i];
    beyond += std::abs(sum) >= found - 1e-12;
  }
  return static_cast<double>(beyond) / std::pow(2.0, static_cast<double>(d.size()));
}

std::vector<std::uint8_t> marks(std::size_t only, std::size_t other, bool first) {
  std::vector<std::uint8_t> all(only, first);
  all.insert(all.end(), other, !first);
  all.push_back(1);
  all.push_back(0);
  return all;
}

McNemar of_counts(std::size_t only_a, std::size_t only_b) {
  return mcnemar(marks(only_a, only_b, true), marks(only_a, only_b, false));
}

std::string sentence_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the bootstrap's interval is about as wide as the normal one, and as often right") {
  // The mean of 400 values 0 or 1, half of them 1: its standard error is 0.025.
  std::vector<std::vector<double>> halves(1, std::vector<double>(400));
  for (std::size_t i = 0; i < 200; ++i) halves[0][i] = 1;
  const MeanInterval found = bootstrap_means(halves, {3, 20000, 0.95})[0];
  CHECK(found.mean == 0.5);
  CHECK(found.low == Approx(0.5 - 1.96 * 0.025).margin(0.0026));
  CHECK(found.high == Approx(0.5 + 1.96 * 0.025).margin(0.0026));
  const MeanInterval narrower = bootstrap_means(halves, {3, 20000, 0.5})[0];
  CHECK(narrower.high - narrower.low == Approx(2 * 0.6745 * 0.025).margin(0.0051));

  CHECK(coverage(
            60, 400, [](double u) { return u; }, 0.5) == Approx(0.95).margin(0.035));
  CHECK(coverage(
            80, 400, [](double u) { return -std::log(1 - u); }, 1) == Approx(0.94).margin(0.04));
}

TEST_CASE("bootstrap intervals: properties") {
  CHECK(rc::check("the same seed gives the same bits, a mean lies within its values", [] {
    const auto whole = *rc::gen::nonEmpty<std::vector<std::int16_t>>();
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    std::vector<std::vector<double>> columns(2);
    for (const std::int16_t value : whole) {
      columns[0].push_back(value);
      columns[1].push_back(4.0 * value);
    }
    const Resampling how{seed, 800, 0.95};
    const auto found = bootstrap_means(columns, how);
    RC_ASSERT(found == bootstrap_means(columns, how));
    RC_ASSERT(found == bootstrap_means(columns, {seed, 800, 0.95, 1}));
    const auto [least, most] = std::minmax_element(columns[0].begin(), columns[0].end());
    RC_ASSERT(*least <= found[0].low);
    RC_ASSERT(found[0].low <= found[0].high);
    RC_ASSERT(found[0].high <= *most);
    // The same draws for all columns: a power of two scales every sum without rounding.
    RC_ASSERT(found[1] == (MeanInterval{4 * found[0].mean, 4 * found[0].low, 4 * found[0].high}));
    // A net beside itself differs by nothing.
    RC_ASSERT(bootstrap_difference(columns[0], columns[0], how) == MeanInterval{});
    RC_ASSERT(sign_flip_test(columns[0], columns[0], how) == 1.0);
  }));
  // What does not vary has no interval, however its sum would be rounded.
  const std::vector<std::vector<double>> constant{std::vector<double>(10000, 0.1),
                                                  std::vector<double>(10000, 2.3160832e-3)};
  CHECK(bootstrap_means(constant) ==
        std::vector<MeanInterval>{{0.1, 0.1, 0.1}, {2.3160832e-3, 2.3160832e-3, 2.3160832e-3}});
  const std::vector<double> few{1, 2, 3, 4, 7}, same(5, 2.5);
  CHECK(bootstrap_difference(few, same, {1}).mean == Approx(0.9));
  CHECK_FALSE(bootstrap_difference(few, same, {1}) == bootstrap_difference(few, same, {2}));
}

TEST_CASE("McNemar's exact p") {
  CHECK(of_counts(0, 0).p == 1);
  CHECK(of_counts(7, 7).p == 1);
  CHECK(of_counts(5, 0).p == Approx(2.0 / 32).epsilon(1e-12));
  CHECK(of_counts(0, 5).p == Approx(2.0 / 32).epsilon(1e-12));
  CHECK(of_counts(1, 9).p == Approx(2 * 11.0 / 1024).epsilon(1e-12));
  CHECK(of_counts(3, 4).p == Approx(1).epsilon(1e-12));
  // 2 * sum of C(180, k), k <= 59, over 2^180; by integers of any size.
  CHECK(of_counts(121, 59).p == Approx(4.434449263755176e-06).epsilon(1e-9));
  CHECK(of_counts(600, 400).p == Approx(2.7284641560660184e-10).epsilon(1e-9));
  CHECK(of_counts(20000, 0).p == 0);  // below what a double holds
  CHECK(of_counts(121, 59).only_a == 121);
  CHECK(of_counts(121, 59).only_b == 59);
}

TEST_CASE("McNemar's p: properties") {
  CHECK(rc::check("it is the binomial's, and knows no first and second", [] {
    const auto b = static_cast<std::size_t>(*rc::gen::inRange(0, 24));
    const auto c = static_cast<std::size_t>(*rc::gen::inRange(0, 24));
    double sum = 0, choose = 1;
    for (std::size_t k = 0; k <= std::min(b, c); ++k) {
      sum += choose;
      choose = choose * static_cast<double>(b + c - k) / static_cast<double>(k + 1);
    }
    const double wanted = std::min(1.0, std::ldexp(sum, 1 - static_cast<int>(b + c)));
    RC_ASSERT(std::abs(of_counts(b, c).p - wanted) < 1e-12);
    RC_ASSERT(of_counts(c, b).p == of_counts(b, c).p);
  }));
}

TEST_CASE("the sign-flip test agrees with all flips, and is never 0") {
  const Resampling many{5, 40000, 0.95};
  for (const std::vector<double>& d : {std::vector<double>{1, 2, 3, 4, 5, 6},
                                       {1, -2, 3, 0.5, 2.5, -1, 4, 0.25},
                                       {0.1, 0.2, 0.3},
                                       {1, 1, 1, 1, -1, -1, 1, 1, 1, 1, 1, 1}}) {
    const std::vector<double> none(d.size());
    CHECK(sign_flip_test(d, none, many) == Approx(all_flips(d)).margin(0.01));
    CHECK(sign_flip_test(d, none, many) == sign_flip_test(none, d, many));
    CHECK(sign_flip_test(d, none, many) == sign_flip_test(d, none, many));
  }
  const std::vector<double> more(500, 2.0), less(500, 1.0);
  CHECK(sign_flip_test(more, less, {0, 999, 0.95}) == 0.001);
}

TEST_CASE("under no difference p is uniform") {
  std::size_t below = 0;
  constexpr std::size_t kTrials = 400, kPairs = 30;
  for (std::size_t trial = 0; trial < kTrials; ++trial) {
    std::vector<float> drawn(2 * kPairs);
    uniform({7, Stream::Data, 0, 0, static_cast<std::uint32_t>(trial)}, drawn.data(), drawn.size());
    const std::vector<double> a(drawn.begin(), drawn.begin() + kPairs);
    const std::vector<double> b(drawn.begin() + kPairs, drawn.end());
    below += sign_flip_test(a, b, {trial, 999, 0.95}) <= 0.2;
  }
  CHECK(static_cast<double>(below) / kTrials == Approx(0.2).margin(0.06));
}

TEST_CASE("Holm's adjustment") {
  CHECK(holm({}).empty());
  const std::vector<double> p{0.01, 0.04, 0.03, 0.5};
  const std::vector<double> adjusted = holm(p);
  CHECK(adjusted[0] == Approx(0.04));
  CHECK(adjusted[2] == Approx(0.09));
  CHECK(adjusted[1] == Approx(0.09));  // 0.08, but not below the one before
  CHECK(adjusted[3] == Approx(0.5));
  CHECK(holm(std::vector<double>{0.7, 0.6}) == std::vector<double>{1, 1});
}

TEST_CASE("statistics refuse what they cannot take") {
  const std::vector<double> three{1, 2, 3}, two{1, 2}, none;
  const std::vector<double> broken{1, std::numeric_limits<double>::quiet_NaN()};
  const std::vector<double> endless{1, std::numeric_limits<double>::infinity()};
  CHECK(sentence_of([&] { bootstrap_difference(none, none); }) ==
        "there are no samples to take a mean of");
  CHECK(sentence_of([&] {
          bootstrap_means(std::vector<std::vector<double>>{three, two});
        }) == "samples come in pairs, but there are 3 of one and 2 of the other");
  CHECK(sentence_of([&] { sign_flip_test(three, two); }) ==
        "samples come in pairs, but there are 3 of one and 2 of the other");
  CHECK(sentence_of([&] { sign_flip_test(two, broken); }) ==
        "sample 1 has the value nan: statistics need finite numbers");
  CHECK(sentence_of([&] { bootstrap_difference(endless, two); }) ==
        "sample 1 has the value inf: statistics need finite numbers");
  CHECK(sentence_of([] { mcnemar({}, {}); }) == "there are no samples to compare");
  const std::vector<std::uint8_t> one{1};
  CHECK(sentence_of([&] { mcnemar(one, {}); }) ==
        "samples come in pairs, but there are 1 of one and 0 of the other");
  for (const double confidence : {0.0, 1.0, -1.0, std::nan("")})
    CHECK_THROWS_AS((Resampling{0, 4000, confidence}.validate()), InvalidSetting);
  CHECK_THROWS_AS((Resampling{0, 99, 0.5}.validate()), InvalidSetting);
  CHECK_THROWS_AS((Resampling{0, 799, 0.95}.validate()), InvalidSetting);
  CHECK_NOTHROW(Resampling{0, 800, 0.95}.validate());
}
