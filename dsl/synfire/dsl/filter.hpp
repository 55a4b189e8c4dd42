// A filter model: a struct in filters/ that says everything about a linear filter over time.
//   name                  its word in signatures and default labels
//   order                 states of a unit: 1 or 2. The last of them is the output
//   discretise(tau, dt)   the filter in steps of dt: THE DEFINITION. tau and dt in seconds
// With it stand the settings of Filtered<Model, Settings...>, which are types with a
// set(FilterSettings&), the last one wins.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <ratio>
#include <string_view>

#include <synfire/dsl/constraint.hpp>
#include <synfire/kernels.hpp>

namespace synfire {

/// One unit's filter, s' = a s + b x, and the derivatives of a and b by tau.
template <std::size_t order>
struct DiscreteFilter {
  using Vector = std::array<float, order>;
  using Matrix = std::array<Vector, order>;
  Matrix a{};
  Vector b{};
  Matrix a_by_tau{};
  Vector b_by_tau{};

  /// Hands its input on.
  static constexpr DiscreteFilter identity() {
    DiscreteFilter filter;
    filter.b.back() = 1;
    return filter;
  }

  /// The new states, summed in the order of the kernels: kernels::filter gives the same bits.
  Vector step(const Vector& s, float x) const {
    Vector next;
    for (std::size_t r = 0; r < order; ++r) {
      float sum = a[r][0] * s[0];
      for (std::size_t c = 1; c < order; ++c) sum += a[r][c] * s[c];
      next[r] = sum + b[r] * x;
    }
    return next;
  }
};

template <class M>
concept FilterModel = requires(float tau, float dt) {
  { M::name } -> std::convertible_to<std::string_view>;
  { M::discretise(tau, dt) } -> std::same_as<DiscreteFilter<M::order>>;
};

/// KerasSpiking's bound: a filter with a time constant below it (0 and negative ones, too) is the
/// one with this, and has no gradient by tau.
inline constexpr float kLeastTau = 1e-8f;

struct FilterSettings {
  float tau = 0.1f;  // initial time constant, seconds
  bool apply_during_training = true;
  bool trainable = true;
  Constraint tau_constraint = nullptr, initial_level_constraint = nullptr;
};

/// Initial time constant in seconds: Tau<std::ratio<1, 100>>, Tau<std::milli>.
template <class Seconds>
struct Tau {
  static constexpr void set(FilterSettings& settings) {
    settings.tau =
        static_cast<float>(static_cast<double>(Seconds::num) / static_cast<double>(Seconds::den));
  }
};

/// Whether training filters, or hands its input on (KerasSpiking's apply_during_training).
template <bool apply>
struct ApplyDuringTraining {
  static constexpr void set(FilterSettings& settings) { settings.apply_during_training = apply; }
};

/// Training leaves time constants and initial levels as they are.
struct Fixed {
  static constexpr void set(FilterSettings& settings) { settings.trainable = false; }
};

/// Constraints of the vector of time constants, and of that of initial levels:
/// TauConstraint<Mean<>> shares one time constant.
template <class... Constraints>
struct TauConstraint {
  static constexpr bool fits = (ConstraintOf<Constraints, 1> && ...);
  static constexpr void set(FilterSettings& settings) {
    if constexpr (fits) settings.tau_constraint = constrain<Constraints...>;
  }
};
template <class... Constraints>
struct InitialLevelConstraint {
  static constexpr bool fits = (ConstraintOf<Constraints, 1> && ...);
  static constexpr void set(FilterSettings& settings) {
    if constexpr (fits) settings.initial_level_constraint = constrain<Constraints...>;
  }
};

template <class S>
concept FilterSetting = requires(FilterSettings& settings) {
  S::set(settings);
};

/// False for constraints that are none, or none of a vector.
template <class S>
inline constexpr bool fitting = true;
template <class S>
requires requires {
  S::fits;
}
inline constexpr bool fitting<S> = S::fits;

/// A unit's states without input, from given ones on, and how they change with tau. In double
/// precision: a weight that is made of many steps is rounded once.
template <std::size_t order>
struct FreeRun {
  using Vector = std::array<double, order>;

  explicit FreeRun(const DiscreteFilter<order>& f) : filter(f) {}

  /// From what an input of 1 leaves.
  static FreeRun impulse(const DiscreteFilter<order>& f) {
    FreeRun run(f);
    std::copy(f.b.begin(), f.b.end(), run.state.begin());
    std::copy(f.b_by_tau.begin(), f.b_by_tau.end(), run.by_tau.begin());
    return run;
  }
  /// From state c at 1 and the other at 0.
  static FreeRun from(const DiscreteFilter<order>& f, std::size_t c) {
    FreeRun run(f);
    run.state[c] = 1;
    return run;
  }

  void step() {
    Vector next{}, next_by_tau{};
    for (std::size_t r = 0; r < order; ++r)
      for (std::size_t c = 0; c < order; ++c) {
        next[r] += filter.a[r][c] * state[c];
        next_by_tau[r] += filter.a[r][c] * by_tau[c] + filter.a_by_tau[r][c] * state[c];
      }
    state = next;
    by_tau = next_by_tau;
  }

  DiscreteFilter<order> filter;
  Vector state{}, by_tau{};
};

}  // namespace synfire
