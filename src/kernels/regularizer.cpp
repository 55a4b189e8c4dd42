// Penalties on tensors, and the selection of elements by rank.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/regularizer.cpp"
#include <hwy/foreach_target.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

using One = hn::CappedTag<float, 1>;

// What is negative below a range, positive above it and 0 in it. NaN stays NaN.
template <class D>
HWY_INLINE hn::Vec<D> signed_distance(D d, hn::Vec<D> x, const Range& range) {
  return hn::Sub(x, hn::Min(hn::Max(x, hn::Set(d, range.lo)), hn::Set(d, range.hi)));
}

// ------------------------------------------------------------------ penalty

// Sums over elements that share a lane.
template <class D>
struct Distances {
  hn::Vec<D> magnitudes, squares;
};

template <bool kL1, class D>
HWY_INLINE void add_penalty(D d, const float* x, const Range& range, float slope_of_sign,
                            float slope, float* gradient, Distances<D>& sums) {
  const auto distance = signed_distance(d, hn::LoadU(d, x), range);
  if constexpr (kL1) sums.magnitudes = hn::Add(sums.magnitudes, hn::Abs(distance));
  sums.squares = hn::Add(sums.squares, hn::Mul(distance, distance));
  if (gradient == nullptr) return;
  auto sum = hn::Add(hn::LoadU(d, gradient), hn::Mul(hn::Set(d, slope), distance));
  if constexpr (kL1) {
    const auto sign = hn::CopySign(hn::Set(d, slope_of_sign), distance);
    sum = hn::Add(sum, hn::IfThenZeroElse(hn::Eq(distance, hn::Zero(d)), sign));
  }
  hn::StoreU(sum, d, gradient);
}

// Touches exactly n values of a row, so that threads may share a gradient.
template <bool kL1>
double penalty_of(const float* x, std::size_t stride, float unit, std::size_t rows, std::size_t n,
                  const Penalty& p, float scale, float* gradient, std::size_t gradient_stride) {
  const Floats d;
  const One one;
  const Range range{in_units(p.lo, unit), in_units(p.hi, unit)};
  const float slope_of_sign = scale * p.l1, slope = scale * (p.l2 + p.l2) / unit;
  Distances<Floats> partial[kLanes / kWidth];
  Distances<One> tails[kLanes];
  for (auto& sums : partial) sums = {hn::Zero(d), hn::Zero(d)};
  for (auto& sums : tails) sums = {hn::Zero(one), hn::Zero(one)};
  for (std::size_t r = 0; r < rows; ++r, x += stride) {
    const auto at = [=](std::size_t i) { return gradient == nullptr ? nullptr : gradient + i; };
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
      for (std::size_t k = 0; k < kLanes / kWidth; ++k) {
        const std::size_t j = i + k * kWidth;
        add_penalty<kL1>(d, x + j, range, slope_of_sign, slope, at(j), partial[k]);
      }
    for (; i < n; ++i)
      add_penalty<kL1>(one, x + i, range, slope_of_sign, slope, at(i), tails[i % kLanes]);
    if (gradient != nullptr) gradient += gradient_stride;
  }
  HWY_ALIGN float magnitudes[kLanes], squares[kLanes];
  for (std::size_t k = 0; k < kLanes / kWidth; ++k) {
    hn::StoreU(partial[k].magnitudes, d, magnitudes + k * kWidth);
    hn::StoreU(partial[k].squares, d, squares + k * kWidth);
  }
  double magnitude = 0, square = 0;
  for (std::size_t k = 0; k < kLanes; ++k) {
    magnitude += magnitudes[k] + hn::GetLane(tails[k].magnitudes);
    square += squares[k] + hn::GetLane(tails[k].squares);
  }
  return p.l1 * (magnitude / unit) + p.l2 * (square / unit / unit);
}

double penalty(const float* x, std::size_t stride, float unit, std::size_t rows, std::size_t n,
               const Penalty& p, float scale, float* gradient, std::size_t gradient_stride) {
  const auto of = p.l1 == 0 ? penalty_of<false> : penalty_of<true>;
  return of(x, stride, unit, rows, n, p, scale, gradient, gradient_stride);
}

// ------------------------------------------------------------------ elements and their keys

// The elements of a selection: values, or their distances to a range.
template <bool kDistances, class D>
HWY_INLINE hn::Vec<D> element(D d, hn::Vec<D> x, const Range& range) {
  if constexpr (kDistances) return hn::Abs(signed_distance(d, x, range));
  return x;
}

// An element's slope by its value.
template <bool kDistances, class D>
HWY_INLINE hn::Vec<D> slope_of(D d, hn::Vec<D> x, const Range& range) {
  const auto one = hn::Set(d, 1.0f);
  if constexpr (!kDistances) return one;
  const auto distance = signed_distance(d, x, range);
  return hn::IfThenZeroElse(hn::Eq(distance, hn::Zero(d)), hn::CopySign(one, distance));
}

// Floats as integers of the same order, and back.
template <class VI>
HWY_INLINE VI fold_sign(VI bits) {
  const hn::DFromV<VI> words;
  const auto most = hn::Set(words, std::numeric_limits<std::int32_t>::max());
  return hn::Xor(bits, hn::And(hn::ShiftRight<31>(bits), most));
}
template <class D>
HWY_INLINE auto key_of(D d, hn::Vec<D> x) {
  return fold_sign(hn::BitCast(hn::RebindToSigned<D>(), hn::Add(x, hn::Zero(d))));
}
template <class D, class VI>
HWY_INLINE hn::Vec<D> float_of(D d, VI key) {
  return hn::BitCast(d, fold_sign(key));
}

// A number above `low` and not above `high`. Every other pass halves the range itself, fit for
// values spread evenly, and else the keys in it, which bounds the passes by twice their bits.
template <class D>
HWY_INLINE hn::Vec<D> between(D d, hn::Vec<D> low, hn::Vec<D> high, bool halve_keys) {
  const auto half = hn::Set(d, 0.5f);
  const auto a = key_of(d, low), b = key_of(d, high);
  const auto middle = halve_keys
                          ? float_of(d, hn::Sub(hn::Or(a, b), hn::ShiftRight<1>(hn::Xor(a, b))))
                          : hn::Add(hn::Mul(low, half), hn::Mul(high, half));
  return hn::IfThenElse(hn::Gt(middle, low), middle, high);
}

// How often to look near a guess, and how much farther each time.
inline constexpr int kLooks = 3;
inline constexpr float kFarther = 4;

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// ------------------------------------------------------------------ a few elements

template <class D>
HWY_INLINE std::uint32_t bits_of(D d, hn::Mask<D> mask) {
  std::uint8_t bytes[8];
  hn::StoreMaskBits(d, mask, bytes);
  std::conditional_t<(hn::MaxLanes(D()) > 8), std::uint16_t, std::uint8_t> bits;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}
HWY_INLINE std::uint32_t bits_of(hn::Mask<Floats> mask) {
  return bits_of(Floats(), mask);
}

// The elements of a column or line that are near a guess, with their places. How many they are is
// counted beyond the `most` that are kept.
struct Near {
  static constexpr std::size_t most = 8 * kLanes;

  HWY_INLINE void append(float element, std::uint32_t its_place) {
    const std::size_t end = std::min(count++, most);
    value[end] = element;
    place[end] = its_place;
  }

  // To be called when all are there.
  HWY_INLINE void pad() { std::fill_n(value + std::min(count, most), kLanes, kNaN); }

  std::size_t count = 0;
  std::size_t above = 0;       // how many of the others are larger; the rest are less
  float value[most + kLanes];  // whole vectors are written
  std::uint32_t place[most + kLanes];
};

// Where the selected elements of a column or line go, and their places.
struct Pair {
  HWY_INLINE void set(std::size_t k, float element, std::uint32_t its_place) const {
    value[k * stride] = element;
    place[k * stride] = its_place;
  }
  float* value;
  std::uint32_t* place;
  std::size_t stride;
};

// Selects by rank, where what is sought is near, and equals no other, and none near is NaN.
HWY_INLINE bool select_among(const Near& near, std::size_t rank, std::size_t ranks,
                             const Pair& to) {
  const std::size_t above = near.above, count = near.count;
  if (count > Near::most || above > rank || rank + ranks > above + count) return false;
  const float* const element = near.value;
  const Floats d;
  const auto one = hn::Set(Words(), 1);
  bool found[2] = {false, ranks == 1};
  std::size_t ordered = 0;
  for (std::size_t i = 0; i < count; i += kWidth) {
    const Vector v = hn::LoadU(d, element + i);
    auto higher = hn::Set(Words(), static_cast<std::uint32_t>(above));
    for (std::size_t j = 0; j < count; j += kLanes)
      for (std::size_t k = 0; k < kLanes; ++k) {
        const auto less = hn::RebindMask(Words(), hn::Lt(v, hn::Set(d, element[j + k])));
        higher = hn::IfThenElse(less, hn::Add(higher, one), higher);
      }
    const auto number = hn::Eq(v, v);
    ordered += hn::CountTrue(d, number);
    for (std::size_t k = 0; k < ranks; ++k) {
      const auto wanted = hn::Eq(higher, hn::Set(Words(), static_cast<std::uint32_t>(rank + k)));
      const std::uint32_t here = bits_of(hn::And(hn::RebindMask(d, wanted), number));
      if (here == 0) continue;
      const std::size_t last = i + static_cast<std::size_t>(std::bit_width(here)) - 1;
      to.set(k, element[last], near.place[last]);
      found[k] = true;
    }
  }
  return found[0] && found[1] && ordered == count;
}

// ------------------------------------------------------------------ columns

// Calls f(i % 2, i) for i < n: two chains of sums that do not wait for each other.
template <class F>
HWY_INLINE void by_twos(std::size_t n, const F& f) {
  std::size_t i = 0;
  for (; i + 2 <= n; i += 2) {
    f(0, i);
    f(1, i + 1);
  }
  if (i < n) f(0, i);
}

// A vector of columns, each lane one.
template <bool kDistances, class D>
struct ColumnVector {
  using V = hn::Vec<D>;
  using M = hn::Mask<D>;
  using Word = hn::RebindToSigned<D>;
  using Count = hn::Vec<Word>;
  static constexpr std::size_t lanes = hn::MaxLanes(D());
  static constexpr std::size_t kFew = 12;  // are ranked sooner than searched

  const float* x;
  const std::size_t* offset;
  std::size_t rows;
  Range range;

  HWY_INLINE V value(std::size_t r) const { return hn::LoadU(D(), x + offset[r]); }
  HWY_INLINE V at(std::size_t r) const { return element<kDistances>(D(), value(r), range); }
  // The slope of an element that is not 0.
  HWY_INLINE V sign(std::size_t r) const {
    return hn::CopySign(hn::Set(D(), 1.0f), signed_distance(D(), value(r), range));
  }
  static HWY_INLINE Count set(std::size_t n) {
    return hn::Set(Word(), static_cast<std::int32_t>(n));
  }
  static HWY_INLINE Count add(Count n, M mask) { return choose(mask, hn::Add(n, set(1)), n); }
  static HWY_INLINE Count take(Count n, M mask) { return choose(mask, hn::Sub(n, set(1)), n); }
  static HWY_INLINE M gt(Count a, Count b) { return hn::RebindMask(D(), hn::Gt(a, b)); }
  static HWY_INLINE Count choose(M mask, Count yes, Count no) {
    return hn::IfThenElse(hn::RebindMask(Word(), mask), yes, no);
  }
  static HWY_INLINE void store(Count rows, std::uint32_t* to) {
    const hn::RebindToUnsigned<D> indices;
    hn::StoreU(hn::BitCast(indices, rows), indices, to);
  }

  // The largest or the least, the first of those equal, how many these are, and the sum of their
  // slopes.
  template <bool kMaximum>
  HWY_INLINE void extreme(const Selected& to, float* equal) const {
    const D d;
    const V one = hn::Set(d, 1.0f);
    V best = at(0), same = one, signs = sign(0);
    M ordered = hn::Eq(best, best);
    Count row = hn::Zero(Word());
    for (std::size_t r = 1; r < rows; ++r) {
      const V v = at(r);
      const M better = kMaximum ? hn::Gt(v, best) : hn::Lt(v, best);
      ordered = hn::And(ordered, hn::Eq(v, v));
      if constexpr (kMaximum) {
        const M again = hn::Eq(v, best);
        same = hn::IfThenElse(better, one, hn::Add(same, hn::IfThenElseZero(again, one)));
        if constexpr (kDistances)
          signs =
              hn::IfThenElse(better, sign(r), hn::Add(signs, hn::IfThenElseZero(again, sign(r))));
      } else if constexpr (kDistances) {
        signs = hn::IfThenElse(better, sign(r), signs);
      }
      row = choose(better, set(r), row);
      best = hn::IfThenElse(better, v, best);
    }
    hn::StoreU(hn::IfThenElse(ordered, best, hn::Set(d, kNaN)), d, to.value);
    store(row, to.place);
    if constexpr (kMaximum) {
      same = hn::IfThenElseZero(ordered, same);
      hn::StoreU(same, d, equal);
    }
    if constexpr (kDistances)
      hn::StoreU(hn::IfThenZeroElse(hn::Eq(best, hn::Zero(d)), signs), d, to.slope);
    else
      hn::StoreU(kMaximum ? same : one, d, to.slope);
  }

  // What is left to select from: `count` vectors of elements, of which those between `low` and
  // `high` of a column, elements both, are candidates.
  struct Candidates {
    const float* elements;
    std::size_t count;
    V low, high;
    Count above, at_least;  // how many are above `high`, and not below `low`
    V next;                 // the largest below `low`, where there is one

    HWY_INLINE V at(std::size_t i) const { return hn::LoadU(D(), elements + i * lanes); }

    // Divides the range of the candidates and pulls its ends to elements that are there: few
    // passes among the few values that counts of spikes have.
    HWY_INLINE void narrow(Count rank) {
      const D d;
      const V none = hn::Set(d, -kInfinity);
      for (bool halve_keys = false; !hn::AllFalse(d, hn::Lt(low, high)); halve_keys = !halve_keys) {
        const V middle = between(d, low, high, halve_keys);
        Count not_lower[2] = {hn::Zero(Word()), hn::Zero(Word())};
        V up[2] = {high, high}, down[2] = {none, none};
        by_twos(count, [&](std::size_t k, std::size_t i) HWY_ATTR {
          const V v = at(i);
          const M rest = hn::Ge(v, middle);
          not_lower[k] = add(not_lower[k], rest);
          up[k] = hn::Min(up[k], hn::IfThenElse(rest, v, high));
          down[k] = hn::Max(down[k], hn::IfThenElse(rest, none, v));
        });
        const Count these = hn::Add(not_lower[0], not_lower[1]);
        const M rises = gt(these, rank);
        const V least = hn::Min(up[0], up[1]), most = hn::Max(down[0], down[1]);
        next = hn::IfThenElse(rises, most, next);
        low = hn::IfThenElse(rises, least, low);
        at_least = choose(rises, these, at_least);
        above = choose(rises, above, these);
        high = hn::IfThenElse(rises, high, most);
      }
    }
  };

  // Two elements of a column, the values that they are of, and their places.
  struct Found {
    V element[2], x[2];
    Count place[2];
  };

  // Finds the places of elements that have `nth` equal ones behind them each.
  HWY_INLINE void find(const Candidates& among, Count (&nth)[2], Found& found) const {
    const D d;
    for (std::size_t r = among.count; r-- != 0;) {
      const V v = among.at(r);
      for (std::size_t k = 0; k < 2; ++k) {
        const M same = hn::Eq(v, found.element[k]);
        const M here = hn::And(same, hn::RebindMask(d, hn::Eq(nth[k], hn::Zero(Word()))));
        found.place[k] = choose(here, set(r), found.place[k]);
        if constexpr (kDistances) found.x[k] = hn::IfThenElse(here, value(r), found.x[k]);
        nth[k] = hn::Add(nth[k], hn::VecFromMask(Word(), hn::RebindMask(Word(), same)));
      }
    }
  }

  // Selects among the elements near what is guessed, where what is sought is there, and these are
  // few and differ. Reaches farther for the next time in the columns where that is not so.
  HWY_INLINE bool select_near(std::size_t rank, std::size_t ranks, const float* near, float* reach,
                              const Selected& to) const {
    const D d;
    const V guessed = hn::LoadU(d, near), within = hn::Load(d, reach);
    const V lo = hn::Sub(guessed, within), hi = hn::Add(guessed, within);
    const ColumnVector column = *this;
    Count higher = hn::Zero(Word());
    // The elements of some rows that are near, lowest lanes first.
    const auto close_in = [&](std::size_t first, std::size_t end) HWY_ATTR {
      std::uint32_t close = 0;
      for (std::size_t r = first; r < end; ++r) {
        const V v = column.at(r);
        const M is_higher = hn::Gt(v, hi);
        higher = add(higher, is_higher);
        const M is_close = hn::Not(hn::Or(is_higher, hn::Lt(v, lo)));
        close |= std::uint32_t{bits_of(d, is_close)} << ((r - first) * lanes);
      }
      return close;
    };
    constexpr std::size_t together = 32 / lanes, most = 64;
    Near of_lane[lanes];
    for (std::size_t r = 0; r < column.rows;) {
      std::uint32_t close[most];
      std::size_t from[most], count = 0;
      const std::size_t end = std::min(column.rows, r + most * together);
      const auto keep = [&](std::uint32_t bits) {
        close[count] = bits;
        from[count] = r;
        count += bits != 0;
      };
      for (; r + together <= end; r += together) keep(close_in(r, r + together));
      if (r < end) keep(close_in(r, end));
      r = end;
      for (std::size_t i = 0; i < count; ++i)
        for (std::uint32_t left = close[i]; left != 0; left &= left - 1) {
          const auto bit = static_cast<std::size_t>(std::countr_zero(left));
          const std::size_t row = from[i] + bit / lanes, lane = bit % lanes;
          const auto v = hn::Set(One(), x[offset[row] + lane]);
          of_lane[lane].append(hn::GetLane(HWY_NAMESPACE::element<kDistances>(One(), v, range)),
                               static_cast<std::uint32_t>(row));
        }
    }
    HWY_ALIGN std::int32_t above[lanes];
    hn::Store(higher, Word(), above);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      of_lane[lane].above = static_cast<std::size_t>(above[lane]);
      of_lane[lane].pad();
    }
    bool all = true;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      float value[2];
      std::uint32_t place[2];
      if (!select_among(of_lane[lane], rank, ranks, {value, place, 1})) {
        reach[lane] *= kFarther;
        all = false;
        continue;
      }
      for (std::size_t k = 0; k < ranks; ++k) {
        const std::size_t at = k * to.stride + lane;
        to.value[at] = value[k];
        if (to.place == nullptr) continue;
        to.place[at] = place[k];
        to.slope[at] = hn::GetLane(
            slope_of<kDistances>(One(), hn::Set(One(), x[offset[place[k]] + lane]), range));
      }
    }
    return all;
  }

  HWY_INLINE void select(std::size_t rank, std::size_t ranks, const Guess* guess, float* room,
                         const Selected& to) const {
    const D d;
    if (guess != nullptr) {
      HWY_ALIGN float reach[lanes];
      hn::Store(hn::LoadU(d, guess->reach), d, reach);
      for (int look = 0; look < kLooks; ++look)
        if (select_near(rank, ranks, guess->near, reach, to)) return;
    }
    if (rows <= kFew)
      rank_all(rank, ranks, to);
    else
      search(rank, ranks, room, to);
  }

  // By the ranks of all.
  HWY_INLINE void rank_all(std::size_t rank, std::size_t ranks, const Selected& to) const {
    const D d;
    V elements[kFew];
    Count higher[kFew];
    M ordered = hn::Eq(at(0), at(0));
    for (std::size_t r = 0; r < rows; ++r) {
      const V v = at(r);
      ordered = hn::And(ordered, hn::Eq(v, v));
      Count its = set(r);
      for (std::size_t j = 0; j < r; ++j) {
        const M beaten = hn::Ge(v, elements[j]);
        higher[j] = add(higher[j], beaten);
        its = take(its, beaten);
      }
      elements[r] = v;
      higher[r] = its;
    }
    const V zero = hn::Zero(d);
    Found found{{zero, zero}, {zero, zero}, {set(0), set(0)}};
    for (std::size_t k = 0; k < ranks; ++k) {
      const Count wanted = set(rank + k);
      for (std::size_t r = 0; r < rows; ++r) {
        const M here = hn::RebindMask(d, hn::Eq(higher[r], wanted));
        found.x[k] = hn::IfThenElse(here, value(r), found.x[k]);
        found.place[k] = choose(here, set(r), found.place[k]);
      }
      found.element[k] = HWY_NAMESPACE::element<kDistances>(d, found.x[k], range);
    }
    store(found, ordered, ranks, to);
  }

  // NaN where a column has one.
  HWY_INLINE void store(const Found& found, M ordered, std::size_t ranks,
                        const Selected& to) const {
    const D d;
    for (std::size_t k = 0; k < ranks; ++k) {
      const std::size_t at = k * to.stride;
      hn::StoreU(hn::IfThenElse(ordered, found.element[k], hn::Set(d, kNaN)), d, to.value + at);
      if (to.place == nullptr) continue;
      store(found.place[k], to.place + at);
      hn::StoreU(slope_of<kDistances>(d, found.x[k], range), d, to.slope + at);
    }
  }

  HWY_INLINE void search(std::size_t rank, std::size_t ranks, float* elements,
                         const Selected& to) const {
    const D d;
    V low[2] = {at(0), at(0)}, high[2] = {low[0], low[0]};
    M ordered[2] = {hn::Eq(low[0], low[0]), hn::Eq(low[0], low[0])};
    const ColumnVector column = *this;
    by_twos(rows, [&](std::size_t k, std::size_t r) HWY_ATTR {
      const V v = column.at(r);
      low[k] = hn::Min(low[k], v);
      high[k] = hn::Max(high[k], v);
      ordered[k] = hn::And(ordered[k], hn::Eq(v, v));
      hn::StoreU(v, d, elements + r * lanes);
    });
    const M all = hn::And(ordered[0], ordered[1]);
    const V most = hn::Max(high[0], high[1]);
    const V least = hn::IfThenElse(all, hn::Min(low[0], low[1]), most);
    const bool level = hn::AllFalse(d, hn::Lt(least, most));
    Candidates left{elements, rows, least, most, hn::Zero(Word()), set(rows), least};
    left.narrow(set(rank));
    const M again = gt(left.at_least, set(rank + 1));
    const V zero = hn::Zero(d);
    Found found{
        {left.low, hn::IfThenElse(again, left.low, left.next)}, {zero, zero}, {set(0), set(0)}};
    if (level) {
      for (std::size_t k = 0; k < ranks; ++k) {
        const std::size_t r = rows - 1 - rank - k;
        found.place[k] = set(r);
        found.x[k] = value(r);
      }
    } else if (to.place != nullptr) {
      const Count first = hn::Sub(set(rank), left.above);
      Count nth[2] = {first, choose(again, hn::Add(first, set(1)), hn::Zero(Word()))};
      find(left, nth, found);
    }
    store(found, all, ranks, to);
  }
};

Selected operator+(const Selected& to, std::size_t c) {
  const auto at = [c](auto* p) { return p == nullptr ? p : p + c; };
  return {at(to.value), at(to.place), at(to.slope), to.stride};
}

// Calls f(column vector, its first column) for all.
template <bool kDistances, class F>
HWY_INLINE void for_each_column(const Columns& of, const F& f) {
  const Range range = kDistances ? *of.range : Range{};
  std::size_t c = 0;
  for (; c + kWidth <= of.columns; c += kWidth)
    f(ColumnVector<kDistances, Floats>{of.x + c, of.offset, of.rows, range}, c);
  for (; c < of.columns; ++c)
    f(ColumnVector<kDistances, One>{of.x + c, of.offset, of.rows, range}, c);
}

template <bool kDistances>
void select_columns_of(const Columns& of, std::size_t rank, std::size_t ranks, const Guess* guess,
                       float* room, const Selected& to) {
  for_each_column<kDistances>(of, [&](const auto& columns, std::size_t c) HWY_ATTR {
    Guess here{};
    if (guess != nullptr) here = {guess->near + c, guess->reach + c, nullptr};
    columns.select(rank, ranks, guess == nullptr ? nullptr : &here, room, to + c);
  });
}

void select_columns(const Columns& of, std::size_t rank, std::size_t ranks, const Guess* guess,
                    float* room, const Selected& to) {
  const auto select = of.range == nullptr ? select_columns_of<false> : select_columns_of<true>;
  select(of, rank, ranks, guess, room, to);
}

template <bool kMaximum, bool kDistances>
void extreme_columns_of(const Columns& of, const Selected& to, float* equal) {
  for_each_column<kDistances>(of, [&](const auto& columns, std::size_t c) HWY_ATTR {
    columns.template extreme<kMaximum>(to + c, kMaximum ? equal + c : nullptr);
  });
}

void maximum_columns(const Columns& of, const Selected& to, float* equal) {
  const auto find =
      of.range == nullptr ? extreme_columns_of<true, false> : extreme_columns_of<true, true>;
  find(of, to, equal);
}

void minimum_columns(const Columns& of, const Selected& to) {
  const auto find =
      of.range == nullptr ? extreme_columns_of<false, false> : extreme_columns_of<false, true>;
  find(of, to, nullptr);
}

// ------------------------------------------------------------------ lines

// The place of the bit that has n set ones above it.
HWY_INLINE std::uint32_t nth_from_top(std::uint32_t bits, std::size_t n) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  // Fast on every processor that has these vectors, but not on every one with the instruction.
  const auto below = static_cast<std::size_t>(std::popcount(bits)) - 1 - n;
  return static_cast<std::uint32_t>(std::countr_zero(_pdep_u32(1u << below, bits)));
#else
  std::uint32_t at = 0;
  for (std::uint32_t half = 8; half != 0; half /= 2) {
    const auto upper = static_cast<std::size_t>(std::popcount(bits >> half));
    const bool up = upper > n;
    n -= up ? 0 : upper;
    bits = up ? bits >> half : bits & ((1u << half) - 1);
    at += up ? half : 0;
  }
  return at;
#endif
}

// n values side by side. What fills the last vector is NaN, which no comparison finds.
template <bool kDistances>
struct Line {
  const float* x;
  std::size_t n;
  Range range;

  HWY_INLINE Vector whole(std::size_t i) const {
    return element<kDistances>(Floats(), hn::LoadU(Floats(), x + i), range);
  }
  HWY_INLINE float at(std::size_t i) const {
    return hn::GetLane(element<kDistances>(One(), hn::Set(One(), x[i]), range));
  }
  HWY_INLINE Vector load(std::size_t i) const {
    if (i + kWidth <= n) return whole(i);
    const Floats d;
    HWY_ALIGN float rest[kWidth];
    std::fill_n(rest, kWidth, kNaN);
    std::copy_n(x + i, n - i, rest);
    return element<kDistances>(d, hn::Load(d, rest), range);
  }
  // Calls f(vector, its place) for all.
  template <class F>
  HWY_INLINE void for_each(const F& f) const {
    std::size_t i = 0;
    for (; i + kWidth <= n; i += kWidth) f(whole(i), i);
    if (i < n) f(load(i), i);
  }
  static HWY_INLINE std::size_t count(hn::Mask<Floats> mask) {
    return hn::CountTrue(Floats(), mask);
  }
  bool has_nan() const {
    std::size_t ordered = 0;
    for_each([&](Vector v, std::size_t) HWY_ATTR { ordered += count(hn::Eq(v, v)); });
    return ordered != n;
  }

  // The elements from i on for which test(vector) is true: the first one by the lowest bit.
  template <class Test>
  HWY_INLINE std::uint64_t bits(std::size_t i, const Test& test) const {
    std::uint64_t all = 0;
    if (i + kBits <= n) {
      for (std::size_t k = 0; k < kBits; k += kWidth)
        all |= std::uint64_t{bits_of(test(whole(i + k)))} << k;
      return all;
    }
    for (std::size_t k = 0; i + k < n; k += kWidth)
      all |= std::uint64_t{bits_of(test(load(i + k)))} << k;
    return all & ((std::uint64_t{1} << (n - i)) - 1);
  }
  static constexpr std::size_t kBits = 64;

  // The largest or the least, the first of those equal, and how many these are.
  template <bool kMaximum>
  HWY_INLINE void extreme(float* value, std::uint32_t* place, float* equal) const {
    const Floats d;
    const auto better = [](Vector a, Vector b) HWY_ATTR {
      if constexpr (kMaximum) return hn::Max(a, b);
      return hn::Min(a, b);
    };
    Vector best[4], sum[4];  // a sum is NaN where an element is, and seldom else
    for (Vector& some : best) some = hn::Set(d, at(0));
    for (Vector& some : sum) some = hn::Zero(d);
    std::size_t i = 0;
    for (; i + 4 * kWidth <= n; i += 4 * kWidth)
      for (std::size_t k = 0; k < 4; ++k) {
        const Vector v = whole(i + k * kWidth);
        best[k] = better(best[k], v);
        sum[k] = hn::Add(sum[k], v);
      }
    for (; i + kWidth <= n; i += kWidth) {
      best[0] = better(best[0], whole(i));
      sum[0] = hn::Add(sum[0], whole(i));
    }
    for (; i < n; ++i) {
      best[0] = better(best[0], hn::Set(d, at(i)));
      sum[0] = hn::Add(sum[0], hn::Set(d, at(i)));
    }
    const Vector sums = hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]));
    if (!hn::AllTrue(d, hn::Eq(sums, sums)) && has_nan()) {
      *value = kNaN;
      *place = 0;
      if constexpr (kMaximum) *equal = 0;
      return;
    }
    const Vector all = better(better(best[0], best[1]), better(best[2], best[3]));
    const Vector found = hn::Set(d, kMaximum ? largest_lane(all) : least_lane(all));
    std::size_t same = 0, first = 0;
    for (std::size_t from = (n - 1) / kBits * kBits + kBits; from != 0;) {
      from -= kBits;
      const std::uint64_t here = bits(from, [&](Vector v) HWY_ATTR { return hn::Eq(v, found); });
      const std::size_t lowest = from + static_cast<std::size_t>(std::countr_zero(here));
      first = here == 0 ? first : lowest;
      if constexpr (kMaximum) same += static_cast<std::size_t>(std::popcount(here));
    }
    *value = hn::GetLane(found);
    *place = static_cast<std::uint32_t>(first);
    if constexpr (kMaximum) *equal = static_cast<float>(same);
  }

  HWY_INLINE void collect(float lo, float hi, Near& near) const {
    const Floats d;
    const Vector lowest = hn::Set(d, lo), highest = hn::Set(d, hi);
    float* const value = near.value;
    std::uint32_t* const place = near.place;
    auto places = hn::Iota(Words(), 0);
    std::size_t above = 0, found = 0;
    for_each([&](Vector v, std::size_t i) HWY_ATTR {
      const auto higher = hn::Gt(v, highest);
      auto close = hn::Not(hn::Or(higher, hn::Lt(v, lowest)));  // NaN is
      if (i + kWidth > n) close = hn::And(close, hn::FirstN(d, n - i));
      const std::size_t end = std::min(found, Near::most);
      hn::StoreU(pack(v, close), d, value + end);
      hn::StoreU(pack(places, close), Words(), place + end);
      places = hn::Add(places, hn::Set(Words(), std::uint32_t{kWidth}));
      above += count(higher);
      found += count(close);
    });
    near.above = above;
    near.count = found;
    near.pad();
  }

  // A place, and that of the equal value next before it.
  struct Places {
    std::uint32_t last, before;
  };
  // Those, before `end`, of a value that has `left` equal ones behind it up to there.
  HWY_INLINE Places places(float value, std::size_t left, std::size_t end, bool both) const {
    const Floats d;
    Places found{};
    bool sought = true;
    for (std::size_t i = (end + kWidth - 1) / kWidth * kWidth; i != 0;) {
      i -= kWidth;
      std::uint32_t lanes = bits_of(hn::Eq(load(i), hn::Set(d, value)));
      if (i + kWidth > end) lanes &= (1u << (end - i)) - 1;
      const auto first = static_cast<std::uint32_t>(i);
      if (sought) {
        const auto here = static_cast<std::size_t>(std::popcount(lanes));
        if (here <= left) {
          left -= here;
          continue;
        }
        const std::uint32_t lane = nth_from_top(lanes, left);
        found.last = first + lane;
        if (!both) return found;
        sought = false;
        lanes &= (1u << lane) - 1;
      }
      if (lanes != 0) {
        found.before = first + static_cast<std::uint32_t>(std::bit_width(lanes)) - 1;
        return found;
      }
    }
    return found;
  }

  // The least and the largest of some elements.
  struct Extremes {
    float least, most;
  };
  template <class Among>
  HWY_INLINE Extremes extremes(const Among& among) const {
    const Floats d;
    Vector least = hn::Set(d, kInfinity), most = hn::Neg(least);
    for_each([&](Vector v, std::size_t) HWY_ATTR {
      const auto mask = among(v);
      least = hn::Min(least, hn::IfThenElse(mask, v, least));
      most = hn::Max(most, hn::IfThenElse(mask, v, most));
    });
    return {least_lane(least), largest_lane(most)};
  }

  // How many elements are above one value, and below another.
  struct Outside {
    std::size_t above, below;
  };
  HWY_INLINE Outside outside(float upper, float lower) const {
    const Floats d;
    const Vector upmost = hn::Set(d, upper), least = hn::Set(d, lower);
    std::size_t above = 0, below = 0;
    for_each([&](Vector v, std::size_t) HWY_ATTR {
      above += count(hn::Gt(v, upmost));
      below += count(hn::Lt(v, least));
    });
    return {above, below};
  }

  // Selects the next lower or higher element than that of rank `known` in a place, and that one
  // too where ranks is 2; false where it has another rank or equals.
  template <bool kLower>
  HWY_INLINE bool select_beside(std::uint32_t known_place, std::size_t known, std::size_t ranks,
                                const Pair& to) const {
    const Floats d;
    const float value = at(known_place);
    const Vector middle = hn::Set(d, value);
    Vector next = hn::Set(d, kLower ? -kInfinity : kInfinity);
    std::size_t above = 0, below = 0;
    for_each([&](Vector v, std::size_t) HWY_ATTR {
      const auto higher = hn::Gt(v, middle), lower = hn::Lt(v, middle);
      above += count(higher);
      below += count(lower);
      if constexpr (kLower)
        next = hn::IfThenElse(lower, hn::Max(next, v), next);
      else
        next = hn::IfThenElse(higher, hn::Min(next, v), next);
    });
    const float beside = kLower ? largest_lane(next) : least_lane(next);
    const auto same = [=](Vector v) HWY_ATTR { return hn::Eq(v, hn::Set(Floats(), beside)); };
    // Of equal ones the nearest: the last of lower ones, the first of higher ones.
    std::size_t place = 0;
    const std::size_t ends = (n + kBits - 1) / kBits * kBits;
    for (std::size_t k = 0; k < ends; k += kBits) {
      const std::size_t from = kLower ? k : ends - kBits - k;
      const std::uint64_t here = bits(from, same);
      const int bit = kLower ? 63 - std::countl_zero(here) : std::countr_zero(here);
      place = here == 0 ? place : from + static_cast<std::size_t>(bit);
    }
    to.set(kLower ? 0 : ranks - 1, value, known_place);
    to.set(kLower ? ranks - 1 : 0, beside, static_cast<std::uint32_t>(place));
    return above == known && above + below + 1 == n;
  }

  HWY_NOINLINE bool select_near(std::size_t rank, std::size_t ranks, float guess, float reach,
                                const Pair& to) const {
    Near near;
    for (int look = 0; look < kLooks; ++look, reach *= kFarther) {
      collect(guess - reach, guess + reach, near);
      if (select_among(near, rank, ranks, to)) return true;
    }
    return false;
  }

  HWY_NOINLINE void select(std::size_t rank, std::size_t ranks, float guess, const Pair& to) const {
    const Floats d;
    const Vector guessed = hn::Set(d, guess);
    std::size_t above = 0, not_below = 0;
    Vector sum = hn::Zero(d);  // NaN where an element is, and seldom else
    for_each([&](Vector v, std::size_t at) HWY_ATTR {
      above += count(hn::Gt(v, guessed));
      not_below += count(hn::Ge(v, guessed));
      sum = hn::Add(sum, at + kWidth <= n ? v : hn::Zero(d));
    });
    const bool unsure = n % kWidth != 0 || !hn::AllTrue(d, hn::Eq(sum, sum));
    if (unsure && has_nan()) {
      for (std::size_t k = 0; k < ranks; ++k) to.set(k, kNaN, 0);
      return;
    }
    const std::size_t same = not_below - above, below = n - not_below;
    const auto lower = [&] {
      return extremes([&](Vector v) HWY_ATTR { return hn::Lt(v, guessed); });
    };
    Candidates left{guess, guess, above, above + same, guess};
    if (rank < above) {
      const Extremes upper = extremes([&](Vector v) HWY_ATTR { return hn::Gt(v, guessed); });
      const float next = same != 0 || below == 0 ? guess : lower().most;
      left = {upper.least, upper.most, 0, above, next};
    } else if (rank >= above + same) {
      const Extremes rest = lower();
      left = {rest.least, rest.most, above + same, n, rest.least};
    } else if (rank + ranks > left.at_least) {
      left.next = lower().most;
    }
    narrow(rank, left);
    const bool again = ranks == 2 && left.at_least > rank + 1;
    const Places found = places(left.low, rank - left.above, n, again);
    to.set(0, left.low, found.last);
    if (again)
      to.set(1, left.low, found.before);
    else if (ranks == 2)
      to.set(1, left.next, places(left.next, 0, n, false).last);
  }

  // As those of columns.
  struct Candidates {
    float low, high;
    std::size_t above, at_least;
    float next;
  };
  HWY_INLINE void narrow(std::size_t rank, Candidates& left) const {
    const Floats d;
    const One one;
    for (bool halve_keys = false; left.low < left.high; halve_keys = !halve_keys) {
      const Vector middle = hn::Set(d, hn::GetLane(between(one, hn::Set(one, left.low),
                                                           hn::Set(one, left.high), halve_keys)));
      std::size_t not_lower = 0;
      Vector up = hn::Set(d, left.high), down = hn::Set(d, left.low);
      for_each([&](Vector v, std::size_t) HWY_ATTR {
        const auto rest = hn::Ge(v, middle);
        not_lower += count(rest);
        up = hn::Min(up, hn::IfThenElse(rest, v, up));
        down = hn::Max(down, hn::IfThenElse(hn::Lt(v, middle), v, down));
      });
      if (not_lower > rank) {
        left.low = least_lane(up);
        left.next = largest_lane(down);
        left.at_least = not_lower;
      } else {
        left.high = largest_lane(down);
        left.above = not_lower;
      }
    }
  }
};

// How many lines are looked at together.
inline constexpr std::size_t kTogether = 64;

// Some of them, each with the place of an element in it. Whole vectors are written.
struct List {
  HWY_INLINE void append(hn::Vec<Words> lines, hn::Vec<Words> places, hn::Mask<Words> mask) {
    const auto chosen = hn::RebindMask(Floats(), mask);
    hn::StoreU(pack(lines, chosen), Words(), line + count);
    hn::StoreU(pack(places, chosen), Words(), place + count);
    count += hn::CountTrue(Words(), mask);
  }
  HWY_INLINE void append(std::uint32_t its_line, bool really) {
    line[count] = its_line;
    count += really;
  }

  std::uint32_t line[kTogether + kWidth], place[kTogether + kWidth];
  std::size_t count = 0;
};

// What has become of the elements that were selected of some lines.
struct Changes {
  List lower;   // lines where that which stands before the last sought element is in this place
  List higher;  // ... behind the first one ...
  List others;  // of which nothing is known
};

// Where the elements of `count` lines are what is sought they are selected; the other lines are
// listed.
template <bool kDistances>
HWY_INLINE void compare(const Lines& of, std::size_t first, std::size_t count, std::size_t rank,
                        std::size_t ranks, const std::uint32_t* guess, const Selected& to,
                        Changes& changes) {
  const Floats d;
  const Words words;
  const Range range = kDistances ? *of.range : Range{};
  HWY_ALIGN float value[2][kTogether];
  HWY_ALIGN std::uint32_t place[2][kTogether], above[kTogether], below[kTogether];
  const std::size_t last = (ranks - 1) * to.stride;
  for (std::size_t i = 0; i < count; ++i) {
    const float* const x = of.x + of.offset[first + i];
    place[0][i] = guess[first + i];
    place[1][i] = guess[first + i + last];
    value[0][i] = x[place[0][i]];
    value[1][i] = x[place[1][i]];
  }
  const std::size_t whole = (count + kWidth - 1) / kWidth * kWidth;
  for (std::size_t k = 0; k < 2; ++k) {
    std::fill(value[k] + count, value[k] + whole, 0.0f);
    std::fill(place[k] + count, place[k] + whole, 0u);
  }
  std::fill(above + count, above + whole, 0u);
  std::fill(below + count, below + whole, 0u);
  // The upper one first.
  for (std::size_t i = 0; i < whole; i += kWidth) {
    const Vector x = element<kDistances>(d, hn::Load(d, value[0] + i), range);
    const Vector y = element<kDistances>(d, hn::Load(d, value[1] + i), range);
    const auto p = hn::Load(words, place[0] + i), q = hn::Load(words, place[1] + i);
    const auto later = hn::RebindMask(d, hn::Lt(p, q));
    const auto swapped = hn::Or(hn::Lt(x, y), hn::And(hn::Eq(x, y), later));
    const auto swapped_words = hn::RebindMask(words, swapped);
    hn::Store(hn::IfThenElse(swapped, y, x), d, value[0] + i);
    hn::Store(hn::IfThenElse(swapped, x, y), d, value[1] + i);
    hn::Store(hn::IfThenElse(swapped_words, q, p), words, place[0] + i);
    hn::Store(hn::IfThenElse(swapped_words, p, q), words, place[1] + i);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Line<kDistances> line{of.x + of.offset[first + i], of.n, range};
    const auto found = line.outside(value[0][i], value[1][i]);
    above[i] = static_cast<std::uint32_t>(found.above);
    below[i] = static_cast<std::uint32_t>(found.below);
  }
  std::copy_n(value[1], count, to.value + first + last);
  std::copy_n(place[1], count, to.place + first + last);
  std::copy_n(value[0], count, to.value + first);
  std::copy_n(place[0], count, to.place + first);
  const auto number = [=](std::size_t n)
                          HWY_ATTR { return hn::Set(words, static_cast<std::uint32_t>(n)); };
  const auto before = number(rank + ranks - 2), behind = number(rank + 1);
  for (std::size_t i = 0; i < count; i += kWidth) {
    const auto p = hn::Load(words, place[0] + i), q = hn::Load(words, place[1] + i);
    const auto upper = hn::Load(words, above + i);
    const auto lower = hn::Sub(number(of.n - 1), hn::Load(words, below + i));
    const auto lines = hn::Iota(words, static_cast<std::uint32_t>(first + i));
    const auto sought =
        hn::And(hn::Eq(upper, number(rank)), hn::Eq(lower, number(rank + ranks - 1)));
    const auto same = ranks == 1 ? sought : hn::AndNot(hn::Eq(p, q), sought);
    const auto moved = hn::AndNot(same, hn::FirstN(words, count - i));
    const auto upper_before = hn::Eq(upper, before), upper_behind = hn::Eq(upper, behind);
    const auto is_before = hn::Or(upper_before, hn::Eq(lower, before));
    const auto is_behind = hn::Or(upper_behind, hn::Eq(lower, behind));
    const auto rest = hn::AndNot(is_before, moved);
    changes.lower.append(lines, hn::IfThenElse(upper_before, p, q), hn::And(is_before, moved));
    changes.higher.append(lines, hn::IfThenElse(upper_behind, p, q), hn::And(is_behind, rest));
    changes.others.append(lines, p, hn::AndNot(is_behind, rest));
  }
}

template <bool kDistances>
void select_lines_of(const Lines& of, std::size_t rank, std::size_t ranks, const Guess* guess,
                     float& likely, const Selected& to) {
  const Range range = kDistances ? *of.range : Range{};
  const auto line = [&](std::size_t i) {
    return Line<kDistances>{of.x + of.offset[i], of.n, range};
  };
  const auto pair = [&](std::size_t i) { return Pair{to.value + i, to.place + i, to.stride}; };
  for (std::size_t first = 0; first < of.count; first += kTogether) {
    const std::size_t count = std::min(of.count - first, kTogether);
    // Nobody predicts which lines are not as they were: they are listed first.
    Changes changes;
    auto& [lower, higher, others] = changes;
    if (guess != nullptr)
      compare<kDistances>(of, first, count, rank, ranks, guess->place, to, changes);
    else
      for (std::size_t i = 0; i < count; ++i)
        others.append(static_cast<std::uint32_t>(first + i), true);
    for (std::size_t k = 0; k < lower.count; ++k) {
      const std::uint32_t i = lower.line[k];
      others.append(i, !line(i).template select_beside<true>(lower.place[k], rank + ranks - 2,
                                                             ranks, pair(i)));
    }
    for (std::size_t k = 0; k < higher.count; ++k) {
      const std::uint32_t i = higher.line[k];
      others.append(
          i, !line(i).template select_beside<false>(higher.place[k], rank + 1, ranks, pair(i)));
    }
    for (std::size_t k = 0; k < others.count; ++k) {
      const std::size_t i = others.line[k];
      if (guess == nullptr ||
          !line(i).select_near(rank, ranks, guess->near[i], guess->reach[i], pair(i)))
        line(i).select(rank, ranks, likely, pair(i));
      likely = to.value[i];
    }
    likely = to.value[first + count - 1];
  }
}

void select_lines(const Lines& of, std::size_t rank, std::size_t ranks, const Guess* guess,
                  float& likely, const Selected& to) {
  const auto select = of.range == nullptr ? select_lines_of<false> : select_lines_of<true>;
  select(of, rank, ranks, guess, likely, to);
}

template <bool kMaximum, bool kDistances>
void extreme_lines_of(const Lines& of, const Selected& to, float* equal) {
  const Range range = kDistances ? *of.range : Range{};
  for (std::size_t i = 0; i < of.count; ++i)
    Line<kDistances>{of.x + of.offset[i], of.n, range}.template extreme<kMaximum>(
        to.value + i, to.place + i, kMaximum ? equal + i : nullptr);
}

void maximum_lines(const Lines& of, const Selected& to, float* equal) {
  const auto find =
      of.range == nullptr ? extreme_lines_of<true, false> : extreme_lines_of<true, true>;
  find(of, to, equal);
}

void minimum_lines(const Lines& of, const Selected& to) {
  const auto find =
      of.range == nullptr ? extreme_lines_of<false, false> : extreme_lines_of<false, true>;
  find(of, to, nullptr);
}

// ------------------------------------------------------------------ shares of a maximum

// Adds to the gradients of the elements that equal `chosen`, of a distance the other way below.
template <bool kDistances, class D>
HWY_INLINE void add_share(D d, const float* x, hn::Vec<D> chosen, hn::Vec<D> share,
                          const Range& range, float* gradient) {
  const auto v = hn::LoadU(d, x);
  const auto same = hn::Eq(element<kDistances>(d, v, range), chosen);
  if constexpr (kDistances) share = hn::Mul(share, slope_of<kDistances>(d, v, range));
  hn::StoreU(hn::Add(hn::LoadU(d, gradient), hn::IfThenElseZero(same, share)), d, gradient);
}

template <bool kDistances>
void share_among(const float* x, std::size_t n, const Range& range, float value, float share,
                 float* gradient) {
  const Floats d;
  const One one;
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth)
    add_share<kDistances>(d, x + i, hn::Set(d, value), hn::Set(d, share), range, gradient + i);
  for (; i < n; ++i)
    add_share<kDistances>(one, x + i, hn::Set(one, value), hn::Set(one, share), range,
                          gradient + i);
}

void share(const float* x, std::size_t n, const Range* range, float value, float share,
           float* gradient) {
  const auto among = range == nullptr ? share_among<false> : share_among<true>;
  among(x, n, range == nullptr ? Range{} : *range, value, share, gradient);
}

template <bool kDistances>
void share_columns_of(const Columns& of, const float* value, const float* share, float* gradient,
                      const std::size_t* gradient_offset) {
  for_each_column<kDistances>(
      of, [&]<class D>(const ColumnVector<kDistances, D>& columns, std::size_t c) HWY_ATTR {
        const D d;
        const auto chosen = hn::LoadU(d, value + c), shares = hn::LoadU(d, share + c);
        if (hn::AllTrue(d, hn::Eq(shares, hn::Zero(d)))) return;
        for (std::size_t r = 0; r < columns.rows; ++r)
          add_share<kDistances>(d, columns.x + columns.offset[r], chosen, shares, columns.range,
                                gradient + gradient_offset[r] + c);
      });
}

void share_columns(const Columns& of, const float* value, const float* share, float* gradient,
                   const std::size_t* gradient_offset) {
  const auto add = of.range == nullptr ? share_columns_of<false> : share_columns_of<true>;
  add(of, value, share, gradient, gradient_offset);
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(penalty);
HWY_EXPORT(select_columns);
HWY_EXPORT(maximum_columns);
HWY_EXPORT(minimum_columns);
HWY_EXPORT(select_lines);
HWY_EXPORT(maximum_lines);
HWY_EXPORT(minimum_lines);
HWY_EXPORT(share);
HWY_EXPORT(share_columns);

float in_units(float target, float unit) {
  const float whole = std::round(target * unit);
  return whole / unit == target ? whole : target * unit;
}

double penalty(const float* x, std::size_t stride, float unit, std::size_t rows, std::size_t n,
               const Penalty& p, float scale, float* gradient, std::size_t gradient_stride) {
  return HWY_DYNAMIC_DISPATCH(penalty)(x, stride, unit, rows, n, p, scale, gradient,
                                       gradient_stride);
}

void select_columns(const Columns& of, std::size_t rank, std::size_t ranks, const Guess* guess,
                    float* room, const Selected& to) {
  HWY_DYNAMIC_DISPATCH(select_columns)(of, rank, ranks, guess, room, to);
}

void maximum_columns(const Columns& of, const Selected& to, float* equal) {
  HWY_DYNAMIC_DISPATCH(maximum_columns)(of, to, equal);
}

void minimum_columns(const Columns& of, const Selected& to) {
  HWY_DYNAMIC_DISPATCH(minimum_columns)(of, to);
}

void select_lines(const Lines& of, std::size_t rank, std::size_t ranks, const Guess* guess,
                  float& likely, const Selected& to) {
  HWY_DYNAMIC_DISPATCH(select_lines)(of, rank, ranks, guess, likely, to);
}

void maximum_lines(const Lines& of, const Selected& to, float* equal) {
  HWY_DYNAMIC_DISPATCH(maximum_lines)(of, to, equal);
}

void minimum_lines(const Lines& of, const Selected& to) {
  HWY_DYNAMIC_DISPATCH(minimum_lines)(of, to);
}

void share(const float* x, std::size_t n, const Range* range, float value, float share,
           float* gradient) {
  HWY_DYNAMIC_DISPATCH(share)(x, n, range, value, share, gradient);
}

void share_columns(const Columns& of, const float* value, const float* share, float* gradient,
                   const std::size_t* gradient_offset) {
  HWY_DYNAMIC_DISPATCH(share_columns)(of, value, share, gradient, gradient_offset);
}

}  // namespace synfire::kernels
#endif
