#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "synfire/kernels.hpp"
#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;

TEST_CASE("sums of rows taken several times are those of the definition, bit for bit") {
  on_every_target([] {
    std::mt19937 random(14);
    std::uniform_real_distribution<double> value(-1, 3);
    for (std::size_t stride = kernels::kSumColumns; stride <= 5 * kernels::kSumColumns;
         stride += kernels::kSumColumns)
      for (const std::size_t n : {0, 1, 2, 7, 100}) {
        INFO("n " << n << ", stride " << stride);
        const std::size_t times_stride = n + 3;
        std::vector<double> rows(n * stride), sums(kernels::kMostSums * stride),
            times(kernels::kMostSums * times_stride);
        for (double& x : rows) x = value(random);
        for (double& x : sums) x = value(random);
        for (double& x : times) x = static_cast<double>(random() % 5);
        auto wanted = sums;
        for (std::size_t t = 0; t < kernels::kMostSums; ++t)
          for (std::size_t c = 0; c < stride; ++c)
            for (std::size_t i = 0; i < n; ++i)
              wanted[t * stride + c] += times[t * times_stride + i] * rows[i * stride + c];
        kernels::add_resampled(rows.data(), n, stride, times.data(), times_stride, sums.data());
        REQUIRE(sums == wanted);
      }
  });
}

}  // namespace
}  // namespace synfire
