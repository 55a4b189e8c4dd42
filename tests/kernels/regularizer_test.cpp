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
  const auto kind = random() % 3;
  if (kind == 0) return {0, 0, -0.0f, 1, 2, -1};
  if (kind == 1) return ordinary_floats(random, 3000, -2, 3);  // few of them equal
  std::vector<float> values = awkward_floats(random, 40);
  std::erase_if(values, [](float x) { return std::isnan(x); });
  values.push_back(0);
  return values;
}

/// Columns of values and, of each, its elements.
struct Drawn {
  Drawn(std::mt19937& random, std::size_t rows, std::size_t n, const std::vector<float>& from)
      : x(matrix(random, rows, n, n + random() % 3, from)), elements(random), offset(rows) {
    for (std::size_t r = 0; r < rows; ++r) offset[r] = r * x.stride;
  }
  kernels::Columns columns() const {
    return {x.values.data(), offset.data(), x.rows, x.n, elements.range()};
  }
  kernels::Lines lines() const {
    return {x.values.data(), offset.data(), x.rows, x.n, elements.range()};
  }
  float value(std::size_t row, std::size_t column) const { return x.values[offset[row] + column]; }
  std::vector<float> column(std::size_t c) const {
    std::vector<float> made;
    for (std::size_t r = 0; r < x.rows; ++r) made.push_back(elements.of(value(r, c)));
    return made;
  }
  std::vector<float> line(std::size_t r) const {
    std::vector<float> made;
    for (std::size_t c = 0; c < x.n; ++c) made.push_back(elements.of(value(r, c)));
    return made;
  }

  Matrix x;
  Elements elements;
  std::vector<std::size_t> offset;
};

/// Guesses of all kinds: right ones, near ones, far ones, and none.
struct Guesses {
  Guesses(std::mt19937& random, std::size_t count, std::size_t n, const std::vector<float>& from)
      : near(count), reach(count), place(2 * count + 1), given(random() % 4 != 0) {
    constexpr float reaches[] = {0, 0.25f, 1, 2, INFINITY};
    for (std::size_t i = 0; i < count; ++i) {
      near[i] = random() % 20 == 0 ? NAN : from[random() % from.size()];
      reach[i] = reaches[random() % 5];
    }
    for (std::uint32_t& p : place) p = static_cast<std::uint32_t>(random() % n);
  }
  const kernels::Guess* get() {
    guess = {near.data(), reach.data(), place.data()};
    return given ? &guess : nullptr;
  }
  std::vector<float> near, reach;
  std::vector<std::uint32_t> place;
  kernels::Guess guess{};
  bool given;
};

/// Room for what is selected, two of each of n, and what selecting needs.
struct Room {
  Room(std::size_t n, std::size_t values)
      : value(2 * n + 1, -7),
        slope(2 * n + 1, -7),
        place(2 * n + 1, 7),
        values_(values),
        stride(n + 1) {}
  kernels::Selected to() { return {value.data(), place.data(), slope.data(), stride}; }
  float* begin() { return values_.data(); }

  std::vector<float> value, slope;
  std::vector<std::uint32_t> place;
  Buffer<float> values_;
  std::size_t stride;
};

TEST_CASE("selection finds what a stable sort has at that rank, whatever is guessed") {
  on_every_target([] {
    CHECK(rc::check("columns", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t rows = 1 + random() % 60, n = 1 + random() % 40;
      const std::vector<float> from = pool_of_values(random);
      const Drawn x(random, rows, n, from);
      const std::size_t rank = random() % rows;
      const std::size_t ranks = rank + 1 < rows ? 1 + random() % 2 : 1;
      Guesses guesses(random, n, rows, from);
      Room all(n, rows * kernels::kLanes), values(n, rows * kernels::kLanes);
      kernels::select_columns(x.columns(), rank, ranks, guesses.get(), all.begin(), all.to());
      kernels::select_columns(x.columns(), rank, ranks, guesses.get(), values.begin(),
                              {values.value.data(), nullptr, nullptr, values.stride});
      for (std::size_t c = 0; c < n; ++c) {
        const std::vector<float> column = x.column(c);
        const auto places = ranking(column);
        for (std::size_t k = 0; k < ranks; ++k) {
          const std::size_t i = k * all.stride + c, place = places[rank + k];
          RC_ASSERT(all.value[i] == column[place]);
          RC_ASSERT(values.value[i] == column[place]);
          RC_ASSERT(all.place[i] == place);
          RC_ASSERT(all.slope[i] == x.elements.slope(x.value(place, c)));
        }
      }
    }));
    CHECK(rc::check("lines", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t count = 1 + random() % (random() % 8 == 0 ? 150 : 3);
      const std::size_t n = 1 + random() % 300;
      const std::vector<float> from = pool_of_values(random);
      const Drawn x(random, count, n, from);
      const std::size_t rank = random() % n;
      const std::size_t ranks = rank + 1 < n ? 1 + random() % 2 : 1;
      Guesses guesses(random, count, n, from);
      float likely = from[random() % from.size()];
      Room found(count, 0);
      // Then places are guessed right, or the wrong way round, or those of ranks nearby.
      for (int again = 0; again < 4; ++again) {
        kernels::select_lines(x.lines(), rank, ranks, guesses.get(), likely, found.to());
        for (std::size_t i = 0; i < count; ++i) {
          const std::vector<float> line = x.line(i);
          const auto places = ranking(line);
          for (std::size_t k = 0; k < ranks; ++k) {
            RC_ASSERT(found.value[k * found.stride + i] == line[places[rank + k]]);
            RC_ASSERT(found.place[k * found.stride + i] == places[rank + k]);
          }
          for (std::size_t k = 0; k < ranks && random() % 3 != 0; ++k) {
            const std::size_t nearby =
                std::min(n - 1, std::max<std::size_t>(rank + random() % 6, 2) - 2);
            found.place[k * found.stride + i] = static_cast<std::uint32_t>(places[nearby]);
          }
          if (ranks == 2 && random() % 2 == 0)
            std::swap(found.place[i], found.place[found.stride + i]);
        }
        RC_ASSERT(likely == found.value[count - 1]);
        guesses.place = found.place;
      }
    }));
  });
}

/// What the largest element of some values is to be, or the least.
struct Extreme {
  Extreme(const std::vector<float>& elements, bool maximum)
      : place(static_cast<std::uint32_t>(
            (maximum ? std::max_element(elements.begin(), elements.end())
                     : std::min_element(elements.begin(), elements.end())) -
            elements.begin())),
        value(elements[place]),
        equal(static_cast<float>(std::count(elements.begin(), elements.end(), value))) {}
  std::uint32_t place;
  float value, equal;
};

TEST_CASE("extremes are found with their first place, a maximum with its equals") {
  on_every_target([] {
    CHECK(rc::check("columns and lines", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t rows = 1 + random() % 40, n = 1 + random() % 100;
      const Drawn x(random, rows, n, pool_of_values(random));
      for (const bool maximum : {true, false}) {
        Room columns(n, 0), lines(rows, 0);
        std::vector<float> equal(n), equal_of_line(rows);
        if (maximum) {
          kernels::maximum_columns(x.columns(), columns.to(), equal.data());
          kernels::maximum_lines(x.lines(), lines.to(), equal_of_line.data());
        } else {
          kernels::minimum_columns(x.columns(), columns.to());
          kernels::minimum_lines(x.lines(), lines.to());
        }
        for (std::size_t c = 0; c < n; ++c) {
          const std::vector<float> column = x.column(c);
          const Extreme wanted(column, maximum);
          RC_ASSERT(columns.value[c] == wanted.value);
          RC_ASSERT(columns.place[c] == wanted.place);
          float slope = 0;
          for (std::size_t r = 0; r < rows; ++r)
            if (maximum ? column[r] == wanted.value : r == wanted.place)
              slope += x.elements.slope(x.value(r, c));
          RC_ASSERT(columns.slope[c] == slope);
          if (maximum) RC_ASSERT(equal[c] == wanted.equal);
        }
        for (std::size_t r = 0; r < rows; ++r) {
          const Extreme wanted(x.line(r), maximum);
          RC_ASSERT(lines.value[r] == wanted.value);
          RC_ASSERT(lines.place[r] == wanted.place);
          if (maximum) RC_ASSERT(equal_of_line[r] == wanted.equal);
        }
      }
    }));
  });
}

TEST_CASE("a column with NaN selects NaN, and its neighbours do not") {
  on_every_target([] {
    constexpr std::size_t n = 35, rows = 3;
    std::vector<float> values(rows * n, 1.0f);
    values[n + 7] = NAN;
    values[2 * n + 34] = -NAN;
    const auto x = poisoned(values);
    const std::vector<std::size_t> offset{0, n, 2 * n};
    const kernels::Columns columns{x.data(), offset.data(), rows, n, nullptr};
    const kernels::Lines lines{x.data(), offset.data(), rows, n, nullptr};
    Room room(n, rows * kernels::kLanes);
    std::vector<float> equal(n), near(n, 1.0f), reach(n, 0.5f);
    const std::vector<std::uint32_t> place(2 * n + 1, 7);
    const kernels::Guess guess{near.data(), reach.data(), place.data()};
    const auto check_columns = [&] {
      for (std::size_t c = 0; c < n; ++c) CHECK(same(room.value[c], c == 7 || c == 34 ? NAN : 1));
    };
    const auto check_lines = [&] {
      for (std::size_t i = 0; i < rows; ++i) CHECK(same(room.value[i], i == 0 ? 1 : NAN));
    };
    for (const kernels::Guess* given : {static_cast<const kernels::Guess*>(nullptr), &guess}) {
      for (const std::size_t rank : {0u, 1u}) {
        kernels::select_columns(columns, rank, 2, given, room.begin(), room.to());
        check_columns();
        float likely = 1;
        kernels::select_lines(lines, rank, 2, given, likely, room.to());
        check_lines();
      }
    }
    kernels::maximum_columns(columns, room.to(), equal.data());
    check_columns();
    CHECK(equal[7] == 0);
    kernels::minimum_columns(columns, room.to());
    check_columns();
    kernels::maximum_lines(lines, room.to(), equal.data());
    check_lines();
    CHECK(equal[1] == 0);
    kernels::minimum_lines(lines, room.to());
    check_lines();
  });
}

TEST_CASE("a maximum's equals share its gradient") {
  on_every_target([] {
    std::mt19937 random(7);
    for (std::size_t n = 1; n <= 40; ++n) {
      INFO("n " << n);
      const Drawn x(random, 6, n, {0, 1, -0.0f, 3, -2});
      const std::vector<std::size_t> to{0, 0, 0, n, n, n};
      const auto share = ordinary_floats(random, n, -1, 1);
      std::vector<float> value(n), wanted = ordinary_floats(random, 2 * n, -1, 1), found = wanted;
      for (std::size_t c = 0; c < n; ++c) {
        const std::vector<float> column = x.column(c);
        value[c] = Extreme(column, true).value;
        for (std::size_t r = 0; r < 6; ++r)
          if (column[r] == value[c])
            wanted[to[r] + c] += share[c] * x.elements.slope(x.value(r, c));
      }
      kernels::share_columns(x.columns(), value.data(), share.data(), found.data(), to.data());
      CHECK(first_difference(wanted, found) == -1);

      const float chosen = x.elements.of(x.value(0, 0));
      for (std::size_t c = 0; c < n; ++c)
        if (x.elements.of(x.value(0, c)) == chosen)
          wanted[c] += 0.3f * x.elements.slope(x.value(0, c));
      kernels::share(x.x.values.data(), n, x.elements.range(), chosen, 0.3f, found.data());
      CHECK(first_difference(wanted, found) == -1);
    }
  });
}

}  // namespace
}  // namespace synfire
