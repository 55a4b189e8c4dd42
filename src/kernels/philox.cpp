// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), many blocks at
// a time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/philox.cpp"
#include <hwy/foreach_target.h>

#include <Random123/philox.h>

#include <algorithm>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

constexpr float kUnit = 1.0f / (1 << 24);

// Words go out as they are, or as numbers from 0 to below 1.

#if HWY_TARGET == HWY_SCALAR

// One lane has no neighbours to multiply or interleave with.
class Philox {
 public:
  static constexpr std::size_t kBlocks = 1;

  Philox(const PhiloxKey& key, const PhiloxCounter& counter)
      : key_{{key[0], key[1]}}, counter_{{0, counter[1], counter[2], counter[3]}} {}

  template <class Out>
  void draw(std::uint32_t first, Out* out) const {
    auto counter = counter_;
    counter[0] = first;
    const auto words = r123::Philox4x32{}(counter, key_);
    for (std::size_t i = 0; i < 4; ++i) store(words[i], out + i);
  }

 private:
  static void store(std::uint32_t word, std::uint32_t* out) { *out = word; }
  static void store(std::uint32_t word, float* out) {
    *out = static_cast<float>(word >> 8) * kUnit;
  }

  r123::Philox4x32::key_type key_;
  r123::Philox4x32::ctr_type counter_;
};

#else

// One block in each 64-bit lane: a word lies in the low half, and what is in the high half is never
// looked at, because a product takes the low halves alone. Several vectors of blocks at a time do
// not wait for each other.
class Philox {
 public:
  using Wide = hn::Repartition<std::uint64_t, Floats>;
  static constexpr std::size_t kVectors = 4;
  static constexpr std::size_t kBlocks = kVectors * hn::MaxLanes(Wide());

  Philox(const PhiloxKey& key, const PhiloxCounter& counter) : key_(key), counter_(counter) {}

  /// The 4 * kBlocks values of the blocks `first` and following.
  template <class Out>
  HWY_INLINE void draw(std::uint32_t first, Out* out) const {
    const Wide wide;
    const Words words;
    constexpr std::size_t lanes = hn::MaxLanes(wide);
    const auto multiplier0 = hn::Set(words, 0xD2511F53u);
    const auto multiplier1 = hn::Set(words, 0xCD9E8D57u);
    // Even lanes hold the first half of the blocks and odd lanes the second: the interleaving below
    // then yields the blocks in order.
    const auto half = hn::ShiftRight<1>(hn::Iota(wide, 0));
    const auto start = hn::OddEven(hn::Add(half, hn::Set(wide, lanes / 2)), half);
    hn::Vec<Words> c[4][kVectors];
    for (std::uint32_t v = 0; v < kVectors; ++v) {
      const std::uint32_t block = first + v * static_cast<std::uint32_t>(lanes);
      c[0][v] = hn::Add(hn::BitCast(words, start), hn::Set(words, block));
      for (std::size_t word = 1; word < 4; ++word) c[word][v] = hn::Set(words, counter_[word]);
    }
    auto key0 = hn::Set(words, key_[0]), key1 = hn::Set(words, key_[1]);
    for (std::size_t r = 0; r < kRounds; ++r) {
      for (std::size_t v = 0; v < kVectors; ++v) {
        const auto product0 = hn::BitCast(words, hn::MulEven(c[0][v], multiplier0));
        const auto product1 = hn::BitCast(words, hn::MulEven(c[2][v], multiplier1));
        // Halves are swapped, not shifted: shifts wait for the multiplications' port.
        c[0][v] = hn::Xor3(hn::Shuffle2301(product1), c[1][v], key0);
        c[2][v] = hn::Xor3(hn::Shuffle2301(product0), c[3][v], key1);
        c[1][v] = product1;
        c[3][v] = product0;
      }
      key0 = hn::Add(key0, hn::Set(words, 0x9E3779B9u));
      key1 = hn::Add(key1, hn::Set(words, 0xBB67AE85u));
    }
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto first_pair = pair(c[0][v], c[1][v]);
      const auto second_pair = pair(c[2][v], c[3][v]);
      store(hn::InterleaveLower(wide, first_pair, second_pair), out + 2 * v * kWidth);
      store(hn::InterleaveUpper(wide, first_pair, second_pair), out + (2 * v + 1) * kWidth);
    }
  }

 private:
  static constexpr std::size_t kRounds = 10;

  static HWY_INLINE hn::Vec<Wide> pair(hn::Vec<Words> low, hn::Vec<Words> high) {
    return hn::BitCast(Wide(), hn::OddEven(hn::Shuffle2301(high), low));
  }

  static HWY_INLINE void store(hn::Vec<Wide> blocks, std::uint32_t* out) {
    hn::StoreU(hn::BitCast(Words(), blocks), Words(), out);
  }
  static HWY_INLINE void store(hn::Vec<Wide> blocks, float* out) {
    const hn::RebindToSigned<Floats> integers;
    const auto bits = hn::ShiftRight<8>(hn::BitCast(Words(), blocks));
    const auto values = hn::ConvertTo(Floats(), hn::BitCast(integers, bits));
    hn::StoreU(hn::Mul(values, hn::Set(Floats(), kUnit)), Floats(), out);
  }

  PhiloxKey key_;
  PhiloxCounter counter_;
};

#endif

template <class Out>
HWY_INLINE void draw_all(const PhiloxKey& key, const PhiloxCounter& counter, Out* out,
                         std::size_t n) {
  constexpr std::size_t kValues = 4 * Philox::kBlocks;
  const Philox philox(key, counter);
  std::size_t i = 0;
  for (; i + kValues <= n; i += kValues)
    philox.draw(static_cast<std::uint32_t>(counter[0] + i / 4), out + i);
  if (i < n) {
    Out last[kValues];
    philox.draw(static_cast<std::uint32_t>(counter[0] + i / 4), last);
    std::copy_n(last, n - i, out + i);
  }
}

void philox_uniform(const PhiloxKey& key, const PhiloxCounter& counter, float* out, std::size_t n) {
  draw_all(key, counter, out, n);
}

void philox_words(const PhiloxKey& key, const PhiloxCounter& counter, std::uint32_t* out,
                  std::size_t n) {
  draw_all(key, counter, out, n);
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(philox_uniform);
HWY_EXPORT(philox_words);

void philox_uniform(const PhiloxKey& key, const PhiloxCounter& counter, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(philox_uniform)(key, counter, out, n);
}

void philox_words(const PhiloxKey& key, const PhiloxCounter& counter, std::uint32_t* out,
                  std::size_t n) {
  HWY_DYNAMIC_DISPATCH(philox_words)(key, counter, out, n);
}

}  // namespace synfire::kernels
#endif
