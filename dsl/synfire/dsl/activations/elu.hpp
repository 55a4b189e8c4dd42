// x above 0, exp(x) - 1 below (Clevert, Unterthiner and Hochreiter 2016, "Fast and accurate deep
// network learning by exponential linear units"), alpha 1.
#pragma once

#include <cmath>
#include <string_view>

namespace synfire {

struct Elu {
  static constexpr std::string_view name = "elu";
  static float value(float x) { return x < 0 ? std::expm1(x) : x; }
  static float derivative(float x) { return x < 0 ? std::exp(x) : 1.0f; }
};

}  // namespace synfire
