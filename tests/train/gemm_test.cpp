#include <synfire/gemm.hpp>

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include <synfire/error.hpp>

using synfire::gemm;

extern "C" {  // of the OpenMP runtime, which belongs to no compiler's header here
int omp_get_max_threads();
void omp_set_num_threads(int threads);
}

namespace {

std::vector<float> noise(std::size_t size, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(size);
  for (float& x : values) x = uniform(engine);
  return values;
}

// The definition in double; c beyond n columns stays.
std::vector<float> naive(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n,
                         std::size_t k, const std::vector<float>& a, std::size_t a_stride,
                         const std::vector<float>& b, std::size_t b_stride, float beta,
                         std::vector<float> c, std::size_t c_stride) {
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double sum = beta == 0 ? 0.0 : static_cast<double>(beta) * c[i * c_stride + j];
      for (std::size_t l = 0; l < k; ++l)
        sum += static_cast<double>(transpose_a ? a[l * a_stride + i] : a[i * a_stride + l]) *
               (transpose_b ? b[j * b_stride + l] : b[l * b_stride + j]);
      c[i * c_stride + j] = static_cast<float>(sum);
    }
  return c;
}

}  // namespace

TEST_CASE("gemm is the product that its contract says") {
  struct Shape {
    std::size_t m, n, k;
  };
  const auto shape = GENERATE(Shape{1, 1, 1}, Shape{1, 17, 5}, Shape{3, 1, 33}, Shape{7, 13, 1},
                              Shape{32, 10, 128}, Shape{31, 127, 97}, Shape{65, 128, 784});
  const bool ta = GENERATE(false, true), tb = GENERATE(false, true);
  const float beta = GENERATE(0.0f, 1.0f, -0.5f);
  const std::size_t padding = GENERATE(0u, 3u);
  const auto [m, n, k] = shape;
  const std::size_t sa = (ta ? m : k) + padding, sb = (tb ? k : n) + padding, sc = n + padding;
  const auto a = noise((ta ? k : m) * sa, 1), b = noise((tb ? n : k) * sb, 2);
  auto c = noise(m * sc, 3);
  const auto want = naive(ta, tb, m, n, k, a, sa, b, sb, beta, c, sc);
  gemm(ta, tb, m, n, k, a.data(), sa, b.data(), sb, beta, c.data(), sc);

  double worst = 0;
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < sc; ++j) {
      const double difference = std::abs(static_cast<double>(c[i * sc + j]) - want[i * sc + j]);
      if (j >= n)
        REQUIRE(c[i * sc + j] == want[i * sc + j]);
      else
        worst = std::max(worst, difference);
    }
  CHECK(worst < 1e-6 * static_cast<double>(k + 1));
}

TEST_CASE("gemm with beta 0 does not read what c held") {
  const auto a = noise(32 * 50, 1), b = noise(50 * 20, 2);
  std::vector<float> c(32 * 20, std::numeric_limits<float>::quiet_NaN());
  gemm(false, false, 32, 20, 50, a.data(), 50, b.data(), 20, 0, c.data(), 20);
  for (const float x : c) REQUIRE(std::isfinite(x));
}

TEST_CASE("gemm refuses empty products and strides shorter than a row") {
  std::vector<float> a(16), b(16), c(16, 7.0f);
  CHECK_THROWS_AS(gemm(false, false, 0, 4, 4, a.data(), 4, b.data(), 4, 0, c.data(), 4),
                  synfire::Error);
  CHECK_THROWS_AS(gemm(false, false, 4, 0, 4, a.data(), 4, b.data(), 4, 0, c.data(), 4),
                  synfire::Error);
  CHECK_THROWS_AS(gemm(false, false, 4, 4, 0, a.data(), 4, b.data(), 4, 0, c.data(), 4),
                  synfire::Error);
  CHECK_THROWS_AS(gemm(false, false, 4, 4, 4, a.data(), 3, b.data(), 4, 0, c.data(), 4),
                  synfire::Error);
  CHECK_THROWS_AS(gemm(false, false, 4, 4, 4, a.data(), 4, b.data(), 4, 0, c.data(), 3),
                  synfire::Error);
  CHECK(c == std::vector<float>(16, 7.0f));
}

TEST_CASE("gemm gives the same bits in two threads at once as in one") {
  const std::size_t m = 32, n = 128, k = 784;
  const auto a = noise(m * k, 1), b = noise(k * n, 2);
  const auto product = [&] {
    std::vector<float> c(m * n);
    for (int repeat = 0; repeat < 20; ++repeat)
      gemm(false, false, m, n, k, a.data(), k, b.data(), n, 0, c.data(), n);
    return c;
  };
  const auto alone = product();
  std::vector<float> first, second;
  std::thread one([&] { first = product(); }), two([&] { second = product(); });
  one.join();
  two.join();
  CHECK(first == alone);
  CHECK(second == alone);
}

TEST_CASE("gemm starts no threads and leaves OpenMP's number of them as it was") {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  };
  omp_set_num_threads(2);
  const auto before = threads();
  const std::size_t n = 512;
  const auto a = noise(n * n, 1), b = noise(n * n, 2);
  std::vector<float> c(n * n);
  gemm(false, false, n, n, n, a.data(), n, b.data(), n, 0, c.data(), n);
  CHECK(threads() == before);
  CHECK(omp_get_max_threads() == 2);
}
