// The optimizers' passes over all parameters.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

template <class Tag>
HWY_INLINE void adam_vector(Tag d, float* w, float* m, float* v, const float* g,
                            const AdamStep& step) {
  const auto gradient = hn::LoadU(d, g);
  const auto old_m = hn::LoadU(d, m);
  const auto old_v = hn::LoadU(d, v);
  const auto new_m =
      hn::Add(old_m, hn::Mul(hn::Sub(gradient, old_m), hn::Set(d, step.one_minus_beta1)));
  const auto new_v = hn::Add(old_v, hn::Mul(hn::Sub(hn::Mul(gradient, gradient), old_v),
                                            hn::Set(d, step.one_minus_beta2)));
  const auto change = hn::Div(hn::Mul(hn::Set(d, step.rate), new_m),
                              hn::Add(hn::Sqrt(new_v), hn::Set(d, step.epsilon)));
  hn::StoreU(hn::Sub(hn::LoadU(d, w), change), d, w);
  hn::StoreU(new_m, d, m);
  hn::StoreU(new_v, d, v);
}

// Touches exactly n values, so that threads may share an array.
template <class Work>
HWY_INLINE void over(std::size_t n, const Work& work) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) work(Floats(), i);
  for (; i < n; ++i) work(hn::CappedTag<float, 1>(), i);
}

void adam(float* w, float* m, float* v, const float* g, std::size_t n, const AdamStep& step) {
  over(n,
       [&](auto d, std::size_t i) HWY_ATTR { adam_vector(d, w + i, m + i, v + i, g + i, step); });
}

void descend(float* w, const float* g, std::size_t n, float rate) {
  over(n, [&](auto d, std::size_t i) HWY_ATTR {
    const auto change = hn::Mul(hn::Set(d, rate), hn::LoadU(d, g + i));
    hn::StoreU(hn::Sub(hn::LoadU(d, w + i), change), d, w + i);
  });
}

void shrink(float* w, std::size_t n, float part) {
  over(n, [&](auto d, std::size_t i) HWY_ATTR {
    const auto old = hn::LoadU(d, w + i);
    hn::StoreU(hn::Sub(old, hn::Mul(old, hn::Set(d, part))), d, w + i);
  });
}

void momentum(float* w, float* v, const float* g, std::size_t n, const MomentumStep& step) {
  over(n, [&](auto d, std::size_t i) HWY_ATTR {
    const auto keep = hn::Set(d, step.momentum);
    const auto change = hn::Mul(hn::Set(d, step.rate), hn::LoadU(d, g + i));
    const auto new_v = hn::Sub(hn::Mul(hn::LoadU(d, v + i), keep), change);
    const auto ahead = step.nesterov ? hn::Sub(hn::Mul(new_v, keep), change) : new_v;
    hn::StoreU(new_v, d, v + i);
    hn::StoreU(hn::Add(hn::LoadU(d, w + i), ahead), d, w + i);
  });
}

void rmsprop(float* w, float* v, float* u, float* mean, const float* g, std::size_t n,
             const RmsPropStep& step) {
  over(n, [&](auto d, std::size_t i) HWY_ATTR {
    const auto keep = hn::Set(d, step.rho), take = hn::Set(d, step.one_minus_rho);
    const auto gradient = hn::LoadU(d, g + i);
    auto spread =
        hn::Add(hn::Mul(hn::LoadU(d, v + i), keep), hn::Mul(hn::Mul(gradient, gradient), take));
    hn::StoreU(spread, d, v + i);
    if (mean != nullptr) {
      const auto new_mean = hn::Add(hn::Mul(hn::LoadU(d, mean + i), keep), hn::Mul(gradient, take));
      hn::StoreU(new_mean, d, mean + i);
      spread = hn::Sub(spread, hn::Mul(new_mean, new_mean));
      spread = hn::IfThenZeroElse(hn::Lt(spread, hn::Zero(d)), spread);
    }
    auto change = hn::Div(hn::Mul(hn::Set(d, step.rate), gradient),
                          hn::Sqrt(hn::Add(spread, hn::Set(d, step.epsilon))));
    if (u != nullptr) {
      change = hn::Add(hn::Mul(hn::LoadU(d, u + i), hn::Set(d, step.momentum)), change);
      hn::StoreU(change, d, u + i);
    }
    hn::StoreU(hn::Sub(hn::LoadU(d, w + i), change), d, w + i);
  });
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(adam);
HWY_EXPORT(descend);
HWY_EXPORT(shrink);
HWY_EXPORT(momentum);
HWY_EXPORT(rmsprop);

void adam(float* w, float* m, float* v, const float* g, std::size_t n, const AdamStep& step) {
  HWY_DYNAMIC_DISPATCH(adam)(w, m, v, g, n, step);
}
void descend(float* w, const float* g, std::size_t n, float rate) {
  HWY_DYNAMIC_DISPATCH(descend)(w, g, n, rate);
}
void shrink(float* w, std::size_t n, float part) {
  HWY_DYNAMIC_DISPATCH(shrink)(w, n, part);
}
void momentum(float* w, float* v, const float* g, std::size_t n, const MomentumStep& step) {
  HWY_DYNAMIC_DISPATCH(momentum)(w, v, g, n, step);
}
void rmsprop(float* w, float* v, float* u, float* mean, const float* g, std::size_t n,
             const RmsPropStep& step) {
  HWY_DYNAMIC_DISPATCH(rmsprop)(w, v, u, mean, g, n, step);
}

}  // namespace synfire::kernels
#endif
