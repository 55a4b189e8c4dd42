// A neuron model: a struct in neurons/ that says everything about itself, with voltage as its
// state.
//   name                           its word in signatures
//   tensors                        parameters stored with the weights, one value for the layer each
//   integrates_rate                an activation's rate integrated (RateNeuron alone)
//   Constants(tensors, dt)         what a run derives from them, and
//     unit                         one spike is worth 1 / unit to whoever reads it
//   random_start                   initial voltage uniform in [0, 1), or 0
//   nonnegative                    true, where it is there: no spike is negative
//   drive(x, constants)            what an input x adds in one step
//   update(voltage, drive, c)      one step, returns the number of spikes: THE DEFINITION
//   fire, fire_total, fire_add     update for many neurons by a compiled kernel (see kernels.hpp):
//                                  events out; all steps, totals out; one step, added to totals
//   fire_inputs, total_inputs, add_inputs
//                                  fire, fire_total and fire_add of inputs instead of drives, where
//                                  there is a kernel that makes drives of them
//   inputs_alike                   whether total_inputs of inputs that are off by so much has the
//   same
//                                  counts (kernels::fires_alike); with total_inputs
//   awake, fire_awake              where a neuron can rest, which is when no step at that drive
//                                  would change it: the others, and fire for those
//   fire_counted, ..._counted      each of them that is there but fire_add, with a census
//                                  (kernels.hpp). A neuron model may leave them out, all together:
//                                  where it is counted, voltages are then kept and compared
//   fires_once                     of those that are awake, where there is fire_awake_counted
//   each_ahead(v, least, most, c), sum_ahead(v, least, most, steps, c)
//                                  bounds of the spikes of any one of the next steps, and of the
//                                  next `steps` together, from the voltage v that a step has left,
//                                  while no drive is below `least` or above `most`; NaN or infinite
//                                  where nothing is known. A neuron model may leave them out
//   proportional                   true, where it is there: thresholds can be scaled by the
//   synapses
//                                  (thresholds.hpp)
//   monotone                       true, where it is there: a larger input never gives a smaller
//                                  drive
//   input_gradient(g, x, v, carry, c)  from the gradient g of a step's output to that of its input;
//                                  steps backwards, v the voltage behind update, carry across steps
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string_view>

#include <synfire/dsl/activation.hpp>
#include <synfire/kernels.hpp>
#include <synfire/parameter_set.hpp>

namespace synfire {

template <class N>
concept NeuronModel = requires(float& voltage, float drive,
                               const typename N::Constants& constants) {
  { N::name } -> std::convertible_to<std::string_view>;
  { N::update(voltage, drive, constants) } -> std::same_as<float>;
};

struct AnyNeuron {};

template <class N>
inline constexpr bool fires_inputs = requires {
  requires N::takes_inputs;
};
template <class N>
inline constexpr bool has_rest = requires {
  requires N::can_rest;
};
template <class N>
inline constexpr bool takes_census = requires {
  &N::fire_counted;
  &N::fire_total_counted;
};

struct SpikeBounds {
  double least, most;
};

/// KerasSpiking's SpikingActivation: integrates the rate A(x) hertz and fires the whole part.
/// A neuron may fire several times a step, and negatively where the rate is negative.
template <Activation A>
struct RateNeuron {
  static constexpr std::string_view name = A::name;
  static constexpr std::array<TensorSpec, 0> tensors{};
  static constexpr bool integrates_rate = true;
  static constexpr bool random_start = true;
  static constexpr bool nonnegative = is_nonnegative<A>;
  static constexpr bool monotone = is_monotone<A>;
  static constexpr bool proportional = is_proportional<A>;
  static constexpr bool takes_inputs = is_rectifier<A>;
  static constexpr bool can_rest = true;

  struct Constants {
    Constants(const ParameterSet&, std::size_t, float dt) : unit(dt) {}
    float unit;
  };

  static float rate(float x) { return A::value(x); }
  static float drive(float x, const Constants& c) { return A::value(x) * c.unit; }

  static float update(float& voltage, float drive, const Constants&) {
    voltage += drive;
    const float count = std::floor(voltage);
    voltage -= count;
    return count;
  }

  static std::size_t fire(const float* drive, float* voltage, std::size_t n, const Constants&,
                          std::uint32_t* index, float* count) {
    return kernels::fire(drive, voltage, n, index, count);
  }
  static void fire_total(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                         const Constants&, float* total) {
    kernels::fire_total(drive, voltage, n, steps, total);
  }
  /// fire_total, with each step's counts as row of a matrix.
  static void fire_steps(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                         const Constants&, float* count, std::size_t stride, float* total) {
    kernels::fire_steps(drive, voltage, n, steps, count, stride, total);
  }
  static void fire_add(const float* drive, float* voltage, std::size_t n, const Constants&,
                       float* total) {
    kernels::fire_add(drive, voltage, n, total);
  }
  static std::size_t fire_counted(const float* drive, float* voltage, std::size_t n,
                                  const Constants&, std::uint32_t* index, float* count,
                                  kernels::Census* census) {
    return kernels::fire_counted(drive, voltage, n, index, count, census);
  }
  static void fire_total_counted(const float* drive, float* voltage, std::size_t n,
                                 std::size_t steps, const Constants&, float* total,
                                 kernels::Census* census) {
    kernels::fire_total_counted(drive, voltage, n, steps, total, census);
  }

  static std::size_t fire_inputs(const float* x, float* voltage, std::size_t n, const Constants& c,
                                 std::uint32_t* index, float* count) {
    return kernels::fire_relu(x, c.unit, voltage, n, index, count);
  }
  static bool inputs_alike(const float* x, const float* error, const float* voltage, std::size_t n,
                           std::size_t steps, const Constants& c) {
    return kernels::fires_alike(x, error, c.unit, voltage, n, steps);
  }
  static void total_inputs(const float* x, float* voltage, std::size_t n, std::size_t steps,
                           const Constants& c, float* total) {
    kernels::fire_relu_total(x, c.unit, voltage, n, steps, total);
  }
  static void add_inputs(const float* x, float* voltage, std::size_t n, const Constants& c,
                         float* total) {
    kernels::fire_relu_add(x, c.unit, voltage, n, total);
  }

  static std::size_t fire_inputs_counted(const float* x, float* voltage, std::size_t n,
                                         const Constants& c, std::uint32_t* index, float* count,
                                         kernels::Census* census) {
    return kernels::fire_relu_counted(x, c.unit, voltage, n, index, count, census);
  }
  static void total_inputs_counted(const float* x, float* voltage, std::size_t n, std::size_t steps,
                                   const Constants& c, float* total, kernels::Census* census) {
    kernels::fire_relu_total_counted(x, c.unit, voltage, n, steps, total, census);
  }
  static void add_inputs_counted(const float* x, float* voltage, std::size_t n, const Constants& c,
                                 float* total, kernels::Census* census) {
    kernels::fire_relu_add_counted(x, c.unit, voltage, n, total, census);
  }

  static std::size_t awake(const float* drive, const float* voltage, std::size_t n,
                           const Constants&, std::uint32_t* which, float* awake_drive,
                           float* awake_voltage) {
    return kernels::awake(drive, voltage, n, which, awake_drive, awake_voltage);
  }
  static std::size_t fire_awake(const float* drive, float* voltage, std::size_t n, const Constants&,
                                const std::uint32_t* which, std::uint32_t* index, float* count,
                                float* fired) {
    return kernels::fire_awake(drive, voltage, n, which, index, count, fired);
  }
  static kernels::Once fires_once(const float* drive, const float* voltage, std::size_t n) {
    return kernels::fires_once(drive, voltage, n);
  }
  static std::size_t fire_awake_counted(const float* drive, float* voltage, std::size_t n,
                                        const Constants&, const std::uint32_t* which,
                                        std::uint32_t* index, float* count, float* fired,
                                        kernels::Census* census) {
    return kernels::fire_awake_counted(drive, voltage, n, which, index, count, fired, census);
  }

  /// A voltage stays within [0, 1], and update() never falls as voltage or drive grow: rounding
  /// keeps their order. A voltage becomes 1 itself only by rounding up from below 0.
  static SpikeBounds each_ahead(float v, float least, float most, const Constants& c) {
    if (!(v >= 0 && v <= 1)) return {NAN, NAN};
    float low = 0, high = least >= 0 && v < 1 ? 0x1.fffffep-1f : 1.0f;
    return {update(low, least, c), update(high, most, c)};
  }
  /// What came in is in the spikes or in the voltage: v + the sum of drives = spikes + v at the
  /// end, but for rounding. A step rounds v + drive, by at most 2^-24 of it, (1 + |drive|) (1 +
  /// 2^-24) at most; and v - count only where v is between -1 and 0, by at most 2^-25: otherwise
  /// the difference has no bit below the last of v. Both are less than 2^-23 (1 + |drive|), by a
  /// quarter of it, which pays for the sums here.
  static SpikeBounds sum_ahead(float v, float least, float most, std::size_t steps,
                               const Constants& c) {
    const SpikeBounds each = each_ahead(v, least, most, c);
    const auto n = static_cast<double>(steps);
    const double error = n * 0x1p-23 * (1.0 + std::max(std::abs(least), std::abs(most)));
    return {std::max(n * each.least, std::ceil(v + n * least - 1 - error)),
            std::min(n * each.most, std::floor(v + n * most + error))};
  }

  /// Spiking-aware training: the activation's gradient, none through the voltage.
  static float input_gradient(float g, float x, float, float&, const Constants&) {
    return g * A::derivative(x);
  }
};

namespace detail {
template <class N>
struct AsNeuron {
  using type = N;
};
template <Activation A>
struct AsNeuron<A> {
  using type = RateNeuron<A>;
};
}  // namespace detail

/// Spiking<Relu> means the rate neuron of Relu.
template <class N>
using as_neuron = typename detail::AsNeuron<N>::type;

}  // namespace synfire
