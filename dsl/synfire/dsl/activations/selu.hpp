// scale x above 0, scale alpha (exp(x) - 1) below, with the constants of Klambauer et al. 2017,
// "Self-normalizing neural networks".
#pragma once

#include <cmath>
#include <string_view>

namespace synfire {

struct Selu {
  static constexpr std::string_view name = "selu";
  static constexpr float scale = 1.0507009873554805f;
  static constexpr float scale_alpha = 1.7580993408473769f;  // alpha is 1.6732632423543772

  static float value(float x) { return x < 0 ? scale_alpha * std::expm1(x) : scale * x; }
  static float derivative(float x) { return x < 0 ? scale_alpha * std::exp(x) : scale; }
};

}  // namespace synfire
