// What a network is trained with, whatever it is made of: a view of someone else's arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <synfire/dataset.hpp>
#include <synfire/loss.hpp>

namespace synfire {

/// Inputs are pixels (taken as pixel / 255) or values; targets are classes or rows of values.
/// Everything is row-major, sample after sample, and must outlive the view. Which arrays are empty
/// says which are not used.
struct Samples {
  Samples(const ImageSet& set)
      : count(set.size()), width(set.pixels_per_image()), pixels(set.pixels), labels(set.labels) {}
  /// A classifier's. values: [count][width].
  Samples(std::span<const float> rows, std::span<const std::uint8_t> classes)
      : count(classes.size()),
        width(count == 0 ? 0 : rows.size() / count),
        values(rows),
        labels(classes) {}
  /// `n` samples, each with a row of values as its target.
  Samples(std::size_t n, std::span<const float> rows, std::span<const float> target_rows)
      : count(n), width(n == 0 ? 0 : rows.size() / n), values(rows), targets(target_rows) {}
  Samples(std::size_t n, std::span<const std::uint8_t> images, std::span<const float> target_rows)
      : count(n), width(n == 0 ? 0 : images.size() / n), pixels(images), targets(target_rows) {}

  std::size_t count, width;  // samples; values of one input
  std::span<const std::uint8_t> pixels;
  std::span<const float> values;
  std::span<const std::uint8_t> labels;
  std::span<const float> targets;

  std::size_t target_width() const { return count == 0 ? 0 : targets.size() / count; }
  /// Writes the `width` values of input i.
  void load(std::size_t i, float* x) const;
  /// Samples first, first + 1, ... first + n - 1.
  Samples part(std::size_t first, std::size_t n) const;
  /// Those from sample i on.
  Targets targets_from(std::size_t i) const {
    if (!labels.empty()) return labels.data() + i;
    return targets.data() + i * target_width();
  }
  /// Throws InvalidSetting or ShapeMismatch unless these are samples for `inputs` values in and
  /// `outputs` values or classes out, finite all of them.
  void check(std::size_t inputs, std::size_t outputs) const;
};

}  // namespace synfire
