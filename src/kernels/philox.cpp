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

#if HWY_TARGET == HWY_SCALAR

// One lane has no neighbours to multiply or interleave with.
class Philox {
 public:
  static constexpr std::size_t kBlocks = 1;

  Philox(const PhiloxKey& key, const PhiloxCounter& counter)
      : key_{{key[0], key[1]}}, counter_{{0, counter[1], counter[2], counter[3]}} {}

  void draw(std::uint32_t first, float* out) const {
    auto counter = counter_;
    counter[0] = first;
    const auto words = r123::Philox4x32{}(counter, key_);
    for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<float>(words[i] >> 8) * kUnit;
  }

 private:
  r123::Philox4x32::key_type key_;
  r123::Philox4x32::ctr_type counter_;
};

#else

// One block in each 64-bit lane: a word lies in the low half, and what is in the high half is never
// looked at, because a product takes the low halves alone.
class Philox {
 public:
  using Wide = hn::Repartition<std::uint64_t, Floats>;
  static constexpr std::size_t kBlocks = hn::MaxLanes(Wide());

  Philox(const PhiloxKey& key, const PhiloxCounter& counter) {
    const Wide wide;
    for (std::uint32_t r = 0; r < kRounds; ++r) {
      key_[r][0] = hn::Set(wide, std::uint32_t{key[0] + r * 0x9E3779B9u});
      key_[r][1] = hn::Set(wide, std::uint32_t{key[1] + r * 0xBB67AE85u});
    }
    for (std::size_t word = 1; word < 4; ++word) counter_[word] = hn::Set(wide, counter[word]);
    // Even lanes hold the first half of the blocks and odd lanes the second: the interleaving of
    // draw() then yields the blocks in order.
    const auto half = hn::ShiftRight<1>(hn::Iota(wide, 0));
    counter_[0] = hn::OddEven(hn::Add(half, hn::Set(wide, kBlocks / 2)), half);
  }

  /// The 4 * kBlocks values of the blocks `first` and following.
  HWY_INLINE void draw(std::uint32_t first, float* out) const {
    const Wide wide;
    const Words words;
    const auto multiplier0 = hn::Set(words, 0xD2511F53u);
    const auto multiplier1 = hn::Set(words, 0xCD9E8D57u);
    auto c0 = hn::Add(counter_[0], hn::Set(wide, first));
    auto c1 = counter_[1], c2 = counter_[2], c3 = counter_[3];
    for (std::size_t r = 0; r < kRounds; ++r) {
      const auto product0 = hn::MulEven(hn::BitCast(words, c0), multiplier0);
      const auto product1 = hn::MulEven(hn::BitCast(words, c2), multiplier1);
      c0 = hn::Xor(hn::ShiftRight<32>(product1), hn::Xor(c1, key_[r][0]));
      c1 = product1;
      c2 = hn::Xor(hn::ShiftRight<32>(product0), hn::Xor(c3, key_[r][1]));
      c3 = product0;
    }
    const auto first_pair = pair(c0, c1);
    const auto second_pair = pair(c2, c3);
    store(hn::InterleaveLower(wide, first_pair, second_pair), out);
    store(hn::InterleaveUpper(wide, first_pair, second_pair), out + kWidth);
  }

 private:
  static constexpr std::size_t kRounds = 10;

  static HWY_INLINE hn::Vec<Wide> pair(hn::Vec<Wide> low, hn::Vec<Wide> high) {
    const Words words;
    return hn::BitCast(
        Wide(), hn::OddEven(hn::BitCast(words, hn::ShiftLeft<32>(high)), hn::BitCast(words, low)));
  }

  static HWY_INLINE void store(hn::Vec<Wide> blocks, float* out) {
    const hn::RebindToSigned<Floats> integers;
    const auto bits = hn::ShiftRight<8>(hn::BitCast(Words(), blocks));
    const auto values = hn::ConvertTo(Floats(), hn::BitCast(integers, bits));
    hn::StoreU(hn::Mul(values, hn::Set(Floats(), kUnit)), Floats(), out);
  }

  hn::Vec<Wide> key_[kRounds][2];
  hn::Vec<Wide> counter_[4];
};

#endif

void philox_uniform(const PhiloxKey& key, const PhiloxCounter& counter, float* out, std::size_t n) {
  constexpr std::size_t kValues = 4 * Philox::kBlocks;
  const Philox philox(key, counter);
  std::size_t i = 0;
  for (; i + kValues <= n; i += kValues)
    philox.draw(static_cast<std::uint32_t>(counter[0] + i / 4), out + i);
  if (i < n) {
    float last[kValues];
    philox.draw(static_cast<std::uint32_t>(counter[0] + i / 4), last);
    std::copy_n(last, n - i, out + i);
  }
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(philox_uniform);

void philox_uniform(const PhiloxKey& key, const PhiloxCounter& counter, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(philox_uniform)(key, counter, out, n);
}

}  // namespace synfire::kernels
#endif
