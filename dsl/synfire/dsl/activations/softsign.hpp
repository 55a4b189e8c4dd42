// x / (1 + |x|)
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

namespace synfire {

struct Softsign {
  static constexpr std::string_view name = "softsign";
  static float value(float x) {
    const float near = std::clamp(x, -1e30f, 1e30f);  // 1 in absolute value long before
    return near / (1.0f + std::abs(near));
  }
  static float derivative(float x) {
    const double d = 1.0 + std::abs(static_cast<double>(x));
    return static_cast<float>(1.0 / (d * d));
  }
};

}  // namespace synfire
