// exp(x)
#pragma once

#include <cmath>
#include <string_view>

namespace synfire {

struct Exponential {
  static constexpr std::string_view name = "exponential";
  static constexpr bool nonnegative = true;
  static float value(float x) { return std::exp(x); }
  static float derivative(float x) { return std::exp(x); }
};

}  // namespace synfire
