// Settings of a run, several of each, and the grid that they span.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <synfire/timebase.hpp>

namespace synfire {

/// What a grid says of one run; what it does not sweep is left out.
struct SweepPoint {
  std::optional<float> dt;           // seconds
  std::optional<std::size_t> steps;  // of a sample
  std::optional<float> threshold;    // Model::scale_thresholds
  std::optional<Stop> stop;
  std::optional<float> regularize;  // strength of an activity regularizer in training
};

/// Values by setting; empty where it is not swept.
struct SweepGrid {
  std::vector<float> dt;
  std::vector<std::size_t> steps;
  std::vector<float> threshold;
  std::vector<Stop> stop;
  std::vector<float> regularize;

  /// Reads "dt=1e-3..1", "steps=1..100/9", "threshold=1,2,4", "stop=never,exact,2",
  /// "regularize=0,1e-6..1e-4/3": values by comma, each one value or a range A..B/N of N values (7
  /// without /N), both ends among them, in equal ratios, rounded to four digits (steps: to whole
  /// ones); a value that is there already is left out. Throws InvalidSetting for an unknown or
  /// repeated setting, for values out of range, ranges whose first end is not above 0 or above the
  /// second, and where the grid has no points, or more than kMostPoints.
  static SweepGrid parse(std::span<const std::string> texts);
  static constexpr std::size_t kMostPoints = 10000;

  std::size_t size() const;  // 1 where nothing is swept
  /// All of them: regularize varies slowest, then dt, steps, threshold, and stop fastest.
  std::vector<SweepPoint> points() const;
};

}  // namespace synfire
