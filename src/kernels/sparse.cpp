// Sums over the synapses that are there, of matrices where few are.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sparse.cpp"
#include <hwy/foreach_target.h>

#include <algorithm>
#include <cmath>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

template <std::size_t kSize>
using Block = hn::CappedTag<float, kSize>;

// out[column] += amount[k] * weight for each of these blocks.
template <std::size_t kSize>
HWY_INLINE void add_blocks(const BlockRows& rows, const std::uint32_t* block, const float* amount,
                           std::size_t count, float* out) {
  const Block<kSize> d;
  const std::uint32_t* column = rows.column;
  const float* weight = rows.weight;
  for (std::size_t k = 0; k < count; ++k) {
    float* to = out + column[block[k]];
    const float* from = weight + block[k] * kSize;
    const auto x = hn::Set(d, amount[k]);
    for (std::size_t j = 0; j < kSize; j += hn::MaxLanes(d))
      hn::StoreU(fused(x, hn::LoadU(d, from + j), hn::LoadU(d, to + j)), d, to + j);
  }
}

// Schedule: rows have few blocks, and how many, no branch predictor guesses. So the blocks of all
// rows are listed first, with stores that need not know how many there are, and added then. The
// sums stay in the first-level cache.
template <std::size_t kSize>
void accumulate(const BlockRows& rows, const float* start, std::size_t stride,
                const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  constexpr std::size_t kMost = 1024;
  HWY_ALIGN std::uint32_t block[kMost + kLanes];
  HWY_ALIGN float amount[kMost + kLanes];
  const hn::CappedTag<float, 8> d;  // wider stores straddle two lines more often than they save
  const hn::RebindToUnsigned<decltype(d)> words;
  const auto lane = hn::Iota(words, 0);
  std::size_t listed = 0;
  std::copy_n(start, stride, out);
  for (std::size_t k = 0; k < count; ++k) {
    std::size_t first = rows.begin[index[k]];
    const std::size_t end = rows.begin[index[k] + 1];
    const auto value = hn::Set(d, x[index[k]]);
    do {
      const std::size_t now = std::min(end - first, kMost - listed);
      for (std::size_t i = 0; i == 0 || i < now; i += hn::MaxLanes(d)) {
        const auto from = hn::Set(words, static_cast<std::uint32_t>(first + i));
        hn::StoreU(hn::Add(from, lane), words, block + listed + i);
        hn::StoreU(value, d, amount + listed + i);
      }
      first += now;
      listed += now;
      if (listed == kMost) {
        add_blocks<kSize>(rows, block, amount, listed, out);
        listed = 0;
      }
    } while (first < end);
  }
  add_blocks<kSize>(rows, block, amount, listed, out);
}

void accumulate_blocks(const BlockRows& rows, const float* start, std::size_t stride,
                       const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  (rows.size == 8 ? accumulate<8> : accumulate<16>)(rows, start, stride, index, x, count, out);
}

// Schedule: the sums of a group of columns stay in registers; each of its blocks is a chain of
// additions, and the chains do not wait for each other.
template <std::size_t kSize>
void gather(const BlockColumns& columns, const float* x, const float* start, std::size_t stride,
            float* out) {
  const Block<kSize> d;
  constexpr std::size_t kLength = hn::MaxLanes(Block<kSize>()), kBlocks = kBlockGroup / kSize,
                        kVectors = kSize / kLength;
  const std::uint32_t* input = columns.input;
  const float* weight = columns.weight;
  for (std::size_t g = 0; g < stride / kBlockGroup; ++g) {
    const std::uint32_t* column = columns.column + g * kBlocks;
    hn::Vec<Block<kSize>> sum[kBlocks * kVectors];
    for (std::size_t b = 0; b < kBlocks; ++b)
      for (std::size_t v = 0; v < kVectors; ++v)
        sum[b * kVectors + v] = hn::LoadU(d, start + column[b] + v * kLength);
    for (std::size_t turn = columns.length[g]; turn != 0; --turn) {
      for (std::size_t b = 0; b < kBlocks; ++b) {
        const auto value = hn::Set(d, x[input[b]]);
        for (std::size_t v = 0; v < kVectors; ++v) {
          auto& to = sum[b * kVectors + v];
          to = fused(value, hn::LoadU(d, weight + b * kSize + v * kLength), to);
        }
      }
      input += kBlocks;
      weight += kBlockGroup;
    }
    for (std::size_t b = 0; b < kBlocks; ++b)
      for (std::size_t v = 0; v < kVectors; ++v)
        hn::StoreU(sum[b * kVectors + v], d, out + column[b] + v * kLength);
  }
}

void gather_blocks(const BlockColumns& columns, const float* x, const float* start,
                   std::size_t stride, float* out) {
  (columns.size == 8 ? gather<8> : gather<16>)(columns, x, start, stride, out);
}

Reached reached(const float* x, std::size_t n, const std::uint32_t* worth) {
  const Words d;
  auto inputs = hn::Zero(d), sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto mask = hn::RebindMask(d, nonzero(hn::LoadU(Floats(), x + i)));
    inputs = hn::Add(inputs, hn::IfThenElseZero(mask, hn::Set(d, 1)));
    sum = hn::Add(sum, hn::IfThenElseZero(mask, hn::LoadU(d, worth + i)));
  }
  Reached all{hn::GetLane(hn::SumOfLanes(d, inputs)), hn::GetLane(hn::SumOfLanes(d, sum))};
  for (; i < n; ++i) {
    all.inputs += !(x[i] == 0);
    all.worth += x[i] == 0 ? 0 : worth[i];
  }
  return all;
}

// One synapse after the other: gathering and scattering vectors of sums takes no less time.
void accumulate_csr(const CsrRows& rows, const float* start, std::size_t columns,
                    const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  std::copy_n(start, columns, out);
  for (std::size_t k = 0; k < count; ++k) {
    const float amount = x[index[k]];
    const Synapse* const end = rows.synapse + rows.begin[index[k] + 1];
    for (const Synapse* s = rows.synapse + rows.begin[index[k]]; s != end; ++s)
      out[s->column] = std::fma(amount, s->weight, out[s->column]);
  }
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(accumulate_csr);
HWY_EXPORT(accumulate_blocks);
HWY_EXPORT(gather_blocks);
HWY_EXPORT(reached);

void accumulate_csr(const CsrRows& rows, const float* start, std::size_t columns,
                    const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(accumulate_csr)(rows, start, columns, index, x, count, out);
}

void accumulate_blocks(const BlockRows& rows, const float* start, std::size_t stride,
                       const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(accumulate_blocks)(rows, start, stride, index, x, count, out);
}

void gather_blocks(const BlockColumns& columns, const float* x, const float* start,
                   std::size_t stride, float* out) {
  HWY_DYNAMIC_DISPATCH(gather_blocks)(columns, x, start, stride, out);
}

Reached reached(const float* x, std::size_t n, const std::uint32_t* worth) {
  return HWY_DYNAMIC_DISPATCH(reached)(x, n, worth);
}

}  // namespace synfire::kernels
#endif
