// Spiking neurons, many at a time. Lanes are independent, so what lies in the slack behind n cannot
// reach a neuron: it is only kept out of the events.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/neuron.cpp"
#include <hwy/foreach_target.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

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

// What drives the neurons from i on; `tail` where fewer than a vector of them are left.

struct Given {
  const float* drive;
  HWY_INLINE Vector at(std::size_t i) const { return hn::LoadU(Floats(), drive + i); }
  HWY_INLINE Vector tail(std::size_t i, std::size_t) const { return at(i); }
};

struct Rectified {
  const float* x;
  float unit;
  HWY_INLINE Vector at(std::size_t i) const { return rectified(hn::LoadU(Floats(), x + i)); }
  HWY_INLINE Vector tail(std::size_t i, std::size_t n) const {
    HWY_ALIGN float last[kWidth] = {};
    std::copy(x + i, x + n, last);
    return rectified(hn::Load(Floats(), last));
  }

 private:
  HWY_INLINE Vector rectified(Vector given) const {
    const Floats d;
    const auto zero = hn::Zero(d);
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
    // The instruction takes its second operand where one is NaN and where both are zeros.
    const auto positive = hn::Max(zero, given);
#else
    const auto positive = hn::IfThenElse(hn::Lt(given, zero), zero, given);
#endif
    return hn::Mul(positive, hn::Set(d, unit));
  }
};

// Counts of vectors' lanes, lane by lane. Not by CountTrue, where masks are many: g++ 12.2 stores
// two bytes of a mask for which it has no register, and loads eight.
template <class Mask>
HWY_INLINE hn::Vec<Words> count_more(hn::Vec<Words> count, Mask mask) {
  const Words d;
  return hn::Add(count, hn::IfThenElseZero(hn::RebindMask(d, mask), hn::Set(d, 1)));
}
HWY_INLINE std::size_t sum_of(hn::Vec<Words> count) {
  return hn::GetLane(hn::SumOfLanes(Words(), count));
}

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

// Sums of whole numbers. They are exact below kMost, and are said to be no less where they are not.
struct FloatSum {
  static constexpr float kMost = 0x1p24;
  Vector all = hn::Zero(Floats());
  HWY_INLINE void add(Vector x) { all = hn::Add(all, x); }
  HWY_INLINE double total() const {
    return static_cast<double>(hn::GetLane(hn::SumOfLanes(Floats(), all)));
  }
};

struct DoubleSum {
  static constexpr double kMost = 0x1p63;  // as count_spikes has it
#if HWY_TARGET == HWY_SCALAR
  double all = 0;
  HWY_INLINE void add(Vector x) {
    all += static_cast<double>(hn::GetLane(x));
  }
  HWY_INLINE double total() const {
    return all;
  }
#else
  using Half = hn::Half<Floats>;
  using Wide = hn::Rebind<double, Half>;
  hn::Vec<Wide> all = hn::Zero(Wide());
  HWY_INLINE void add(Vector x) {
    const Half half;
    const Wide wide;
    all = hn::Add(all, hn::Add(hn::PromoteTo(wide, hn::LowerHalf(half, x)),
                               hn::PromoteTo(wide, hn::UpperHalf(half, x))));
  }
  HWY_INLINE double total() const {
    return hn::GetLane(hn::SumOfLanes(Wide(), all));
  }
#endif
};

// Of a step of `neurons`.
template <class Sum>
struct TakeCensus {
  Census* census;
  std::size_t neurons;
  bool* summed;  // set to false where a step's spikes are left out

  struct At {
    Census* of;
    std::size_t neurons;
    bool* summed;
    hn::Vec<Words> silent = hn::Zero(Words()), stay = silent;
    Sum sum{};

    HWY_INLINE void see(Vector spikes, Vector before, Vector behind, std::size_t,
                        std::size_t lanes) {
      const Floats d;
      auto is_silent = hn::Eq(spikes, hn::Zero(d)), stays = hn::Eq(before, behind);
      auto counts = hn::Abs(spikes);
      if (HWY_UNLIKELY(lanes < kWidth)) {
        const auto here = hn::FirstN(d, lanes);
        is_silent = hn::And(is_silent, here);
        stays = hn::And(stays, here);
        counts = hn::IfThenElseZero(here, counts);
      }
      silent = count_more(silent, is_silent);
      stay = count_more(stay, stays);
      sum.add(counts);
    }
    HWY_INLINE void end() {
      // Side by side: a tile has less than 2^16 neurons.
      const auto both =
          hn::GetLane(hn::SumOfLanes(Words(), hn::Add(silent, hn::ShiftLeft<16>(stay))));
      of->silent += both % 0x10000;
      of->changed += neurons - both / 0x10000;
      of->neurons += neurons;
      const double all = sum.total();
      if (all < Sum::kMost)
        of->spikes += static_cast<std::uint64_t>(all);
      else
        *summed = false;
    }
  };
  HWY_INLINE At step(std::size_t t, std::size_t) const { return {census + t, neurons, summed}; }
};

// What is cheap to see of one step: how many voltages stay, and the sum of the spikes.
struct Glance {
  std::size_t stay;
  double spikes;  // where it is less than FloatSum::kMost
};

struct TakeGlance {
  Glance* to;

  struct At {
    Glance* to;
    std::size_t stay = 0;
    FloatSum sum{};

    HWY_INLINE void see(Vector spikes, Vector before, Vector behind, std::size_t,
                        std::size_t lanes) {
      const Floats d;
      auto stays = hn::Eq(before, behind);
      if (HWY_UNLIKELY(lanes < kWidth)) {
        const auto here = hn::FirstN(d, lanes);
        stays = hn::And(stays, here);
        spikes = hn::IfThenElseZero(here, spikes);
      }
      stay += hn::CountTrue(d, stays);
      sum.add(hn::Abs(spikes));
    }
    HWY_INLINE void end() { *to = {stay, sum.total()}; }
  };
  HWY_INLINE At step(std::size_t, std::size_t) const { return {to}; }
};

// Masks side by side, a whole number of bytes each, no more of which Highway 1.0 writes (its word
// is that it may write 8): storing them takes no unit that neurons need.
inline constexpr std::size_t kMaskBytes = (kWidth + 7) / 8;

HWY_INLINE std::size_t count_bits(const std::uint64_t* words, std::size_t n) {
  std::size_t sum = 0;
  for (std::size_t w = 0; w < n; ++w) sum += hwy::PopCount(words[w]);
  return sum;
}

// A step of up to kMost neurons, few enough to stay in the nearest cache beside what they work on
// (all 1024 of a wide layer made its steps slower): what each fired, and bits of those that did not
// and of those whose voltage stays.
struct KeptStep {
  static constexpr std::size_t kMost = 256, kMostWords = kMost / kWidth * kMaskBytes / 8;
  static std::size_t words(std::size_t n) {
    return ((n + kWidth - 1) / kWidth * kMaskBytes + 7) / 8;
  }
  HWY_ALIGN float count[kMost];
  std::uint64_t silent[kMostWords], stay[kMostWords];
  double spikes;  // all of them, where it is less than FloatSum::kMost
};

struct KeepStep {
  KeptStep* to;

  struct At {
    KeptStep* to;
    FloatSum sum{};
    HWY_INLINE void see(Vector spikes, Vector before, Vector behind, std::size_t i,
                        std::size_t lanes) {
      const Floats d;
      auto is_silent = hn::Eq(spikes, hn::Zero(d)), stays = hn::Eq(before, behind);
      if (HWY_UNLIKELY(lanes < kWidth)) {
        const auto here = hn::FirstN(d, lanes);
        is_silent = hn::And(is_silent, here);
        stays = hn::And(stays, here);
        spikes = hn::IfThenElseZero(here, spikes);
      }
      const std::size_t at = i / kWidth * kMaskBytes;
      hn::Store(spikes, d, to->count + i);
      hn::StoreMaskBits(d, is_silent, reinterpret_cast<std::uint8_t*>(to->silent) + at);
      hn::StoreMaskBits(d, stays, reinterpret_cast<std::uint8_t*>(to->stay) + at);
      sum.add(hn::Abs(spikes));
    }
    HWY_INLINE void end() { to->spikes = sum.total(); }
  };
  HWY_INLINE At step(std::size_t, std::size_t) const { return {to}; }
};

// Whether neurons fire once at most in each step of these drives, and change their voltage where
// they are driven. So it is where voltages are in [0, 1) and drives are 0 or in [2^-24, 1 - 2^-23).
// For floats below 1 are at most 2^-24 apart, so that v + d is another one than v; and from 1 on to
// 2, which it cannot reach, v + d is rounded by at most 2^-24, so that less 1 it is not v again.
struct TellOnce {
  // As numbers without a sign, bits of floats that have one are above all others.
  static HWY_INLINE hn::Vec<Words> bits_of(float x) {
    return hn::BitCast(Words(), hn::Set(Floats(), x));
  }
  hn::Vec<Words> least = bits_of(1.0f), most = hn::Zero(Words()), highest = most;
  hn::Vec<Words> count = most;

  HWY_INLINE void see(Vector drive, Vector voltage) {
    const Words d;
    const auto bits = hn::BitCast(d, drive);
    const auto one = hn::Set(d, 1);
    count = hn::Add(count, hn::Min(bits, one));
    least = hn::Min(least, hn::Sub(bits, one));  // 0 less 1 is above all
    most = hn::Max(most, bits);
    highest = hn::Max(highest, hn::BitCast(Words(), voltage));
  }
  HWY_INLINE std::size_t driven() const { return sum_of(count); }
  HWY_INLINE bool holds() const {
    const auto bad = hn::Or(hn::Or(hn::Lt(hn::Add(least, hn::Set(Words(), 1)), bits_of(0x1p-24f)),
                                   hn::Not(hn::Lt(most, bits_of(1 - 0x1p-23f)))),
                            hn::Not(hn::Lt(highest, bits_of(1.0f))));
    return hn::AllFalse(Words(), bad);
  }
};

Once fires_once(const float* drive, const float* voltage, std::size_t n) {
  const Floats d;
  TellOnce all{};
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) all.see(hn::LoadU(d, drive + i), hn::LoadU(d, voltage + i));
  if (i < n) {
    const auto here = hn::FirstN(d, n - i);
    all.see(hn::IfThenElseZero(here, hn::LoadU(d, drive + i)),
            hn::IfThenElseZero(here, hn::LoadU(d, voltage + i)));
  }
  return {all.holds(), all.driven()};
}

// Whether no step's spikes add up to 2^24. A neuron fires at most the whole part of its voltage and
// its drive; behind a step its voltage is within [0, 1].
HWY_INLINE bool are_few(const float* drive, const float* voltage, std::size_t n) {
  const Floats d;
  auto most = hn::Zero(d);
  const auto reach = [&](std::size_t i) HWY_ATTR {
    return hn::Add(hn::Abs(hn::LoadU(d, drive + i)), hn::Abs(hn::LoadU(d, voltage + i)));
  };
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) most = hn::Max(most, reach(i));
  if (i < n) most = hn::Max(most, hn::IfThenElseZero(hn::FirstN(d, n - i), reach(i)));
  return (static_cast<double>(largest_lane(most)) + 1) * static_cast<double>(n) < 0x1p24;
}

template <class Neuron, class At>
HWY_INLINE Vector step_at(const Neuron& neuron, Vector drive, float* voltage, std::size_t i,
                          std::size_t lanes, At& seen) {
  const Floats d;
  const auto before = hn::LoadU(d, voltage + i);
  auto v = before;
  const auto spikes = neuron.step(drive, v);
  hn::StoreU(v, d, voltage + i);
  seen.see(spikes, before, v, i, lanes);
  return spikes;
}

template <class Neuron, class Drive, class Each = NoCounts>
HWY_INLINE std::size_t events(const Neuron& neuron, const Drive& drive, float* voltage,
                              std::size_t n, std::uint32_t* index, float* count, Each each = {}) {
  EventWriter written(index, count);
  auto seen = each.step(0, 0);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto spikes = step_at(neuron, drive.at(i), voltage, i, kWidth, seen);
    written.append(spikes, nonzero(spikes));
  }
  if (i < n) {
    const auto spikes = step_at(neuron, drive.tail(i, n), voltage, i, n - i, seen);
    written.append(spikes, hn::And(nonzero(spikes), hn::FirstN(Floats(), n - i)));
  }
  seen.end();
  return written.count();
}

// Schedule: a tile of neurons stays in registers for all steps; its vectors are independent, so
// their latencies (add, floor, subtract) overlap. n: neurons from the tile's first on, at least as
// many as there are lanes in a tile of several vectors.
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
      seen.see(spikes, before, v[j], j * kWidth, kVectors == 1 ? n : kWidth);
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

template <class Neuron, class Drive, class Each = NoCounts>
HWY_INLINE void add(const Neuron& neuron, const Drive& drive, float* voltage, std::size_t n,
                    float* total, Each each = {}) {
  const Floats d;
  auto seen = each.step(0, 0);
  const auto add_at = [&](Vector x, std::size_t i, std::size_t lanes) HWY_ATTR {
    const auto spikes = step_at(neuron, x, voltage, i, lanes, seen);
    hn::StoreU(hn::Add(hn::LoadU(d, total + i), spikes), d, total + i);
  };
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) add_at(drive.at(i), i, kWidth);
  if (i < n) add_at(drive.tail(i, n), i, n - i);
  seen.end();
}

// x where the mask is false, else x + by: one instruction where vectors have masks.
template <class Mask>
HWY_INLINE Vector add_where(Mask mask, Vector x, Vector by) {
#if HWY_TARGET <= HWY_AVX3
  return hn::IfThenElse(mask, hn::Add(x, by), x);
#else
  return hn::Add(x, hn::IfThenElseZero(mask, by));
#endif
}

// total_tile where TellOnce holds, with a census of each step; nothing where it does not. Which
// neurons fire is a mask, stored for some steps and counted then.
template <std::size_t kVectors>
HWY_INLINE bool once_tile(const float* HWY_RESTRICT drive, float* HWY_RESTRICT voltage,
                          std::size_t steps, float* HWY_RESTRICT total, std::size_t n,
                          Census* HWY_RESTRICT census) {
  constexpr std::size_t kSome = 16;
  constexpr std::size_t kWords = (kVectors * kMaskBytes + 7) / 8;
  using Mask = std::uint8_t[kMaskBytes];
  const Floats d;
  const auto one = hn::Set(d, 1.0f), minus_one = hn::Set(d, -1.0f);
  const auto here = hn::FirstN(d, n);
  Vector x[kVectors], v[kVectors], sum[kVectors];
  TellOnce once{};
  for (std::size_t j = 0; j < kVectors; ++j) {
    x[j] = hn::LoadU(d, drive + j * kWidth);
    v[j] = hn::LoadU(d, voltage + j * kWidth);
    if (kVectors == 1) {
      x[j] = hn::IfThenElseZero(here, x[j]);
      v[j] = hn::IfThenElseZero(here, v[j]);
    }
    once.see(x[j], v[j]);
    sum[j] = hn::Zero(d);
  }
  if (HWY_UNLIKELY(!once.holds())) return false;
  const std::size_t neurons = std::min(n, kVectors * kWidth), driven = once.driven();
  std::uint64_t fired[kSome][kWords] = {};
  for (std::size_t t = 0; t < steps;) {
    const std::size_t some = std::min(kSome, steps - t);
    for (std::size_t k = 0; k < some; ++k) {
      auto* const bytes = reinterpret_cast<std::uint8_t*>(fired[k]);
      for (std::size_t j = 0; j < kVectors; ++j) {
        v[j] = hn::Add(v[j], x[j]);
        const auto fires = hn::Ge(v[j], one);
        v[j] = add_where(fires, v[j], minus_one);
        sum[j] = add_where(fires, sum[j], one);
        hn::StoreMaskBits(d, fires, bytes + j * kMaskBytes);
        // Lest the compiler should gather the masks in a vector, which takes longer than the rest.
        asm("" : "+m"(reinterpret_cast<Mask&>(bytes[j * kMaskBytes])));
      }
    }
    for (std::size_t k = 0; k < some; ++k) {
      const std::size_t spikes = count_bits(fired[k], kWords);
      Census& of = census[t + k];
      of.spikes += spikes;
      of.silent += neurons - spikes;
      of.changed += driven;
      of.neurons += neurons;
    }
    t += some;
  }
  for (std::size_t j = 0; j < kVectors; ++j) {
    hn::StoreU(v[j], d, voltage + j * kWidth);
    hn::StoreU(sum[j], d, total + j * kWidth);
  }
  return true;
}

std::size_t fire(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                 float* count) {
  return events(Rate{}, Given{drive}, voltage, n, index, count);
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
  add(Rate{}, Given{drive}, voltage, n, total);
}

std::size_t fire_relu(const float* x, float unit, float* voltage, std::size_t n,
                      std::uint32_t* index, float* count) {
  return events(Rate{}, Rectified{x, unit}, voltage, n, index, count);
}

void fire_relu_add(const float* x, float unit, float* voltage, std::size_t n, float* total) {
  add(Rate{}, Rectified{x, unit}, voltage, n, total);
}

std::size_t awake(const float* drive, const float* voltage, std::size_t n, std::uint32_t* index,
                  float* awake_drive, float* awake_voltage) {
  const Floats d;
  const hn::RebindToSigned<Floats> integers;
  // Bits that are a voltage's from +0 to below 1.
  const auto first = hn::Zero(integers);
  const auto behind = hn::BitCast(integers, hn::Set(d, 1.0f));
  EventWriter drives(index, awake_drive);
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; i += kWidth) {
    const auto x = hn::LoadU(d, drive + i), v = hn::LoadU(d, voltage + i);
    const auto bits = hn::BitCast(integers, v);
    const auto low = hn::Or(hn::Lt(bits, first), hn::Not(hn::Lt(bits, behind)));
    auto some = hn::Or(nonzero(x), hn::RebindMask(d, low));
    if (n - i < kWidth) some = hn::And(some, hn::FirstN(d, n - i));
    hn::StoreU(pack(v, some), d, awake_voltage + count);
    drives.append(x, some);
    count = drives.count();
  }
  return count;
}

template <class Each>
HWY_INLINE std::size_t events_awake(const float* drive, float* voltage, std::size_t n,
                                    const std::uint32_t* which, std::uint32_t* index, float* count,
                                    float* fired, Each each) {
  const Floats d;
  EventWriter written(index, count);
  auto seen = each.step(0, 0);
  for (std::size_t i = 0; i < n; i += kWidth) {
    const auto spikes = step_at(Rate{}, hn::LoadU(d, drive + i), voltage, i, n - i, seen);
    hn::StoreU(hn::Add(hn::LoadU(d, fired + i), hn::Abs(spikes)), d, fired + i);
    auto some = nonzero(spikes);
    if (n - i < kWidth) some = hn::And(some, hn::FirstN(d, n - i));
    written.append(spikes, hn::LoadU(Words(), which + i), some);
  }
  seen.end();
  return written.count();
}

std::size_t fire_awake(const float* drive, float* voltage, std::size_t n,
                       const std::uint32_t* which, std::uint32_t* index, float* count,
                       float* fired) {
  return events_awake(drive, voltage, n, which, index, count, fired, NoCounts{});
}

std::size_t leaky(const float* drive, float* voltage, std::size_t n, float decay,
                  std::uint32_t* index, float* count) {
  return events(Leaky{decay}, Given{drive}, voltage, n, index, count);
}

void leaky_total(const float* drive, float* voltage, std::size_t n, float decay, std::size_t steps,
                 float* total) {
  totals(Leaky{decay}, drive, voltage, n, steps, total);
}

void leaky_add(const float* drive, float* voltage, std::size_t n, float decay, float* total) {
  add(Leaky{decay}, Given{drive}, voltage, n, total);
}

struct NoMeans {
  template <class D>
  HWY_INLINE void note(D, hn::Vec<D>, std::size_t) const {}
};

struct Means {
  float seconds;
  float* mean;
  template <class D>
  HWY_INLINE void note(D d, hn::Vec<D> count, std::size_t i) const {
    hn::StoreU(hn::Div(count, hn::Set(d, seconds)), d, mean + i);
  }
};

// Sums of whole numbers are exact in any order, so partial ones need not wait for each other.
template <class Each>
HWY_INLINE SpikeCount counted(const float* count, std::size_t n, Each each) {
  const hn::CappedTag<double, kLanes / 2> wide;
  const hn::Rebind<float, decltype(wide)> d;
  const hn::CappedTag<float, 1> one;
  constexpr std::size_t width = hn::MaxLanes(wide), chains = 4;
  hn::Vec<decltype(wide)> sum[chains];
  hn::Vec<decltype(d)> most[chains];
  for (std::size_t k = 0; k < chains; ++k) {
    sum[k] = hn::Zero(wide);
    most[k] = hn::Zero(d);
  }
  const auto add = [&](std::size_t k, std::size_t i) HWY_ATTR {
    const auto given = hn::LoadU(d, count + i);
    each.note(d, given, i);
    const auto spikes = hn::Abs(given);
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
    each.note(one, hn::Set(one, count[i]), i);
    all += std::abs(count[i]);
    top = std::max(top, std::abs(count[i]));
  }
  return {all < 0x1p63 ? static_cast<std::uint64_t>(all) : 0, top};
}

SpikeCount count_spikes(const float* count, std::size_t n) {
  return counted(count, n, NoMeans{});
}

SpikeCount mean_rates(const float* count, std::size_t n, float seconds, float* mean) {
  return counted(count, n, Means{seconds, mean});
}

HWY_INLINE std::uint64_t spikes_of(double sum, const float* count, std::size_t n) {
  return sum < FloatSum::kMost ? static_cast<std::uint64_t>(sum) : count_spikes(count, n).all;
}

// A step of n neurons, `fired` of which fired count[0..fired).
HWY_INLINE void note(const Glance& seen, const float* count, std::size_t fired, std::size_t n,
                     Census* census) {
  census->spikes += spikes_of(seen.spikes, count, fired);
  census->silent += n - fired;
  census->changed += n - seen.stay;
  census->neurons += n;
}

template <class Neuron, class Drive>
HWY_INLINE std::size_t events_counted(const Neuron& neuron, const Drive& drive, float* voltage,
                                      std::size_t n, std::uint32_t* index, float* count,
                                      Census* census) {
  Glance seen;
  const std::size_t fired = events(neuron, drive, voltage, n, index, count, TakeGlance{&seen});
  note(seen, count, fired, n, census);
  return fired;
}

// totals() tile by tile: what fires once at most is counted by its spikes.
template <std::size_t kVectors, class Neuron>
HWY_INLINE void counted_tile(const Neuron& neuron, const float* drive, float* voltage,
                             std::size_t steps, float* total, std::size_t n, Census* census,
                             bool* summed) {
  if constexpr (std::is_same_v<Neuron, Rate>)
    if (once_tile<kVectors>(drive, voltage, steps, total, n, census)) return;
  const std::size_t neurons = std::min(n, kVectors * kWidth);
  if (steps == 1 || are_few(drive, voltage, neurons))
    total_tile<kVectors>(neuron, drive, voltage, steps, total, 0, n,
                         TakeCensus<FloatSum>{census, neurons, summed});
  else
    total_tile<kVectors>(neuron, drive, voltage, steps, total, 0, n,
                         TakeCensus<DoubleSum>{census, neurons, summed});
}

template <class Neuron>
HWY_INLINE void totals_counted(const Neuron& neuron, const float* drive, float* voltage,
                               std::size_t n, std::size_t steps, float* total, Census* census) {
  constexpr std::size_t kVectors = kTile / 2;
  bool summed = true;
  const std::uint64_t before = steps == 0 ? 0 : census->spikes;
  std::size_t i = 0;
  for (; i + kVectors * kWidth <= n; i += kVectors * kWidth)
    counted_tile<kVectors>(neuron, drive + i, voltage + i, steps, total + i, n - i, census,
                           &summed);
  for (; i < n; i += kWidth)
    counted_tile<1>(neuron, drive + i, voltage + i, steps, total + i, n - i, census, &summed);
  if (!summed && steps == 1) census->spikes = before + count_spikes(total, n).all;
}

std::size_t fire_counted(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                         float* count, Census* census) {
  return events_counted(Rate{}, Given{drive}, voltage, n, index, count, census);
}

void fire_total_counted(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                        float* total, Census* census) {
  totals_counted(Rate{}, drive, voltage, n, steps, total, census);
}

std::size_t fire_relu_counted(const float* x, float unit, float* voltage, std::size_t n,
                              std::uint32_t* index, float* count, Census* census) {
  return events_counted(Rate{}, Rectified{x, unit}, voltage, n, index, count, census);
}

void fire_relu_add_counted(const float* x, float unit, float* voltage, std::size_t n, float* total,
                           Census* census) {
  KeptStep kept;
  for (std::size_t i = 0; i < n; i += KeptStep::kMost) {
    const std::size_t some = std::min(KeptStep::kMost, n - i), words = KeptStep::words(some);
    kept.silent[words - 1] = kept.stay[words - 1] = 0;
    add(Rate{}, Rectified{x + i, unit}, voltage + i, some, total + i, KeepStep{&kept});
    census->spikes += spikes_of(kept.spikes, kept.count, some);
    census->silent += count_bits(kept.silent, words);
    census->changed += some - count_bits(kept.stay, words);
    census->neurons += some;
  }
}

std::size_t fire_awake_counted(const float* drive, float* voltage, std::size_t n,
                               const std::uint32_t* which, std::uint32_t* index, float* count,
                               float* fired, Census* census) {
  Glance seen;
  const std::size_t events =
      events_awake(drive, voltage, n, which, index, count, fired, TakeGlance{&seen});
  note(seen, count, events, n, census);
  return events;
}

std::size_t leaky_counted(const float* drive, float* voltage, std::size_t n, float decay,
                          std::uint32_t* index, float* count, Census* census) {
  return events_counted(Leaky{decay}, Given{drive}, voltage, n, index, count, census);
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
HWY_EXPORT(fire_relu);
HWY_EXPORT(fire_relu_add);
HWY_EXPORT(awake);
HWY_EXPORT(fire_awake);
HWY_EXPORT(leaky);
HWY_EXPORT(leaky_total);
HWY_EXPORT(leaky_add);
HWY_EXPORT(count_spikes);
HWY_EXPORT(fires_once);
HWY_EXPORT(fire_counted);
HWY_EXPORT(fire_total_counted);
HWY_EXPORT(fire_relu_counted);
HWY_EXPORT(fire_relu_add_counted);
HWY_EXPORT(fire_awake_counted);
HWY_EXPORT(leaky_counted);
HWY_EXPORT(leaky_total_counted);
HWY_EXPORT(mean_rates);

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

std::size_t fire_relu(const float* x, float unit, float* voltage, std::size_t n,
                      std::uint32_t* index, float* count) {
  return HWY_DYNAMIC_DISPATCH(fire_relu)(x, unit, voltage, n, index, count);
}

void fire_relu_add(const float* x, float unit, float* voltage, std::size_t n, float* total) {
  HWY_DYNAMIC_DISPATCH(fire_relu_add)(x, unit, voltage, n, total);
}

std::size_t awake(const float* drive, const float* voltage, std::size_t n, std::uint32_t* index,
                  float* awake_drive, float* awake_voltage) {
  return HWY_DYNAMIC_DISPATCH(awake)(drive, voltage, n, index, awake_drive, awake_voltage);
}

std::size_t fire_awake(const float* drive, float* voltage, std::size_t n,
                       const std::uint32_t* which, std::uint32_t* index, float* count,
                       float* fired) {
  return HWY_DYNAMIC_DISPATCH(fire_awake)(drive, voltage, n, which, index, count, fired);
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

Once fires_once(const float* drive, const float* voltage, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(fires_once)(drive, voltage, n);
}

std::size_t fire_counted(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                         float* count, Census* census) {
  return HWY_DYNAMIC_DISPATCH(fire_counted)(drive, voltage, n, index, count, census);
}

void fire_total_counted(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                        float* total, Census* census) {
  HWY_DYNAMIC_DISPATCH(fire_total_counted)(drive, voltage, n, steps, total, census);
}

std::size_t fire_relu_counted(const float* x, float unit, float* voltage, std::size_t n,
                              std::uint32_t* index, float* count, Census* census) {
  return HWY_DYNAMIC_DISPATCH(fire_relu_counted)(x, unit, voltage, n, index, count, census);
}

void fire_relu_add_counted(const float* x, float unit, float* voltage, std::size_t n, float* total,
                           Census* census) {
  HWY_DYNAMIC_DISPATCH(fire_relu_add_counted)(x, unit, voltage, n, total, census);
}

std::size_t fire_awake_counted(const float* drive, float* voltage, std::size_t n,
                               const std::uint32_t* which, std::uint32_t* index, float* count,
                               float* fired, Census* census) {
  return HWY_DYNAMIC_DISPATCH(fire_awake_counted)(drive, voltage, n, which, index, count, fired,
                                                  census);
}

std::size_t leaky_counted(const float* drive, float* voltage, std::size_t n, float decay,
                          std::uint32_t* index, float* count, Census* census) {
  return HWY_DYNAMIC_DISPATCH(leaky_counted)(drive, voltage, n, decay, index, count, census);
}

void leaky_total_counted(const float* drive, float* voltage, std::size_t n, float decay,
                         std::size_t steps, float* total, Census* census) {
  HWY_DYNAMIC_DISPATCH(leaky_total_counted)(drive, voltage, n, decay, steps, total, census);
}

SpikeCount mean_rates(const float* count, std::size_t n, float seconds, float* mean) {
  return HWY_DYNAMIC_DISPATCH(mean_rates)(count, n, seconds, mean);
}

}  // namespace synfire::kernels
#endif
