// Values below a bound become the bound.
#pragma once

#include <cstddef>

#include <synfire/dsl/constraint.hpp>

namespace synfire {

/// The bound is a std::ratio: LowerBound<std::milli> keeps values at 0.001 at least.
template <class Bound>
struct LowerBound {
  static constexpr float bound =
      static_cast<float>(static_cast<double>(Bound::num) / static_cast<double>(Bound::den));

  template <std::size_t>
  static constexpr bool accepts = true;

  static void apply(float* values, const TensorSpec::Extents& extents) {
    for (std::size_t i = 0; i < TensorSpec::size_of(extents); ++i)
      if (values[i] < bound) values[i] = bound;  // NaN stays NaN
  }
};

}  // namespace synfire
