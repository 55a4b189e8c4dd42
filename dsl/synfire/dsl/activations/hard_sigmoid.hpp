// 0.2 x + 0.5, kept within 0 and 1 (Keras's).
#pragma once

#include <algorithm>
#include <string_view>

namespace synfire {

struct HardSigmoid {
  static constexpr std::string_view name = "hard_sigmoid";
  static constexpr bool nonnegative = true;
  static constexpr bool monotone = true;
  static float value(float x) { return std::clamp(line(x), 0.0f, 1.0f); }
  /// At both kinks the slope within.
  static float derivative(float x) { return line(x) >= 0 && line(x) <= 1 ? 0.2f : 0.0f; }

 private:
  static float line(float x) { return 0.2f * x + 0.5f; }
};

}  // namespace synfire
