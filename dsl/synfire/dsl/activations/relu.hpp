// max(x, 0)
#pragma once

#include <string_view>

namespace synfire {

struct Relu {
  static constexpr std::string_view name = "relu";
  static constexpr bool proportional = true;
  static constexpr bool nonnegative = true;
  static constexpr bool monotone = true;
  static constexpr bool rectifies = true;
  static float value(float x) { return x < 0 ? 0 : x; }  // NaN stays NaN
  static float derivative(float x) { return x > 0 ? 1.0f : 0.0f; }
};

}  // namespace synfire
