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

HWY_INLINE void copy(const float* from, std::size_t n, float* to) {
  for (std::size_t j = 0; j < n; j += kWidth)
    hn::StoreU(hn::LoadU(Floats(), from + j), Floats(), to + j);
}

/// Of all events, each as often as it fires, where a counter can hold it. Mostly each fires once.
HWY_INLINE std::uint64_t synapses(const std::uint32_t* degree, const BlockEvents& events) {
  std::uint64_t sum = 0;
  for (std::size_t k = 0; k < events.count; ++k) {
    const float times = std::abs(events.x[k]);
    if (HWY_LIKELY(times == 1))
      sum += degree[events.index[k]];
    else if (times < 0x1p63f)
      sum += static_cast<std::uint64_t>(times) * degree[events.index[k]];
  }
  return sum;
}

constexpr std::size_t kListed = 8;

// Schedule: the blocks of all events are listed first, a vector of them at a time, so that nobody
// has to guess where a row ends. The sums stay in the first-level cache.
HWY_INLINE std::size_t list_blocks(const BlockRows& rows, const BlockEvents& events) {
  const hn::CappedTag<float, kListed> floats;
  const hn::RebindToUnsigned<decltype(floats)> words;
  constexpr std::size_t kStep = hn::MaxLanes(hn::CappedTag<float, kListed>());
  const auto lanes = hn::Iota(words, 0);
  const auto unit = hn::Set(Floats(), events.unit);
  // Copies, because the compiler takes a store of a vector for one that may change the structs.
  const std::uint32_t* const begin = rows.begin;
  const float* const x = events.x;
  const std::size_t count = events.count;
  std::uint32_t* const block = events.block;
  float* const value = events.value;
  std::size_t listed = 0;
  for (std::size_t k = 0; k < count; k += kWidth) {
    HWY_ALIGN float amount[kWidth];
    hn::Store(hn::Div(hn::LoadU(Floats(), x + k), unit), Floats(), amount);
    const std::uint32_t* const index = events.index + k;
    const std::size_t last = std::min(kWidth, count - k);
    for (std::size_t e = 0; e < last; ++e) {
      const std::uint32_t* const row = begin + index[e];
      const std::size_t end = listed + (row[1] - row[0]);
      const auto times = hn::Set(floats, amount[e]);
      auto names = hn::Add(lanes, hn::Set(words, row[0]));
      do {
        hn::StoreU(names, words, block + listed);
        hn::StoreU(times, floats, value + listed);
        names = hn::Add(names, hn::Set(words, static_cast<std::uint32_t>(kStep)));
        listed += kStep;
      } while (HWY_UNLIKELY(listed < end));
      listed = end;
    }
  }
  return listed;
}

template <std::size_t kSize>
BlocksRead accumulate(const BlockRows& rows, const float* start, std::size_t stride,
                      const BlockEvents& events, std::size_t most, float* out) {
  const std::size_t listed = list_blocks(rows, events);
  const BlocksRead read{listed, rows.degree == nullptr ? 0 : synapses(rows.degree, events)};
  if (listed > most) return read;

  copy(start, stride, out);
  const Block<kSize> d;
  const std::uint32_t* const block = events.block;
  const float* const value = events.value;
  const std::uint32_t* const column = rows.column;
  const float* const weight = rows.weight;
  for (std::size_t k = 0; k < listed; ++k) {
    const std::size_t b = block[k];
    const auto times = hn::Set(d, value[k]);
    float* to = out + column[b];
    for (std::size_t j = 0; j < kSize; j += hn::MaxLanes(d))
      hn::StoreU(fused(times, hn::LoadU(d, weight + b * kSize + j), hn::LoadU(d, to + j)), d,
                 to + j);
  }
  return read;
}

BlocksRead accumulate_blocks(const BlockRows& rows, const float* start, std::size_t stride,
                             const BlockEvents& events, std::size_t most, float* out) {
  switch (rows.size) {
    case 8:
      return accumulate<8>(rows, start, stride, events, most, out);
    case 16:
      return accumulate<16>(rows, start, stride, events, most, out);
    case 32:
      return accumulate<32>(rows, start, stride, events, most, out);
    default:
      return accumulate<64>(rows, start, stride, events, most, out);
  }
}

// Schedule: the sums of a group of columns stay in registers, as many as there is room for; each of
// its vectors is a chain of additions, and the chains do not wait for each other.
template <std::size_t kSize>
void gather(const BlockColumns& columns, const float* x, const float* start, std::size_t stride,
            float* out) {
  const Block<kSize> d;
  constexpr std::size_t kLength = hn::MaxLanes(Block<kSize>()), kBlocks = kBlockGroup / kSize,
                        kVectors = kSize / kLength,
                        kAtOnce = std::clamp<std::size_t>(kTile / kVectors, 1, kBlocks);
  copy(start, stride, out);
  const std::uint32_t* input = columns.input;
  const float* weight = columns.weight;
  for (std::size_t g = 0; g < columns.groups; ++g) {
    const std::size_t length = columns.length[g];
    for (std::size_t first = 0; first < kBlocks; first += kAtOnce) {
      const std::uint32_t* column = columns.column + g * kBlocks + first;
      hn::Vec<Block<kSize>> sum[kAtOnce * kVectors];
      for (std::size_t b = 0; b < kAtOnce; ++b)
        for (std::size_t v = 0; v < kVectors; ++v)
          sum[b * kVectors + v] = hn::LoadU(d, out + column[b] + v * kLength);
      for (std::size_t turn = 0; turn < length; ++turn)
        for (std::size_t b = 0; b < kAtOnce; ++b) {
          const std::size_t at = turn * kBlocks + first + b;
          const auto value = hn::Set(d, x[input[at]]);
          for (std::size_t v = 0; v < kVectors; ++v) {
            auto& to = sum[b * kVectors + v];
            to = fused(value, hn::LoadU(d, weight + at * kSize + v * kLength), to);
          }
        }
      for (std::size_t b = 0; b < kAtOnce; ++b)
        for (std::size_t v = 0; v < kVectors; ++v)
          hn::StoreU(sum[b * kVectors + v], d, out + column[b] + v * kLength);
    }
    input += length * kBlocks;
    weight += length * kBlockGroup;
  }
}

void gather_blocks(const BlockColumns& columns, const float* x, const float* start,
                   std::size_t stride, float* out) {
  switch (columns.size) {
    case 8:
      return gather<8>(columns, x, start, stride, out);
    case 16:
      return gather<16>(columns, x, start, stride, out);
    case 32:
      return gather<32>(columns, x, start, stride, out);
    default:
      return gather<64>(columns, x, start, stride, out);
  }
}

std::size_t nonzero_values(const float* x, std::size_t n, std::uint32_t* index, float* value) {
  EventWriter written(index, value);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto some = hn::LoadU(Floats(), x + i);
    written.append(some, nonzero(some));
  }
  std::size_t count = written.count();
  for (; i < n; ++i) {
    index[count] = static_cast<std::uint32_t>(i);
    value[count] = x[i];
    count += !(x[i] == 0);
  }
  return count;
}

Reached reached(const float* x, std::size_t n, const std::uint32_t* worth) {
  const Words d;
  auto inputs = hn::Zero(d), sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto mask = hn::RebindMask(d, nonzero(hn::LoadU(Floats(), x + i)));
    inputs = count_more(inputs, mask);
    sum = hn::Add(sum, hn::IfThenElseZero(mask, hn::LoadU(d, worth + i)));
  }
  Reached all{hn::GetLane(hn::SumOfLanes(d, inputs)), hn::GetLane(hn::SumOfLanes(d, sum))};
  for (; i < n; ++i) {
    all.inputs += !(x[i] == 0);
    all.worth += x[i] == 0 ? 0 : worth[i];
  }
  return all;
}

// Of x[i..n).
HWY_INLINE bool is_graded(const float* x, std::size_t i, std::size_t n) {
  const Floats d;
  for (; i + kWidth <= n; i += kWidth) {
    const auto values = hn::LoadU(d, x + i);
    if (!hn::AllFalse(d, hn::AndNot(hn::Eq(hn::Abs(values), hn::Set(d, 1)), nonzero(values))))
      return true;
  }
  for (; i < n; ++i)
    if (x[i] != 0 && std::abs(x[i]) != 1) return true;
  return false;
}

// Images are dark at their edges: what is found is found soon from the middle on.
bool any_graded(const float* x, std::size_t n) {
  return is_graded(x, n / 2, n) || is_graded(x, 0, n / 2);
}

InputCount count_inputs(const float* x, std::size_t n) {
  const Floats d;
  const auto more = [&](hn::Vec<Words> zeros, std::size_t i) HWY_ATTR {
    return count_more(zeros, hn::Eq(hn::LoadU(d, x + i), hn::Zero(d)));
  };
  auto zeros = hn::Zero(Words()), others = zeros;  // which do not wait for each other
  std::size_t i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
    zeros = more(zeros, i);
    others = more(others, i + kWidth);
  }
  std::size_t count = i - sum_of(hn::Add(zeros, others));
  for (; i < n; ++i) count += !(x[i] == 0);
  return {count, any_graded(x, n)};
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
HWY_EXPORT(nonzero_values);
HWY_EXPORT(reached);
HWY_EXPORT(any_graded);
HWY_EXPORT(count_inputs);

void accumulate_csr(const CsrRows& rows, const float* start, std::size_t columns,
                    const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(accumulate_csr)(rows, start, columns, index, x, count, out);
}

BlocksRead accumulate_blocks(const BlockRows& rows, const float* start, std::size_t stride,
                             const BlockEvents& events, std::size_t most, float* out) {
  return HWY_DYNAMIC_DISPATCH(accumulate_blocks)(rows, start, stride, events, most, out);
}

void gather_blocks(const BlockColumns& columns, const float* x, const float* start,
                   std::size_t stride, float* out) {
  HWY_DYNAMIC_DISPATCH(gather_blocks)(columns, x, start, stride, out);
}

std::size_t nonzero_values(const float* x, std::size_t n, std::uint32_t* index, float* value) {
  return HWY_DYNAMIC_DISPATCH(nonzero_values)(x, n, index, value);
}

Reached reached(const float* x, std::size_t n, const std::uint32_t* worth) {
  return HWY_DYNAMIC_DISPATCH(reached)(x, n, worth);
}

bool any_graded(const float* x, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(any_graded)(x, n);
}

InputCount count_inputs(const float* x, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(count_inputs)(x, n);
}

}  // namespace synfire::kernels
#endif
