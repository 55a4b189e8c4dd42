// Penalties on tensors, and the selection of a column's element by rank.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/regularizer.cpp"
#include <hwy/foreach_target.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

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

// ------------------------------------------------------------------ selection

// Floats as integers of the same order, zeros of both signs alike; and back.
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
inline constexpr std::int32_t kInfinityKey = 0x7f800000;
inline constexpr std::int32_t kMinusInfinityKey = -kInfinityKey - 1;

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

// The elements of a selection: values, or their distances to a range.
template <bool kDistances, class D>
HWY_INLINE hn::Vec<D> element(D d, hn::Vec<D> x, const Range& range) {
  if constexpr (kDistances) return hn::Abs(signed_distance(d, x, range));
  return x;
}

// A selection among the keys of columns: `count` vectors, in which each lane is a column.
template <class D>
struct Selection {
  using Word = hn::RebindToSigned<D>;
  using Key = hn::Vec<Word>;
  static constexpr std::size_t lanes = hn::MaxLanes(D());

  const std::int32_t* keys;
  std::size_t count;
  Key low, high;            // the least and the largest of a column, then of the candidates
  Key above{}, at_least{};  // how many are above `high`, and not below `low`
  Key next{};               // the largest key below `low`, where there is one

  static HWY_INLINE Key set(std::size_t n) { return hn::Set(Word(), static_cast<std::int32_t>(n)); }
  HWY_INLINE Key at(std::size_t r) const { return hn::LoadU(Word(), keys + r * lanes); }

  // Divides the range of the candidates and pulls its ends to keys that are there: few passes among
  // the few values that counts of spikes have.
  HWY_INLINE void narrow(std::size_t rank) {
    const D floats;
    const Word d;
    const Key nothing = hn::Set(d, std::numeric_limits<std::int32_t>::min());
    above = hn::Zero(d);
    at_least = set(count);
    next = low;
    for (bool halve_keys = false; !hn::AllTrue(d, hn::Eq(low, high)); halve_keys = !halve_keys) {
      const Key middle = key_of(
          floats, between(floats, float_of(floats, low), float_of(floats, high), halve_keys));
      Key lower = hn::Zero(d), up = high, down = nothing;
      for (std::size_t r = 0; r < count; ++r) {
        const Key key = at(r);
        const auto below = hn::Lt(key, middle);
        lower = hn::Sub(lower, hn::VecFromMask(d, below));
        up = hn::Min(up, hn::IfThenElse(below, high, key));
        down = hn::Max(down, hn::IfThenElse(below, key, nothing));
      }
      const Key not_lower = hn::Sub(set(count), lower);
      const auto rises = hn::Gt(not_lower, set(rank));
      next = hn::IfThenElse(rises, down, next);
      low = hn::IfThenElse(rises, up, low);
      at_least = hn::IfThenElse(rises, not_lower, at_least);
      above = hn::IfThenElse(rises, above, not_lower);
      high = hn::IfThenElse(rises, high, down);
    }
  }

  // The places of two keys that have `nth` equal ones behind them each.
  HWY_INLINE void places(const Key (&key)[2], const Key (&nth)[2], Key (&found)[2]) const {
    const Word d;
    Key seen[2] = {hn::Zero(d), hn::Zero(d)};
    found[0] = found[1] = hn::Zero(d);
    for (std::size_t r = count; r-- != 0;)
      for (std::size_t k = 0; k < 2; ++k) {
        const auto same = hn::Eq(at(r), key[k]);
        found[k] = hn::IfThenElse(hn::And(same, hn::Eq(seen[k], nth[k])), set(r), found[k]);
        seen[k] = hn::Sub(seen[k], hn::VecFromMask(d, same));
      }
  }
};

template <class D>
HWY_INLINE void select_keys(D d, Selection<D> among, std::size_t rank, float* value,
                            std::uint32_t* row, std::size_t columns) {
  using S = Selection<D>;
  const typename S::Word words;
  const auto has_nan =
      hn::RebindMask(d, hn::Or(hn::Lt(among.low, hn::Set(words, kMinusInfinityKey)),
                               hn::Gt(among.high, hn::Set(words, kInfinityKey))));
  const auto store = [&](std::size_t k, typename S::Key key) HWY_ATTR {
    const auto nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    hn::StoreU(hn::IfThenElse(has_nan, nan, float_of(d, key)), d, value + k * columns);
  };
  if (row == nullptr && rank == 0) return store(0, among.high);
  among.low = hn::IfThenElse(hn::RebindMask(words, has_nan), among.high, among.low);
  const bool level = hn::AllTrue(words, hn::Eq(among.low, among.high));
  among.narrow(rank);
  store(0, among.low);
  if (row == nullptr) return;
  const auto again = hn::Gt(among.at_least, S::set(rank + 1));
  const auto first = hn::Sub(S::set(rank), among.above);
  const auto second = hn::IfThenElseZero(again, hn::Add(first, hn::Set(words, 1)));
  const typename S::Key key[2] = {among.low, hn::IfThenElse(again, among.low, among.next)};
  const typename S::Key nth[2] = {first, second};
  const auto last = S::set(among.count - 1);
  typename S::Key found[2] = {hn::Sub(last, first), hn::Sub(last, second)};  // where all are equal
  if (!level) among.places(key, nth, found);
  store(1, key[1]);
  const hn::RebindToUnsigned<D> indices;
  for (std::size_t k = 0; k < 2; ++k)
    hn::StoreU(hn::BitCast(indices, found[k]), indices, row + k * columns);
}

template <bool kDistances, class D>
HWY_INLINE void select_vector(D d, const float* x, const std::size_t* offset, std::size_t rows,
                              std::size_t rank, const Range& range, std::int32_t* scratch,
                              float* value, std::uint32_t* row, std::size_t columns) {
  const hn::RebindToSigned<D> words;
  const auto key_at = [&](std::size_t r) HWY_ATTR {
    return key_of(d, element<kDistances>(d, hn::LoadU(d, x + offset[r]), range));
  };
  auto low = key_at(0), high = low;
  const bool maximum = row == nullptr && rank == 0;
  if (maximum)
    for (std::size_t r = 1; r < rows; ++r) {
      const auto key = key_at(r);
      low = hn::Min(low, key);
      high = hn::Max(high, key);
    }
  for (std::size_t r = 0; !maximum && r < rows; ++r) {
    const auto key = key_at(r);
    low = hn::Min(low, key);
    high = hn::Max(high, key);
    hn::StoreU(key, words, scratch + r * hn::MaxLanes(d));
  }
  select_keys(d, Selection<D>{scratch, rows, low, high}, rank, value, row, columns);
}

template <bool kDistances>
void select_columns_of(const float* x, const std::size_t* offset, std::size_t rows,
                       std::size_t columns, std::size_t rank, const Range& range,
                       std::int32_t* scratch, float* value, std::uint32_t* row) {
  std::size_t c = 0;
  const auto at = [&] { return row == nullptr ? nullptr : row + c; };
  for (; c + kWidth <= columns; c += kWidth)
    select_vector<kDistances>(Floats(), x + c, offset, rows, rank, range, scratch, value + c, at(),
                              columns);
  for (; c < columns; ++c)
    select_vector<kDistances>(One(), x + c, offset, rows, rank, range, scratch, value + c, at(),
                              columns);
}

void select_columns(const float* x, const std::size_t* offset, std::size_t rows,
                    std::size_t columns, std::size_t rank, const Range* range,
                    std::int32_t* scratch, float* value, std::uint32_t* row) {
  const auto of = range == nullptr ? select_columns_of<false> : select_columns_of<true>;
  of(x, offset, rows, columns, rank, range == nullptr ? Range{} : *range, scratch, value, row);
}

// One column, whose n values lie side by side. What fills its last vector is NaN, which no
// comparison finds.
template <bool kDistances>
struct Column {
  const float* x;
  std::size_t n;
  Range range;

  HWY_INLINE Vector load(std::size_t i) const {
    const Floats d;
    if (i + kWidth <= n) return element<kDistances>(d, hn::LoadU(d, x + i), range);
    HWY_ALIGN float rest[kWidth];
    std::fill_n(rest, kWidth, std::numeric_limits<float>::quiet_NaN());
    std::copy_n(x + i, n - i, rest);
    return element<kDistances>(d, hn::Load(d, rest), range);
  }
  template <class F>
  HWY_INLINE void for_each(const F& f) const {
    for (std::size_t i = 0; i < n; i += kWidth) f(load(i));
  }
  static HWY_INLINE std::size_t count(hn::Mask<Floats> mask) {
    return hn::CountTrue(Floats(), mask);
  }

  // The place, before `end`, of a value that has `left` equal ones behind it up to there.
  HWY_INLINE std::uint32_t place(float value, std::size_t left, std::size_t end) const {
    const Floats d;
    for (std::size_t i = (end + kWidth - 1) / kWidth * kWidth; i != 0;) {
      i -= kWidth;
      std::uint8_t bytes[8] = {};
      hn::StoreMaskBits(d, hn::Eq(load(i), hn::Set(d, value)), bytes);
      std::uint32_t lanes = bytes[0] | std::uint32_t{bytes[1]} << 8;
      if (i + kWidth > end) lanes &= (1u << (end - i)) - 1;
      const auto here = static_cast<std::size_t>(std::popcount(lanes));
      if (here <= left) {
        left -= here;
        continue;
      }
      for (; left != 0; --left) lanes &= ~std::bit_floor(lanes);
      return static_cast<std::uint32_t>(i) + static_cast<std::uint32_t>(std::bit_width(lanes)) - 1;
    }
    return 0;
  }

  // The least and the largest of some elements, and how many these are.
  struct Extremes {
    float least, most;
    std::size_t count;
  };
  template <class Among>
  HWY_INLINE Extremes extremes(const Among& among) const {
    const Floats d;
    std::size_t found = 0;
    Vector least = hn::Set(d, std::numeric_limits<float>::infinity()), most = hn::Neg(least);
    for_each([&](Vector v) HWY_ATTR {
      const auto mask = among(v);
      found += count(mask);
      least = hn::Min(least, hn::IfThenElse(mask, v, least));
      most = hn::Max(most, hn::IfThenElse(mask, v, most));
    });
    return {least_lane(least), largest_lane(most), found};
  }

  void select(std::size_t rank, float guess, float* value, std::uint32_t* row) const {
    const Floats d;
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    if (row == nullptr && rank == 0) {
      const Extremes all = extremes([](Vector v) HWY_ATTR { return hn::Eq(v, v); });
      value[0] = all.count == n ? all.most : nan;
      return;
    }
    const Vector guessed = hn::Set(d, guess);
    std::size_t above = 0, same = 0, below = 0;
    for_each([&](Vector v) HWY_ATTR {
      above += count(hn::Gt(v, guessed));
      same += count(hn::Eq(v, guessed));
      below += count(hn::Lt(v, guessed));
    });
    if (above + same + below != n) {
      value[0] = nan;
      if (row != nullptr) value[1] = nan, row[0] = row[1] = 0;
      return;
    }
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
    } else if (rank + 1 == left.at_least && below != 0 && row != nullptr) {
      left.next = lower().most;
    }
    narrow(rank, left);
    value[0] = left.low;
    if (row == nullptr) return;
    const bool again = left.at_least > rank + 1;
    value[1] = again ? left.low : left.next;
    row[0] = place(left.low, rank - left.above, n);
    row[1] = again ? place(left.low, 0, row[0]) : place(left.next, 0, n);
  }

  // As in a Selection.
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
      for_each([&](Vector v) HWY_ATTR {
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

  std::size_t equal(float value) const {
    std::size_t found = 0;
    for_each([&](Vector v) HWY_ATTR { found += count(hn::Eq(v, hn::Set(Floats(), value))); });
    return found;
  }
};

void select(const float* x, std::size_t n, std::size_t rank, const Range* range, float guess,
            float* value, std::uint32_t* row) {
  if (range == nullptr)
    Column<false>{x, n, {}}.select(rank, guess, value, row);
  else
    Column<true>{x, n, *range}.select(rank, guess, value, row);
}

// ------------------------------------------------------------------ shares of a maximum

std::size_t count_equal(const float* x, std::size_t n, const Range* range, float value) {
  return range == nullptr ? Column<false>{x, n, {}}.equal(value)
                          : Column<true>{x, n, *range}.equal(value);
}

// Adds to the gradients of the elements that equal `chosen`, of a distance the other way below.
template <bool kDistances, class D>
HWY_INLINE void add_share(D d, const float* x, hn::Vec<D> chosen, hn::Vec<D> share,
                          const Range& range, float* gradient) {
  const auto v = hn::LoadU(d, x);
  const auto same = hn::Eq(element<kDistances>(d, v, range), chosen);
  if (hn::AllFalse(d, same)) return;
  if constexpr (kDistances) {
    const auto distance = signed_distance(d, v, range);
    const auto turned = hn::IfThenElse(hn::Lt(distance, hn::Zero(d)), hn::Neg(share), share);
    share = hn::IfThenZeroElse(hn::Eq(distance, hn::Zero(d)), turned);
  }
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

template <bool kDistances, class D>
HWY_INLINE void share_vector(D d, const float* x, const std::size_t* offset, std::size_t rows,
                             const Range& range, const float* value, const float* amount,
                             float* gradient, const std::size_t* gradient_offset) {
  const auto amounts = hn::LoadU(d, amount);
  if (hn::AllTrue(d, hn::Eq(amounts, hn::Zero(d)))) return;
  const auto chosen = hn::LoadU(d, value);
  const auto one = hn::Set(d, 1.0f);
  auto equal = hn::Zero(d);
  for (std::size_t r = 0; r < rows; ++r) {
    const auto v = element<kDistances>(d, hn::LoadU(d, x + offset[r]), range);
    equal = hn::Add(equal, hn::IfThenElseZero(hn::Eq(v, chosen), one));
  }
  const auto share = hn::Div(amounts, equal);
  for (std::size_t r = 0; r < rows; ++r)
    add_share<kDistances>(d, x + offset[r], chosen, share, range, gradient + gradient_offset[r]);
}

template <bool kDistances>
void share_columns_of(const float* x, const std::size_t* offset, std::size_t rows,
                      std::size_t columns, const Range& range, const float* value,
                      const float* amount, float* gradient, const std::size_t* gradient_offset) {
  std::size_t c = 0;
  for (; c + kWidth <= columns; c += kWidth)
    share_vector<kDistances>(Floats(), x + c, offset, rows, range, value + c, amount + c,
                             gradient + c, gradient_offset);
  for (; c < columns; ++c)
    share_vector<kDistances>(One(), x + c, offset, rows, range, value + c, amount + c, gradient + c,
                             gradient_offset);
}

void share_columns(const float* x, const std::size_t* offset, std::size_t rows, std::size_t columns,
                   const Range* range, const float* value, const float* amount, float* gradient,
                   const std::size_t* gradient_offset) {
  const auto of = range == nullptr ? share_columns_of<false> : share_columns_of<true>;
  of(x, offset, rows, columns, range == nullptr ? Range{} : *range, value, amount, gradient,
     gradient_offset);
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(penalty);
HWY_EXPORT(select_columns);
HWY_EXPORT(select);
HWY_EXPORT(count_equal);
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

void select_columns(const float* x, const std::size_t* offset, std::size_t rows,
                    std::size_t columns, std::size_t rank, const Range* range,
                    std::int32_t* scratch, float* value, std::uint32_t* row) {
  HWY_DYNAMIC_DISPATCH(select_columns)(x, offset, rows, columns, rank, range, scratch, value, row);
}

void select(const float* x, std::size_t n, std::size_t rank, const Range* range, float guess,
            float* value, std::uint32_t* row) {
  HWY_DYNAMIC_DISPATCH(select)(x, n, rank, range, guess, value, row);
}

std::size_t count_equal(const float* x, std::size_t n, const Range* range, float value) {
  return HWY_DYNAMIC_DISPATCH(count_equal)(x, n, range, value);
}

void share(const float* x, std::size_t n, const Range* range, float value, float share,
           float* gradient) {
  HWY_DYNAMIC_DISPATCH(share)(x, n, range, value, share, gradient);
}

void share_columns(const float* x, const std::size_t* offset, std::size_t rows, std::size_t columns,
                   const Range* range, const float* value, const float* amount, float* gradient,
                   const std::size_t* gradient_offset) {
  HWY_DYNAMIC_DISPATCH(share_columns)
  (x, offset, rows, columns, range, value, amount, gradient, gradient_offset);
}

}  // namespace synfire::kernels
#endif
