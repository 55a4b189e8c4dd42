// Sums of rows, each taken several times: those of many resamples of the same rows.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resample.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

using Doubles = hn::CappedTag<double, kSumColumns>;

// Schedule: a row is read once for all sums, which stay in registers; kVectors side by side, so
// that additions do not wait for each other.
template <std::size_t kVectors>
HWY_INLINE void add_columns(const double* HWY_RESTRICT rows, std::size_t n, std::size_t stride,
                            const double* HWY_RESTRICT times, std::size_t times_stride,
                            double* HWY_RESTRICT sums) {
  const Doubles d;
  constexpr std::size_t lanes = hn::MaxLanes(d);
  hn::Vec<Doubles> sum[kMostSums][kVectors];
  for (std::size_t t = 0; t < kMostSums; ++t)
    for (std::size_t v = 0; v < kVectors; ++v)
      sum[t][v] = hn::LoadU(d, sums + t * stride + v * lanes);
  for (std::size_t i = 0; i < n; ++i) {
    hn::Vec<Doubles> row[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) row[v] = hn::LoadU(d, rows + i * stride + v * lanes);
    for (std::size_t t = 0; t < kMostSums; ++t) {
      const auto by = hn::Set(d, times[t * times_stride + i]);
      // Not fused: so it is the same on processors that cannot.
      for (std::size_t v = 0; v < kVectors; ++v)
        sum[t][v] = hn::Add(sum[t][v], hn::Mul(by, row[v]));
    }
  }
  for (std::size_t t = 0; t < kMostSums; ++t)
    for (std::size_t v = 0; v < kVectors; ++v)
      hn::StoreU(sum[t][v], d, sums + t * stride + v * lanes);
}

void add_resampled(const double* rows, std::size_t n, std::size_t stride, const double* times,
                   std::size_t times_stride, double* sums) {
  constexpr std::size_t lanes = hn::MaxLanes(Doubles());
  if (n == 0) return;
  std::size_t c = 0;
  for (; c + 2 * lanes <= stride; c += 2 * lanes)
    add_columns<2>(rows + c, n, stride, times, times_stride, sums + c);
  for (; c < stride; c += lanes) add_columns<1>(rows + c, n, stride, times, times_stride, sums + c);
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(add_resampled);

void add_resampled(const double* rows, std::size_t n, std::size_t stride, const double* times,
                   std::size_t times_stride, double* sums) {
  HWY_DYNAMIC_DISPATCH(add_resampled)(rows, n, stride, times, times_stride, sums);
}

}  // namespace synfire::kernels
#endif
