// An activation: a struct in activations/ with
//   name           its word in signatures ("relu")
//   value(x)       the function
//   derivative(x)  its derivative at x (at a kink, what TensorFlow takes)
//   nonnegative    true, where it is there: value(x) >= 0 for every x
//   monotone       true, where it is there: as floats, too, value(x) never falls as x grows
//   proportional   true, where it is there: value(a * x) = a * value(x) for every a > 0
//   rectifies      true, where it is there: value(x) is 0 below 0, and x otherwise
#pragma once

#include <concepts>
#include <string_view>

namespace synfire {

template <class A>
concept Activation = requires(float x) {
  { A::name } -> std::convertible_to<std::string_view>;
  { A::value(x) } -> std::same_as<float>;
  { A::derivative(x) } -> std::same_as<float>;
};

/// Whether an activation, or a neuron model's spikes, are never negative.
template <class A>
inline constexpr bool is_nonnegative = requires {
  requires A::nonnegative;
};

/// Whether a larger input never gives an activation a smaller value, or a neuron a smaller drive.
template <class A>
inline constexpr bool is_monotone = requires {
  requires A::monotone;
};

/// Whether what comes out grows in proportion to what goes in, from 0 on: of a neuron model,
/// whether its spikes stay the same where its inputs and its threshold are multiplied by the same.
template <class A>
inline constexpr bool is_proportional = requires {
  requires A::proportional;
};

/// Whether it is relu, for which neurons have kernels of their own.
template <class A>
inline constexpr bool is_rectifier = requires {
  requires A::rectifies;
};

struct AnyActivation {};

}  // namespace synfire
