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

// Who else sees the steps. Each::At at = each.step(t, i) is told of the neurons from i on in step
// t: at.see(spikes, the voltages before and behind, the place of the first behind i, how many lanes
// are neurons), vector after vector, then at.end().

// Where nobody wants the counts of single steps.
struct NoCounts {
  HWY_INLINE NoCounts step(std::size_t, std::size_t) const { return {}; }
  HWY_INLINE void see(Vector, Vector, Vector, std::size_t, std::size_t) const {}
  HWY_INLINE void end() const {}
};

struct Counts {
  float* HWY_RESTRICT count;
  std::size_t stride;
  HWY_INLINE Counts step(std::size_t t, std::size_t i) const {
    return {count + t * stride + i, stride};
  }
  HWY_INLINE void see(Vector spikes, Vector, Vector, std::size_t i, std::size_t) const {
    hn::StoreU(spikes, Floats(), count + i);
  }
  HWY_INLINE void end() const {}
};

// In double precision, as count_spikes has it: sums of whole numbers are exact.
HWY_INLINE double sum_of_lanes(Vector x) {
#if HWY_TARGET == HWY_SCALAR
  return static_cast<double>(hn::GetLane(x));
#else
  const hn::Half<Floats> half;
  const hn::Rebind<double, decltype(half)> wide;
  const auto sum = hn::Add(hn::PromoteTo(wide, hn::LowerHalf(half, x)),
                           hn::PromoteTo(wide, hn::UpperHalf(half, x)));
  return hn::GetLane(hn::SumOfLanes(wide, sum));
#endif
}

// How spikes are summed: by floats, which are exact up to 2^24, and say where a sum is larger, or
// vector by vector in double precision.
enum class Sum { Floats, Doubles };

template <Sum how>
struct TakeCensus {
  Census* census;
  bool* exact;  // set to false where it is not

  struct At {
    Census* of;
    bool* exact;
    std::size_t silent = 0, changed = 0;
    double all = 0;
    Vector sum = hn::Zero(Floats());

    HWY_INLINE void see(Vector spikes, Vector before, Vector behind, std::size_t,
                        std::size_t lanes) {
      const Floats d;
      auto fire = nonzero(spikes), change = hn::Not(hn::Eq(before, behind));
      auto counts = hn::Abs(spikes);
      if (HWY_UNLIKELY(lanes < kWidth)) {
        const auto neurons = hn::FirstN(d, lanes);
        fire = hn::And(fire, neurons);
        change = hn::And(change, neurons);
        counts = hn::IfThenElseZero(neurons, counts);
      }
      silent += std::min(lanes, kWidth) - hn::CountTrue(d, fire);
      changed += hn::CountTrue(d, change);
      if constexpr (how == Sum::Floats)
        sum = hn::Add(sum, counts);
      else
        all += sum_of_lanes(counts);
    }
    HWY_INLINE void end() {
      of->silent += silent;
      of->changed += changed;
      double most = 0x1p63;
      if constexpr (how == Sum::Floats) {
        all = hn::GetLane(hn::SumOfLanes(Floats(), sum));
        most = 0x1p24;
        if (!(all < most)) *exact = false;
      }
      if (all < most) of->spikes += static_cast<std::uint64_t>(all);
    }
  };
  HWY_INLINE At step(std::size_t t, std::size_t) const { return {census + t, exact}; }
};

// A neuron fires at most the whole part of its voltage and its drive; behind a step its voltage is
// within [0, 1].
HWY_INLINE bool are_few(const float* drive, const float* voltage, std::size_t n) {
  const Floats d;
  auto most = hn::Zero(d);
  const auto reach = [&](std::size_t i) HWY_ATTR {
    return hn::Add(hn::Abs(hn::LoadU(d, drive + i)), hn::Abs(hn::LoadU(d, voltage + i)));
  };
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) most = hn::Max(most, reach(i));
  if (i < n) most = hn::Max(most, hn::IfThenElseZero(hn::FirstN(d, n - i), reach(i)));
  return static_cast<double>(largest_lane(most)) * static_cast<double>(n) < 0x1p22;
}

template <class Neuron, class Each>
HWY_INLINE Vector step_at(const Neuron& neuron, const float* drive, float* voltage, std::size_t i,
                          std::size_t lanes, Each& each) {
  const Floats d;
  const auto before = hn::LoadU(d, voltage + i);
  auto v = before;
  const auto spikes = neuron.step(hn::LoadU(d, drive + i), v);
  hn::StoreU(v, d, voltage + i);
  each.see(spikes, before, v, i, lanes);
  return spikes;
}

template <class Neuron, class Each = NoCounts>
HWY_INLINE std::size_t events(const Neuron& neuron, const float* drive, float* voltage,
                              std::size_t n, std::uint32_t* index, float* count, Each each = {}) {
  EventWriter written(index, count);
  auto seen = each.step(0, 0);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto spikes = step_at(neuron, drive, voltage, i, kWidth, seen);
    written.append(spikes, nonzero(spikes));
  }
  if (i < n) {
    const auto spikes = step_at(neuron, drive, voltage, i, n - i, seen);
    written.append(spikes, hn::And(nonzero(spikes), hn::FirstN(Floats(), n - i)));
  }
  seen.end();
  return written.count();
}

// Schedule: a tile of neurons stays in registers for all steps; its vectors are independent, so
// their latencies (add, floor, subtract) overlap. n: neurons from the tile's first on.
template <std::size_t kVectors, class Neuron, class Each>
HWY_INLINE void total_tile(const Neuron& neuron, const float* HWY_RESTRICT drive,
                           float* HWY_RESTRICT voltage, std::size_t steps,
                           float* HWY_RESTRICT total, std::size_t first, std::size_t n, Each each) {
  const Floats d;
  Vector x[kVectors], v[kVectors], sum[kVectors];
  for (std::size_t j = 0; j < kVectors; ++j) {
    x[j] = hn::LoadU(d, drive + j * kWidth);
    v[j] = hn::LoadU(d, voltage + j * kWidth);
    sum[j] = hn::Zero(d);
  }
  for (std::size_t t = 0; t < steps; ++t) {
    auto seen = each.step(t, first);
    for (std::size_t j = 0; j < kVectors; ++j) {
      const auto before = v[j];
      const auto spikes = neuron.step(x[j], v[j]);
      seen.see(spikes, before, v[j], j * kWidth, n - j * kWidth);
      sum[j] = hn::Add(sum[j], spikes);
    }
    seen.end();
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
    total_tile<kVectors>(neuron, drive + i, voltage + i, steps, total + i, i, n - i, each);
  for (; i < n; i += kWidth)
    total_tile<1>(neuron, drive + i, voltage + i, steps, total + i, i, n - i, each);
}

template <class Neuron>
HWY_INLINE void add(const Neuron& neuron, const float* drive, float* voltage, std::size_t n,
                    float* total) {
  const Floats d;
  NoCounts none;
  for (std::size_t i = 0; i < n; i += kWidth) {
    const auto spikes = step_at(neuron, drive, voltage, i, kWidth, none);
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

template <class Neuron>
HWY_INLINE std::size_t events_counted(const Neuron& neuron, const float* drive, float* voltage,
                                      std::size_t n, std::uint32_t* index, float* count,
                                      Census* census) {
  bool exact = true;
  const std::size_t fired =
      events(neuron, drive, voltage, n, index, count, TakeCensus<Sum::Floats>{census, &exact});
  if (!exact) census->spikes += count_spikes(count, fired).all;
  return fired;
}

template <class Neuron>
HWY_INLINE void totals_counted(const Neuron& neuron, const float* drive, float* voltage,
                               std::size_t n, std::size_t steps, float* total, Census* census) {
  bool exact = true;
  if (steps == 1 || are_few(drive, voltage, n))
    totals(neuron, drive, voltage, n, steps, total, TakeCensus<Sum::Floats>{census, &exact});
  else
    totals(neuron, drive, voltage, n, steps, total, TakeCensus<Sum::Doubles>{census, &exact});
  if (!exact) census->spikes += count_spikes(total, n).all;
}

std::size_t fire_counted(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                         float* count, Census* census) {
  return events_counted(Rate{}, drive, voltage, n, index, count, census);
}

void fire_total_counted(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                        float* total, Census* census) {
  totals_counted(Rate{}, drive, voltage, n, steps, total, census);
}

std::size_t leaky_counted(const float* drive, float* voltage, std::size_t n, float decay,
                          std::uint32_t* index, float* count, Census* census) {
  return events_counted(Leaky{decay}, drive, voltage, n, index, count, census);
}

void leaky_total_counted(const float* drive, float* voltage, std::size_t n, float decay,
                         std::size_t steps, float* total, Census* census) {
  totals_counted(Leaky{decay}, drive, voltage, n, steps, total, census);
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
