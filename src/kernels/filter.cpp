// Linear filters over time, many at a time. Schedule: the states of a vector of units stay in
// registers for all steps; what is behind the last whole vector goes unit by unit.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/filter.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

/// Calls work(tag, i) for each vector from unit i on.
template <class Work>
HWY_INLINE void for_vectors(std::size_t n, const Work& work) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) work(Floats(), i);
  for (; i < n; ++i) work(hn::CappedTag<float, 1>(), i);
}

/// The coefficients A and B of some units.
template <std::size_t kOrder, class D>
struct Coefficients {
  using V = hn::Vec<D>;

  HWY_INLINE Coefficients(D d, const FilterBank& bank, const float* rows, std::size_t i) {
    for (std::size_t r = 0; r < kOrder; ++r) {
      for (std::size_t c = 0; c < kOrder; ++c)
        a[r][c] = hn::LoadU(d, rows + (r * kOrder + c) * bank.stride + i);
      b[r] = hn::LoadU(d, rows + (kOrder * kOrder + r) * bank.stride + i);
    }
  }

  /// Row r of A s + B x.
  HWY_INLINE V row(std::size_t r, const V* s, V x) const {
    V sum = hn::Mul(a[r][0], s[0]);
    for (std::size_t c = 1; c < kOrder; ++c) sum = hn::Add(sum, hn::Mul(a[r][c], s[c]));
    return hn::Add(sum, hn::Mul(b[r], x));
  }

  V a[kOrder][kOrder], b[kOrder];
};

template <std::size_t kOrder>
struct Forward {
  const FilterBank& bank;
  const FilterRun& run;

  template <class D>
  HWY_INLINE void operator()(D d, std::size_t i) const {
    const Coefficients<kOrder, D> filter(d, bank, bank.coefficients, i);
    hn::Vec<D> s[kOrder], next[kOrder];
    for (std::size_t r = 0; r < kOrder; ++r) s[r] = hn::LoadU(d, run.start + r * bank.stride + i);
    for (std::size_t t = 0; t < run.steps; ++t) {
      const auto x = hn::LoadU(d, run.x + t * run.x_stride + i);
      for (std::size_t r = 0; r < kOrder; ++r) next[r] = filter.row(r, s, x);
      float* states = run.states + t * run.states_stride + i;
      for (std::size_t r = 0; r < kOrder; ++r) {
        s[r] = next[r];
        hn::StoreU(s[r], d, states + r * bank.stride);
      }
    }
  }
};

template <std::size_t kOrder>
struct Backward {
  const FilterBank& bank;
  const FilterRun& run;
  const FilterGradient& gradient;

  template <class D>
  HWY_INLINE void operator()(D d, std::size_t i) const {
    const Coefficients<kOrder, D> filter(d, bank, bank.coefficients, i);
    const Coefficients<kOrder, D> derivative(d, bank, gradient.derivatives, i);
    hn::Vec<D> l[kOrder], s[kOrder];
    for (std::size_t r = 0; r < kOrder; ++r) l[r] = hn::Zero(d);
    auto dparameter = hn::Zero(d);
    for (std::size_t t = run.steps; t-- != 0;) {
      back(filter, l);
      l[kOrder - 1] = hn::Add(l[kOrder - 1], hn::LoadU(d, gradient.g + t * gradient.g_stride + i));
      const float* states = (t == 0 ? run.start : run.states + (t - 1) * run.states_stride) + i;
      for (std::size_t r = 0; r < kOrder; ++r) s[r] = hn::LoadU(d, states + r * bank.stride);
      const auto x = hn::LoadU(d, run.x + t * run.x_stride + i);
      float* dx = gradient.dx + t * gradient.dx_stride + i;
      auto of_x = hn::Mul(filter.b[0], l[0]);
      for (std::size_t r = 1; r < kOrder; ++r) of_x = hn::Add(of_x, hn::Mul(filter.b[r], l[r]));
      if (gradient.dx_stride == 0 && t + 1 != run.steps) of_x = hn::Add(hn::LoadU(d, dx), of_x);
      hn::StoreU(of_x, d, dx);
      // A step's terms cancel each other: their sum is added, which is far below them.
      auto of_step = hn::Mul(l[0], derivative.row(0, s, x));
      for (std::size_t r = 1; r < kOrder; ++r)
        of_step = hn::Add(of_step, hn::Mul(l[r], derivative.row(r, s, x)));
      dparameter = hn::Add(dparameter, of_step);
    }
    back(filter, l);
    hn::StoreU(dparameter, d, gradient.dparameter + i);
    hn::StoreU(l[kOrder - 1], d, gradient.dstart + i);
  }

  /// l = transposed A times l.
  template <class C, class V>
  static HWY_INLINE void back(const C& filter, V* l) {
    V before[kOrder];
    for (std::size_t c = 0; c < kOrder; ++c) {
      before[c] = hn::Mul(filter.a[0][c], l[0]);
      for (std::size_t r = 1; r < kOrder; ++r)
        before[c] = hn::Add(before[c], hn::Mul(filter.a[r][c], l[r]));
    }
    for (std::size_t c = 0; c < kOrder; ++c) l[c] = before[c];
  }
};

struct WeightedRows {
  const float *w, *x;
  std::size_t w_stride, x_stride, rows;
  float* out;

  template <class D>
  HWY_INLINE void operator()(D d, std::size_t i) const {
    auto sum = hn::LoadU(d, out + i);
    for (std::size_t t = 0; t < rows; ++t)
      sum = hn::Add(
          sum, hn::Mul(hn::LoadU(d, w + t * w_stride + i), hn::LoadU(d, x + t * x_stride + i)));
    hn::StoreU(sum, d, out + i);
  }
};

struct SpreadRows {
  const float *w, *g;
  std::size_t w_stride, out_stride, rows;
  float* out;

  template <class D>
  HWY_INLINE void operator()(D d, std::size_t i) const {
    const auto factor = hn::LoadU(d, g + i);
    for (std::size_t t = 0; t < rows; ++t)
      hn::StoreU(hn::Mul(hn::LoadU(d, w + t * w_stride + i), factor), d, out + t * out_stride + i);
  }
};

void filter(const FilterBank& bank, const FilterRun& run) {
  if (bank.order == 1)
    for_vectors(bank.units, Forward<1>{bank, run});
  else
    for_vectors(bank.units, Forward<2>{bank, run});
}

void filter_gradient(const FilterBank& bank, const FilterRun& run, const FilterGradient& gradient) {
  if (bank.order == 1)
    for_vectors(bank.units, Backward<1>{bank, run, gradient});
  else
    for_vectors(bank.units, Backward<2>{bank, run, gradient});
}

void add_weighted_rows(const float* w, std::size_t w_stride, const float* x, std::size_t x_stride,
                       std::size_t n, std::size_t rows, float* out) {
  for_vectors(n, WeightedRows{w, x, w_stride, x_stride, rows, out});
}

void spread_rows(const float* w, std::size_t w_stride, const float* g, std::size_t n,
                 std::size_t rows, float* out, std::size_t out_stride) {
  for_vectors(n, SpreadRows{w, g, w_stride, out_stride, rows, out});
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(filter);
HWY_EXPORT(filter_gradient);
HWY_EXPORT(add_weighted_rows);
HWY_EXPORT(spread_rows);

void filter(const FilterBank& bank, const FilterRun& run) {
  HWY_DYNAMIC_DISPATCH(filter)(bank, run);
}

void filter_gradient(const FilterBank& bank, const FilterRun& run, const FilterGradient& gradient) {
  HWY_DYNAMIC_DISPATCH(filter_gradient)(bank, run, gradient);
}

void add_weighted_rows(const float* w, std::size_t w_stride, const float* x, std::size_t x_stride,
                       std::size_t n, std::size_t rows, float* out) {
  HWY_DYNAMIC_DISPATCH(add_weighted_rows)(w, w_stride, x, x_stride, n, rows, out);
}

void spread_rows(const float* w, std::size_t w_stride, const float* g, std::size_t n,
                 std::size_t rows, float* out, std::size_t out_stride) {
  HWY_DYNAMIC_DISPATCH(spread_rows)(w, w_stride, g, n, rows, out, out_stride);
}

}  // namespace synfire::kernels
#endif
