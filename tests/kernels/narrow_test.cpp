#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "synfire/kernels.hpp"
#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;
using kernels::kLanes;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// ------------------------------------------------------------------ bfloat16

TEST_CASE("a float rounds to the nearest bfloat16, ties to even") {
  const auto rounded = [](float x) { return kernels::float_of_bf16(kernels::bf16_of_float(x)); };
  for (const float exact : {0.0f, -0.0f, 1.0f, -2.5f, 0x1.8p-100f, kInfinity, -kInfinity})
    CHECK(same(rounded(exact), exact));
  CHECK(rounded(0x1.01p0f) == 0x1p0f);       // half way: the even one is below,
  CHECK(rounded(0x1.03p0f) == 0x1.04p0f);    // above,
  CHECK(rounded(0x1.0101p0f) == 0x1.02p0f);  // and not half way
  CHECK(rounded(3.4e38f) == kInfinity);
  CHECK(std::isnan(rounded(kNaN)));
  CHECK(std::isnan(rounded(std::bit_cast<float>(0x7f800001u))));
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    const float x = std::ldexp(static_cast<float>(random()), -20);
    const float error = std::abs(rounded(x) - x);
    CHECK(error <= std::ldexp(1.0f, std::ilogb(x) - 8));
  }
}

TEST_CASE("accumulate_rows_bf16 is accumulate_rows with rounded weights") {
  on_every_target([] {
    std::mt19937 random(2);
    for (const std::size_t columns : {1, 2, 15, 16, 17, 31, 32, 33, 128, 200, 512, 700})
      for (const std::size_t count : {0, 1, 3, 40}) {
        INFO("columns " << columns << ", events " << count);
        constexpr std::size_t kRows = 30;
        const std::size_t words = kernels::padded((columns + 1) / 2);
        Buffer<std::uint32_t> rows(kRows * words), index(count);
        Buffer<float> start(2 * words), out(2 * words), expected(2 * words);
        const auto weights = awkward_floats(random, kRows * columns);
        for (std::size_t i = 0; i < kRows; ++i)
          kernels::pack_bf16(weights.data() + i * columns, columns, rows.data() + i * words);
        for (auto& i : index) i = static_cast<std::uint32_t>(random() % kRows);
        const auto x = ordinary_floats(random, kRows, -100.0f, 100.0f);
        const auto starts = ordinary_floats(random, columns, -1.0f, 1.0f);
        std::copy(starts.begin(), starts.end(), start.begin());
        std::copy(starts.begin(), starts.end(), expected.begin());
        for (std::size_t k = 0; k < count; ++k)
          for (std::size_t j = 0; j < columns; ++j)
            expected[j] = std::fma(
                x[index[k]],
                kernels::float_of_bf16(kernels::bf16_of_float(weights[index[k] * columns + j])),
                expected[j]);
        kernels::accumulate_rows_bf16(rows.data(), words, start.data(), index.data(), x.data(),
                                      count, out.data());
        REQUIRE(first_difference({expected.data(), columns}, {out.data(), columns}) == -1);
      }
  });
}

TEST_CASE("accumulate_values_bf16 is nonzeros and accumulate_rows_bf16, or reads all") {
  on_every_target([] {
    std::mt19937 random(22);
    for (const std::size_t columns : {10, 32, 33, 128, 700})
      for (const std::size_t n : {0, 5, 192, 500})
        for (const double dense_above : {-1.0, 0.95, 2.0}) {
          INFO("columns " << columns << ", n " << n << ", dense above " << dense_above);
          const std::size_t words = kernels::padded((columns + 1) / 2);
          Buffer<std::uint32_t> rows(n * words), index(n), all(n), read_rows(n);
          Buffer<float> start(2 * words), out(2 * words), expected(2 * words);
          const auto weights = ordinary_floats(random, n * columns, -1.0f, 1.0f);
          for (std::size_t i = 0; i < n; ++i)
            kernels::pack_bf16(weights.data() + i * columns, columns, rows.data() + i * words);
          auto x = ordinary_floats(random, n, -100.0f, 100.0f);
          for (float& value : x) value = random() % 2 ? value : 0;
          std::iota(all.begin(), all.end(), 0u);
          const std::size_t nonzero = kernels::nonzeros(x.data(), n, index.data());
          const bool dense = dense_above < 0;
          kernels::accumulate_rows_bf16(rows.data(), words, start.data(),
                                        dense ? all.data() : index.data(), x.data(),
                                        dense ? n : nonzero, expected.data());
          const auto read =
              kernels::accumulate_values_bf16(rows.data(), words, start.data(), x.data(), n,
                                              dense_above, read_rows.data(), out.data());
          REQUIRE(read.nonzero == nonzero);
          REQUIRE(read.rows == (dense ? n : nonzero));
          REQUIRE(first_difference({expected.data(), columns}, {out.data(), columns}) == -1);
        }
  });
}

// ------------------------------------------------------------------ int8

struct Whole {
  std::vector<int> number;  // -255..255
  float step;
};

Whole plain_quantize(const std::vector<float>& x) {
  float top = 0;
  for (const float value : x) {
    if (!std::isfinite(value)) return {std::vector<int>(x.size()), kNaN};
    top = std::max(top, std::abs(value));
  }
  const float factor = 255 / top;
  Whole whole{std::vector<int>(x.size()), 0};
  if (!std::isfinite(factor)) return whole;
  whole.step = top / 255;
  for (std::size_t i = 0; i < x.size(); ++i)
    whole.number[i] = static_cast<int>(std::nearbyint(x[i] * factor));
  return whole;
}

struct Quads {
  explicit Quads(std::size_t n)
      : words((n + 3) / 4), scratch(words), index(2 * words), quad(2 * words) {}

  std::vector<int> numbers(std::size_t n) const {
    std::vector<int> all(words * 4);
    std::ptrdiff_t before = -1;
    for (std::size_t k = 0; k < in.positive + in.negative; ++k) {
      if (k == in.positive) before = -1;
      REQUIRE(quad[k] != 0);
      REQUIRE(static_cast<std::ptrdiff_t>(index[k]) > before);
      before = static_cast<std::ptrdiff_t>(index[k]);
      for (std::size_t r = 0; r < 4; ++r) {
        const int number = static_cast<int>(quad[k] >> 8 * r & 0xff);
        all[index[k] * 4 + r] += k < in.positive ? number : -number;
      }
    }
    REQUIRE(std::all_of(all.begin() + static_cast<std::ptrdiff_t>(n), all.end(),
                        [](int number) { return number == 0; }));
    all.resize(n);
    return all;
  }

  std::size_t words;
  Buffer<std::uint32_t> scratch, index, quad;
  kernels::Quantized in{};
};

std::size_t nonzero(const std::vector<int>& numbers) {
  return numbers.size() - static_cast<std::size_t>(std::count(numbers.begin(), numbers.end(), 0));
}

void check_quantize(const std::vector<float>& x) {
  const Whole expected = plain_quantize(x);
  Quads quads(x.size());
  std::fill(quads.scratch.begin(), quads.scratch.end(), 0xffffffffu);
  quads.in = kernels::quantize_quads(x.data(), x.size(), quads.scratch.data(), quads.index.data(),
                                     quads.quad.data());
  REQUIRE(same(quads.in.step, expected.step));
  REQUIRE(quads.numbers(x.size()) == expected.number);
  REQUIRE(quads.in.nonzero == nonzero(expected.number));
}

TEST_CASE("quantize_quads rounds to whole steps of the largest value's 255th part") {
  on_every_target([] {
    std::mt19937 random(3);
    for (std::size_t n = 1; n <= 300; ++n) {
      INFO("n " << n);
      auto x = ordinary_floats(random, n, -1.0f, 1.0f);
      check_quantize(x);
      for (float& value : x) value = std::max(value, 0.0f);
      check_quantize(x);
      for (float& value : x) value = static_cast<float>(random() % 256) / 255;
      check_quantize(x);
      check_quantize(std::vector<float>(n, 0.0f));
      check_quantize(std::vector<float>(n, -3.0f));
      check_quantize(std::vector<float>(n, 1e-40f));
      check_quantize(std::vector<float>(n, std::numeric_limits<float>::max()));
      for (const float bad : {kNaN, kInfinity, -kInfinity}) {
        auto with_bad = x;
        with_bad[random() % n] = bad;
        check_quantize(with_bad);
      }
    }
  });
}

TEST_CASE("pixels are exact in 8 bits") {
  std::vector<float> x(256);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) / 255;
  const Whole whole = plain_quantize(x);
  for (int i = 0; i < 256; ++i) CHECK(whole.number[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("quantize_events keeps small counts and scales large ones") {
  const std::vector<std::uint32_t> event{0, 3, 4, 5, 11, 12, 40};
  Quads quads(41);
  const auto quantize = [&](const std::vector<float>& count) {
    quads.in = kernels::quantize_events(event.data(), count.data(), count.size(),
                                        quads.index.data(), quads.quad.data());
    return quads.numbers(41);
  };
  const auto placed = [&](const std::vector<int>& numbers) {
    std::vector<int> all(41);
    for (std::size_t k = 0; k < numbers.size(); ++k) all[event[k]] = numbers[k];
    return all;
  };
  CHECK(quantize({1, 2, 255, 1, 1, 7, 3}) == placed({1, 2, 255, 1, 1, 7, 3}));
  CHECK(quads.in.step == 1);
  CHECK(quads.in.nonzero == 7);
  CHECK(quads.in.negative == 0);
  CHECK(quantize({1, -2, -255, 1, -1, 7, -3}) == placed({1, -2, -255, 1, -1, 7, -3}));
  CHECK(quantize({510, -2, 1, 255, 256, -510, 4}) == placed({255, -1, 0, 128, 128, -255, 2}));
  CHECK(quads.in.step == 2);
  CHECK(quads.in.nonzero == 6);
  CHECK(quantize({1, kNaN}) == placed({}));
  CHECK(std::isnan(quads.in.step));
  CHECK(quantize({}) == placed({}));
}

TEST_CASE("quantize_columns gives each column a scale of its own") {
  // Columns: ordinary, zero, not finite, too small.
  const std::vector<float> x{1.0f, 0, 1, 1e-40f, -0.5f, 0, kNaN, 0, 0.25f, 0, 2, 0};
  std::vector<std::int8_t> q(12);
  std::vector<float> scale(4);
  kernels::quantize_columns(x.data(), 3, 4, q.data(), scale.data());
  CHECK(q == std::vector<std::int8_t>{127, 0, 0, 0, -64, 0, 0, 0, 32, 0, 0, 0});
  CHECK(scale[0] == 1.0f / 127);
  CHECK(scale[1] == 0);
  CHECK(std::isnan(scale[2]));
  CHECK(scale[3] == 0);
}

TEST_CASE("accumulate_quads_int8 sums whole numbers") {
  on_every_target([] {
    std::mt19937 random(4);
    for (const std::size_t columns : {16, 32, 48, 128, 208, 512})
      for (const std::size_t n : {1, 4, 7, 64, 785}) {
        INFO("columns " << columns << ", inputs " << n);
        const std::size_t words = (n + 3) / 4;
        Buffer<std::int8_t> rows(words * columns * 4);
        for (auto& weight : rows) weight = static_cast<std::int8_t>(random() % 255 - 127);
        auto x = ordinary_floats(random, n, -1.0f, 1.0f);
        if (n == 64) std::fill(x.begin(), x.end(), 1.0f);  // the largest numbers that there are
        for (std::size_t i = 0; i < n; ++i)
          if (n != 64 && random() % 2) x[i] = 0;
        Quads quads(n);
        quads.in = kernels::quantize_quads(x.data(), n, quads.scratch.data(), quads.index.data(),
                                           quads.quad.data());
        const auto numbers = quads.numbers(n);
        Buffer<float> start(columns), scale(columns), out(columns), expected(columns);
        for (std::size_t j = 0; j < columns; ++j) {
          start[j] = static_cast<float>(random() % 100) / 7;
          scale[j] = static_cast<float>(random() % 100) / 3000;
          std::int64_t sum = 0;
          for (std::size_t i = 0; i < n; ++i)
            sum += numbers[i] * rows[(i / 4 * columns + j) * 4 + i % 4];
          expected[j] = start[j] + static_cast<float>(sum) * (scale[j] * quads.in.step);
        }
        kernels::accumulate_quads_int8(rows.data(), columns, quads.index.data(), quads.quad.data(),
                                       quads.in, start.data(), scale.data(), out.data());
        REQUIRE(first_difference(expected, out) == -1);
      }
  });
}

TEST_CASE("accumulate_quad_products is accumulate_quads_int8 of each input") {
  on_every_target([] {
    std::mt19937 random(5);
    for (const std::size_t columns : {16, 48, 128, 208, 512})
      for (const std::size_t n : {1, 7, 255, 256, 260, 700})
        for (const std::size_t count : {0, 1, 3, 32}) {
          INFO("columns " << columns << ", inputs " << n << ", at once " << count);
          const std::size_t words = (n + 3) / 4;
          Buffer<std::int8_t> rows(words * columns * 4);
          for (auto& weight : rows) weight = static_cast<std::int8_t>(random() % 255 - 127);
          Buffer<float> start(columns), scale(columns);
          for (std::size_t j = 0; j < columns; ++j) {
            start[j] = static_cast<float>(random() % 100) / 7;
            scale[j] = static_cast<float>(random() % 100) / 3000;
          }
          std::vector<Quads> quads;
          std::vector<Buffer<float>> out;
          std::vector<kernels::QuadProduct> products;
          for (std::size_t k = 0; k < count; ++k) {
            quads.emplace_back(n);
            out.emplace_back(columns);
            auto x = ordinary_floats(random, n, k % 2 ? -1.0f : 0.0f, 1.0f);
            for (auto& value : x)
              if (random() % 4 < k % 4) value = 0;
            Quads& q = quads.back();
            q.in = kernels::quantize_quads(x.data(), n, q.scratch.data(), q.index.data(),
                                           q.quad.data());
            products.push_back({q.index.data(), q.quad.data(), q.in, out.back().data()});
          }
          kernels::accumulate_quad_products(rows.data(), columns, words, start.data(), scale.data(),
                                            products.data(), count);
          Buffer<float> expected(columns);
          for (std::size_t k = 0; k < count; ++k) {
            kernels::accumulate_quads_int8(rows.data(), columns, quads[k].index.data(),
                                           quads[k].quad.data(), quads[k].in, start.data(),
                                           scale.data(), expected.data());
            REQUIRE(first_difference(expected, out[k]) == -1);
          }
        }
  });
}

TEST_CASE("byte_products is quantize_quads and accumulate_quads_int8 of each input") {
  std::size_t made = 0;
  on_every_target([&] {
    CHECK(rc::check("any inputs", [&](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t columns = kernels::kLanes * (1 + random() % 20);
      const std::size_t n = 1 + random() % (random() % 4 ? 300 : 1024);
      const std::size_t count = 1 + random() % kernels::kMostProducts, words = (n + 3) / 4;
      Buffer<std::int8_t> rows(kernels::padded(words) * columns * 4);
      for (std::size_t k = 0; k < words * columns * 4; ++k)
        rows[k] = static_cast<std::int8_t>(random() % 255 - 127);
      const auto start = poisoned(ordinary_floats(random, columns, -9.0f, 9.0f));
      const auto scale = poisoned(ordinary_floats(random, columns, 0.0f, 0.1f));
      const bool negative = random() % 8 == 0;
      std::vector<std::vector<float>> x;
      std::vector<Buffer<float>> out;
      std::vector<kernels::ByteProduct> products;
      for (std::size_t k = 0; k < count; ++k) {
        out.emplace_back(columns);
        auto& one = x.emplace_back(ordinary_floats(random, n, 0.0f, 1.0f));
        const auto kind = random() % 16;
        for (auto& value : one)
          if (random() % 4 < kind % 4) value = 0;
        if (kind == 4) one[random() % n] = random() % 2 ? kNaN : kInfinity;
        if (kind == 5) std::fill(one.begin(), one.end(), random() % 2 ? 0.0f : 1e-40f);
        if (kind == 6) one[random() % n] = 1e30f;
      }
      if (negative) x[count / 2][random() % n] = -0.5f;
      for (std::size_t k = 0; k < count; ++k)
        products.push_back({x[k].data(), out[k].data(), 77, {}});
      const bool done = kernels::byte_products(rows.data(), columns, n, start.data(), scale.data(),
                                               products.data(), count);
      if (active_target() != "AVX3_DL+AMX") RC_ASSERT(!done);
      if (!done) return;
      ++made;
      Buffer<float> expected(columns);
      for (std::size_t k = 0; k < count; ++k) {
        Quads quads(n);
        quads.in = kernels::quantize_quads(x[k].data(), n, quads.scratch.data(), quads.index.data(),
                                           quads.quad.data());
        kernels::accumulate_quads_int8(rows.data(), columns, quads.index.data(), quads.quad.data(),
                                       quads.in, start.data(), scale.data(), expected.data());
        RC_ASSERT(first_difference(expected, out[k]) == -1);
        RC_ASSERT(products[k].nonzero ==
                  n - static_cast<std::size_t>(std::count(x[k].begin(), x[k].end(), 0.0f)));
        RC_ASSERT(products[k].in.positive == quads.in.positive);
        RC_ASSERT(products[k].in.negative == quads.in.negative);
        RC_ASSERT(products[k].in.nonzero == quads.in.nonzero);
        RC_ASSERT(same(products[k].in.step, quads.in.step));
      }
    }));
  });
  if (supported_targets().front() == "AVX3_DL+AMX")
    CHECK(made > 30);
  else
    WARN("skipped: this processor has no AMX, or its system none to give");
}

TEST_CASE("accumulate_quads_int8 holds the largest sum that 32 bits hold") {
  on_every_target([] {
    constexpr std::size_t n = 66311 / 4 * 4, words = n / 4, columns = kLanes;
    static_assert(std::int64_t{n} * 255 * 127 <= std::numeric_limits<std::int32_t>::max());
    Buffer<std::int8_t> rows(words * columns * 4);
    std::fill(rows.begin(), rows.end(), std::int8_t{-127});
    const std::vector<float> x(n, 1.0f);
    Quads quads(n);
    quads.in = kernels::quantize_quads(x.data(), n, quads.scratch.data(), quads.index.data(),
                                       quads.quad.data());
    Buffer<float> start(columns), scale(columns), out(columns);
    std::fill(scale.begin(), scale.end(), 1.0f);
    kernels::accumulate_quads_int8(rows.data(), columns, quads.index.data(), quads.quad.data(),
                                   quads.in, start.data(), scale.data(), out.data());
    for (const float value : out)
      REQUIRE(value == static_cast<float>(-std::int64_t{n} * 255 * 127) * quads.in.step);
  });
}

}  // namespace
}  // namespace synfire
