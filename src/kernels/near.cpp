// Sums over rows of weights that are near those of synapse.cpp, and how near: by whole numbers,
// which tiles multiply.
#define HWY_WANT_AVX3_DL  // where there are tiles
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/near.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/simd-inl.hpp"
#include "kernels/tiles.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL

using Integers = hn::RebindToSigned<Floats>;

// Of numbers that are taken for pixels, p / 255: what is left of them, as the root of the sum of
// squares, in pixels; and block by block of kNormInputs how many are not 0, and the sum of squares.
struct Pixels {
  static constexpr std::size_t kMostBlocks = ByteInputs::kMost / kNormInputs;
  static_assert(kMostBlocks == kWidth);
  float rest;
  std::size_t nonzero[kMostBlocks];
  HWY_ALIGN float squares[kMostBlocks] = {};
};

// Whether x[0..n) are pixels but for what rounding may have left of them. Fetches what is `next`.
HWY_INLINE bool read_pixels(const float* x, std::size_t n, std::uint8_t* byte, Pixels& pixels,
                            const float* next) {
  const Floats d;
  const Words words;
  const hn::Rebind<std::uint8_t, Floats> bytes;
  // To which a small number is added as a whole one, in the lowest bits.
  const auto whole = hn::Set(d, 0x1.8p23f), most = hn::Set(d, 255.0f);
  auto largest = hn::Zero(words);
  auto rests = hn::Zero(d);
  for (std::size_t first = 0; first < n; first += kNormInputs) {
    auto squares = hn::Zero(d);
    std::size_t found = 0;
    const auto take = [&](Vector v, std::size_t i) HWY_ATTR {
      hwy::Prefetch(next + i);
      const auto placed = hn::MulAdd(v, most, whole);
      const auto rest = hn::MulSub(v, most, hn::Sub(placed, whole));
      rests = hn::MulAdd(rest, rest, rests);
      const auto number = hn::Sub(hn::BitCast(words, placed), hn::BitCast(words, whole));
      largest = hn::Max(largest, number);
      squares = hn::MulAdd(v, v, squares);
      found += hn::CountTrue(d, nonzero(v));
      hn::StoreU(hn::DemoteTo(bytes, hn::BitCast(hn::RebindToSigned<Floats>(), number)), bytes,
                 byte + i);
    };
    std::size_t i = first;
    const std::size_t end = std::min(n, first + kNormInputs);
    for (; i + kWidth <= end; i += kWidth) take(hn::LoadU(d, x + i), i);
    if (i < end) take(hn::MaskedLoad(hn::FirstN(d, end - i), d, x + i), i);
    pixels.nonzero[first / kNormInputs] = found;
    pixels.squares[first / kNormInputs] = hn::GetLane(hn::SumOfLanes(d, squares));
  }
  const float rest = hn::GetLane(hn::SumOfLanes(d, rests));
  pixels.rest = std::sqrt(rest);
  return rest < 1e-6f && hn::AllTrue(words, hn::Lt(largest, hn::Set(words, 256)));
}

// How near sums are. With u = 2^-24: accumulate_products rounds each of its sums by u of its size.
// That is no more than |start| and what all inputs before add to it: of a block of inputs, by
// Cauchy and Schwarz, the norms of its numbers and its weights, which are in as many sums as inputs
// are left. Here what is left of pixels is missing, weights are off by half a unit (1.01 u of the
// sum of x times the largest of them), and their sum is rounded as a float of its digits, as its
// sum, by its unit and with |start| (5 u of its size, and little of what the lower digits may be).
class Nearness {
 public:
  HWY_INLINE Nearness(const DigitRows& rows, const Pixels& pixels, std::size_t blocks)
      : rows_(rows), blocks_(blocks) {
    float squares = 0;
    std::size_t left = 0;
    for (std::size_t b = 0; b < blocks; ++b) {
      squares += pixels.squares[b];
      left += pixels.nonzero[b];
    }
    const auto nonzero = static_cast<float>(left);
    const float sum = std::sqrt(squares * nonzero);  // of x, or more
    by_start_ = kUlp * (nonzero + 3);
    by_most_ = kUlp * 1.2f * sum;
    hn::Store(hn::Sqrt(hn::Load(Floats(), pixels.squares)), Floats(), by_norm_);
    for (std::size_t b = 0; b < blocks; ++b) {
      by_norm_[b] *= kUlp * static_cast<float>(left + 2);
      by_norm_[b] += pixels.rest * (1.01f / 255);
      left -= pixels.nonzero[b];
    }
  }

  // Of the columns from j on.
  HWY_INLINE Vector at(std::size_t j, Vector start, Vector sum) const {
    const Floats d;
    auto error = hn::Mul(hn::Abs(sum), hn::Set(d, 6 * kUlp));
    error = hn::MulAdd(hn::Abs(start), hn::Set(d, by_start_), error);
    error = hn::MulAdd(hn::LoadU(d, rows_.most + j), hn::Set(d, by_most_), error);
    const float* norm = rows_.norm + j;
    for (std::size_t b = 0; b < blocks_; ++b, norm += rows_.stride)
      error = hn::MulAdd(hn::LoadU(d, norm), hn::Set(d, by_norm_[b]), error);
    return error;
  }

 private:
  static constexpr float kUlp = 1.01f * 0x1p-24f;  // and what its own arithmetic rounds
  const DigitRows& rows_;
  std::size_t blocks_;
  float by_start_, by_most_;
  HWY_ALIGN float by_norm_[Pixels::kMostBlocks];
};

bool near_products(const DigitRows& rows, const float* start, std::size_t n, NearProduct* products,
                   std::size_t count) {
  if (!ByteInputs::pay(n, count)) return false;
  constexpr std::size_t kColumns = 128, kDigits = 3;
  ByteInputs in;
  Pixels pixels[ByteInputs::kCount];
  const std::size_t blocks = (n + kNormInputs - 1) / kNormInputs;
  for (std::size_t p = 0; p < count; ++p) {
    if (!read_pixels(products[p].x, n, in.byte[p], pixels[p],
                     products[p + 1 < count ? p + 1 : p].x))
      return false;
    in.clear_behind(p, n);
    products[p].nonzero =
        std::accumulate(pixels[p].nonzero, pixels[p].nonzero + blocks, std::size_t{0});
  }
  const Floats d;
  const hn::RebindToSigned<Floats> integers;
  HWY_ALIGN std::int32_t digit[kDigits][ByteInputs::kCount][kColumns];
  for (std::size_t j = 0; j < rows.stride; j += kColumns) {
    const std::size_t columns = std::min(kColumns, rows.stride - j);
    for (std::size_t k = 0; k < kDigits; ++k)
      in.multiply(rows.digit + k * rows.size + 4 * j, rows.stride, columns, n, digit[k][0],
                  kColumns);
    for (std::size_t p = 0; p < count; ++p) {
      const Nearness nearness(rows, pixels[p], blocks);
      for (std::size_t c = 0; c < columns; c += kWidth) {
        const auto number = [&](std::size_t k) HWY_ATTR {
          return hn::ConvertTo(d, hn::Load(integers, digit[k][p] + c));
        };
        const auto base = hn::Set(d, 0x1p8f), higher = hn::Set(d, 0x1p16f);
        const auto low = hn::MulAdd(number(1), base, number(2));
        const auto whole = hn::MulAdd(number(0), higher, low);
        const auto bias = hn::LoadU(d, start + j + c);
        const auto unit = hn::Mul(hn::LoadU(d, rows.unit + j + c), hn::Set(d, 1 / 255.0f));
        hn::StoreU(hn::MulAdd(whole, unit, bias), d, products[p].out + j + c);
        const auto error = nearness.at(j + c, bias, hn::Mul(whole, unit));
        hn::StoreU(error, d, products[p].error + j + c);
      }
    }
  }
  return true;
}

#else

bool near_products(const DigitRows&, const float*, std::size_t, NearProduct*, std::size_t) {
  return false;
}

#endif

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(near_products);

bool near_products(const DigitRows& rows, const float* start, std::size_t n, NearProduct* products,
                   std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(near_products)(rows, start, n, products, count);
}

bool split_digits(const float* x, std::size_t rows, std::size_t stride, std::int8_t* digit,
                  float* unit, float* most, float* norm) {
  // Within these, squares that vanish are next to nothing beside the largest.
  constexpr float kLeast = 1e-8f, kLargest = 1e15f, kAbove = 1 + 1e-5f;
  constexpr int kBase = 256, kMost = 127 * kBase * kBase;
  const std::size_t size = digit_size(rows, stride);
  std::fill_n(most, stride, 0.0f);
  for (std::size_t i = 0; i < rows; ++i) {
    const float* row = x + i * stride;
    float* squares = norm + i / kNormInputs * stride;
    if (i % kNormInputs == 0) std::fill_n(squares, stride, 0.0f);
    for (std::size_t j = 0; j < stride; ++j) {
      most[j] = std::max(std::abs(row[j]), most[j]);  // a NaN does not stay, but in the squares
      squares[j] += row[j] * row[j];
    }
  }
  for (std::size_t at = 0; at < (rows + kNormInputs - 1) / kNormInputs * stride; ++at) {
    norm[at] = std::sqrt(norm[at]) * kAbove;
    if (!(norm[at] < std::numeric_limits<float>::infinity())) return false;
  }
  for (std::size_t j = 0; j < stride; ++j) {
    if (most[j] != 0 && (most[j] < kLeast || most[j] > kLargest)) return false;
    unit[j] = most[j] / kMost;
  }
  constexpr std::size_t kColumns = 64;
  double units[kColumns];  // in 1
  for (std::size_t first = 0; first < stride; first += kColumns) {
    const std::size_t columns = std::min(kColumns, stride - first);
    for (std::size_t j = 0; j < columns; ++j)
      units[j] = unit[first + j] == 0 ? 0.0 : 1 / static_cast<double>(unit[first + j]);
    for (std::size_t i = 0; i < rows; ++i) {
      const float* row = x + i * stride + first;
      std::int8_t* to = digit + (i / 4 * stride + first) * 4 + i % 4;
      for (std::size_t j = 0; j < columns; ++j) {
        const double exact = static_cast<double>(row[j]) * units[j];
        const int whole = static_cast<int>(exact + std::copysign(0.5, exact));
        // Of the lower digits, from -128 to 127, the rest is divided.
        const int third = static_cast<std::int8_t>(whole & 0xff);
        const int higher = (whole - third) / kBase;
        const int second = static_cast<std::int8_t>(higher & 0xff);
        to[4 * j] = static_cast<std::int8_t>((higher - second) / kBase);
        to[4 * j + size] = static_cast<std::int8_t>(second);
        to[4 * j + 2 * size] = static_cast<std::int8_t>(third);
      }
    }
  }
  return true;
}

}  // namespace synfire::kernels
#endif
