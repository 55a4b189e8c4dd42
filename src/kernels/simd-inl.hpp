// What the kernels share, once for each target: included after hwy/foreach_target.h. Include guards
// of a per-target header follow Highway's toggle.
#if defined(SYNFIRE_KERNELS_SIMD_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SYNFIRE_KERNELS_SIMD_INL
#undef SYNFIRE_KERNELS_SIMD_INL
#else
#define SYNFIRE_KERNELS_SIMD_INL
#endif

#include <hwy/highway.h>

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

/// Appends the masked lanes of `x`, numbered from `first`, to the events written so far. Writes
/// whole vectors: what lies behind the new events is overwritten.
HWY_INLINE std::size_t append_events(std::size_t first, Vector x, hn::Mask<Floats> mask,
                                     std::size_t count, std::uint32_t* index, float* value) {
  const Floats floats;
  const Words words;
  const auto lane = hn::Iota(words, static_cast<std::uint32_t>(first));
  hn::StoreU(hn::Compress(lane, hn::RebindMask(words, mask)), words, index + count);
  hn::StoreU(hn::Compress(x, mask), floats, value + count);
  return count + hn::CountTrue(floats, mask);
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
