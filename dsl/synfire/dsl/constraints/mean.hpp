// Every value is the mean along an axis (KerasSpiking's constraint of that name): what differs only
// along it shares one value.
#pragma once

#include <cstddef>

#include <synfire/dsl/constraint.hpp>

namespace synfire {

/// A negative axis counts from the last.
template <int axis = -1>
struct Mean {
  template <std::size_t rank>
  static constexpr bool accepts = axis < static_cast<int>(rank) && -axis <= static_cast<int>(rank);

  static void apply(float* values, const TensorSpec::Extents& extents) {
    const bool vector = extents[1] == 0;
    const bool rows = !vector && (axis == 0 || axis == -2);  // the axis that runs slower
    const std::size_t columns = vector ? extents[0] : extents[1];
    const std::size_t others = rows ? columns : vector ? 1 : extents[0];
    const std::size_t n = rows ? extents[0] : columns;
    const std::size_t step = rows ? columns : 1, next = rows ? 1 : columns;
    for (std::size_t k = 0; k < others; ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) sum += values[k * next + i * step];
      const auto mean = static_cast<float>(sum / static_cast<double>(n));
      for (std::size_t i = 0; i < n; ++i) values[k * next + i * step] = mean;
    }
  }
};

}  // namespace synfire
