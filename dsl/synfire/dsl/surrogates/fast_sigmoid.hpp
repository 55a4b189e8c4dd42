// The derivative of the fast sigmoid x / (1 + k|x|), without its sign: 1 / (1 + k|x|)^2
// (Zenke and Ganguli 2018, "SuperSpike").
#pragma once

#include <cmath>

namespace synfire {

template <int slope = 25>
struct FastSigmoid {
  static float derivative(float x) {
    const float d = 1.0f + static_cast<float>(slope) * std::abs(x);
    return 1.0f / (d * d);
  }
};

}  // namespace synfire
