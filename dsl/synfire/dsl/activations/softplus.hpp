// log(1 + exp(x))
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

#include <synfire/dsl/activations/sigmoid.hpp>

namespace synfire {

struct Softplus {
  static constexpr std::string_view name = "softplus";
  static constexpr bool nonnegative = true;
  static float value(float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); }
  static float derivative(float x) { return Sigmoid::value(x); }
};

}  // namespace synfire
