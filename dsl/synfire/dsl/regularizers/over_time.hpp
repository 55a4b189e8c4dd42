// OverTime<R>: a regularizer of rates averaged over time, where the others are of each step.
#pragma once

#include <synfire/error.hpp>
#include <synfire/regularizer.hpp>

namespace synfire {

/// R of the mean over the steps of (batch, time, units...): of a tensor (batch, units...).
template <class R>
struct OverTime {
  R regularizer{};

  static constexpr bool of_means = true;

  void check(std::span<const std::size_t> shape, bool in_time) const {
    if (!in_time)
      throw InvalidSetting("the tensor that is regularized over time", "without time",
                           "a layer's output at every step");
    std::vector<std::size_t> rest(shape.begin(), shape.end());
    rest.erase(rest.begin() + 1);
    regularizer.check(rest, false);
  }

  double add(const RegularizedTensor& x, float scale, ThreadPool& pool) const {
    const Axis time = x.axes[1];
    RegularizedTensor steps = x;
    steps.axes.erase(steps.axes.begin() + 1);
    // Where every step has the same value and gradient, that value is the mean.
    if (time.stride == 0 && time.gradient_stride == 0) return regularizer.add(steps, scale, pool);

    const std::span<const Axis> axes(steps.axes);
    OwnedTensor means(axes);
    if (x.gradient == nullptr) means.view.gradient = nullptr;
    const auto n = static_cast<float>(time.extent);
    float* mean = means.values.data();
    for_each_index(axes, [&](std::size_t at, std::size_t) {
      float sum = 0;
      for (std::size_t t = 0; t < time.extent; ++t) sum += x.values[at + t * time.stride];
      *mean++ = sum / (n * x.unit);
    });
    const double value = regularizer.add(means.view, scale, pool);
    if (x.gradient == nullptr) return value;
    const float* g = means.gradient.data();
    for_each_index(axes, [&](std::size_t, std::size_t to) {
      for (std::size_t t = 0; t < time.extent; ++t)
        x.gradient[to + t * time.gradient_stride] += *g / n;
      ++g;
    });
    return value;
  }

  std::string signature() const { return "over_time(" + regularizer.signature() + ")"; }
};

}  // namespace synfire
