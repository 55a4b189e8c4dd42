// x Phi(x), where Phi is the standard normal distribution, not its tanh approximation (Hendrycks
// and Gimpel 2016, "Gaussian error linear units").
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

namespace synfire {

struct Gelu {
  static constexpr std::string_view name = "gelu";
  static float value(float x) {
    const double d = std::max(static_cast<double>(x), -far);
    return static_cast<float>(d * distribution(d));
  }
  static float derivative(float x) {
    const double d = std::clamp(static_cast<double>(x), -far, far);
    return static_cast<float>(distribution(d) +
                              d * std::exp(-0.5 * d * d) * 0.3989422804014327);  // 1 / sqrt(2 pi)
  }

 private:
  static constexpr double far = 40;  // beyond it, Phi is 0 or 1: infinities meet no 0
  static double distribution(double x) { return 0.5 * std::erfc(x * -0.7071067811865476); }
};

}  // namespace synfire
