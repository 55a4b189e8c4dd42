// Leaky integrate-and-fire with reset by subtraction, step for step as snnTorch's Leaky (Eshraghian
// et al. 2023): v = exp(-dt/tau) v + I - s, where s is the spike of the step before; a spike when v
// > 1.
#pragma once

#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include <synfire/dsl/neuron.hpp>
#include <synfire/dsl/surrogates/fast_sigmoid.hpp>
#include <synfire/error.hpp>

namespace synfire {

template <class Surrogate>
struct LeakyIntegrateAndFire {
  static constexpr std::string_view name = "lif";
  /// The membrane's time constant in seconds, one for the layer.
  static constexpr std::array<TensorSpec, 1> tensors{
      TensorSpec{"tau", {1, 0}, {Initializer::Kind::Constant, 0.005f}, false}};
  static constexpr bool integrates_rate = false;
  static constexpr bool random_start = false;
  static constexpr bool nonnegative = true;
  static constexpr bool monotone = true;
  static constexpr bool proportional = true;

  struct Constants {
    Constants(const ParameterSet& parameters, std::size_t first_tensor, float dt) {
      const float tau = parameters.tensor(first_tensor)[0];
      if (!(tau > 0)) throw InvalidSetting("tau", std::to_string(tau), "a time above 0 seconds");
      decay = std::exp(-dt / tau);
    }
    float decay;
    float unit = 1;
  };

  static float drive(float x, const Constants&) { return x; }

  static float update(float& voltage, float drive, const Constants& c) {
    const float reset = voltage > 1 ? 1.0f : 0.0f;
    voltage = (c.decay * voltage + drive) - reset;
    return voltage > 1 ? 1.0f : 0.0f;
  }

  static std::size_t fire(const float* drive, float* voltage, std::size_t n, const Constants& c,
                          std::uint32_t* index, float* count) {
    return kernels::leaky(drive, voltage, n, c.decay, index, count);
  }
  static void fire_total(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                         const Constants& c, float* total) {
    kernels::leaky_total(drive, voltage, n, c.decay, steps, total);
  }
  static void fire_add(const float* drive, float* voltage, std::size_t n, const Constants& c,
                       float* total) {
    kernels::leaky_add(drive, voltage, n, c.decay, total);
  }
  static std::size_t fire_counted(const float* drive, float* voltage, std::size_t n,
                                  const Constants& c, std::uint32_t* index, float* count,
                                  kernels::Census* census) {
    return kernels::leaky_counted(drive, voltage, n, c.decay, index, count, census);
  }
  static void fire_total_counted(const float* drive, float* voltage, std::size_t n,
                                 std::size_t steps, const Constants& c, float* total,
                                 kernels::Census* census) {
    kernels::leaky_total_counted(drive, voltage, n, c.decay, steps, total, census);
  }

  /// At most one a step; none where the drive cannot lift a voltage of up to 1 above it: rounding
  /// keeps the order of decay * v + drive.
  static SpikeBounds each_ahead(float v, float, float most, const Constants& c) {
    return {0, v <= 1 && c.decay + most <= 1 ? 0.0 : 1.0};
  }
  static SpikeBounds sum_ahead(float v, float least, float most, std::size_t steps,
                               const Constants& c) {
    return {0, static_cast<double>(steps) * each_ahead(v, least, most, c).most};
  }

  /// Back-propagation through time: the surrogate at v - 1, and through the membrane's decay; the
  /// reset is not differentiated, as in snnTorch.
  static float input_gradient(float g, float, float v, float& carry, const Constants& c) {
    carry = carry * c.decay + g * Surrogate::derivative(v - 1.0f);
    return carry;
  }
};

using Lif = LeakyIntegrateAndFire<FastSigmoid<25>>;

}  // namespace synfire
