// Finding the active inputs and summing their rows of weights.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/synapse.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>

#include <algorithm>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

// x need not come from a Buffer: nothing is read behind x[n-1].
HWY_INLINE std::size_t find_nonzeros(const float* x, std::size_t n, std::uint32_t* index) {
  const Words words;
  auto lane = hn::Iota(words, 0);
  std::size_t count = 0, i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto found = nonzero(hn::LoadU(Floats(), x + i));
    hn::StoreU(pack(lane, found), words, index + count);
    count += hn::CountTrue(Floats(), found);
    lane = hn::Add(lane, hn::Set(words, std::uint32_t{kWidth}));
  }
  for (; i < n; ++i) {
    index[count] = static_cast<std::uint32_t>(i);
    count += !(x[i] == 0);
  }
  return count;
}

std::size_t nonzeros(const float* x, std::size_t n, std::uint32_t* index) {
  return find_nonzeros(x, n, index);
}

// Schedule: the columns are cut into tiles whose sums stay in registers while the events are walked
// once a tile. The walk is bound by reading rows from the second-level cache. Vectors of the full
// width are few enough instructions a row for the processor to run ahead into the next rows itself
// (a prefetch costs them a quarter of their speed); narrower ones gain a tenth from a prefetch.
enum class Walk {
  Far,   // from one row to another, which may be in the second-level cache
  Near,  // the rows are in the first-level cache
  All    // every row in its order, which prefetchers guess
};

template <std::size_t kVectors, Walk kWalk>
HWY_INLINE void accumulate_tile(const float* rows, std::size_t stride, const float* start,
                                const std::uint32_t* index, const float* x, std::size_t count,
                                float* out) {
  const Floats d;
  Vector sum[kVectors];
  for (std::size_t j = 0; j < kVectors; ++j) sum[j] = hn::LoadU(d, start + j * kWidth);
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t i = kWalk == Walk::All ? k : index[k];
    const float* row = rows + i * stride;
    // Keeps g++ from giving each column an address register of its own: a fifth slower.
    asm("" : "+r"(row));
    if constexpr (kWidth < kLanes && kWalk == Walk::Far) {
      const float* ahead = rows + index[std::min(k + 4, count - 1)] * stride;
      for (std::size_t j = 0; j < kVectors * kWidth; j += kLanes) hwy::Prefetch(ahead + j);
    }
    const auto scale = hn::Set(d, x[i]);
    for (std::size_t j = 0; j < kVectors; ++j)
      sum[j] = fused(scale, hn::LoadU(d, row + j * kWidth), sum[j]);
  }
  for (std::size_t j = 0; j < kVectors; ++j) hn::StoreU(sum[j], d, out + j * kWidth);
}

// The columns from j on.
template <std::size_t kVectors, Walk kWalk>
HWY_INLINE void accumulate_from(std::size_t j, std::size_t columns, const float* rows,
                                std::size_t stride, const float* start, const std::uint32_t* index,
                                const float* x, std::size_t count, float* out) {
  for (; j + kVectors * kWidth <= columns; j += kVectors * kWidth)
    accumulate_tile<kVectors, kWalk>(rows + j, stride, start + j, index, x, count, out + j);
  if constexpr (kVectors > 1)
    accumulate_from<kVectors / 2, kWalk>(j, columns, rows, stride, start, index, x, count, out);
}

void accumulate_rows(const float* rows, std::size_t stride, const float* start,
                     const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  if (index == nullptr)
    accumulate_from<kTile, Walk::All>(0, stride, rows, stride, start, index, x, count, out);
  else
    accumulate_from<kTile, Walk::Far>(0, stride, rows, stride, start, index, x, count, out);
}

// Schedule: a block of weights that fits in the first-level cache is read once and meets the inputs
// one after the other; between blocks a sum waits in `out`. Processors with vectors of the full
// width mostly have 48 KB of it, others 32: fewer blocks there, a twentieth faster.
void accumulate_products(const float* rows, std::size_t stride, const float* start, std::size_t n,
                         Product* products, std::size_t count) {
  constexpr std::size_t kColumns = 128, kRows = kWidth == kLanes ? 80 : 64;
  HWY_ALIGN std::uint32_t index[kRows + kLanes];
  for (std::size_t p = 0; p < count; ++p) {
    products[p].nonzero = 0;
    if (n == 0) std::copy_n(start, stride, products[p].out);
  }
  for (std::size_t j = 0; j < stride; j += kColumns)
    for (std::size_t i = 0; i < n; i += kRows)
      for (std::size_t p = 0; p < count; ++p) {
        const float* x = products[p].x + i;
        const std::size_t found = find_nonzeros(x, std::min(kRows, n - i), index);
        if (j == 0) products[p].nonzero += found;
        float* out = products[p].out + j;
        accumulate_from<kTile, Walk::Near>(0, std::min(kColumns, stride - j), rows + i * stride + j,
                                           stride, i == 0 ? start + j : out, index, x, found, out);
      }
}

// As accumulate_rows, less the arithmetic: the fastest that these rows can be read.
template <std::size_t kVectors>
HWY_INLINE hn::Vec<Words> read_tile(const std::uint32_t* rows, std::size_t stride,
                                    const std::uint32_t* index, std::size_t count) {
  const Words d;
  hn::Vec<Words> sum[kVectors];
  for (std::size_t j = 0; j < kVectors; ++j) sum[j] = hn::Zero(d);
  for (std::size_t k = 0; k < count; ++k) {
    const std::uint32_t* row = rows + index[k] * stride;
    asm("" : "+r"(row));
    if constexpr (kWidth < kLanes) {
      const std::uint32_t* ahead = rows + index[std::min(k + 4, count - 1)] * stride;
      for (std::size_t j = 0; j < kVectors * kWidth; j += kLanes) hwy::Prefetch(ahead + j);
    }
    for (std::size_t j = 0; j < kVectors; ++j)
      sum[j] = hn::Add(sum[j], hn::LoadU(d, row + j * kWidth));
  }
  for (std::size_t j = 1; j < kVectors; ++j) sum[0] = hn::Add(sum[0], sum[j]);
  return sum[0];
}

template <std::size_t kVectors>
HWY_INLINE hn::Vec<Words> read_from(std::size_t j, const std::uint32_t* rows, std::size_t stride,
                                    const std::uint32_t* index, std::size_t count) {
  auto sum = hn::Zero(Words());
  for (; j + kVectors * kWidth <= stride; j += kVectors * kWidth)
    sum = hn::Add(sum, read_tile<kVectors>(rows + j, stride, index, count));
  if constexpr (kVectors > 1)
    sum = hn::Add(sum, read_from<kVectors / 2>(j, rows, stride, index, count));
  return sum;
}

std::uint32_t read_rows(const std::uint32_t* rows, std::size_t stride, const std::uint32_t* index,
                        std::size_t count) {
  return hn::GetLane(hn::SumOfLanes(Words(), read_from<kTile>(0, rows, stride, index, count)));
}

void scale_pixels(const std::uint8_t* x, std::size_t n, float* out) {
  const Floats d;
  const hn::RebindToSigned<Floats> integers;
  const hn::Rebind<std::uint8_t, Floats> bytes;
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto wide = hn::PromoteTo(integers, hn::LoadU(bytes, x + i));
    hn::StoreU(hn::Div(hn::ConvertTo(d, wide), hn::Set(d, 255.0f)), d, out + i);
  }
  for (; i < n; ++i) out[i] = static_cast<float>(x[i]) / 255.0f;
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(nonzeros);
HWY_EXPORT(accumulate_rows);
HWY_EXPORT(accumulate_products);
HWY_EXPORT(read_rows);
HWY_EXPORT(scale_pixels);

std::size_t nonzeros(const float* x, std::size_t n, std::uint32_t* index) {
  return HWY_DYNAMIC_DISPATCH(nonzeros)(x, n, index);
}

void accumulate_rows(const float* rows, std::size_t stride, const float* start,
                     const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(accumulate_rows)(rows, stride, start, index, x, count, out);
}

void accumulate_products(const float* rows, std::size_t stride, const float* start, std::size_t n,
                         Product* products, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(accumulate_products)(rows, stride, start, n, products, count);
}

std::uint32_t read_rows(const std::uint32_t* rows, std::size_t stride, const std::uint32_t* index,
                        std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(read_rows)(rows, stride, index, count);
}

void scale_pixels(const std::uint8_t* x, std::size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(scale_pixels)(x, n, out);
}

}  // namespace synfire::kernels
#endif
