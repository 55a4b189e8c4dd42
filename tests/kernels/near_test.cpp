#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "synfire/kernels.hpp"
#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;

struct Digits {
  Digits(const std::vector<float>& rows, std::size_t stride)
      : stride(stride),
        n(rows.size() / stride),
        size(kernels::digit_size(n, stride)),
        digit(3 * size),
        unit(stride),
        most(stride),
        norm((n + kernels::kNormInputs - 1) / kernels::kNormInputs * stride) {
    held = kernels::split_digits(rows.data(), n, stride, digit.data(), unit.data(), most.data(),
                                 norm.data());
  }
  kernels::DigitRows rows() const {
    return {stride, size, digit.data(), unit.data(), most.data(), norm.data()};
  }
  double weight(std::size_t i, std::size_t j) const {
    const std::int8_t* at = digit.data() + (i / 4 * stride + j) * 4 + i % 4;
    return (at[0] * 65536.0 + at[size] * 256.0 + at[2 * size]) * static_cast<double>(unit[j]);
  }

  std::size_t stride, n, size;
  Buffer<std::int8_t> digit;
  Buffer<float> unit, most, norm;
  bool held;
};

/// Weights of very different sizes, a column of zeros among them.
std::vector<float> weights(std::mt19937& random, std::size_t n, std::size_t stride) {
  std::vector<float> rows(n * stride);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  for (std::size_t j = 0; j < stride; ++j) {
    const float size = j % 16 == 3 ? 0.0f : std::ldexp(1.0f, static_cast<int>(random() % 40) - 20);
    const bool heavy = random() % 2;
    for (std::size_t i = 0; i < n; ++i) {
      const float w = normal(random);
      rows[i * stride + j] = size * (heavy ? w * w * w : w);
    }
  }
  return rows;
}

std::vector<float> pixels(std::mt19937& random, std::size_t n, bool rough = false) {
  std::vector<float> x(n);
  const unsigned kept = random() % 9;
  for (float& value : x)
    value = random() % 8 < kept ? static_cast<float>(random() % 256) / 255.0f : 0.0f;
  // Rounding may have left something, where there is no pixel, too.
  if (rough)
    for (float& value : x)
      if (random() % 8 == 0) value += random() % 2 ? 1e-8f * value : 1e-9f;
  return x;
}

struct Inputs {
  explicit Inputs(const std::vector<std::vector<float>>& x, std::size_t stride) : x(x) {
    for (std::size_t p = 0; p < x.size(); ++p) {
      out.emplace_back(stride);
      error.emplace_back(stride);
      exact.emplace_back(stride);
    }
    for (std::size_t p = 0; p < x.size(); ++p) {
      near.push_back({x[p].data(), out[p].data(), error[p].data(), 77});
      products.push_back({x[p].data(), exact[p].data(), 0});
    }
  }
  const std::vector<std::vector<float>>& x;
  std::vector<Buffer<float>> out, error, exact;
  std::vector<kernels::NearProduct> near;
  std::vector<kernels::Product> products;
};

TEST_CASE("split_digits keeps weights to half a unit") {
  std::mt19937 random(1);
  const std::size_t stride = 48, n = 150;
  const auto rows = weights(random, n, stride);
  const Digits digits(rows, stride);
  REQUIRE(digits.held);
  for (std::size_t j = 0; j < stride; ++j) {
    float most = 0;
    for (std::size_t i = 0; i < n; ++i) {
      most = std::max(most, std::abs(rows[i * stride + j]));
      const double off = digits.weight(i, j) - static_cast<double>(rows[i * stride + j]);
      REQUIRE(std::abs(off) <= 0.5001 * static_cast<double>(digits.unit[j]));
    }
    REQUIRE(digits.most[j] == most);
    REQUIRE(static_cast<double>(digits.unit[j]) <= static_cast<double>(most) * 1.3e-7);
    for (std::size_t first = 0; first < n; first += kernels::kNormInputs) {
      double squares = 0;
      for (std::size_t i = first; i < std::min(n, first + kernels::kNormInputs); ++i)
        squares += std::pow(static_cast<double>(rows[i * stride + j]), 2);
      const auto norm = static_cast<double>(digits.norm[first / kernels::kNormInputs * stride + j]);
      REQUIRE(norm >= std::sqrt(squares));
      REQUIRE(norm <= std::sqrt(squares) * 1.0001);
    }
  }
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), 1e16f}) {
    auto with_bad = rows;
    with_bad[7 * stride + 5] = bad;
    CHECK_FALSE(Digits(with_bad, stride).held);
  }
  auto tiny = rows;
  for (std::size_t i = 0; i < n; ++i) tiny[i * stride + 5] = 1e-9f;
  CHECK_FALSE(Digits(tiny, stride).held);
}

TEST_CASE("near_products are as near to accumulate_products as they say") {
  std::size_t made = 0;
  on_every_target([&] {
    CHECK(rc::check("any pixels", [&](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t stride = kernels::kLanes * (1 + random() % 20);
      const std::size_t n = 1 + random() % (random() % 4 ? 300 : 1024);
      const std::size_t count = 8 + random() % (kernels::kMostProducts - 7);
      const auto rows = weights(random, n, stride);
      const Digits digits(rows, stride);
      if (!digits.held) return;  // of few weights the largest may be tiny
      auto start = ordinary_floats(random, stride, -100.0f, 100.0f);
      for (float& value : start)
        if (random() % 2) value = 0;
      std::vector<std::vector<float>> x(count);
      const bool rough = random() % 2;
      for (auto& one : x) one = pixels(random, n, rough);
      Inputs in(x, stride);
      const bool near =
          kernels::near_products(digits.rows(), start.data(), n, in.near.data(), count);
      RC_ASSERT(near == (active_target() == "AVX3_DL+AMX"));
      if (!near) return;
      ++made;
      kernels::accumulate_products(rows.data(), stride, stride, start.data(), n, in.products.data(),
                                   count);
      for (std::size_t p = 0; p < count; ++p) {
        RC_ASSERT(in.near[p].nonzero == in.products[p].nonzero);
        for (std::size_t j = 0; j < stride; ++j) {
          const double exact = static_cast<double>(in.exact[p][j]);
          const double error = static_cast<double>(in.error[p][j]);
          RC_ASSERT(std::abs(static_cast<double>(in.out[p][j]) - exact) <= error);
          if (rough) continue;
          double magnitude = std::abs(static_cast<double>(start[j]));
          for (std::size_t first = 0; first < n; first += kernels::kNormInputs) {
            double squares = 0;
            for (std::size_t i = first; i < std::min(n, first + kernels::kNormInputs); ++i)
              squares += std::pow(static_cast<double>(x[p][i]), 2);
            magnitude +=
                std::sqrt(squares) *
                static_cast<double>(digits.norm[first / kernels::kNormInputs * stride + j]);
          }
          // And no further than that many roundings of what may come together.
          RC_ASSERT(error <= 0x1p-23 * (static_cast<double>(in.near[p].nonzero) + 8) * magnitude);
        }
      }
    }));
  });
  if (supported_targets().front() != "AVX3_DL+AMX")
    WARN("skipped: this processor has no AMX, or its system none to give");
  else
    CHECK(made > 50);
}

TEST_CASE("near_products takes whole batches of pixels only") {
  std::mt19937 random(3);
  const std::size_t stride = 32, n = 100;
  const auto rows = weights(random, n, stride);
  const Digits digits(rows, stride);
  const std::vector<float> start(stride);
  const bool has_tiles = kernels::has_tiles();
  const auto taken = [&](const std::vector<std::vector<float>>& x) {
    Inputs in(x, stride);
    return kernels::near_products(digits.rows(), start.data(), x[0].size(), in.near.data(),
                                  x.size());
  };
  const std::vector<std::vector<float>> some(12, pixels(random, n));
  CHECK(taken(some) == has_tiles);
  CHECK_FALSE(taken({3, some[0]}));
  for (const float other :
       {0.5f, -1 / 255.0f, 256 / 255.0f, 65536.0f, 1e20f, 1e-3f,
        std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    INFO("a pixel of " << other);
    for (const std::size_t place : {0, 63, 99}) {
      auto x = some;
      x[5][place] = other;
      CHECK_FALSE(taken(x));
    }
  }
  // Rounding may leave something of a pixel.
  auto rounded = some;
  for (auto& one : rounded)
    for (float& value : one) value = std::nextafter(value, 0.0f);
  CHECK(taken(rounded) == has_tiles);
}

/// Neurons whose sums come near whole numbers now and then.
struct Neurons {
  Neurons(std::mt19937& random, std::size_t n, float unit, std::size_t steps)
      : x(n), error(n), voltage(n) {
    std::uniform_real_distribution<float> uniform(0.0f, 1.0f);
    const float size = std::ldexp(1.0f, static_cast<int>(random() % 8) - 5) / unit;
    // Where inputs differ by as little as their rounding, that of the sums decides.
    const bool tight = random() % 3 == 0;
    const int exponent =
        tight ? 20 + static_cast<int>(random() % 7) : static_cast<int>(random() % 25);
    const float off = tight || random() % 4 ? std::ldexp(size, -exponent) : 0.0f;
    for (std::size_t i = 0; i < n; ++i) {
      x[i] = (uniform(random) * 2 - 1) * size;
      if (random() % 8 == 0) x[i] = (uniform(random) * 2 - 1) * off;
      error[i] = off * uniform(random);
      voltage[i] = uniform(random);
      if (random() % (tight ? 4 * n : 40) == 0) {
        const auto t = static_cast<float>(1 + random() % steps);
        const float ahead = t * std::max(x[i], 0.0f) * unit;
        voltage[i] = std::max(0.0f, 1 - (ahead - std::floor(ahead)));
        for (unsigned k = random() % 4; k > 0; --k)
          voltage[i] = std::nextafter(voltage[i], random() % 2 ? 2.0f : 0.0f);
      }
      if (random() % 200 == 0) voltage[i] = uniform(random) * 4 - 2;
    }
  }
  Buffer<float> x, error, voltage;
};

struct Fired {
  Fired(const Buffer<float>& x, float unit, Buffer<float> voltage, std::size_t steps)
      : total(x.size()), census(steps) {
    kernels::fire_relu_total_counted(x.data(), unit, voltage.data(), x.size(), steps, total.data(),
                                     census.data());
  }
  Buffer<float> total;
  std::vector<kernels::Census> census;
};

TEST_CASE("fires_alike knows when neurons cannot tell inputs apart") {
  std::size_t alike = 0, unlike = 0, told = 0;
  on_every_target([&] {
    CHECK(rc::check("any neurons", [&](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t n = 1 + random() % 40, steps = 1 + random() % 20;
      const float unit = std::ldexp(1.0f, -static_cast<int>(random() % 10));
      const Neurons neurons(random, n, unit, steps);
      const bool said = kernels::fires_alike(neurons.x.data(), neurons.error.data(), unit,
                                             neurons.voltage.data(), n, steps);
      const Fired wanted(neurons.x, unit, neurons.voltage, steps);
      ++(said ? alike : unlike);
      for (int trial = 0; trial < 30; ++trial) {
        Buffer<float> other(n);
        for (std::size_t i = 0; i < n; ++i) {
          const float share = trial == 0   ? 1.0f
                              : trial == 1 ? -1.0f
                                           : static_cast<float>(random() % 2001) / 1000 - 1;
          const float low = neurons.x[i] - neurons.error[i], high = neurons.x[i] + neurons.error[i];
          other[i] = std::clamp(neurons.x[i] + share * neurons.error[i], low, high);
          // Rounding may have gone beyond what was said.
          const double off = std::abs(static_cast<double>(other[i]) - neurons.x[i]);
          if (off > static_cast<double>(neurons.error[i])) other[i] = neurons.x[i];
        }
        const Fired found(other, unit, neurons.voltage, steps);
        bool same = first_difference(wanted.total, found.total) == -1;
        for (std::size_t t = 0; t < steps; ++t)
          same = same && wanted.census[t].spikes == found.census[t].spikes &&
                 wanted.census[t].silent == found.census[t].silent &&
                 wanted.census[t].changed == found.census[t].changed;
        if (said) RC_ASSERT(same);
        told += !same;
      }
    }));
  });
  // The cases are worth something: all kinds come.
  CHECK(alike > 100);
  CHECK(unlike > 100);
  CHECK(told > 100);
}

TEST_CASE("fires_alike says no where a number is none") {
  on_every_target([] {
    Buffer<float> x(20), error(20), voltage(20);
    std::fill(x.begin(), x.end(), 10.0f);
    std::fill(voltage.begin(), voltage.end(), 0.5f);
    const auto alike = [&] {
      return kernels::fires_alike(x.data(), error.data(), 0.01f, voltage.data(), 20, 3);
    };
    CHECK(alike());
    for (Buffer<float>* one : {&x, &error, &voltage})
      for (const float bad :
           {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
        for (const std::size_t place : {0, 17, 19}) {
          const float before = (*one)[place];
          (*one)[place] = bad;
          CHECK_FALSE(alike());
          (*one)[place] = before;
        }
    // A neuron that is not driven may have any voltage.
    x[4] = -1;
    voltage[4] = std::numeric_limits<float>::quiet_NaN();
    CHECK(alike());
  });
}

}  // namespace
}  // namespace synfire
