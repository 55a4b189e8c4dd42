// Second-order lowpass, 1 / (tau s + 1)^2, its input held over a step (KerasSpiking's Alpha): the
// response of a synapse with equal rise and decay. States: the output's slope and the output.
#pragma once

#include <cmath>
#include <string_view>

#include <synfire/dsl/layers/filtered.hpp>

namespace synfire {

struct AlphaFilter {
  static constexpr std::string_view name = "alpha";
  static constexpr std::size_t order = 2;

  /// With q = dt / tau and e = exp(-q): a = e [[1-q, -q/tau], [dt, 1+q]],
  /// b = [e q/tau, 1 - e (1+q)]. In float, term by term as KerasSpiking does: for q far below 1 the
  /// last coefficient has lost most of its digits there, too.
  static DiscreteFilter<2> discretise(float tau, float dt) {
    const bool clamped = tau < kLeastTau;
    if (clamped) tau = kLeastTau;
    const float q = dt / tau, e = std::exp(-q);
    const float slope = q / tau;  // -dq/dtau
    DiscreteFilter<2> filter;
    filter.a = {{{e * (1.0f - q), -e * slope}, {e * dt, e * (1.0f + q)}}};
    filter.b = {e * slope, 1.0f - e * (1.0f + q)};
    if (clamped) return filter;
    const float e_by_tau = e * slope;
    const float fall = e_by_tau * (slope - 2.0f / tau);  // of e q/tau
    const float decay = e_by_tau * q;                    // of e (1+q)
    filter.a_by_tau = {{{e_by_tau * (2.0f - q), -fall}, {e_by_tau * dt, decay}}};
    filter.b_by_tau = {fall, -decay};
    return filter;
  }
};

template <class... Settings>
using Alpha = Filtered<AlphaFilter, Settings...>;

}  // namespace synfire
