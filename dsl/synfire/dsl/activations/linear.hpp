// x
#pragma once

#include <string_view>

namespace synfire {

struct Linear {
  static constexpr std::string_view name = "linear";
  static constexpr bool proportional = true;
  static constexpr bool monotone = true;
  static float value(float x) { return x; }
  static float derivative(float) { return 1; }
};

}  // namespace synfire
