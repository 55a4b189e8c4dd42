#include <rapidcheck.h>

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "synfire/kernels.hpp"
#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;

using Index = std::vector<std::uint32_t>;

Index plain_nonzeros(const std::vector<float>& x) {
  Index index;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i] != 0) index.push_back(static_cast<std::uint32_t>(i));
  return index;
}

void check_nonzeros(const std::vector<float>& x) {
  const auto expected = plain_nonzeros(x);
  Buffer<std::uint32_t> index(x.size());
  // A vector that ends where its allocation ends: reading behind it is a fault.
  const auto exact = x;
  const auto count = kernels::nonzeros(exact.data(), exact.size(), index.data());
  REQUIRE(count == expected.size());
  REQUIRE(std::equal(expected.begin(), expected.end(), index.begin()));
}

std::vector<float> plain_accumulate(const std::vector<float>& rows, std::size_t stride,
                                    const std::vector<float>& start, const std::vector<float>& x,
                                    const Index& index) {
  auto out = start;
  for (const auto i : index)
    for (std::size_t j = 0; j < stride; ++j) out[j] = std::fma(x[i], rows[i * stride + j], out[j]);
  return out;
}

void check_accumulate(const std::vector<float>& rows, std::size_t stride,
                      const std::vector<float>& start, const std::vector<float>& x,
                      const Index& index) {
  const auto expected = plain_accumulate(rows, stride, start, x, index);
  const auto rows_in = poisoned(rows);
  const auto start_in = poisoned(start);
  const auto index_in = poisoned(index, std::numeric_limits<std::uint32_t>::max());
  Buffer<float> out(stride);
  kernels::accumulate_rows(rows_in.data(), stride, start_in.data(), index_in.data(), x.data(),
                           index.size(), out.data());
  REQUIRE(first_difference(expected, out) == -1);

  // The sum may take the place of what it starts from.
  auto in_place = start_in;
  kernels::accumulate_rows(rows_in.data(), stride, in_place.data(), index_in.data(), x.data(),
                           index.size(), in_place.data());
  REQUIRE(first_difference(expected, in_place) == -1);
}

TEST_CASE("nonzeros finds each value that differs from zero, in order") {
  on_every_target([] {
    std::mt19937 random(1);
    for (std::size_t n = 0; n <= 300; ++n) {
      INFO("n " << n);
      check_nonzeros(awkward_floats(random, n));
      check_nonzeros(std::vector<float>(n, 0.0f));
      check_nonzeros(std::vector<float>(n, -1.5f));
    }
  });
}

TEST_CASE("nonzeros takes NaN for a value and no zero of either sign") {
  on_every_target([] {
    for (std::size_t n : {5, 40}) {
      check_nonzeros(std::vector<float>(n, std::nanf("")));
      check_nonzeros(std::vector<float>(n, -0.0f));
      check_nonzeros(std::vector<float>(n, std::numeric_limits<float>::denorm_min()));
    }
  });
}

TEST_CASE("accumulate_rows rounds each product and sum once") {
  on_every_target([] {
    std::mt19937 random(12);
    const auto any_bits = [&] {
      return std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    };
    // Sums that lie beside the middle between two floats, where a double's own rounding decides
    // wrongly; and any bits at all.
    for (std::size_t round = 0; round < 20000; ++round) {
      constexpr std::size_t stride = kernels::kLanes;
      std::vector<float> row(stride), start(stride);
      const bool any = round % 2 != 0;
      const float value = any ? any_bits() : 1 + static_cast<float>(random() % 4096) * 0x1p-23f;
      for (std::size_t j = 0; j < stride; ++j) {
        row[j] =
            any ? any_bits() : std::ldexp(1 + static_cast<float>(random() % 4) * 0x1p-23f, -24);
        start[j] =
            any ? any_bits() : static_cast<float>(1 << random() % 30) * (random() % 2 ? 1 : -1);
        if (!any && random() % 2) row[j] = std::ldexp(start[j], -24);
      }
      check_accumulate(row, stride, start, {value}, {0});
    }
  });
}

void check_products(const std::vector<float>& rows, std::size_t stride, std::size_t columns,
                    const std::vector<float>& start, const std::vector<std::vector<float>>& x) {
  const std::size_t n = x.empty() ? 0 : x[0].size();
  const auto rows_in = poisoned(rows);
  const auto start_in = poisoned(start);
  std::vector<Buffer<float>> out;
  for (std::size_t k = 0; k < x.size(); ++k) out.emplace_back(stride);
  std::vector<kernels::Product> products;
  for (std::size_t k = 0; k < x.size(); ++k) products.push_back({x[k].data(), out[k].data(), 77});
  kernels::accumulate_products(rows_in.data(), stride, columns, start_in.data(), n, products.data(),
                               products.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    INFO("input " << k);
    const auto index = plain_nonzeros(x[k]);
    REQUIRE(products[k].nonzero == index.size());
    const auto expected = plain_accumulate(rows, stride, start, x[k], index);
    REQUIRE(first_difference(std::span(expected).first(columns),
                             std::span(out[k].data(), columns)) == -1);
  }
}

TEST_CASE("accumulate_products is nonzeros and accumulate_rows of each input") {
  on_every_target([] {
    std::mt19937 random(13);
    for (const std::size_t stride : {16, 48, 128, 208, 512})
      for (const std::size_t n : {0, 1, 63, 64, 65, 200, 1024, 1041})
        for (const std::size_t count : {0, 1, 2, 5, 32}) {
          if (n > 1000 && count == 5) continue;
          INFO("stride " << stride << ", inputs " << n << ", at once " << count);
          std::vector<std::vector<float>> x;
          auto one = awkward_floats(random, n);
          for (std::size_t k = 0; k < count; ++k) {
            std::shuffle(one.begin(), one.end(), random);
            x.push_back(one);
          }
          check_products(ordinary_floats(random, n * stride, -1.0f, 1.0f), stride, stride - 3,
                         ordinary_floats(random, stride, -1.0f, 1.0f), x);
        }
  });
}

TEST_CASE("accumulate_products of inputs that are alike does not mix them up") {
  on_every_target([] {
    CHECK(rc::check("any numbers", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t stride = kernels::kLanes * (1 + random() % 10);
      const std::size_t n = 1 + random() % 150, count = 1 + random() % kernels::kMostProducts;
      // Weights that are not finite, sums that end at a zero of either sign, products that vanish
      // beside it: what a zero times a weight could leave a trace in.
      const bool awkward = random() % 2;
      auto rows = awkward ? awkward_floats(random, n * stride)
                          : ordinary_floats(random, n * stride, -1.0f, 1.0f);
      auto start = ordinary_floats(random, stride, -1.0f, 1.0f);
      for (float& value : start)
        if (random() % 4 == 0) value = random() % 2 ? -0.0f : 0.0f;
      for (float& weight : rows)
        if (random() % 4 == 0) weight = std::copysign(random() % 2 ? 0.0f : 1e-45f, weight);
      const auto pattern = ordinary_floats(random, n, 0.0f, 1.0f);
      std::vector<std::vector<float>> x(count, pattern);
      for (auto& one : x) {
        const unsigned kept = random() % 20;
        for (float& value : one) {
          value *= std::ldexp(1.0f, -static_cast<int>(random() % 3));
          if (pattern[static_cast<std::size_t>(&value - one.data())] < 0.5f ||
              random() % 20 >= kept)
            value = random() % 2 ? 0.0f : -0.0f;
        }
      }
      check_products(rows, stride, stride - random() % 16, start, x);
    }));
  });
}

TEST_CASE("accumulate_rows adds the rows one after another") {
  on_every_target([] {
    std::mt19937 random(2);
    for (std::size_t stride = kernels::kLanes; stride <= 37 * kernels::kLanes;
         stride += kernels::kLanes)
      for (std::size_t count : {0, 1, 2, 3, 7, 64}) {
        INFO("stride " << stride << ", events " << count);
        constexpr std::size_t kRows = 50;
        Index index;
        for (std::size_t k = 0; k < count; ++k)
          index.push_back(static_cast<std::uint32_t>(random() % kRows));
        // Magnitudes far apart: any other order of the sum, or a rounded product, has other bits.
        const auto x = ordinary_floats(random, kRows, -100.0f, 100.0f);
        const auto rows = ordinary_floats(random, kRows * stride, -1.0f, 1.0f);
        check_accumulate(rows, stride, ordinary_floats(random, stride, -1e-3f, 1e3f), x, index);
      }
  });
}

TEST_CASE("accumulate_values is nonzeros and accumulate_rows, or reads all") {
  on_every_target([] {
    std::mt19937 random(21);
    for (const std::size_t n : {0, 1, 16, 100, 191, 192, 193, 400, 784})
      for (const std::size_t stride : {16, 48, 128, 400})
        for (const double share : {0.0, 0.4, 0.95, 1.0})
          for (const double dense_above : {-1.0, 0.0, 0.4, 0.93, 0.95, 2.0}) {
            INFO("n " << n << ", stride " << stride << ", share " << share << ", dense above "
                      << dense_above);
            const auto rows = ordinary_floats(random, n * stride, -1.0f, 1.0f);
            const auto start = ordinary_floats(random, stride, -1.0f, 1.0f);
            // Those that are zero come late, so that it may be thought dense for a while.
            auto x = ordinary_floats(random, n, 0.5f, 2.0f);
            for (std::size_t i = 0; i < n; ++i)
              if (static_cast<double>(i) >= share * static_cast<double>(n))
                x[i] = i % 2 ? 0.0f : -0.0f;
            if (random() % 2) std::shuffle(x.begin(), x.end(), random);
            auto index = plain_nonzeros(x);
            const std::size_t nonzero = index.size();
            const bool dense = static_cast<double>(nonzero) > dense_above * static_cast<double>(n);
            if (dense) {
              index.resize(n);
              std::iota(index.begin(), index.end(), 0u);
            }
            Buffer<std::uint32_t> found(n);
            Buffer<float> out(stride);
            const auto read =
                kernels::accumulate_values(poisoned(rows).data(), stride, poisoned(start).data(),
                                           x.data(), n, dense_above, found.data(), out.data());
            REQUIRE(read.nonzero == nonzero);
            REQUIRE(read.rows == index.size());
            if (!dense) REQUIRE(std::equal(index.begin(), index.end(), found.begin()));
            REQUIRE(first_difference(plain_accumulate(rows, stride, start, x, index), out) == -1);
          }
  });
}

TEST_CASE("accumulate_rows carries infinities, NaN and denormals as the plain loop does") {
  on_every_target([] {
    CHECK(rc::check("awkward numbers", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t stride = kernels::kLanes * (1 + random() % 12);
      const std::size_t rows = 1 + random() % 20;
      Index index;
      for (std::size_t k = random() % 30; k > 0; --k)
        index.push_back(static_cast<std::uint32_t>(random() % rows));
      check_accumulate(awkward_floats(random, rows * stride), stride,
                       awkward_floats(random, stride), awkward_floats(random, rows), index);
    }));
  });
}

TEST_CASE("read_rows sums every word of the rows, and no other") {
  on_every_target([] {
    std::mt19937 random(4);
    for (std::size_t stride = kernels::kLanes; stride <= 37 * kernels::kLanes;
         stride += kernels::kLanes)
      for (std::size_t count : {0, 1, 2, 7, 64}) {
        constexpr std::size_t kRows = 50;
        std::vector<std::uint32_t> rows(kRows * stride), index(count);
        for (auto& word : rows) word = static_cast<std::uint32_t>(random());
        for (auto& row : index) row = static_cast<std::uint32_t>(random() % kRows);
        std::uint32_t expected = 0;
        for (const auto row : index)
          for (std::size_t j = 0; j < stride; ++j) expected += rows[row * stride + j];
        INFO("stride " << stride << ", rows " << count);
        const auto rows_in = poisoned(rows, std::uint32_t{1});
        const auto index_in = poisoned(index, std::numeric_limits<std::uint32_t>::max());
        REQUIRE(kernels::read_rows(rows_in.data(), stride, index_in.data(), count) == expected);
      }
  });
}

TEST_CASE("scale_pixels divides bytes by 255 and touches n values alone") {
  on_every_target([] {
    std::mt19937 random(3);
    for (std::size_t n = 0; n <= 300; ++n) {
      std::vector<std::uint8_t> x(n);
      for (auto& byte : x) byte = static_cast<std::uint8_t>(random());
      std::vector<float> expected(n + 1, 42.0f), found(n + 1, 42.0f);
      for (std::size_t i = 0; i < n; ++i) expected[i] = static_cast<float>(x[i]) / 255.0f;
      kernels::scale_pixels(x.data(), n, found.data());
      INFO("n " << n);
      REQUIRE(first_difference(expected, found) == -1);
    }
  });
}

}  // namespace
}  // namespace synfire
