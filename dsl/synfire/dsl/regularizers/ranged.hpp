// RangedRegularizer<R>: another regularizer of the distances to a target.
#pragma once

#include <algorithm>

#include <synfire/regularizer.hpp>

namespace synfire {

/// R of x - target, or of max(lo - x, 0) + max(x - hi, 0) where the target is a range.
/// KerasSpiking's RangedRegularizer.
template <class R>
struct RangedRegularizer {
  Target target = 0;
  R regularizer{};

  /// The mean of distances is not the distance of the mean.
  static constexpr bool of_means = false;

  void check(std::span<const std::size_t> shape, bool in_time) const {
    target.check();
    regularizer.check(shape, in_time);
  }

  double add(const RegularizedTensor& x, float scale, ThreadPool& pool) const {
    // Most regularizers of a distance are regularizers of the values, with another target.
    if constexpr (requires(R moved) { moved.target = target; }) {
      R moved = regularizer;
      const Target& inner = regularizer.target;
      if (target.lo == target.hi) {
        moved.target = {target.lo + inner.lo, target.lo + inner.hi};
        return moved.add(x, scale, pool);
      }
      if constexpr (requires { regularizer.add(x, scale, pool, &target); }) {
        return regularizer.add(x, scale, pool, &target);
      } else if constexpr (requires { regularizer.penalty(); }) {
        if (inner.lo <= 0 && inner.hi >= 0) {
          moved.target = {target.lo - inner.hi, target.hi + inner.hi};
          return moved.add(x, scale, pool);
        }
      }
    }
    const std::span<const Axis> axes(x.axes);
    OwnedTensor distances(axes);
    if (x.gradient == nullptr) distances.view.gradient = nullptr;
    float* d = distances.values.data();
    for_each_index(axes, [&](std::size_t at, std::size_t) {
      const float value = x.values[at] / x.unit;
      *d++ = target.lo == target.hi
                 ? value - target.lo
                 : std::max(target.lo - value, 0.0f) + std::max(value - target.hi, 0.0f);
    });
    const double sum = regularizer.add(distances.view, scale, pool);
    if (x.gradient == nullptr) return sum;
    const float* g = distances.gradient.data();
    for_each_index(axes, [&](std::size_t at, std::size_t to) {
      const float value = x.values[at] / x.unit;
      const float sign = target.lo == target.hi || value > target.hi ? 1.0f
                         : value < target.lo                         ? -1.0f
                                                                     : 0.0f;
      x.gradient[to] += *g++ * sign;
    });
    return sum;
  }

  std::string signature() const {
    return "ranged(target=" + target.text() + "," + regularizer.signature() + ")";
  }
};

}  // namespace synfire
