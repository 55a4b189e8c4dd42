// Penalties on tensors, and the selection of a column's element by rank.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/regularizer.cpp"
#include <hwy/foreach_target.h>

#include <algorithm>
#include <limits>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

using One = hn::CappedTag<float, 1>;

// ------------------------------------------------------------------ penalty

// One vector's penalties. Without units the value is x itself: no division.
template <bool kUnits, class D>
HWY_INLINE hn::Vec<D> penalty_vector(D d, const float* x, hn::Vec<D> unit, const Penalty& p,
                                     hn::Vec<D> scale, float* gradient) {
  auto value = hn::LoadU(d, x);
  if constexpr (kUnits) value = hn::Div(value, unit);
  const auto near = hn::Min(hn::Max(value, hn::Set(d, p.lo)), hn::Set(d, p.hi));
  const auto distance = hn::Sub(value, near);
  const auto l1 = hn::Set(d, p.l1), l2 = hn::Set(d, p.l2);
  if (gradient != nullptr) {
    const auto sign = hn::IfThenZeroElse(hn::Eq(distance, hn::Zero(d)), hn::CopySign(l1, distance));
    const auto slope = hn::Add(sign, hn::Mul(hn::Add(l2, l2), distance));
    hn::StoreU(hn::Add(hn::LoadU(d, gradient), hn::Mul(scale, slope)), d, gradient);
  }
  return hn::Add(hn::Mul(l1, hn::Abs(distance)), hn::Mul(hn::Mul(l2, distance), distance));
}

// Touches exactly n values of a row, so that threads may share a gradient.
template <bool kUnits>
double penalty_of(const float* x, std::size_t stride, float unit, std::size_t rows, std::size_t n,
                  const Penalty& p, float scale, float* gradient, std::size_t gradient_stride) {
  const Floats d;
  const auto units = hn::Set(d, unit), scales = hn::Set(d, scale);
  Vector partial[kLanes / kWidth];
  for (auto& vector : partial) vector = hn::Zero(d);
  HWY_ALIGN float sums[kLanes] = {}, tails[kLanes] = {};
  for (std::size_t r = 0; r < rows; ++r, x += stride) {
    const auto at = [=](std::size_t i) { return gradient == nullptr ? nullptr : gradient + i; };
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
      for (std::size_t k = 0; k < kLanes / kWidth; ++k) {
        const std::size_t j = i + k * kWidth;
        partial[k] = hn::Add(partial[k], penalty_vector<kUnits>(d, x + j, units, p, scales, at(j)));
      }
    for (; i < n; ++i) {
      const One one;
      tails[i % kLanes] += hn::GetLane(
          penalty_vector<kUnits>(one, x + i, hn::Set(one, unit), p, hn::Set(one, scale), at(i)));
    }
    if (gradient != nullptr) gradient += gradient_stride;
  }
  for (std::size_t k = 0; k < kLanes / kWidth; ++k) hn::StoreU(partial[k], d, sums + k * kWidth);
  double sum = 0;
  for (std::size_t k = 0; k < kLanes; ++k) sum += sums[k] + tails[k];
  return sum;
}

double penalty(const float* x, std::size_t stride, float unit, std::size_t rows, std::size_t n,
               const Penalty& p, float scale, float* gradient, std::size_t gradient_stride) {
  const auto of = unit == 1 ? penalty_of<false> : penalty_of<true>;
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

// A selection among keys: `count` vectors, `stride` words apart. Each lane is a column; or all
// lanes are one column (together), and what is reduced over it is the same in every lane.
template <class D, bool together>
struct Selection {
  using Word = hn::RebindToSigned<D>;
  using Key = hn::Vec<Word>;
  static constexpr std::size_t lanes = hn::MaxLanes(D());

  const std::int32_t* keys;
  std::size_t count, stride;
  Key low, high;            // the least and the largest of a column, then of the candidates
  Key above{}, at_least{};  // how many are above `high`, and not below `low`
  Key next{};               // the largest key below `low`, where there is one

  static HWY_INLINE Key sum(Key x) {
    if constexpr (together) return hn::SumOfLanes(Word(), x);
    return x;
  }
  static HWY_INLINE Key least(Key x) {
    if constexpr (together) return hn::MinOfLanes(Word(), x);
    return x;
  }
  static HWY_INLINE Key most(Key x) {
    if constexpr (together) return hn::MaxOfLanes(Word(), x);
    return x;
  }
  static HWY_INLINE Key set(std::size_t n) { return hn::Set(Word(), static_cast<std::int32_t>(n)); }
  HWY_INLINE Key at(std::size_t r) const { return hn::LoadU(Word(), keys + r * stride); }
  HWY_INLINE Key size() const { return set(together ? count * lanes : count); }

  // Halves the range of the candidates and pulls its ends to keys that are there: few passes among
  // the few values that counts of spikes have, 32 at most among any.
  HWY_INLINE void narrow(std::size_t rank) {
    const Word d;
    const Key nothing = hn::Set(d, std::numeric_limits<std::int32_t>::min());
    above = hn::Zero(d);
    at_least = size();
    next = low;
    while (!hn::AllTrue(d, hn::Eq(low, high))) {
      const Key middle = hn::Sub(hn::Or(low, high), hn::ShiftRight<1>(hn::Xor(low, high)));
      Key lower = hn::Zero(d), up = high, down = nothing;
      for (std::size_t r = 0; r < count; ++r) {
        const Key key = at(r);
        const auto below = hn::Lt(key, middle);
        lower = hn::Sub(lower, hn::VecFromMask(d, below));
        up = hn::Min(up, hn::IfThenElse(below, high, key));
        down = hn::Max(down, hn::IfThenElse(below, key, nothing));
      }
      const Key not_lower = hn::Sub(size(), sum(lower));
      const auto rises = hn::Gt(not_lower, set(rank));
      down = most(down);
      next = hn::IfThenElse(rises, down, next);
      low = hn::IfThenElse(rises, least(up), low);
      at_least = hn::IfThenElse(rises, not_lower, at_least);
      above = hn::IfThenElse(rises, above, not_lower);
      high = hn::IfThenElse(rises, high, down);
    }
  }

  // The places of two keys that have `nth` equal ones behind them each, in a column of n.
  HWY_INLINE void places(std::size_t n, const Key (&key)[2], const Key (&nth)[2],
                         Key (&found)[2]) const {
    const Word d;
    if constexpr (together) {
      for (std::size_t k = 0; k < 2; ++k) found[k] = set(place(n, key[k], nth[k]));
    } else {
      Key seen[2] = {hn::Zero(d), hn::Zero(d)};
      found[0] = found[1] = hn::Zero(d);
      for (std::size_t r = n; r-- != 0;)
        for (std::size_t k = 0; k < 2; ++k) {
          const auto same = hn::Eq(at(r), key[k]);
          found[k] = hn::IfThenElse(hn::And(same, hn::Eq(seen[k], nth[k])), set(r), found[k]);
          seen[k] = hn::Sub(seen[k], hn::VecFromMask(d, same));
        }
    }
  }
  HWY_INLINE std::size_t place(std::size_t n, Key key, Key nth) const {
    auto left = static_cast<std::size_t>(hn::GetLane(nth));
    std::size_t end = n;  // of what is left to search: whole vectors but for the first time
    while (end != 0) {
      const std::size_t r = (end - 1) / lanes;
      if (end % lanes == 0) {
        const std::size_t here = hn::CountTrue(Word(), hn::Eq(at(r), key));
        if (here <= left) {
          left -= here;
          end -= lanes;
          continue;
        }
      }
      for (; end != r * lanes; --end)
        if (keys[end - 1] == hn::GetLane(key) && left-- == 0) return end - 1;
    }
    return 0;
  }
};

template <class D, bool together>
HWY_INLINE void select_keys(D d, Selection<D, together> among, std::size_t n, std::size_t rank,
                            float* value, std::uint32_t* row, std::size_t columns) {
  using S = Selection<D, together>;
  const typename S::Word words;
  const auto has_nan =
      hn::RebindMask(d, hn::Or(hn::Lt(among.low, hn::Set(words, kMinusInfinityKey)),
                               hn::Gt(among.high, hn::Set(words, kInfinityKey))));
  const auto store = [&](std::size_t k, typename S::Key key) {
    const auto nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    const auto x = hn::IfThenElse(has_nan, nan, float_of(d, key));
    if constexpr (together)
      value[k] = hn::GetLane(x);
    else
      hn::StoreU(x, d, value + k * columns);
  };
  if (row == nullptr && rank == 0) return store(0, among.high);
  const bool level = hn::AllTrue(words, hn::Eq(among.low, among.high));
  among.narrow(rank);
  store(0, among.low);
  if (row == nullptr) return;
  const auto again = hn::Gt(among.at_least, S::set(rank + 1));
  const auto first = hn::Sub(S::set(rank), among.above);
  const auto second = hn::IfThenElseZero(again, hn::Add(first, hn::Set(words, 1)));
  const typename S::Key key[2] = {among.low, hn::IfThenElse(again, among.low, among.next)};
  const typename S::Key nth[2] = {first, second};
  const auto last = S::set(n - 1);
  typename S::Key found[2] = {hn::Sub(last, first), hn::Sub(last, second)};  // where all are equal
  if (!level) among.places(n, key, nth, found);
  store(1, key[1]);
  const hn::RebindToUnsigned<D> indices;
  for (std::size_t k = 0; k < 2; ++k) {
    const auto at = hn::BitCast(indices, found[k]);
    if constexpr (together)
      row[k] = hn::GetLane(at);
    else
      hn::StoreU(at, indices, row + k * columns);
  }
}

template <class D>
HWY_INLINE void select_vector(D d, const float* x, const std::size_t* offset, std::size_t rows,
                              std::size_t rank, std::int32_t* scratch, float* value,
                              std::uint32_t* row, std::size_t columns) {
  const hn::RebindToSigned<D> words;
  constexpr std::size_t lanes = hn::MaxLanes(D());
  auto low = key_of(d, hn::LoadU(d, x + offset[0])), high = low;
  for (std::size_t r = 0; r < rows; ++r) {
    const auto key = key_of(d, hn::LoadU(d, x + offset[r]));
    low = hn::Min(low, key);
    high = hn::Max(high, key);
    hn::StoreU(key, words, scratch + r * lanes);
  }
  select_keys(d, Selection<D, false>{scratch, rows, lanes, low, high}, rows, rank, value, row,
              columns);
}

void select_columns(const float* x, const std::size_t* offset, std::size_t rows,
                    std::size_t columns, std::size_t rank, std::int32_t* scratch, float* value,
                    std::uint32_t* row) {
  std::size_t c = 0;
  const auto at = [&] { return row == nullptr ? nullptr : row + c; };
  for (; c + kWidth <= columns; c += kWidth)
    select_vector(Floats(), x + c, offset, rows, rank, scratch, value + c, at(), columns);
  for (; c < columns; ++c)
    select_vector(One(), x + c, offset, rows, rank, scratch, value + c, at(), columns);
}

void order_keys(const float* x, std::size_t n, std::int32_t* key) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth)
    hn::StoreU(key_of(Floats(), hn::LoadU(Floats(), x + i)), hn::RebindToSigned<Floats>(), key + i);
  for (; i < n; ++i) key[i] = hn::GetLane(key_of(One(), hn::LoadU(One(), x + i)));
}

void select(std::int32_t* keys, std::size_t n, std::size_t rank, float* value, std::uint32_t* row) {
  // What fills the last vector ranks behind all numbers.
  const std::size_t whole = (n + kWidth - 1) / kWidth * kWidth;
  std::fill(keys + n, keys + whole, kMinusInfinityKey);
  const hn::RebindToSigned<Floats> words;
  auto low = hn::LoadU(words, keys), high = low;
  for (std::size_t i = kWidth; i < whole; i += kWidth) {
    const auto key = hn::LoadU(words, keys + i);
    low = hn::Min(low, key);
    high = hn::Max(high, key);
  }
  using All = Selection<Floats, true>;
  select_keys(Floats(), All{keys, whole / kWidth, kWidth, All::least(low), All::most(high)}, n,
              rank, value, row, 1);
}

// ------------------------------------------------------------------ shares of a maximum

template <class D>
HWY_INLINE void share_vector(D d, const float* x, const std::size_t* offset, std::size_t rows,
                             const float* value, const float* amount, float* gradient,
                             const std::size_t* gradient_offset) {
  const auto chosen = hn::LoadU(d, value);
  const auto one = hn::Set(d, 1.0f);
  auto equal = hn::Zero(d);
  for (std::size_t r = 0; r < rows; ++r)
    equal = hn::Add(equal, hn::IfThenElseZero(hn::Eq(hn::LoadU(d, x + offset[r]), chosen), one));
  const auto share = hn::Div(hn::LoadU(d, amount), equal);
  for (std::size_t r = 0; r < rows; ++r) {
    float* to = gradient + gradient_offset[r];
    const auto same = hn::Eq(hn::LoadU(d, x + offset[r]), chosen);
    if (hn::AllFalse(d, same)) continue;
    hn::StoreU(hn::Add(hn::LoadU(d, to), hn::IfThenElseZero(same, share)), d, to);
  }
}

void share_columns(const float* x, const std::size_t* offset, std::size_t rows, std::size_t columns,
                   const float* value, const float* amount, float* gradient,
                   const std::size_t* gradient_offset) {
  std::size_t c = 0;
  for (; c + kWidth <= columns; c += kWidth)
    share_vector(Floats(), x + c, offset, rows, value + c, amount + c, gradient + c,
                 gradient_offset);
  for (; c < columns; ++c)
    share_vector(One(), x + c, offset, rows, value + c, amount + c, gradient + c, gradient_offset);
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(penalty);
HWY_EXPORT(select_columns);
HWY_EXPORT(order_keys);
HWY_EXPORT(select);
HWY_EXPORT(share_columns);

double penalty(const float* x, std::size_t stride, float unit, std::size_t rows, std::size_t n,
               const Penalty& p, float scale, float* gradient, std::size_t gradient_stride) {
  return HWY_DYNAMIC_DISPATCH(penalty)(x, stride, unit, rows, n, p, scale, gradient,
                                       gradient_stride);
}

void select_columns(const float* x, const std::size_t* offset, std::size_t rows,
                    std::size_t columns, std::size_t rank, std::int32_t* scratch, float* value,
                    std::uint32_t* row) {
  HWY_DYNAMIC_DISPATCH(select_columns)(x, offset, rows, columns, rank, scratch, value, row);
}

void order_keys(const float* x, std::size_t n, std::int32_t* key) {
  HWY_DYNAMIC_DISPATCH(order_keys)(x, n, key);
}

void select(std::int32_t* keys, std::size_t n, std::size_t rank, float* value, std::uint32_t* row) {
  HWY_DYNAMIC_DISPATCH(select)(keys, n, rank, value, row);
}

void share_columns(const float* x, const std::size_t* offset, std::size_t rows, std::size_t columns,
                   const float* value, const float* amount, float* gradient,
                   const std::size_t* gradient_offset) {
  HWY_DYNAMIC_DISPATCH(share_columns)
  (x, offset, rows, columns, value, amount, gradient, gradient_offset);
}

}  // namespace synfire::kernels
#endif
