// Finding the active inputs and summing their rows of weights.
#define HWY_WANT_AVX3_DL  // for its counts of bits
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/synapse.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>

#include <algorithm>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

HWY_INLINE std::size_t find_nonzeros(const float* x, std::size_t n, std::uint32_t* index) {
  return Search(x, n).next(n, index);
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
HWY_INLINE void walk(Vector (&sum)[kVectors], const float* rows, std::size_t stride,
                     const std::uint32_t* index, const float* x, std::size_t first,
                     std::size_t end) {
  const Floats d;
  for (std::size_t k = first; k < end; ++k) {
    const std::size_t i = kWalk == Walk::All ? k : index[k];
    const float* row = rows + i * stride;
    // Keeps g++ from giving each column an address register of its own: a fifth slower.
    asm("" : "+r"(row));
    if constexpr (kWidth < kLanes && kWalk == Walk::Far) {
      const float* ahead = rows + index[std::min(k + 4, end - 1)] * stride;
      for (std::size_t j = 0; j < kVectors * kWidth; j += kLanes) hwy::Prefetch(ahead + j);
    }
    const auto scale = hn::Set(d, x[i]);
    for (std::size_t j = 0; j < kVectors; ++j)
      sum[j] = fused(scale, hn::LoadU(d, row + j * kWidth), sum[j]);
  }
}

template <std::size_t kVectors, Walk kWalk>
HWY_INLINE void accumulate_tile(const float* rows, std::size_t stride, const float* start,
                                const std::uint32_t* index, const float* x, std::size_t count,
                                float* out) {
  const Floats d;
  Vector sum[kVectors];
  for (std::size_t j = 0; j < kVectors; ++j) sum[j] = hn::LoadU(d, start + j * kWidth);
  walk<kVectors, kWalk>(sum, rows, stride, index, x, 0, count);
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

// As accumulate_tile of all inputs that are not zero, which it finds for all tiles, unless they are
// too many.
template <std::size_t kVectors>
HWY_INLINE Searched search_tile(const float* rows, std::size_t stride, const float* start,
                                const float* x, std::size_t n, double dense_above,
                                std::uint32_t* index, float* out) {
  const Floats d;
  Vector sum[kVectors];
  for (std::size_t j = 0; j < kVectors; ++j) sum[j] = hn::LoadU(d, start + j * kWidth);
  const Searched found =
      search_and(x, n, dense_above, index, [&](std::size_t first, std::size_t end) HWY_ATTR {
        walk<kVectors, Walk::Far>(sum, rows, stride, index, x, first, end);
      });
  for (std::size_t j = 0; j < kVectors; ++j) hn::StoreU(sum[j], d, out + j * kWidth);
  return found;
}

template <std::size_t kVectors>
HWY_INLINE ReadValues search_from(const float* rows, std::size_t stride, const float* start,
                                  const float* x, std::size_t n, double dense_above,
                                  std::uint32_t* index, float* out) {
  if constexpr (kVectors > 1)
    if (stride < kVectors * kWidth)
      return search_from<kVectors / 2>(rows, stride, start, x, n, dense_above, index, out);
  const auto [nonzero, dense] =
      search_tile<kVectors>(rows, stride, start, x, n, dense_above, index, out);
  if (dense) {
    accumulate_rows(rows, stride, start, nullptr, x, n, out);
    return {nonzero, n};
  }
  accumulate_from<kVectors, Walk::Far>(kVectors * kWidth, stride, rows, stride, start, index, x,
                                       nonzero, out);
  return {nonzero, nonzero};
}

ReadValues accumulate_values(const float* rows, std::size_t stride, const float* start,
                             const float* x, std::size_t n, double dense_above,
                             std::uint32_t* index, float* out) {
  return search_from<kTile>(rows, stride, start, x, n, dense_above, index, out);
}

#if HWY_TARGET == HWY_AVX3_DL

// Schedule: vectors of the full width multiply faster than they can be loaded and multiplied, so a
// block of weights that fits in the first-level cache is read once for up to three inputs that are
// alike, whose sums fill the registers: their rows are those that any of them has, and where one
// has none it adds 0 * w. Between blocks sums wait in `out`. Of such a 0 nothing is left but where
// w is not finite or the sum is a zero, which may lose its sign: who ends there is summed again by
// itself.
using Quantities = hn::Repartition<std::uint64_t, Floats>;

// One turn through some inputs of all products.
class Turn {
 public:
  static constexpr std::size_t kBits = 64, kMostWords = 16, kMostInputs = kBits * kMostWords;

  // Through the n inputs from `first` on, at most kMostInputs: finds which of them are active.
  HWY_INLINE Turn(Product* products, std::size_t count, std::size_t first, std::size_t n)
      : products_(products), count_(count), first_(first), words_((n + kBits - 1) / kBits) {
    const Floats d;
    for (std::size_t w = 0; w < words_; ++w) std::fill_n(active_[w], kMostProducts, 0u);
    for (std::size_t p = 0; p < count; ++p) {
      const float* x = products[p].x + first;
      for (std::size_t i = 0; i < n; i += kWidth) {
        const auto some =
            n - i < kWidth ? hn::MaskedLoad(hn::FirstN(d, n - i), d, x + i) : hn::LoadU(d, x + i);
        auto* bytes = reinterpret_cast<std::uint8_t*>(&active_[i / kBits][p]);
        hn::StoreMaskBits(d, nonzero(some), bytes + i % kBits / 8);
      }
    }
    const Quantities q;
    for (std::size_t p = 0; p < kMostProducts; p += kStep) {
      auto sum = hn::Zero(q);
      for (std::size_t w = 0; w < words_; ++w)
        sum = hn::Add(sum, hn::PopulationCount(hn::Load(q, &active_[w][p])));
      hn::Store(sum, q, found_ + p);
    }
    for (std::size_t p = 0; p < count; ++p) products[p].nonzero += found_[p];
  }

  // Each with those of the others that have most inputs in common, as long as that is cheaper than
  // alone.
  HWY_INLINE void form_groups() {
    std::uint64_t left = (std::uint64_t{1} << count_) - 1;
    while (left != 0) {
      Group& group = group_[groups_++];
      group.size = 0;
      std::fill_n(group.active, words_, 0u);
      std::uint64_t inputs = join(group, largest(left), left);
      while (group.size < kMost && left != 0) {
        const std::size_t other = nearest(group, left);
        std::uint64_t both = 0;
        for (std::size_t w = 0; w < words_; ++w)
          both += hwy::PopCount(group.active[w] | active_[w][other]);
        if (kCost[group.size] * both >= kCost[group.size - 1] * inputs + kCost[0] * found_[other])
          break;
        inputs = join(group, other, left);
      }
    }
  }

  // Adds to what `out` holds, or, where it is given, to `start`. `rows` are those of the inputs.
  HWY_INLINE void add(const float* rows, std::size_t stride, const float* start) {
    add_from<kTile / 2>(0, rows, stride, start);
  }

  // The products that were not alone, as bits.
  std::uint64_t in_company() const { return in_company_; }

 private:
  static constexpr std::size_t kMost = 3, kStep = kWidth / 2;
  // Of a row for one, two and three, as measured on a processor that loads and multiplies two
  // vectors of the full width in a cycle.
  static constexpr std::uint64_t kCost[kMost] = {5, 7, 10};

  struct Group {
    std::size_t size, member[kMost];
    std::uint64_t active[kMostWords];
  };

  HWY_INLINE std::uint64_t join(Group& group, std::size_t p, std::uint64_t& left) {
    left &= ~(std::uint64_t{1} << p);
    group.member[group.size++] = p;
    if (group.size > 1)
      for (std::size_t k = 0; k < group.size; ++k)
        in_company_ |= std::uint64_t{1} << group.member[k];
    std::uint64_t inputs = 0;
    for (std::size_t w = 0; w < words_; ++w) {
      group.active[w] |= active_[w][p];
      inputs += hwy::PopCount(group.active[w]);
    }
    return inputs;
  }

  HWY_INLINE std::size_t largest(std::uint64_t left) const {
    return least(left, [&](std::size_t p) HWY_ATTR {
      return hn::Sub(hn::Set(Quantities(), 2 * kMostInputs), hn::Load(Quantities(), found_ + p));
    });
  }

  // Adds few inputs, and shares many.
  HWY_INLINE std::size_t nearest(const Group& group, std::uint64_t left) const {
    const Quantities q;
    return least(left, [&](std::size_t p) HWY_ATTR {
      auto both = hn::Zero(q);
      for (std::size_t w = 0; w < words_; ++w)
        both = hn::Add(both, hn::PopulationCount(
                                 hn::Or(hn::Set(q, group.active[w]), hn::Load(q, &active_[w][p]))));
      return hn::Sub(hn::Add(both, both), hn::Load(q, found_ + p));
    });
  }

  // The product among `left` of the least key, which is given for kStep of them at a time.
  template <class Key>
  static HWY_INLINE std::size_t least(std::uint64_t left, const Key& key) {
    const Quantities q;
    auto best = hn::Set(q, ~std::uint64_t{0} >> 1);
    for (std::size_t p = 0; p < kMostProducts; p += kStep) {
      const std::uint64_t bits = left >> p;
      const auto here = hn::LoadMaskBits(q, reinterpret_cast<const std::uint8_t*>(&bits));
      const auto placed = hn::Or(hn::ShiftLeft<6>(key(p)), hn::Iota(q, p));
      best = hn::IfThenElse(here, hn::Min(best, placed), best);
    }
    return static_cast<std::size_t>(hn::GetLane(hn::MinOfLanes(q, best)) % kBits);
  }

  template <std::size_t kVectors>
  HWY_INLINE void add_from(std::size_t j, const float* rows, std::size_t stride,
                           const float* start) {
    for (; j + kVectors * kWidth <= stride; j += kVectors * kWidth)
      for (std::size_t w = 0; w < words_; ++w)
        for (std::size_t g = 0; g < groups_; ++g) {
          const Group& group = group_[g];
          if (w != 0 && group.active[w] == 0) continue;
          const float* block = rows + w * kBits * stride + j;
          const float* from = w == 0 ? start : nullptr;
          if (group.size == 1) add_block<1, kVectors>(group, w, j, block, stride, from);
          if (group.size == 2) add_block<2, kVectors>(group, w, j, block, stride, from);
          if (group.size == 3) add_block<3, kVectors>(group, w, j, block, stride, from);
        }
    if constexpr (kVectors > 1) add_from<kVectors / 2>(j, rows, stride, start);
  }

  template <std::size_t kSize, std::size_t kVectors>
  HWY_INLINE void add_block(const Group& group, std::size_t w, std::size_t j, const float* rows,
                            std::size_t stride, const float* start) {
    const Floats d;
    const float* x[kSize];
    float* out[kSize];
    Vector sum[kSize][kVectors];
    for (std::size_t s = 0; s < kSize; ++s) {
      const Product& product = products_[group.member[s]];
      x[s] = product.x + first_ + w * kBits;
      out[s] = product.out + j;
      const float* from = start == nullptr ? out[s] : start + j;
      for (std::size_t v = 0; v < kVectors; ++v) sum[s][v] = hn::LoadU(d, from + v * kWidth);
    }
    for (std::uint64_t active = group.active[w]; active != 0; active &= active - 1) {
      const std::size_t i = hwy::Num0BitsBelowLS1Bit_Nonzero64(active);
      const float* row = rows + i * stride;
      asm("" : "+r"(row));
      Vector scale[kSize];
      for (std::size_t s = 0; s < kSize; ++s) scale[s] = hn::Set(d, x[s][i]);
      for (std::size_t v = 0; v < kVectors; ++v) {
        auto weights = hn::LoadU(d, row + v * kWidth);
        // Keeps g++ from loading them anew for each product.
        if constexpr (kSize > 1) asm("" : "+v"(weights.raw));
        for (std::size_t s = 0; s < kSize; ++s) sum[s][v] = fused(scale[s], weights, sum[s][v]);
      }
    }
    for (std::size_t s = 0; s < kSize; ++s)
      for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[s][v], d, out[s] + v * kWidth);
  }

  Product* products_;
  std::size_t count_, first_, words_, groups_ = 0;
  std::uint64_t in_company_ = 0;
  HWY_ALIGN std::uint64_t active_[kMostWords][kMostProducts];  // a bit an input
  HWY_ALIGN std::uint64_t found_[kMostProducts];
  Group group_[kMostProducts];
};

HWY_INLINE std::uint64_t accumulate_turns(const float* rows, std::size_t stride, const float* start,
                                          std::size_t n, Product* products, std::size_t count) {
  std::uint64_t in_company = 0;
  for (std::size_t p = 0; p < count; ++p) {
    products[p].nonzero = 0;
    if (n == 0) std::copy_n(start, stride, products[p].out);
  }
  for (std::size_t i = 0; i < n; i += Turn::kMostInputs) {
    Turn turn(products, count, i, std::min(Turn::kMostInputs, n - i));
    turn.form_groups();
    turn.add(rows + i * stride, stride, i == 0 ? start : nullptr);
    in_company |= turn.in_company();
  }
  return in_company;
}

// Whether a sum is a zero or no number.
HWY_INLINE bool any_void(const float* sum, std::size_t n) {
  const Floats d;
  const auto is_void = [&](std::size_t i) HWY_ATTR {
    return hn::Not(hn::Gt(hn::Abs(hn::LoadU(d, sum + i)), hn::Zero(d)));
  };
  auto any = hn::FirstN(d, 0);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) any = hn::Or(any, is_void(i));
  if (i < n) any = hn::Or(any, hn::And(is_void(i), hn::FirstN(d, n - i)));
  return !hn::AllFalse(d, any);
}

void accumulate_products(const float* rows, std::size_t stride, std::size_t columns,
                         const float* start, std::size_t n, Product* products, std::size_t count) {
  const std::uint64_t doubtful = accumulate_turns(rows, stride, start, n, products, count);
  for (std::size_t p = 0; p < count; ++p)
    if (doubtful >> p & 1 && any_void(products[p].out, columns))
      accumulate_turns(rows, stride, start, n, products + p, 1);
}

#else

// Schedule: a block of weights that fits in the first-level cache is read once and meets the inputs
// one after the other; between blocks a sum waits in `out`. Processors with vectors of the full
// width mostly have 48 KB of it, others 32: fewer blocks there, a twentieth faster.
void accumulate_products(const float* rows, std::size_t stride, std::size_t, const float* start,
                         std::size_t n, Product* products, std::size_t count) {
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

#endif

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
  const auto most = hn::Set(d, 255.0f);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto value = hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(bytes, x + i)));
#if HWY_NATIVE_FMA
    // The factor, then what it leaves once more: sooner than a division, and the quotient's bits
    // for each of the 256 bytes.
    const auto factor = hn::Set(d, 1 / 255.0f);
    const auto near = hn::Mul(value, factor);
    hn::StoreU(hn::MulAdd(hn::NegMulAdd(near, most, value), factor, near), d, out + i);
#else
    hn::StoreU(hn::Div(value, most), d, out + i);
#endif
  }
  for (; i < n; ++i) out[i] = static_cast<float>(x[i]) / 255.0f;
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(nonzeros);
HWY_EXPORT(accumulate_rows);
HWY_EXPORT(accumulate_values);
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

ReadValues accumulate_values(const float* rows, std::size_t stride, const float* start,
                             const float* x, std::size_t n, double dense_above,
                             std::uint32_t* index, float* out) {
  return HWY_DYNAMIC_DISPATCH(accumulate_values)(rows, stride, start, x, n, dense_above, index,
                                                 out);
}

void accumulate_products(const float* rows, std::size_t stride, std::size_t columns,
                         const float* start, std::size_t n, Product* products, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(accumulate_products)(rows, stride, columns, start, n, products, count);
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
