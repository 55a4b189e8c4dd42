// x sigmoid(x) (Ramachandran, Zoph and Le 2017, "Searching for activation functions").
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

namespace synfire {

struct Swish {
  static constexpr std::string_view name = "swish";
  static float value(float x) {
    const double d = std::max(static_cast<double>(x), -far);
    return static_cast<float>(d * sigmoid(d));
  }
  static float derivative(float x) {
    const double d = std::clamp(static_cast<double>(x), -far, far);
    const double y = sigmoid(d);
    return static_cast<float>(y * (1.0 + d * (1.0 - y)));
  }

 private:
  static constexpr double far = 800;  // beyond it, the sigmoid is 0 or 1: infinities meet no 0
  static double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
};

}  // namespace synfire
