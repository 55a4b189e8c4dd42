// The optimizer's pass over all parameters.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

// A moment that decays with no gradient to feed it becomes subnormal, and arithmetic on subnormals
// takes hundreds of cycles: far below what can change a weight, it is zero.
template <class Tag, class Vector>
HWY_INLINE Vector without_dust(Tag d, Vector moment) {
  return hn::IfThenZeroElse(hn::Lt(hn::Abs(moment), hn::Set(d, kLeastMoment)), moment);
}

template <class Tag>
HWY_INLINE void adam_vector(Tag d, float* w, float* m, float* v, const float* g,
                            const AdamStep& step) {
  const auto gradient = hn::LoadU(d, g);
  const auto old_m = hn::LoadU(d, m);
  const auto old_v = hn::LoadU(d, v);
  const auto new_m = without_dust(
      d, hn::Add(old_m, hn::Mul(hn::Sub(gradient, old_m), hn::Set(d, step.one_minus_beta1))));
  const auto new_v =
      without_dust(d, hn::Add(old_v, hn::Mul(hn::Sub(hn::Mul(gradient, gradient), old_v),
                                             hn::Set(d, step.one_minus_beta2))));
  const auto change = hn::Div(hn::Mul(hn::Set(d, step.rate), new_m),
                              hn::Add(hn::Sqrt(new_v), hn::Set(d, step.epsilon)));
  hn::StoreU(hn::Sub(hn::LoadU(d, w), change), d, w);
  hn::StoreU(new_m, d, m);
  hn::StoreU(new_v, d, v);
}

// Touches exactly n values, so that threads may share an array.
void adam(float* w, float* m, float* v, const float* g, std::size_t n, const AdamStep& step) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) adam_vector(Floats(), w + i, m + i, v + i, g + i, step);
  for (; i < n; ++i) adam_vector(hn::CappedTag<float, 1>(), w + i, m + i, v + i, g + i, step);
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(adam);

void adam(float* w, float* m, float* v, const float* g, std::size_t n, const AdamStep& step) {
  HWY_DYNAMIC_DISPATCH(adam)(w, m, v, g, n, step);
}

}  // namespace synfire::kernels
#endif
