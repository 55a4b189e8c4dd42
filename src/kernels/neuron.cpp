// Spiking neurons, many at a time. Lanes are independent, so what lies in the slack behind n cannot
// reach a neuron: it is only kept out of the events.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/neuron.cpp"
#include <hwy/foreach_target.h>

#include <algorithm>
#include <cmath>

#include "kernels/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::kernels::HWY_NAMESPACE {

// A neuron model: step() moves the voltage on by one step and returns the number of spikes.

struct Rate {
  HWY_INLINE Vector step(Vector drive, Vector& voltage) const {
    const auto raised = hn::Add(voltage, drive);
    auto spikes = hn::Floor(raised);
    // Highway's Floor without an instruction for it loses the sign of -0.
    if constexpr (HWY_TARGET >= HWY_SSSE3) spikes = hn::CopySign(spikes, raised);
    voltage = hn::Sub(raised, spikes);
    return spikes;
  }
};

struct Leaky {
  float decay;

  HWY_INLINE Vector step(Vector drive, Vector& voltage) const {
    const Floats d;
    const auto one = hn::Set(d, 1.0f);
    const auto reset = hn::IfThenElseZero(hn::Gt(voltage, one), one);
    const auto raised = hn::Add(hn::Mul(hn::Set(d, decay), voltage), drive);
    voltage = hn::Sub(raised, reset);
    return hn::IfThenElseZero(hn::Gt(voltage, one), one);
  }
};

// Who else sees a step: Each::see(spikes, the voltages before and behind it, the step, the place of
// its first neuron, how many of the lanes are neurons).

// Where nobody wants the counts of single steps.
struct NoCounts {
  HWY_INLINE NoCounts operator+(std::size_t) const { return {}; }
  HWY_INLINE void see(Vector, Vector, Vector, std::size_t, std::size_t, std::size_t) const {}
};

struct Counts {
  float* HWY_RESTRICT count;
  std::size_t stride;
  HWY_INLINE Counts operator+(std::size_t i) const { return {count + i, stride}; }
  HWY_INLINE void see(Vector spikes, Vector, Vector, std::size_t step, std::size_t i,
                      std::size_t) const {
    hn::StoreU(spikes, Floats(), count + step * stride + i);
  }
};

// In double precision, as count_spikes has it: sums of whole numbers are exact.
HWY_INLINE double sum_of_magnitudes(Vector spikes) {
#if HWY_TARGET == HWY_SCALAR
  return std::abs(static_cast<double>(hn::GetLane(spikes)));
#else
  const hn::Half<Floats> half;
  const hn::Rebind<double, decltype(half)> wide;
  const auto all = hn::Abs(spikes);
  const auto sum = hn::Add(hn::PromoteTo(wide, hn::LowerHalf(half, all)),
                           hn::PromoteTo(wide, hn::UpperHalf(half, all)));
  return hn::GetLane(hn::SumOfLanes(wide, sum));
#endif
}

struct TakeCensus {
  Census* census;
  HWY_INLINE TakeCensus operator+(std::size_t) const { return *this; }
  HWY_INLINE void see(Vector spikes, Vector before, Vector behind, std::size_t step, std::size_t,
                      std::size_t lanes) const {
    const Floats d;
    const auto neurons = hn::FirstN(d, lanes);
    const std::size_t fired = hn::CountTrue(d, hn::And(neurons, nonzero(spikes)));
    Census& of = census[step];
    of.silent += std::min(lanes, kWidth) - fired;
    of.changed += hn::CountTrue(d, hn::AndNot(hn::Eq(before, behind), neurons));
    if (fired == 0) return;
    const double all = sum_of_magnitudes(hn::IfThenElseZero(neurons, spikes));
    if (all < 0x1p63) of.spikes += static_cast<std::uint64_t>(all);
  }
};

template <class Neuron, class Each>
HWY_INLINE Vector step_at(const Neuron& neuron, const float* drive, float* voltage, std::size_t i,
                          std::size_t lanes, Each each) {
  const Floats d;
  const auto before = hn::LoadU(d, voltage + i);
  auto v = before;
  const auto spikes = neuron.step(hn::LoadU(d, drive + i), v);
  hn::StoreU(v, d, voltage + i);
  each.see(spikes, before, v, 0, i, lanes);
  return spikes;
}

template <class Neuron, class Each = NoCounts>
HWY_INLINE std::size_t events(const Neuron& neuron, const float* drive, float* voltage,
                              std::size_t n, std::uint32_t* index, float* count, Each each = {}) {
  EventWriter written(index, count);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto spikes = step_at(neuron, drive, voltage, i, kWidth, each);
    written.append(spikes, nonzero(spikes));
  }
  if (i < n) {
    const auto spikes = step_at(neuron, drive, voltage, i, n - i, each);
    written.append(spikes, hn::And(nonzero(spikes), hn::FirstN(Floats(), n - i)));
  }
  return written.count();
}

// Schedule: a tile of neurons stays in registers for all steps; its vectors are independent, so
// their latencies (add, floor, subtract) overlap. n: neurons from the first of the tile on.
template <std::size_t kVectors, class Neuron, class Each>
HWY_INLINE void total_tile(const Neuron& neuron, const float* HWY_RESTRICT drive,
                           float* HWY_RESTRICT voltage, std::size_t steps,
                           float* HWY_RESTRICT total, std::size_t n, Each each) {
  const Floats d;
  Vector x[kVectors], v[kVectors], sum[kVectors];
  for (std::size_t j = 0; j < kVectors; ++j) {
    x[j] = hn::LoadU(d, drive + j * kWidth);
    v[j] = hn::LoadU(d, voltage + j * kWidth);
    sum[j] = hn::Zero(d);
  }
  for (std::size_t t = 0; t < steps; ++t)
    for (std::size_t j = 0; j < kVectors; ++j) {
      const auto before = v[j];
      const auto spikes = neuron.step(x[j], v[j]);
      each.see(spikes, before, v[j], t, j * kWidth, n - j * kWidth);
      sum[j] = hn::Add(sum[j], spikes);
    }
  for (std::size_t j = 0; j < kVectors; ++j) {
    hn::StoreU(v[j], d, voltage + j * kWidth);
    hn::StoreU(sum[j], d, total + j * kWidth);
  }
}

template <class Neuron, class Each = NoCounts>
HWY_INLINE void totals(const Neuron& neuron, const float* drive, float* voltage, std::size_t n,
                       std::size_t steps, float* total, Each each = {}) {
  constexpr std::size_t kVectors = kTile / 2;
  std::size_t i = 0;
  for (; i + kVectors * kWidth <= n; i += kVectors * kWidth)
    total_tile<kVectors>(neuron, drive + i, voltage + i, steps, total + i, n - i, each + i);
  for (; i < n; i += kWidth)
    total_tile<1>(neuron, drive + i, voltage + i, steps, total + i, n - i, each + i);
}

template <class Neuron>
HWY_INLINE void add(const Neuron& neuron, const float* drive, float* voltage, std::size_t n,
                    float* total) {
  const Floats d;
  for (std::size_t i = 0; i < n; i += kWidth) {
    const auto spikes = step_at(neuron, drive, voltage, i, kWidth, NoCounts());
    hn::StoreU(hn::Add(hn::LoadU(d, total + i), spikes), d, total + i);
  }
}

std::size_t fire(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                 float* count) {
  return events(Rate{}, drive, voltage, n, index, count);
}

void fire_total(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                float* total) {
  totals(Rate{}, drive, voltage, n, steps, total);
}

void fire_steps(const float* drive, float* voltage, std::size_t n, std::size_t steps, float* count,
                std::size_t stride, float* total) {
  totals(Rate{}, drive, voltage, n, steps, total, Counts{count, stride});
}

void fire_add(const float* drive, float* voltage, std::size_t n, float* total) {
  add(Rate{}, drive, voltage, n, total);
}

std::size_t leaky(const float* drive, float* voltage, std::size_t n, float decay,
                  std::uint32_t* index, float* count) {
  return events(Leaky{decay}, drive, voltage, n, index, count);
}

void leaky_total(const float* drive, float* voltage, std::size_t n, float decay, std::size_t steps,
                 float* total) {
  totals(Leaky{decay}, drive, voltage, n, steps, total);
}

void leaky_add(const float* drive, float* voltage, std::size_t n, float decay, float* total) {
  add(Leaky{decay}, drive, voltage, n, total);
}

std::size_t fire_counted(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                         float* count, Census* census) {
  return events(Rate{}, drive, voltage, n, index, count, TakeCensus{census});
}

void fire_total_counted(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                        float* total, Census* census) {
  totals(Rate{}, drive, voltage, n, steps, total, TakeCensus{census});
}

std::size_t leaky_counted(const float* drive, float* voltage, std::size_t n, float decay,
                          std::uint32_t* index, float* count, Census* census) {
  return events(Leaky{decay}, drive, voltage, n, index, count, TakeCensus{census});
}

void leaky_total_counted(const float* drive, float* voltage, std::size_t n, float decay,
                         std::size_t steps, float* total, Census* census) {
  totals(Leaky{decay}, drive, voltage, n, steps, total, TakeCensus{census});
}

// Sums of whole numbers are exact in any order, so partial ones need not wait for each other.
SpikeCount count_spikes(const float* count, std::size_t n) {
  const hn::CappedTag<double, kLanes / 2> wide;
  const hn::Rebind<float, decltype(wide)> d;
  constexpr std::size_t width = hn::MaxLanes(wide), chains = 4;
  hn::Vec<decltype(wide)> sum[chains];
  hn::Vec<decltype(d)> most[chains];
  for (std::size_t k = 0; k < chains; ++k) {
    sum[k] = hn::Zero(wide);
    most[k] = hn::Zero(d);
  }
  const auto add = [&](std::size_t k, std::size_t i) HWY_ATTR {
    const auto spikes = hn::Abs(hn::LoadU(d, count + i));
    sum[k] = hn::Add(sum[k], hn::PromoteTo(wide, spikes));
    most[k] = hn::IfThenElse(hn::Gt(spikes, most[k]), spikes, most[k]);
  };
  std::size_t i = 0;
  for (; i + chains * width <= n; i += chains * width)
    for (std::size_t k = 0; k < chains; ++k) add(k, i + k * width);
  for (; i + width <= n; i += width) add(0, i);
  for (std::size_t k = 1; k < chains; ++k) {
    sum[0] = hn::Add(sum[0], sum[k]);
    most[0] = hn::Max(most[0], most[k]);
  }
  double all = hn::GetLane(hn::SumOfLanes(wide, sum[0]));
  HWY_ALIGN float lanes[width];
  hn::Store(most[0], d, lanes);
  float top = *std::max_element(lanes, lanes + width);
  for (; i < n; ++i) {
    all += std::abs(count[i]);
    top = std::max(top, std::abs(count[i]));
  }
  return {all < 0x1p63 ? static_cast<std::uint64_t>(all) : 0, top};
}

}  // namespace synfire::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire::kernels {

HWY_EXPORT(fire);
HWY_EXPORT(fire_total);
HWY_EXPORT(fire_steps);
HWY_EXPORT(fire_add);
HWY_EXPORT(leaky);
HWY_EXPORT(leaky_total);
HWY_EXPORT(leaky_add);
HWY_EXPORT(count_spikes);
HWY_EXPORT(fire_counted);
HWY_EXPORT(fire_total_counted);
HWY_EXPORT(leaky_counted);
HWY_EXPORT(leaky_total_counted);

std::size_t fire(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                 float* count) {
  return HWY_DYNAMIC_DISPATCH(fire)(drive, voltage, n, index, count);
}

void fire_total(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                float* total) {
  HWY_DYNAMIC_DISPATCH(fire_total)(drive, voltage, n, steps, total);
}

void fire_steps(const float* drive, float* voltage, std::size_t n, std::size_t steps, float* count,
                std::size_t stride, float* total) {
  HWY_DYNAMIC_DISPATCH(fire_steps)(drive, voltage, n, steps, count, stride, total);
}

void fire_add(const float* drive, float* voltage, std::size_t n, float* total) {
  HWY_DYNAMIC_DISPATCH(fire_add)(drive, voltage, n, total);
}

std::size_t leaky(const float* drive, float* voltage, std::size_t n, float decay,
                  std::uint32_t* index, float* count) {
  return HWY_DYNAMIC_DISPATCH(leaky)(drive, voltage, n, decay, index, count);
}

void leaky_total(const float* drive, float* voltage, std::size_t n, float decay, std::size_t steps,
                 float* total) {
  HWY_DYNAMIC_DISPATCH(leaky_total)(drive, voltage, n, decay, steps, total);
}

void leaky_add(const float* drive, float* voltage, std::size_t n, float decay, float* total) {
  HWY_DYNAMIC_DISPATCH(leaky_add)(drive, voltage, n, decay, total);
}

SpikeCount count_spikes(const float* count, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(count_spikes)(count, n);
}

std::size_t fire_counted(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                         float* count, Census* census) {
  return HWY_DYNAMIC_DISPATCH(fire_counted)(drive, voltage, n, index, count, census);
}

void fire_total_counted(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                        float* total, Census* census) {
  HWY_DYNAMIC_DISPATCH(fire_total_counted)(drive, voltage, n, steps, total, census);
}

std::size_t leaky_counted(const float* drive, float* voltage, std::size_t n, float decay,
                          std::uint32_t* index, float* count, Census* census) {
  return HWY_DYNAMIC_DISPATCH(leaky_counted)(drive, voltage, n, decay, index, count, census);
}

void leaky_total_counted(const float* drive, float* voltage, std::size_t n, float decay,
                         std::size_t steps, float* total, Census* census) {
  HWY_DYNAMIC_DISPATCH(leaky_total_counted)(drive, voltage, n, decay, steps, total, census);
}

}  // namespace synfire::kernels
#endif
