// Sums over rows of weights that are narrower than a float.
#define HWY_WANT_AVX3_DL  // for its sums of products of 16 bits
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/narrow.cpp"
#include <hwy/foreach_target.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/simd-inl.hpp"
#include "kernels/tiles.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

using Integers = hn::RebindToSigned<Floats>;
using Integer = hn::Vec<Integers>;

// ------------------------------------------------------------------ bfloat16

// As the tiles in synapse.cpp. A word holds two columns that lie kLanes apart, so each half of a
// vector of words becomes a vector of floats by one instruction.
template <std::size_t kWords>
struct HalvesTile {
  HWY_INLINE explicit HalvesTile(const float* start) {
    for (std::size_t j = 0; j < kWords; ++j) {
      low[j] = hn::LoadU(Floats(), start + column(j));
      high[j] = hn::LoadU(Floats(), start + column(j) + kLanes);
    }
  }
  // The rows that index[first..end) names, or, where there is none, those from first to end.
  template <bool kAll>
  HWY_INLINE void walk(const std::uint32_t* rows, std::size_t stride, const std::uint32_t* index,
                       const float* x, std::size_t first, std::size_t end) {
    const Floats d;
    const Words words;
    const auto upper = hn::Set(words, 0xffff0000u);
    for (std::size_t k = first; k < end; ++k) {
      const std::size_t i = kAll ? k : index[k];
      const std::uint32_t* row = rows + i * stride;
      asm("" : "+r"(row));  // one address register for all columns: see synapse.cpp
      const auto scale = hn::Set(d, x[i]);
      for (std::size_t j = 0; j < kWords; ++j) {
        const auto pair = hn::LoadU(words, row + j * kWidth);
        low[j] = fused(scale, hn::BitCast(d, hn::ShiftLeft<16>(pair)), low[j]);
        high[j] = fused(scale, hn::BitCast(d, hn::And(pair, upper)), high[j]);
      }
    }
  }
  HWY_INLINE void store(float* out) const {
    for (std::size_t j = 0; j < kWords; ++j) {
      hn::StoreU(low[j], Floats(), out + column(j));
      hn::StoreU(high[j], Floats(), out + column(j) + kLanes);
    }
  }

 private:
  // Where the low halves of the vector j of words belong.
  static constexpr std::size_t column(std::size_t j) {
    const std::size_t word = j * kWidth;
    return word / kLanes * 2 * kLanes + word % kLanes;
  }

  Vector low[kWords], high[kWords];
};

// Tiles are whole blocks of kLanes words: their columns are then side by side.
constexpr std::size_t kMostWords = kTile / 2 * kWidth >= kLanes ? kTile / 2 : kLanes / kWidth;

template <std::size_t kWords, bool kAll>
HWY_INLINE void accumulate_bf16_from(std::size_t word, const std::uint32_t* rows,
                                     std::size_t stride, const float* start,
                                     const std::uint32_t* index, const float* x, std::size_t count,
                                     float* out) {
  for (; word + kWords * kWidth <= stride; word += kWords * kWidth) {
    HalvesTile<kWords> tile(start + 2 * word);
    tile.template walk<kAll>(rows + word, stride, index, x, 0, count);
    tile.store(out + 2 * word);
  }
  if constexpr (kWords / 2 * kWidth >= kLanes)
    accumulate_bf16_from<kWords / 2, kAll>(word, rows, stride, start, index, x, count, out);
}

void accumulate_rows_bf16(const std::uint32_t* rows, std::size_t stride, const float* start,
                          const std::uint32_t* index, const float* x, std::size_t count,
                          float* out) {
  if (index == nullptr)
    accumulate_bf16_from<kMostWords, true>(0, rows, stride, start, index, x, count, out);
  else
    accumulate_bf16_from<kMostWords, false>(0, rows, stride, start, index, x, count, out);
}

// The first tile finds the rows for all.
template <std::size_t kWords>
HWY_INLINE ReadValues search_bf16_from(const std::uint32_t* rows, std::size_t stride,
                                       const float* start, const float* x, std::size_t n,
                                       double dense_above, std::uint32_t* index, float* out) {
  if constexpr (kWords / 2 * kWidth >= kLanes)
    if (stride < kWords * kWidth)
      return search_bf16_from<kWords / 2>(rows, stride, start, x, n, dense_above, index, out);
  HalvesTile<kWords> tile(start);
  const auto [nonzero, dense] =
      search_and(x, n, dense_above, index, [&](std::size_t first, std::size_t end) HWY_ATTR {
        tile.template walk<false>(rows, stride, index, x, first, end);
      });
  if (dense) {
    accumulate_rows_bf16(rows, stride, start, nullptr, x, n, out);
    return {nonzero, n};
  }
  tile.store(out);
  accumulate_bf16_from<kWords, false>(kWords * kWidth, rows, stride, start, index, x, nonzero, out);
  return {nonzero, nonzero};
}

ReadValues accumulate_values_bf16(const std::uint32_t* rows, std::size_t stride, const float* start,
                                  const float* x, std::size_t n, double dense_above,
                                  std::uint32_t* index, float* out) {
  return search_bf16_from<kMostWords>(rows, stride, start, x, n, dense_above, index, out);
}

// ------------------------------------------------------------------ int8

// Largest magnitude, or NaN where one is not finite; how many are not 0, where they are counted.
// The bits of magnitudes are ordered as these are, with NaN on top; maxima of several vectors do
// not wait for each other.
struct Largest {
  float top;
  std::size_t nonzero;
};
template <bool kCounted = false>
HWY_INLINE Largest largest(const float* x, std::size_t n) {
  constexpr std::size_t kChains = 4;
  constexpr std::int32_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000;
  const Integers d;
  const auto magnitude = hn::Set(d, kMagnitude);
  Integer most[kChains];
  for (auto& m : most) m = hn::Zero(d);
  auto count = hn::Zero(Words());
  const auto take = [&](Integer& m, std::size_t at) HWY_ATTR {
    const auto v = hn::LoadU(Floats(), x + at);
    m = hn::Max(m, hn::And(hn::BitCast(d, v), magnitude));
    if constexpr (kCounted) count = count_more(count, nonzero(v));
  };
  std::size_t i = 0;
  for (; i + kChains * kWidth <= n; i += kChains * kWidth)
    for (std::size_t j = 0; j < kChains; ++j) take(most[j], i + j * kWidth);
  for (; i + kWidth <= n; i += kWidth) take(most[0], i);
  for (const auto& m : most) most[0] = hn::Max(most[0], m);
  std::int32_t top = hn::GetLane(hn::MaxOfLanes(d, most[0]));
  std::size_t all = kCounted ? sum_of(count) : 0;
  for (; i < n; ++i) {
    top = std::max(top, std::bit_cast<std::int32_t>(x[i]) & kMagnitude);
    all += kCounted && !(x[i] == 0);
  }
  return {top < kInfinity ? std::bit_cast<float>(top) : std::numeric_limits<float>::quiet_NaN(),
          all};
}

// The numbers that x * factor is nearest to, those below 0 as 0; whether there was one of these.
HWY_INLINE bool round_to_bytes(const float* x, std::size_t n, float factor, std::uint8_t* out) {
  const Floats d;
  const Integers integers;
  const hn::Rebind<std::uint8_t, Floats> bytes;
  auto least = hn::Zero(integers);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    // Whole where it is added to this, and in its lowest bits.
    const auto base = hn::Set(d, 0x1.8p23f);
    const auto placed = hn::Add(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor)), base);
    const auto whole = hn::Sub(hn::BitCast(integers, placed), hn::BitCast(integers, base));
    least = hn::Min(least, whole);
    hn::StoreU(hn::DemoteTo(bytes, whole), bytes, out + i);
  }
  bool below = !hn::AllTrue(integers, hn::Eq(least, hn::Zero(integers)));
  for (; i < n; ++i) {
    const float whole = std::nearbyint(x[i] * factor);
    below = below || whole < 0;
    out[i] = static_cast<std::uint8_t>(std::max(whole, 0.0f));
  }
  return below;
}

// How many bytes of each word are not zero: of each the upper bit, moved down and added.
HWY_INLINE hn::Vec<Words> set_bytes(hn::Vec<Words> v) {
  const Words d;
  const auto low = hn::Set(d, 0x7f7f7f7fu), high = hn::Set(d, 0x80808080u);
  return hn::PopulationCount(hn::And(hn::Or(hn::Add(hn::And(v, low), low), v), high));
}

// The words that are not zero, and how many of their bytes are not.
HWY_INLINE std::size_t append_quads(const std::uint32_t* words, std::size_t n, std::uint32_t* index,
                                    std::uint32_t* quad, std::size_t& nonzero) {
  const Words d;
  EventWriter<std::uint32_t> events(index, quad);
  auto set = hn::Zero(d);
  for (std::size_t i = 0; i < n; i += kWidth) {
    const auto v = hn::LoadU(d, words + i);
    events.append(v, hn::RebindMask(Floats(), hn::Not(hn::Eq(v, hn::Zero(d)))));
    set = hn::Add(set, set_bytes(v));
  }
  nonzero += hn::GetLane(hn::SumOfLanes(d, set));
  return events.count();
}

Quantized quantize_quads(const float* x, std::size_t n, std::uint32_t* scratch,
                         std::uint32_t* index, std::uint32_t* quad) {
  const float top = largest(x, n).top;
  const float factor = kMostByte / top;
  Quantized made{0, 0, 0, top == top ? 0.0f : top};
  if (!(factor < std::numeric_limits<float>::infinity())) return made;
  auto* bytes = reinterpret_cast<std::uint8_t*>(scratch);
  const std::size_t words = (n + 3) / 4;
  made.step = top / kMostByte;
  // What lies behind the values up to whole vectors of words must be zero, too.
  const auto clear = [&] { std::fill(bytes + n, bytes + (words + kWidth) * 4, std::uint8_t{0}); };
  const bool below = round_to_bytes(x, n, factor, bytes);
  clear();
  made.positive = append_quads(scratch, words, index, quad, made.nonzero);
  if (!below) return made;
  round_to_bytes(x, n, -factor, bytes);
  clear();
  made.negative =
      append_quads(scratch, words, index + made.positive, quad + made.positive, made.nonzero);
  return made;
}

// A quad holds the weights of four rows for a column. Adds their products with four numbers to the
// sums of a vector's columns, which are in `kParts` vectors.
#if HWY_TARGET == HWY_SCALAR

inline constexpr std::size_t kParts = 1;
HWY_INLINE Integer add_products(std::uint32_t quad, const std::int8_t* weights, Integer sum,
                                Integer&) {
  std::int32_t products = 0;
  for (std::size_t r = 0; r < 4; ++r)
    products += static_cast<std::int32_t>(quad >> 8 * r & 0xff) * weights[r];
  return hn::Add(sum, hn::Set(Integers(), products));
}
HWY_INLINE Integer whole_sum(const Integer* sum, const Integer*) {
  return sum[0];
}

#elif HWY_TARGET == HWY_AVX3_DL

inline constexpr std::size_t kParts = 1;
HWY_INLINE Integer add_products(std::uint32_t quad, const std::int8_t* weights, Integer sum,
                                Integer&) {
  const hn::Repartition<std::int8_t, Integers> bytes;
  auto to = sum.raw;
  // Highway 1.0.3 has no name for the instruction, and no flag for it in this target.
  asm("vpdpbusd %2, %1, %0"
      : "+v"(to)
      : "v"(hn::Set(Words(), quad).raw), "v"(hn::LoadU(bytes, weights).raw));
  return Integer{to};
}
HWY_INLINE Integer whole_sum(const Integer* sum, const Integer*) {
  return sum[0];
}

#else

// Weights that were widened to 16 bits are multiplied in pairs: two pairs to a column.
inline constexpr std::size_t kParts = 2;
HWY_INLINE Integer add_products(std::uint32_t quad, const std::int8_t* weights, Integer sum,
                                Integer& rest) {
  const hn::Repartition<std::int16_t, Integers> shorts;
  const hn::Rebind<std::int8_t, decltype(shorts)> bytes;
  const hn::Repartition<std::uint64_t, Integers> longs;
  const std::uint64_t lower = (quad & 0xff) | (quad & 0xff00) << 8;
  const std::uint64_t upper = (quad >> 16 & 0xff) | (quad >> 24) << 16;
  const auto numbers = hn::BitCast(shorts, hn::Set(longs, upper << 32 | lower));
  const auto wide = hn::PromoteTo(shorts, hn::LoadU(bytes, weights));
  return hn::ReorderWidenMulAccumulate(Integers(), numbers, wide, sum, rest);
}
HWY_INLINE Integer whole_sum(const Integer* sum, const Integer* rest) {
  const auto a = hn::RearrangeToOddPlusEven(sum[0], rest[0]);
  const auto b = hn::RearrangeToOddPlusEven(sum[1], rest[1]);
  return hn::Add(hn::ConcatEven(Integers(), b, a), hn::ConcatOdd(Integers(), b, a));
}

#endif

// Sums of the products of a tile of columns, in registers.
template <std::size_t kVectors>
struct QuadSums {
  static constexpr std::size_t n = kVectors * kParts;
  Integer sum[n], rest[n];

  HWY_INLINE void clear() {
    for (std::size_t j = 0; j < n; ++j) sum[j] = rest[j] = hn::Zero(Integers());
  }
  HWY_INLINE void negate() {
    for (std::size_t j = 0; j < n; ++j) {
      sum[j] = hn::Neg(sum[j]);
      rest[j] = hn::Neg(rest[j]);
    }
  }
  HWY_INLINE void add(const std::int8_t* rows, std::size_t stride, const std::uint32_t* index,
                      const std::uint32_t* quad, std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      const std::int8_t* row = rows + index[k] * 4 * stride;
      asm("" : "+r"(row));
      for (std::size_t j = 0; j < n; ++j)
        sum[j] = add_products(quad[k], row + j * (4 / kParts) * kWidth, sum[j], rest[j]);
    }
  }
  HWY_INLINE Integer whole(std::size_t j) const {
    return whole_sum(sum + j * kParts, rest + j * kParts);
  }
};

// Sums of columns as what they stand for.
HWY_INLINE void store_scaled(Integer whole, float step, const float* start, const float* scale,
                             float* out) {
  const Floats d;
  const auto unit = hn::Mul(hn::LoadU(d, scale), hn::Set(d, step));
  hn::StoreU(hn::Add(hn::LoadU(d, start), hn::Mul(hn::ConvertTo(d, whole), unit)), d, out);
}

// Schedule: as accumulate_tile. The second part's numbers were negated: it is subtracted.
template <std::size_t kVectors>
HWY_INLINE void accumulate_int8_tile(const std::int8_t* rows, std::size_t stride,
                                     const std::uint32_t* index, const std::uint32_t* quad,
                                     const Quantized& in, const float* start, const float* scale,
                                     float* out) {
  QuadSums<kVectors> sums;
  sums.clear();
  sums.add(rows, stride, index, quad, in.positive, in.positive + in.negative);
  sums.negate();
  sums.add(rows, stride, index, quad, 0, in.positive);
  for (std::size_t j = 0; j < kVectors * kWidth; j += kWidth)
    store_scaled(sums.whole(j / kWidth), in.step, start + j, scale + j, out + j);
}

template <std::size_t kVectors>
HWY_INLINE void accumulate_int8_from(std::size_t j, const std::int8_t* rows, std::size_t stride,
                                     const std::uint32_t* index, const std::uint32_t* quad,
                                     const Quantized& in, const float* start, const float* scale,
                                     float* out) {
  for (; j + kVectors * kWidth <= stride; j += kVectors * kWidth)
    accumulate_int8_tile<kVectors>(rows + 4 * j, stride, index, quad, in, start + j, scale + j,
                                   out + j);
  if constexpr (kVectors > 1)
    accumulate_int8_from<kVectors / 2>(j, rows, stride, index, quad, in, start, scale, out);
}

inline constexpr std::size_t kQuadTile = HWY_TARGET == HWY_AVX3_DL ? kTile : kTile / 2;

void accumulate_quads_int8(const std::int8_t* rows, std::size_t stride, const std::uint32_t* index,
                           const std::uint32_t* quad, const Quantized& in, const float* start,
                           const float* scale, float* out) {
  accumulate_int8_from<kQuadTile>(0, rows, stride, index, quad, in, start, scale, out);
}

#if HWY_TARGET == HWY_AVX3_DL

// Adds products with quads to sums that wait in `out`, from column j on.
template <std::size_t kVectors>
HWY_INLINE void add_quads(std::size_t j, std::size_t columns, const std::int8_t* rows,
                          std::size_t stride, const QuadProduct& of, std::size_t begin,
                          std::size_t end, bool negated, float* out) {
  for (; j + kVectors * kWidth <= columns; j += kVectors * kWidth) {
    QuadSums<kVectors> sums;
    sums.clear();
    sums.add(rows + 4 * j, stride, of.index, of.quad, begin, end);
    if (negated) sums.negate();
    for (std::size_t v = 0; v < kVectors; ++v) {
      float* to = out + j + v * kWidth;
      const auto before = hn::BitCast(Integers(), hn::LoadU(Floats(), to));
      hn::StoreU(hn::BitCast(Floats(), hn::Add(before, sums.whole(v))), Floats(), to);
    }
  }
  if constexpr (kVectors > 1)
    add_quads<kVectors / 2>(j, columns, rows, stride, of, begin, end, negated, out);
}

// How many of n words are below a limit.
HWY_INLINE std::size_t count_below(const std::uint32_t* words, std::size_t n, std::size_t limit) {
  const Integers d;
  const auto top = hn::Set(d, static_cast<std::int32_t>(limit));
  std::size_t found = 0;
  for (std::size_t i = 0; i < n; i += kWidth) {
    const auto below = hn::Lt(hn::BitCast(d, hn::LoadU(Words(), words + i)), top);
    found += hn::CountTrue(d, n - i < kWidth ? hn::And(below, hn::FirstN(d, n - i)) : below);
  }
  return found;
}

// Counts the quads of bytes that are not all zero, and the bytes that are not.
HWY_INLINE void count_quads(const std::uint8_t* bytes, std::size_t words, Quantized& in) {
  const Words d;
  auto quads = hn::Zero(d), set = quads;
  for (std::size_t i = 0; i < words; i += kWidth) {
    const auto v = hn::LoadU(d, reinterpret_cast<const std::uint32_t*>(bytes) + i);
    quads = count_more(quads, hn::Not(hn::Eq(v, hn::Zero(d))));
    set = hn::Add(set, set_bytes(v));
  }
  in.positive = sum_of(quads);
  in.nonzero = sum_of(set);
}

bool byte_products(const std::int8_t* rows, std::size_t stride, std::size_t n, const float* start,
                   const float* scale, ByteProduct* products, std::size_t count) {
  if (!ByteInputs::pay(n, count)) return false;
  constexpr std::size_t kColumns = 128;
  ByteInputs in;
  HWY_ALIGN std::int32_t sum[ByteInputs::kCount][kColumns];
  for (std::size_t p = 0; p < count; ++p) {
    const auto [top, nonzero] = largest<true>(products[p].x, n);
    products[p].nonzero = nonzero;
    const float factor = kMostByte / top;
    Quantized& made = products[p].in;
    made = {0, 0, 0, top == top ? 0.0f : top};
    if (factor < std::numeric_limits<float>::infinity()) {
      made.step = top / kMostByte;
      if (round_to_bytes(products[p].x, n, factor, in.byte[p])) return false;
    } else {
      std::fill_n(in.byte[p], n, std::uint8_t{0});
    }
    in.clear_behind(p, n);
    count_quads(in.byte[p], (n + 3) / 4, made);
  }
  for (std::size_t j = 0; j < stride; j += kColumns) {
    const std::size_t columns = std::min(kColumns, stride - j);
    in.multiply(rows + 4 * j, stride, columns, n, sum[0], kColumns);
    for (std::size_t p = 0; p < count; ++p)
      for (std::size_t c = 0; c < columns; c += kWidth)
        store_scaled(hn::Load(Integers(), sum[p] + c), products[p].in.step, start + j + c,
                     scale + j + c, products[p].out + j + c);
  }
  return true;
}

// Schedule: as accumulate_products.
void accumulate_quad_products(const std::int8_t* rows, std::size_t stride, std::size_t quads,
                              const float* start, const float* scale, const QuadProduct* products,
                              std::size_t count) {
  constexpr std::size_t kColumns = 128, kQuads = 64;
  std::size_t next[kMostProducts][2];
  for (std::size_t j = 0; j < stride; j += kColumns) {
    const std::size_t columns = std::min(kColumns, stride - j);
    for (std::size_t p = 0; p < count; ++p) {
      std::fill_n(products[p].out + j, columns, 0.0f);
      next[p][0] = 0;
      next[p][1] = products[p].in.positive;
    }
    for (std::size_t first = 0; first < quads; first += kQuads)
      for (std::size_t p = 0; p < count; ++p) {
        const QuadProduct& of = products[p];
        for (const bool negated : {false, true}) {
          const std::size_t end = of.in.positive + (negated ? of.in.negative : 0);
          std::size_t& begin = next[p][negated];
          const std::size_t last =
              begin + count_below(of.index + begin, std::min(end - begin, kQuads), first + kQuads);
          if (last != begin)
            add_quads<kQuadTile>(0, columns, rows + 4 * j, stride, of, begin, last, negated,
                                 of.out + j);
          begin = last;
        }
      }
    for (std::size_t p = 0; p < count; ++p)
      for (std::size_t c = j; c < j + columns; c += kWidth) {
        float* out = products[p].out + c;
        store_scaled(hn::BitCast(Integers(), hn::LoadU(Floats(), out)), products[p].in.step,
                     start + c, scale + c, out);
      }
  }
}

#else

bool byte_products(const std::int8_t*, std::size_t, std::size_t, const float*, const float*,
                   ByteProduct*, std::size_t) {
  return false;
}

// The sums take longer than reading the weights: there is nothing to be shared.
void accumulate_quad_products(const std::int8_t* rows, std::size_t stride, std::size_t,
                              const float* start, const float* scale, const QuadProduct* products,
                              std::size_t count) {
  for (std::size_t p = 0; p < count; ++p)
    HWY_NAMESPACE::accumulate_quads_int8(rows, stride, products[p].index, products[p].quad,
                                         products[p].in, start, scale, products[p].out);
}

#endif

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(accumulate_rows_bf16);
HWY_EXPORT(accumulate_values_bf16);
HWY_EXPORT(quantize_quads);
HWY_EXPORT(accumulate_quads_int8);
HWY_EXPORT(byte_products);
HWY_EXPORT(accumulate_quad_products);

void accumulate_rows_bf16(const std::uint32_t* rows, std::size_t stride, const float* start,
                          const std::uint32_t* index, const float* x, std::size_t count,
                          float* out) {
  HWY_DYNAMIC_DISPATCH(accumulate_rows_bf16)(rows, stride, start, index, x, count, out);
}

ReadValues accumulate_values_bf16(const std::uint32_t* rows, std::size_t stride, const float* start,
                                  const float* x, std::size_t n, double dense_above,
                                  std::uint32_t* index, float* out) {
  return HWY_DYNAMIC_DISPATCH(accumulate_values_bf16)(rows, stride, start, x, n, dense_above, index,
                                                      out);
}

void pack_bf16(const float* x, std::size_t n, std::uint32_t* row) {
  std::fill_n(row, padded((n + 1) / 2), 0u);
  for (std::size_t j = 0; j < n; ++j) {
    const std::size_t block = j / (2 * kLanes), lane = j % kLanes;
    row[block * kLanes + lane] |= std::uint32_t{bf16_of_float(x[j])} << (j / kLanes % 2 * 16);
  }
}

void quantize_columns(const float* x, std::size_t rows, std::size_t columns, std::int8_t* out,
                      float* scale) {
  constexpr float most = 127, infinity = std::numeric_limits<float>::infinity();
  for (std::size_t j = 0; j < columns; ++j) {
    float top = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      const float magnitude = std::abs(x[i * columns + j]);
      top =
          magnitude < infinity ? std::max(top, magnitude) : std::numeric_limits<float>::quiet_NaN();
      if (!(top < infinity)) break;
    }
    const float factor = most / top;
    const bool sound = factor < infinity;
    scale[j] = sound ? top / most : top == top ? 0 : top;
    for (std::size_t i = 0; i < rows; ++i)
      out[i * columns + j] =
          sound ? static_cast<std::int8_t>(std::nearbyint(x[i * columns + j] * factor)) : 0;
  }
}

Quantized quantize_quads(const float* x, std::size_t n, std::uint32_t* scratch,
                         std::uint32_t* index, std::uint32_t* quad) {
  return HWY_DYNAMIC_DISPATCH(quantize_quads)(x, n, scratch, index, quad);
}

Quantized quantize_events(const std::uint32_t* event, const float* count, std::size_t n,
                          std::uint32_t* index, std::uint32_t* quad) {
  float top = 0;
  bool finite = true;
  for (std::size_t k = 0; k < n; ++k) {
    finite = finite && std::isfinite(count[k]);
    top = std::max(top, std::abs(count[k]));
  }
  if (!finite) return {0, 0, 0, std::numeric_limits<float>::quiet_NaN()};
  // Counts of spikes are whole numbers: few of them are themselves.
  const bool exact = top <= kMostByte;
  const float factor = exact ? 1.0f : kMostByte / top;
  Quantized made{0, 0, 0, exact ? 1.0f : top / kMostByte};
  const auto append = [&](float sign, std::size_t begin) {
    std::size_t end = begin;
    for (std::size_t k = 0; k < n; ++k) {
      const float whole = std::nearbyint(count[k] * factor) * sign;
      if (!(whole > 0)) continue;
      const std::uint32_t at = event[k] / 4;
      if (end == begin || index[end - 1] != at) {
        index[end] = at;
        quad[end++] = 0;
      }
      quad[end - 1] |= static_cast<std::uint32_t>(whole) << 8 * (event[k] % 4);
      ++made.nonzero;
    }
    return end - begin;
  };
  made.positive = append(1, 0);
  if (made.nonzero != n) made.negative = append(-1, made.positive);
  return made;
}

void accumulate_quads_int8(const std::int8_t* rows, std::size_t stride, const std::uint32_t* index,
                           const std::uint32_t* quad, const Quantized& in, const float* start,
                           const float* scale, float* out) {
  HWY_DYNAMIC_DISPATCH(accumulate_quads_int8)
  (rows, stride, index, quad, in, start, scale, out);
}

bool byte_products(const std::int8_t* rows, std::size_t stride, std::size_t n, const float* start,
                   const float* scale, ByteProduct* products, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(byte_products)(rows, stride, n, start, scale, products, count);
}

void accumulate_quad_products(const std::int8_t* rows, std::size_t stride, std::size_t quads,
                              const float* start, const float* scale, const QuadProduct* products,
                              std::size_t count) {
  HWY_DYNAMIC_DISPATCH(accumulate_quad_products)
  (rows, stride, quads, start, scale, products, count);
}

}  // namespace synfire::kernels
#endif
