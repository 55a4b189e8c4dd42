// Percentile: the distance of a percentile over some axes to a target.
#pragma once

#include <algorithm>

#include <synfire/error.hpp>
#include <synfire/regularizer.hpp>

namespace synfire {

/// Sum, over the other axes, of l1 * |d| + l2 * d^2, where d is the percentile's distance to the
/// target. Its gradient goes to the elements that it is made of (see penalize_percentile).
/// KerasSpiking's regularizer of the same name.
struct Percentile {
  double percentile = 100;   // from 0 (the minimum) to 100 (the maximum)
  std::vector<int> axis{0};  // of (batch, time, units...), or of a weight; -1 is the last
  Target target = 0;
  float l1 = 0, l2 = 0;

  static constexpr bool of_means = false;

  void check(std::span<const std::size_t> shape, bool) const {
    if (!(percentile >= 0 && percentile <= 100))
      throw InvalidSetting("the percentile of a regularizer", text_of(percentile), "from 0 to 100");
    for (const std::size_t i : axes_below(axis, shape.size()))
      if (shape[i] == 0)
        throw InvalidSetting("the extent of a percentile's axis " + std::to_string(i), "0",
                             "at least 1");
    check_strengths(l1, l2);
    target.check();
  }
  double add(const RegularizedTensor& x, float scale, ThreadPool& pool) const {
    return add(x, scale, pool, nullptr);
  }
  /// Of the tensor's distances to a range, unless that is null.
  double add(const RegularizedTensor& x, float scale, ThreadPool& pool,
             const Target* distances_to) const {
    return penalize_percentile(x, percentile, axes_below(axis, x.axes.size()),
                               {target.lo, target.hi, l1, l2}, scale, pool, distances_to);
  }
  std::string signature() const {
    std::string axes;
    for (const int i : axis) axes += "," + std::to_string(i);
    return "percentile(" + text_of(percentile) + ",axis(" + axes.substr(1) + "),l1l2(" +
           text_of(l1) + "," + text_of(l2) + ",target" + target.text() + "))";
  }
};

}  // namespace synfire
