#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "synfire/kernels.hpp"
#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;

struct Matrix {
  std::size_t rows, n, stride;
  Buffer<float> values;
};

/// Rows of n values, `stride` apart, that end where their allocation ends; what lies between the
/// rows is NaN.
Matrix matrix(std::mt19937& random, std::size_t rows, std::size_t n, std::size_t stride,
              const std::vector<float>& from) {
  std::vector<float> values((rows - 1) * stride + n, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i < n; ++i) values[r * stride + i] = from[random() % from.size()];
  return {rows, n, stride, poisoned(values)};
}

double defined_penalty(const Matrix& x, float unit, const kernels::Penalty& p, float scale,
                       std::vector<float>* gradient, std::size_t gradient_stride) {
  struct Sums {
    float magnitudes = 0, squares = 0;
  };
  std::vector<Sums> whole(kernels::kLanes), rest(kernels::kLanes);
  const float lo = kernels::in_units(p.lo, unit), hi = kernels::in_units(p.hi, unit);
  for (std::size_t r = 0; r < x.rows; ++r)
    for (std::size_t i = 0; i < x.n; ++i) {
      const float value = x.values[r * x.stride + i];
      const float d = value - std::min(std::max(value, lo), hi);
      const bool in_whole = i < x.n / kernels::kLanes * kernels::kLanes;
      Sums& sums = (in_whole ? whole : rest)[i % kernels::kLanes];
      sums.magnitudes += std::abs(d);
      sums.squares += d * d;
      if (gradient == nullptr) continue;
      float& slope = (*gradient)[r * gradient_stride + i];
      slope += scale * (p.l2 + p.l2) / unit * d;
      slope += d == 0 ? 0 : std::copysign(scale * p.l1, d);
    }
  double magnitude = 0, square = 0;
  for (std::size_t k = 0; k < kernels::kLanes; ++k) {
    magnitude += whole[k].magnitudes + rest[k].magnitudes;
    square += whole[k].squares + rest[k].squares;
  }
  return p.l1 * (magnitude / unit) + p.l2 * (square / unit / unit);
}

TEST_CASE("a target that is a whole number of units is met by that number") {
  for (const float unit : {0.01f, 0.03f, 0.1f, 0.001f, 0.007f})
    for (float count = -20; count <= 200; ++count)
      CHECK(kernels::in_units(count / unit, unit) == count);
  CHECK(kernels::in_units(0.3f, 1) == 0.3f);
  CHECK(kernels::in_units(15, 0.1f) == 1.5f);
  CHECK(kernels::in_units(-INFINITY, 0.1f) == -INFINITY);
}

TEST_CASE("a penalty and its gradient are as defined, at every width") {
  on_every_target([] {
    std::mt19937 random(3);
    const std::vector<float> some{0, 1, 2, 3, -1, 0.5f, -7.25f, 1.1f};
    for (std::size_t n = 1; n <= 70; ++n)
      for (const std::size_t rows : {1u, 5u}) {
        INFO("n " << n << " rows " << rows);
        const Matrix x = matrix(random, rows, n, n + random() % 3, some);
        const kernels::Penalty p{random() % 2 == 0 ? -1.0f : 2.0f, 2.0f,
                                 random() % 2 == 0 ? 0.3f : 0.0f, 0.07f};
        for (const std::size_t stride : {std::size_t{0}, n + 1}) {
          std::vector<float> wanted = ordinary_floats(random, (rows - 1) * stride + n, -1, 1);
          std::vector<float> found = wanted;
          const double sum = defined_penalty(x, 0.1f, p, 0.25f, &wanted, stride);
          CHECK(kernels::penalty(x.values.data(), x.stride, 0.1f, rows, n, p, 0.25f, found.data(),
                                 stride) == sum);
          CHECK(first_difference(wanted, found) == -1);
          CHECK(kernels::penalty(x.values.data(), x.stride, 0.1f, rows, n, p, 0.25f, nullptr,
                                 stride) == sum);
        }
      }
  });
}

/// Places of n values from the largest on, equal ones from the last on.
std::vector<std::uint32_t> ranking(const std::vector<float>& values) {
  std::vector<std::uint32_t> places(values.size());
  std::iota(places.begin(), places.end(), 0u);
  std::stable_sort(places.begin(), places.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
  std::reverse(places.begin(), places.end());
  return places;
}

/// A range, or null for the values themselves, and the elements that these make with it.
struct Elements {
  explicit Elements(std::mt19937& random) : ranged(random() % 2 == 0) {}
  const kernels::Range* range() const { return ranged ? &given : nullptr; }
  float of(float x) const {
    return ranged ? std::abs(x - std::min(std::max(x, given.lo), given.hi)) : x;
  }
  float slope(float x) const {
    return !ranged ? 1.0f : x > given.hi ? 1.0f : x < given.lo ? -1.0f : 0.0f;
  }
  bool ranged;
  kernels::Range given{-1, 0.5f};
};

/// Values as counts of spikes are, few of them, or of any size.
std::vector<float> pool_of_values(std::mt19937& random) {
  if (random() % 2 == 0) return {0, 0, -0.0f, 1, 2, -1};
  std::vector<float> values = awkward_floats(random, 40);
  std::erase_if(values, [](float x) { return std::isnan(x); });
  values.push_back(0);
  return values;
}

TEST_CASE("selection finds what a stable sort has at that rank") {
  on_every_target([] {
    CHECK(rc::check("columns", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t rows = 1 + random() % 40, n = 1 + random() % 40;
      const Matrix x = matrix(random, rows, n, n + random() % 3, pool_of_values(random));
      const std::size_t rank = random() % rows;
      std::vector<std::size_t> offset(rows);
      for (std::size_t r = 0; r < rows; ++r) offset[r] = r * x.stride;
      Buffer<std::int32_t> scratch(rows * kernels::kLanes);
      std::vector<float> value(2 * n), alone(n);
      std::vector<std::uint32_t> row(2 * n);
      const Elements elements(random);
      kernels::select_columns(x.values.data(), offset.data(), rows, n, rank, elements.range(),
                              scratch.data(), value.data(), row.data());
      kernels::select_columns(x.values.data(), offset.data(), rows, n, rank, elements.range(),
                              scratch.data(), alone.data(), nullptr);
      for (std::size_t c = 0; c < n; ++c) {
        std::vector<float> column;
        for (std::size_t r = 0; r < rows; ++r)
          column.push_back(elements.of(x.values[offset[r] + c]));
        const auto places = ranking(column);
        RC_ASSERT(alone[c] == column[places[rank]]);
        for (std::size_t k = 0; k < 2 && rank + k < rows; ++k) {
          RC_ASSERT(row[k * n + c] == places[rank + k]);
          RC_ASSERT(value[k * n + c] == column[places[rank + k]]);
        }
      }
    }));
    CHECK(rc::check("one column", [](unsigned seed) {
      std::mt19937 random(seed);
      const Matrix x = matrix(random, 1, 1 + random() % 300, 1, pool_of_values(random));
      const std::size_t rank = random() % x.n;
      const Elements elements(random);
      std::vector<float> column;
      for (const float v : x.values) column.push_back(elements.of(v));
      const auto places = ranking(column);
      const float guess = random() % 2 == 0 ? column[places[rank]] : column[0];
      float value[2], alone;
      std::uint32_t row[2];
      kernels::select(x.values.data(), x.n, rank, elements.range(), guess, value, row);
      kernels::select(x.values.data(), x.n, rank, elements.range(), guess, &alone, nullptr);
      RC_ASSERT(alone == column[places[rank]]);
      for (std::size_t k = 0; k < 2 && rank + k < x.n; ++k) {
        RC_ASSERT(row[k] == places[rank + k]);
        RC_ASSERT(value[k] == column[places[rank + k]]);
      }
    }));
  });
}

TEST_CASE("a column with NaN selects NaN, and its neighbours do not") {
  on_every_target([] {
    constexpr std::size_t n = 35, rows = 3;
    constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> values(rows * n, 1.0f);
    values[n + 7] = kNaN;
    values[2 * n + 34] = -kNaN;
    const auto x = poisoned(values);
    const std::vector<std::size_t> offset{0, n, 2 * n};
    Buffer<std::int32_t> scratch(rows * kernels::kLanes);
    std::vector<float> found(n);
    for (const std::size_t rank : {0u, 1u}) {
      kernels::select_columns(x.data(), offset.data(), rows, n, rank, nullptr, scratch.data(),
                              found.data(), nullptr);
      for (std::size_t c = 0; c < n; ++c) CHECK(same(found[c], c == 7 || c == 34 ? kNaN : 1.0f));
      kernels::select(x.data(), rows * n, rank, nullptr, 1, found.data(), nullptr);
      CHECK(std::isnan(found[0]));
    }
  });
}

TEST_CASE("a maximum's equals share its gradient") {
  on_every_target([] {
    std::mt19937 random(7);
    for (std::size_t n = 1; n <= 40; ++n) {
      INFO("n " << n);
      const Matrix x = matrix(random, 6, n, n, {0, 1, -0.0f, 3, -2});
      const std::vector<std::size_t> offset{0, n, 2 * n, 3 * n, 4 * n, 5 * n};
      const std::vector<std::size_t> to{0, 0, 0, n, n, n};
      const auto amount = ordinary_floats(random, n, -1, 1);
      const Elements elements(random);
      std::vector<float> value(n), wanted = ordinary_floats(random, 2 * n, -1, 1), found = wanted;
      for (std::size_t c = 0; c < n; ++c) {
        float equal = 0;
        for (const std::size_t at : offset)
          value[c] = std::max(value[c], elements.of(x.values[at + c]));
        for (const std::size_t at : offset) equal += elements.of(x.values[at + c]) == value[c];
        for (std::size_t r = 0; r < 6; ++r) {
          const float v = x.values[offset[r] + c];
          if (elements.of(v) == value[c])
            wanted[to[r] + c] += amount[c] / equal * elements.slope(v);
        }
      }
      kernels::share_columns(x.values.data(), offset.data(), 6, n, elements.range(), value.data(),
                             amount.data(), found.data(), to.data());
      CHECK(first_difference(wanted, found) == -1);

      const float chosen = elements.of(x.values[0]);
      std::size_t equal = 0;
      for (std::size_t c = 0; c < n; ++c) {
        if (elements.of(x.values[c]) != chosen) continue;
        ++equal;
        wanted[c] += 0.3f * elements.slope(x.values[c]);
      }
      CHECK(kernels::count_equal(x.values.data(), n, elements.range(), chosen) == equal);
      kernels::share(x.values.data(), n, elements.range(), chosen, 0.3f, found.data());
      CHECK(first_difference(wanted, found) == -1);
    }
  });
}

}  // namespace
}  // namespace synfire
