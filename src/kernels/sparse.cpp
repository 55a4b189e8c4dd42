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

// Schedule: the sums stay in the first-level cache, and a row's blocks do not wait for each other.
// Where rows have few blocks, nobody predicts the branch at their end, which takes longer than some
// blocks: several at a time leave fewer ends to be guessed.
template <std::size_t kSize>
void accumulate(const BlockRows& rows, const float* start, std::size_t stride,
                const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  const Block<kSize> d;
  std::copy_n(start, stride, out);
  for (std::size_t k = 0; k < count; ++k) {
    const auto value = hn::Set(d, x[index[k]]);
    const float* weight = rows.weight + rows.begin[index[k]] * kSize;
    const std::uint32_t* const end = rows.column + rows.begin[index[k] + 1];
    for (const std::uint32_t* c = rows.column + rows.begin[index[k]]; c != end; c += kBlockTurn)
      for (std::size_t b = 0; b < kBlockTurn; ++b) {
        float* to = out + c[b];
        for (std::size_t j = 0; j < kSize; j += hn::MaxLanes(d))
          hn::StoreU(fused(value, hn::LoadU(d, weight + j), hn::LoadU(d, to + j)), d, to + j);
        weight += kSize;
      }
  }
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
