// First-order lowpass, 1 / (tau s + 1), its input held over a step (KerasSpiking's Lowpass):
// y = (1-a) x + a y, a = exp(-dt / tau).
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

#include <synfire/dsl/layers/filtered.hpp>

namespace synfire {

struct LowpassFilter {
  static constexpr std::string_view name = "lowpass";
  static constexpr std::size_t order = 1;

  static DiscreteFilter<1> discretise(float tau, float dt) {
    const bool clamped = tau < kLeastTau;
    if (clamped) tau = kLeastTau;
    const float a = std::exp(-dt / tau);
    const float by_tau = clamped ? 0.0f : a * (dt / tau) / tau;
    return {{{{a}}}, {1.0f - a}, {{{by_tau}}}, {-by_tau}};
  }
};

template <class... Settings>
using Lowpass = Filtered<LowpassFilter, Settings...>;

}  // namespace synfire
