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

// Whether voltages and drives are all in [+0, 1): neurons then fire once at most in each step of
// these drives, for a voltage is less than 1 behind a step, too.
struct TellUnit {
  hn::Vec<Words> highest = hn::Zero(Words());

  HWY_INLINE void see(Vector drive, Vector voltage) {
    const Words d;
    highest = hn::Max(highest, hn::Max(hn::BitCast(d, drive), hn::BitCast(d, voltage)));
  }
  HWY_INLINE bool holds() const {
    return hn::AllTrue(Words(), hn::Lt(highest, TellOnce::bits_of(1.0f)));
  }
};

// How often a neuron fired in so many steps of which TellUnit holds: what came in and is not there
// any more, to the nearest whole number. A step rounds what lies below 2 by 2^-24 at most, and less
// 1 it is not rounded; here the product and two sums are, by 2^-24 of `steps` at most or less. For
// 2^20 steps that is 0.2 together.
constexpr std::size_t kMostInUnit = std::size_t{1} << 20;
HWY_INLINE Vector fired_in_unit(Vector drive, std::size_t steps, Vector before, Vector behind) {
  const Floats d;
  const auto whole = hn::Set(d, 0x1.8p23f);  // from here on floats are whole
  const auto came = hn::Mul(drive, hn::Set(d, static_cast<float>(steps)));
  return hn::Sub(hn::Add(hn::Add(came, hn::Sub(before, behind)), whole), whole);
}

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
template <std::size_t kVectors>
HWY_INLINE bool are_few(const Vector (&drive)[kVectors], const Vector (&voltage)[kVectors]) {
  auto most = hn::Zero(Floats());
  for (std::size_t j = 0; j < kVectors; ++j)
    most = hn::Max(most, hn::Add(hn::Abs(drive[j]), hn::Abs(voltage[j])));
  return (static_cast<double>(largest_lane(most)) + 1) * (kVectors * kWidth) < 0x1p24;
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
// their latencies (add, floor, subtract) overlap.
template <std::size_t kVectors>
struct Tile {
  // From `first` on up to `end`, at least as many as there are lanes in a tile of several vectors.
  template <class Drive>
  HWY_INLINE Tile(const Drive& drive, const float* voltage, std::size_t first, std::size_t end)
      : neurons(std::min(end - first, kVectors * kWidth)) {
    const Floats d;
    for (std::size_t j = 0; j < kVectors; ++j) {
      const std::size_t i = first + j * kWidth;
      x[j] = kVectors == 1 && neurons < kWidth ? drive.tail(i, end) : drive.at(i);
      v[j] = hn::LoadU(d, voltage + i);
      if (kVectors == 1) {
        const auto here = hn::FirstN(d, neurons);
        x[j] = hn::IfThenElseZero(here, x[j]);
        v[j] = hn::IfThenElseZero(here, v[j]);
      }
    }
  }

  template <class Tell>
  HWY_INLINE Tell told() const {
    Tell all{};
    for (std::size_t j = 0; j < kVectors; ++j) all.see(x[j], v[j]);
    return all;
  }

  // All but the totals, which fired_in_unit tells from the voltages.
  HWY_INLINE void store_in_unit(std::size_t steps, float* voltage, float* total) const {
    const Floats d;
    for (std::size_t j = 0; j < kVectors; ++j) {
      const auto before = hn::LoadU(d, voltage + j * kWidth);
      hn::StoreU(fired_in_unit(x[j], steps, before, v[j]), d, total + j * kWidth);
      hn::StoreU(v[j], d, voltage + j * kWidth);
    }
  }

  std::size_t neurons;
  Vector x[kVectors], v[kVectors];
};

// All steps of a tile for which TellUnit holds: the fraction of a voltage that is less than 2 is
// the one of v and v - 1 that is not negative, whose bits are the lesser ones.
template <std::size_t kVectors>
HWY_INLINE void run_in_unit(Tile<kVectors>& tile, std::size_t steps) {
  const Floats d;
  const Words words;
  const auto one = hn::Set(d, 1.0f);
  for (std::size_t t = 0; t < steps; ++t)
    for (std::size_t j = 0; j < kVectors; ++j) {
      const auto raised = hn::Add(tile.v[j], tile.x[j]);
      tile.v[j] = hn::BitCast(
          d, hn::Min(hn::BitCast(words, raised), hn::BitCast(words, hn::Sub(raised, one))));
    }
}

// voltage and total: of the tile's first neuron, which is the `first` of all that `each` sees.
template <std::size_t kVectors, class Neuron, class Each>
HWY_INLINE void total_tile(const Neuron& neuron, Tile<kVectors>& tile, float* HWY_RESTRICT voltage,
                           std::size_t steps, float* HWY_RESTRICT total, std::size_t first,
                           Each each) {
  const Floats d;
  if constexpr (std::is_same_v<Neuron, Rate> && std::is_same_v<Each, NoCounts>)
    if (HWY_LIKELY(steps <= kMostInUnit && tile.template told<TellUnit>().holds())) {
      run_in_unit(tile, steps);
      tile.store_in_unit(steps, voltage, total);
      return;
    }
  Vector sum[kVectors];
  for (auto& s : sum) s = hn::Zero(d);
  for (std::size_t t = 0; t < steps; ++t) {
    auto seen = each.step(t, first);
    for (std::size_t j = 0; j < kVectors; ++j) {
      const auto before = tile.v[j];
      const auto spikes = neuron.step(tile.x[j], tile.v[j]);
      seen.see(spikes, before, tile.v[j], j * kWidth, kVectors == 1 ? tile.neurons : kWidth);
      sum[j] = hn::Add(sum[j], spikes);
    }
    seen.end();
  }
  for (std::size_t j = 0; j < kVectors; ++j) {
    hn::StoreU(tile.v[j], d, voltage + j * kWidth);
    hn::StoreU(sum[j], d, total + j * kWidth);
  }
}

// Calls work(tile, its first neuron) of all n.
template <class Drive, class Work>
HWY_INLINE void for_each_tile(const Drive& drive, const float* voltage, std::size_t n,
                              const Work& work) {
  constexpr std::size_t kVectors = kTile / 2;
  std::size_t i = 0;
  for (; i + kVectors * kWidth <= n; i += kVectors * kWidth) {
    Tile<kVectors> tile(drive, voltage, i, n);
    work(tile, i);
  }
  for (; i < n; i += kWidth) {
    Tile<1> tile(drive, voltage, i, n);
    work(tile, i);
  }
}

template <class Neuron, class Each>
struct RunTile {
  Neuron neuron;
  float* voltage;
  std::size_t steps;
  float* total;
  Each each;

  template <std::size_t kVectors>
  HWY_INLINE void operator()(Tile<kVectors>& tile, std::size_t i) const {
    total_tile(neuron, tile, voltage + i, steps, total + i, i, each);
  }
};

template <class Neuron, class Drive, class Each = NoCounts>
HWY_INLINE void totals(const Neuron& neuron, const Drive& drive, float* voltage, std::size_t n,
                       std::size_t steps, float* total, Each each = {}) {
  for_each_tile(drive, voltage, n, RunTile<Neuron, Each>{neuron, voltage, steps, total, each});
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
HWY_INLINE bool once_tile(Tile<kVectors>& tile, float* HWY_RESTRICT voltage, std::size_t steps,
                          float* HWY_RESTRICT total, Census* HWY_RESTRICT census) {
  constexpr std::size_t kSome = 16;
  constexpr std::size_t kWords = (kVectors * kMaskBytes + 7) / 8;
  using Mask = std::uint8_t[kMaskBytes];
  const Floats d;
  const auto one = hn::Set(d, 1.0f), minus_one = hn::Set(d, -1.0f);
  const auto once = tile.template told<TellOnce>();
  if (HWY_UNLIKELY(!(steps <= kMostInUnit && once.holds()))) return false;
  const std::size_t driven = once.driven();
  std::uint64_t fired[kSome][kWords];
  if (kVectors * kMaskBytes % 8 != 0)  // masks leave some of a word as it is
    for (auto& words : fired) words[kWords - 1] = 0;
  for (std::size_t t = 0; t < steps;) {
    const std::size_t some = std::min(kSome, steps - t);
    for (std::size_t k = 0; k < some; ++k) {
      auto* const bytes = reinterpret_cast<std::uint8_t*>(fired[k]);
      for (std::size_t j = 0; j < kVectors; ++j) {
        const auto raised = hn::Add(tile.v[j], tile.x[j]);
        const auto fires = hn::Ge(raised, one);
        tile.v[j] = add_where(fires, raised, minus_one);
        hn::StoreMaskBits(d, fires, bytes + j * kMaskBytes);
        // Lest the compiler should gather the masks in a vector, which takes longer than the rest.
        asm("" : "+m"(reinterpret_cast<Mask&>(bytes[j * kMaskBytes])));
      }
    }
    for (std::size_t k = 0; k < some; ++k) {
      const std::size_t spikes = count_bits(fired[k], kWords);
      Census& of = census[t + k];
      of.spikes += spikes;
      of.silent += tile.neurons - spikes;
      of.changed += driven;
      of.neurons += tile.neurons;
    }
    t += some;
  }
  tile.store_in_unit(steps, voltage, total);
  return true;
}

std::size_t fire(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                 float* count) {
  return events(Rate{}, Given{drive}, voltage, n, index, count);
}

void fire_total(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                float* total) {
  totals(Rate{}, Given{drive}, voltage, n, steps, total);
}

void fire_steps(const float* drive, float* voltage, std::size_t n, std::size_t steps, float* count,
                std::size_t stride, float* total) {
  totals(Rate{}, Given{drive}, voltage, n, steps, total, Counts{count, stride});
}

void fire_add(const float* drive, float* voltage, std::size_t n, float* total) {
  add(Rate{}, Given{drive}, voltage, n, total);
}

std::size_t fire_relu(const float* x, float unit, float* voltage, std::size_t n,
                      std::uint32_t* index, float* count) {
  return events(Rate{}, Rectified{x, unit}, voltage, n, index, count);
}

void fire_relu_total(const float* x, float unit, float* voltage, std::size_t n, std::size_t steps,
                     float* total) {
  totals(Rate{}, Rectified{x, unit}, voltage, n, steps, total);
}

// Whether all neurons of a tile fire alike where their inputs are off by `error`.
//
// Say that two runs have had the same counts so far, and that their voltages differ by e. Their
// drives differ by unit * error and by what rounding makes of them, 2^-23 of a drive; the sums of
// voltage and drive are each rounded by 2^-24 of their size, which is below 1 + drive, or in the
// first step below |voltage| + drive; to take off whole numbers rounds nothing. So e grows by less
// than unit * error + 2^-22 * (1 + drive + |voltage|) a step. As long as one run's sums are
// further from every whole number than e, the other's have the same whole part.
struct AlikeTile {
  const float *error, *voltage;
  float unit;
  std::size_t steps;
  bool* alike;

  // The least distance of any sum from a whole number above 0 (one that is driven only has none
  // below), in t steps multiplied by all steps / t, for differences grow by the step.
  template <std::size_t kVectors>
  HWY_INLINE void run(Tile<kVectors>& tile, Vector (&apart)[kVectors]) const {
    const Floats d;
    const Words words;
    const auto one = hn::Set(d, 1.0f);
    for (auto& a : apart) a = one;
    if (HWY_LIKELY(tile.template told<TellUnit>().holds())) {
      for (std::size_t t = 1; t <= steps; ++t) {
        const auto scale = hn::Set(d, static_cast<float>(steps) / static_cast<float>(t));
        for (std::size_t j = 0; j < kVectors; ++j) {
          const auto raised = hn::Add(tile.v[j], tile.x[j]), less = hn::Sub(raised, one);
          tile.v[j] = hn::BitCast(d, hn::Min(hn::BitCast(words, raised), hn::BitCast(words, less)));
          apart[j] = hn::Min(apart[j], hn::Mul(scale, hn::Abs(less)));
        }
      }
      return;
    }
    for (std::size_t t = 0; t < steps; ++t)
      for (std::size_t j = 0; j < kVectors; ++j) {
        Rate{}.step(tile.x[j], tile.v[j]);
        const auto v = tile.v[j];
        apart[j] = hn::IfThenElseZero(hn::Eq(v, v), hn::Min(apart[j], hn::Min(v, hn::Sub(one, v))));
      }
  }

  template <std::size_t kVectors>
  HWY_INLINE void operator()(Tile<kVectors>& tile, std::size_t first) const {
    const Floats d;
    Vector apart[kVectors];
    run(tile, apart);
    const auto one = hn::Set(d, 1.0f), rounding = hn::Set(d, 0x1p-22f);
    for (std::size_t j = 0; j < kVectors; ++j) {
      const std::size_t i = first + j * kWidth;
      const auto drive = tile.x[j], off = hn::LoadU(d, error + i);
      const auto before = hn::Abs(hn::LoadU(d, voltage + i));
      const auto step = hn::Add(hn::Mul(off, hn::Set(d, unit * 1.001f)),
                                hn::Mul(rounding, hn::Add(hn::Add(one, drive), before)));
      const auto all_steps = hn::Mul(step, hn::Set(d, static_cast<float>(steps)));
      // A census counts those that change their voltage, which a whole drive does not.
      const auto from_whole = hn::Abs(hn::Sub(drive, hn::Round(drive)));
      const auto changes =
          hn::Gt(from_whole, hn::IfThenElse(hn::Lt(drive, hn::Set(d, 0.5f)), step, all_steps));
      auto same = hn::And(changes, hn::Gt(apart[j], all_steps));
      const std::size_t place = j * kWidth;
      if (tile.neurons < place + kWidth)
        same = hn::Or(same, hn::Not(hn::FirstN(d, tile.neurons - std::min(place, tile.neurons))));
      *alike = *alike && hn::AllTrue(d, same);
    }
  }
};

// Schedule: most neurons of a trained net are not driven at all; the others are put side by side.
bool fires_alike(const float* x, const float* error, float unit, const float* voltage,
                 std::size_t n, std::size_t steps) {
  constexpr std::size_t kNeurons = 256, kVectors = kTile / 4, kAtOnce = kVectors * kWidth;
  const Floats d;
  HWY_ALIGN float driven[3][kNeurons + kAtOnce];
  bool alike = steps <= kMostInUnit;
  for (std::size_t first = 0; first < n; first += kNeurons) {
    std::size_t found = 0;
    for (std::size_t i = first; i < std::min(n, first + kNeurons); i += kWidth) {
      const auto given = hn::LoadU(d, x + i), off = hn::LoadU(d, error + i);
      auto here = hn::Not(hn::Le(hn::Add(given, off), hn::Zero(d)));
      if (n - i < kWidth) here = hn::And(here, hn::FirstN(d, n - i));
      hn::StoreU(pack(given, here), d, driven[0] + found);
      hn::StoreU(pack(off, here), d, driven[1] + found);
      hn::StoreU(pack(hn::LoadU(d, voltage + i), here), d, driven[2] + found);
      found += hn::CountTrue(d, here);
    }
    for (auto& behind : driven)
      for (std::size_t i = 0; i < kAtOnce; i += kWidth)
        hn::StoreU(hn::Zero(d), d, behind + found + i);
    const AlikeTile check{driven[1], driven[2], unit, steps, &alike};
    for (std::size_t i = 0; i < found; i += kAtOnce) {
      Tile<kVectors> tile(Rectified{driven[0], unit}, driven[2], i, found);
      check(tile, i);
    }
  }
  return alike;
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
  totals(Leaky{decay}, Given{drive}, voltage, n, steps, total);
}

void leaky_add(const float* drive, float* voltage, std::size_t n, float decay, float* total) {
  add(Leaky{decay}, Given{drive}, voltage, n, total);
}

struct NoMeans {
  HWY_INLINE void note(Vector, std::size_t) const {}
  HWY_INLINE void divide(const float*, std::size_t) const {}
};

class Means {
 public:
  HWY_INLINE Means(float seconds, float* mean)
      : seconds_(hn::Set(Floats(), seconds)),
        inverse_(hn::Set(Floats(), 1 / seconds)),
        mean_(mean) {}

  // Of whole numbers below 2^24, if they are divided by what can_note() says yes to.
  HWY_INLINE void note(Vector count, std::size_t i) const {
    hn::StoreU(quotient(count), Floats(), mean_ + i);
  }
  static HWY_INLINE bool can_note(float seconds) {
    return seconds >= 0x1p-40f && seconds <= 0x1p40f;
  }
  // Of any.
  HWY_INLINE void divide(const float* count, std::size_t n) const {
    for (std::size_t i = 0; i < n; i += kWidth)
      hn::StoreU(hn::Div(hn::LoadU(Floats(), count + i), seconds_), Floats(), mean_ + i);
  }

 private:
  HWY_INLINE Vector quotient(Vector count) const {
#if HWY_NATIVE_FMA
    // Sooner than a division, and its bits: the first correction leaves a neighbour of the quotient
    // at most, from which the second, whose remainder is exact, is rounded right (Markstein 1990,
    // "Computation of elementary functions on the IBM RISC System/6000 processor"). A zero keeps
    // its sign.
    auto q = hn::Mul(count, inverse_);
    for (int correction = 0; correction < 2; ++correction)
      q = hn::MulAdd(hn::NegMulAdd(seconds_, q, count), inverse_, q);
    return hn::CopySign(q, count);
#else
    return hn::Div(count, seconds_);
#endif
  }

  Vector seconds_, inverse_;
  float* mean_;
};

// Sums of whole numbers are exact in any order, so partial ones need not wait for each other.
HWY_INLINE SpikeCount count_many(const float* count, std::size_t n) {
  const Floats d;
  DoubleSum sum{};
  auto most = hn::Zero(d);
  for (std::size_t i = 0; i < n; i += kWidth) {
    auto spikes = hn::Abs(hn::LoadU(d, count + i));
    if (n - i < kWidth) spikes = hn::IfThenElseZero(hn::FirstN(d, n - i), spikes);
    sum.add(spikes);
    most = hn::IfThenElse(hn::Gt(spikes, most), spikes, most);  // not NaN
  }
  const double all = sum.total();
  return {all < DoubleSum::kMost ? static_cast<std::uint64_t>(all) : 0, largest_lane(most)};
}

template <class Each>
HWY_INLINE SpikeCount counted(const float* count, std::size_t n, Each each, bool can_note) {
  const Floats d;
  FloatSum sum{}, other{};
  auto most = hn::Zero(d);
  const auto take = [&](std::size_t i) HWY_ATTR {
    const auto given = hn::LoadU(d, count + i);
    each.note(given, i);
    return hn::Abs(given);
  };
  std::size_t i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
    const auto spikes = take(i), more = take(i + kWidth);
    sum.add(spikes);
    other.add(more);
    most = hn::Max(most, hn::Max(spikes, more));
  }
  for (; i < n; i += kWidth) {
    const auto spikes = hn::IfThenElseZero(hn::FirstN(d, n - i), take(i));
    sum.add(spikes);
    most = hn::Max(most, spikes);
  }
  sum.add(other.all);
  const double all = sum.total();
  if (HWY_LIKELY(can_note && all < FloatSum::kMost))
    return {static_cast<std::uint64_t>(all), largest_lane(most)};
  each.divide(count, n);
  return count_many(count, n);
}

SpikeCount count_spikes(const float* count, std::size_t n) {
  return counted(count, n, NoMeans{}, true);
}

SpikeCount mean_rates(const float* count, std::size_t n, float seconds, float* mean) {
  return counted(count, n, Means{seconds, mean}, Means::can_note(seconds));
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

// What fires once at most is counted by its spikes.
template <class Neuron>
struct CountTile {
  Neuron neuron;
  float* voltage;
  std::size_t steps;
  float* total;
  Census* census;
  bool* summed;

  template <std::size_t kVectors>
  HWY_INLINE void operator()(Tile<kVectors>& tile, std::size_t i) const {
    if constexpr (std::is_same_v<Neuron, Rate>)
      if (once_tile(tile, voltage + i, steps, total + i, census)) return;
    if (steps == 1 || are_few(tile.x, tile.v))
      run<FloatSum>(tile, i);
    else
      run<DoubleSum>(tile, i);
  }

 private:
  template <class Sum, std::size_t kVectors>
  HWY_INLINE void run(Tile<kVectors>& tile, std::size_t i) const {
    total_tile(neuron, tile, voltage + i, steps, total + i, 0,
               TakeCensus<Sum>{census, tile.neurons, summed});
  }
};

template <class Neuron, class Drive>
HWY_INLINE void totals_counted(const Neuron& neuron, const Drive& drive, float* voltage,
                               std::size_t n, std::size_t steps, float* total, Census* census) {
  bool summed = true;
  const std::uint64_t before = steps == 0 ? 0 : census->spikes;
  for_each_tile(drive, voltage, n,
                CountTile<Neuron>{neuron, voltage, steps, total, census, &summed});
  if (!summed && steps == 1) census->spikes = before + count_spikes(total, n).all;
}

std::size_t fire_counted(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                         float* count, Census* census) {
  return events_counted(Rate{}, Given{drive}, voltage, n, index, count, census);
}

void fire_total_counted(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                        float* total, Census* census) {
  totals_counted(Rate{}, Given{drive}, voltage, n, steps, total, census);
}

std::size_t fire_relu_counted(const float* x, float unit, float* voltage, std::size_t n,
                              std::uint32_t* index, float* count, Census* census) {
  return events_counted(Rate{}, Rectified{x, unit}, voltage, n, index, count, census);
}

void fire_relu_total_counted(const float* x, float unit, float* voltage, std::size_t n,
                             std::size_t steps, float* total, Census* census) {
  totals_counted(Rate{}, Rectified{x, unit}, voltage, n, steps, total, census);
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
  totals_counted(Leaky{decay}, Given{drive}, voltage, n, steps, total, census);
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
HWY_EXPORT(fire_relu_total);
HWY_EXPORT(fires_alike);
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
HWY_EXPORT(fire_relu_total_counted);
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

void fire_relu_total(const float* x, float unit, float* voltage, std::size_t n, std::size_t steps,
                     float* total) {
  HWY_DYNAMIC_DISPATCH(fire_relu_total)(x, unit, voltage, n, steps, total);
}

bool fires_alike(const float* x, const float* error, float unit, const float* voltage,
                 std::size_t n, std::size_t steps) {
  return HWY_DYNAMIC_DISPATCH(fires_alike)(x, error, unit, voltage, n, steps);
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

void fire_relu_total_counted(const float* x, float unit, float* voltage, std::size_t n,
                             std::size_t steps, float* total, Census* census) {
  HWY_DYNAMIC_DISPATCH(fire_relu_total_counted)(x, unit, voltage, n, steps, total, census);
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
