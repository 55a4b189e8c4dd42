// What the kernels share, once for each target: included after hwy/foreach_target.h. Include guards
// of a per-target header follow Highway's toggle.
#if defined(SYNFIRE_KERNELS_SIMD_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SYNFIRE_KERNELS_SIMD_INL
#undef SYNFIRE_KERNELS_SIMD_INL
#else
#define SYNFIRE_KERNELS_SIMD_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "synfire/kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, kLanes>;
using Words = hn::RebindToUnsigned<Floats>;
using Vector = hn::Vec<Floats>;

inline constexpr std::size_t kWidth = hn::MaxLanes(Floats());

// Accumulators that a kernel may hold beside its operands without spilling: half the registers.
inline constexpr std::size_t kTile = HWY_TARGET <= HWY_AVX3 ? 16 : 8;

/// The lanes that differ from 0; NaN does (Highway's Ne says so on some targets only).
HWY_INLINE hn::Mask<Floats> nonzero(Vector x) {
  return hn::Not(hn::Eq(x, hn::Zero(Floats())));
}

/// The least and the largest lane. (Highway 1.0.3's own know no infinities on EMU128.)
HWY_INLINE float least_lane(Vector x) {
#if HWY_TARGET == HWY_EMU128
  return *std::min_element(x.raw, x.raw + kWidth);
#else
  return hn::GetLane(hn::MinOfLanes(Floats(), x));
#endif
}
HWY_INLINE float largest_lane(Vector x) {
#if HWY_TARGET == HWY_EMU128
  return *std::max_element(x.raw, x.raw + kWidth);
#else
  return hn::GetLane(hn::MaxOfLanes(Floats(), x));
#endif
}

/// Counts of vectors' lanes, lane by lane. Not by CountTrue, where masks are many: g++ 12.2 stores
/// two bytes of a mask for which it has no register, and loads eight.
template <class Mask>
HWY_INLINE hn::Vec<Words> count_more(hn::Vec<Words> count, Mask mask) {
  const Words d;
  const auto here = hn::RebindMask(d, mask);
  const auto one = hn::Set(d, 1);
#if HWY_TARGET <= HWY_AVX3
  return hn::IfThenElse(here, hn::Add(count, one), count);  // one instruction
#else
  return hn::Add(count, hn::IfThenElseZero(here, one));
#endif
}
HWY_INLINE std::size_t sum_of(hn::Vec<Words> count) {
  return hn::GetLane(hn::SumOfLanes(Words(), count));
}

/// a * b + c, rounded once: std::fma of each lane.
#if HWY_NATIVE_FMA

template <class V>
HWY_INLINE V fused(V a, V b, V c) {
  return hn::MulAdd(a, b, c);
}

#elif HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

template <class V>
HWY_INLINE V fused(V a, V b, V c) {
  const hn::DFromV<V> d;
  constexpr std::size_t lanes = hn::MaxLanes(hn::DFromV<V>());
  HWY_ALIGN float x[lanes], y[lanes], z[lanes];
  hn::Store(a, d, x);
  hn::Store(b, d, y);
  hn::Store(c, d, z);
  for (std::size_t i = 0; i < lanes; ++i) z[i] = std::fma(x[i], y[i], z[i]);
  return hn::Load(d, z);
}

#else

// A product of floats is a double; their sum is rounded to odd, after which rounding to a float is
// the only one that counts (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums:
// proved algorithms using rounding to odd").
template <class Half, class V = hn::Vec<Half> >
HWY_INLINE V fused_half(Half half, V a, V b, V c) {
  const hn::Rebind<double, Half> d;
  const hn::RebindToUnsigned<decltype(d)> words;
  const auto product = hn::Mul(hn::PromoteTo(d, a), hn::PromoteTo(d, b));
  const auto addend = hn::PromoteTo(d, c);
  const auto sum = hn::Add(product, addend);
  const auto rest = hn::Sub(sum, product);
  const auto error = hn::Add(hn::Sub(product, hn::Sub(sum, rest)), hn::Sub(addend, rest));
  const auto bits = hn::BitCast(words, sum), one = hn::Set(words, 1);
  // One step to where the error points: towards 0 where the signs differ.
  const auto inwards = hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(words, error)));
  const auto odd = hn::Add(bits, hn::Sub(one, hn::Add(inwards, inwards)));
  const auto inexact = hn::Or(hn::Lt(error, hn::Zero(d)), hn::Gt(error, hn::Zero(d)));
  const auto even = hn::RebindMask(d, hn::Eq(hn::And(bits, one), hn::Zero(words)));
  return hn::DemoteTo(half, hn::IfThenElse(hn::And(inexact, even), hn::BitCast(d, odd), sum));
}

template <class V>
HWY_INLINE V fused(V a, V b, V c) {
  const hn::DFromV<V> d;
  const hn::Half<decltype(d)> half;
  const auto low =
      fused_half(half, hn::LowerHalf(half, a), hn::LowerHalf(half, b), hn::LowerHalf(half, c));
  const auto high =
      fused_half(half, hn::UpperHalf(half, a), hn::UpperHalf(half, b), hn::UpperHalf(half, c));
  return hn::Combine(d, high, low);
}

#endif

#if HWY_TARGET <= HWY_AVX3

HWY_INLINE Vector pack(Vector x, hn::Mask<Floats> mask) {
  return hn::Compress(x, mask);
}
HWY_INLINE hn::Vec<Words> pack(hn::Vec<Words> x, hn::Mask<Floats> mask) {
  return hn::Compress(x, hn::RebindMask(Words(), mask));
}

#else

// Without an instruction for it: row m lists the lanes that are set in m. (Highway's own table is a
// local variable, which g++ 12 copies to the stack at every use.)
struct PackTable {
  std::uint8_t lanes[std::size_t{1} << kWidth][kWidth] = {};

  constexpr PackTable() {
    for (std::size_t m = 0; m < std::size_t{1} << kWidth; ++m)
      for (std::size_t lane = 0, place = 0; lane < kWidth; ++lane)
        if (m >> lane & 1) lanes[m][place++] = static_cast<std::uint8_t>(lane);
  }
};
inline constexpr PackTable kPackTable;

template <class V>
HWY_INLINE V pack(V x, hn::Mask<Floats> mask) {
  const hn::DFromV<V> d;
  std::uint8_t bits[8] = {};
  hn::StoreMaskBits(Floats(), mask, bits);
  const hn::Rebind<std::uint8_t, Floats> bytes;
  const auto lanes =
      hn::PromoteTo(hn::RebindToSigned<Floats>(), hn::LoadU(bytes, kPackTable.lanes[bits[0]]));
  return hn::TableLookupLanes(x, hn::IndicesFromVec(d, lanes));
}

#endif

/// Through x[0..n), part by part. x need not come from a Buffer: nothing is read behind x[n-1].
class Search {
 public:
  HWY_INLINE Search(const float* x, std::size_t n) : x_(x), n_(n) {}

  // Writes the indices of those of the next `most` that are not zero; returns how many.
  HWY_INLINE std::size_t next(std::size_t most, std::uint32_t* index) {
    const Words words;
    const std::size_t end = std::min(n_, at_ + most);
    std::size_t count = 0;
    for (; at_ + kWidth <= end; at_ += kWidth) {
      const auto found = nonzero(hn::LoadU(Floats(), x_ + at_));
      hn::StoreU(pack(lane_, found), words, index + count);
      count += hn::CountTrue(Floats(), found);
      lane_ = hn::Add(lane_, hn::Set(words, std::uint32_t{kWidth}));
    }
    for (; at_ < end; ++at_) {
      index[count] = static_cast<std::uint32_t>(at_);
      count += !(x_[at_] == 0);
    }
    return count;
  }
  // So many have been looked at.
  HWY_INLINE std::size_t at() const { return at_; }

 private:
  const float* x_;
  std::size_t n_, at_ = 0;
  hn::Vec<Words> lane_ = hn::Iota(Words(), 0);
};

/// The indices of those x[0..n) that are not zero. They are found part by part, and while rows of
/// one part are still read the next is searched: work(first, end) reads those of index[first..end).
/// It is never called where more than the share `dense_above` of all is not zero.
struct Searched {
  std::size_t nonzero;
  bool dense;
};
template <class Work>
HWY_INLINE Searched search_and(const float* x, std::size_t n, double dense_above,
                               std::uint32_t* index, const Work& work) {
  constexpr std::size_t kPart = 192;
  const double most = dense_above * static_cast<double>(n);
  Search search(x, n);
  std::size_t found = 0, done = 0;
  bool dense = static_cast<double>(n) > most;
  while (search.at() < n) {
    found += search.next(kPart, index + found);
    // For all that is known.
    dense = static_cast<double>(n - search.at() + found) > most;
    if (HWY_UNLIKELY(dense)) continue;
    work(done, found);
    done = found;
  }
  return {found, dense};
}

/// Events in the making: index and value of lanes that were chosen, vector after vector. Each
/// append() writes whole vectors, so what lies behind the events is overwritten.
template <class T>
class EventWriter {
 public:
  EventWriter(std::uint32_t* index, T* value) : index_(index), value_(value) {}

  template <class V>
  HWY_INLINE void append(V x, hn::Mask<Floats> mask) {
    append(x, lane_, mask);
    lane_ = hn::Add(lane_, hn::Set(Words(), std::uint32_t{kWidth}));
  }
  /// Of lanes that are called `index`.
  template <class V>
  HWY_INLINE void append(V x, hn::Vec<Words> index, hn::Mask<Floats> mask) {
    hn::StoreU(pack(index, mask), Words(), index_ + count_);
    hn::StoreU(pack(x, mask), hn::DFromV<V>(), value_ + count_);
    count_ += hn::CountTrue(Floats(), mask);
  }

  std::size_t count() const { return count_; }

 private:
  std::uint32_t* index_;
  T* value_;
  std::size_t count_ = 0;
  hn::Vec<Words> lane_ = hn::Iota(Words(), 0);
};

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
