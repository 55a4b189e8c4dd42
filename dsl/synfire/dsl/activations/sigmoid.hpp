// 1 / (1 + exp(-x))
#pragma once

#include <cmath>
#include <string_view>

namespace synfire {

struct Sigmoid {
  static constexpr std::string_view name = "sigmoid";
  static constexpr bool nonnegative = true;
  static float value(float x) {
    return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(x))));
  }
  /// y (1 - y), without the difference.
  static float derivative(float x) {
    const double e = std::exp(-std::abs(static_cast<double>(x)));
    return static_cast<float>(e / ((1.0 + e) * (1.0 + e)));
  }
};

}  // namespace synfire
