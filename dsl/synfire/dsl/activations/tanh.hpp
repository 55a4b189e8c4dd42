// tanh(x)
#pragma once

#include <cmath>
#include <string_view>

namespace synfire {

struct Tanh {
  static constexpr std::string_view name = "tanh";
  static float value(float x) { return std::tanh(x); }
  /// 1 - y^2, without the difference.
  static float derivative(float x) {
    const double e = std::exp(-2.0 * std::abs(static_cast<double>(x)));
    return static_cast<float>(4.0 * e / ((1.0 + e) * (1.0 + e)));
  }
};

}  // namespace synfire
