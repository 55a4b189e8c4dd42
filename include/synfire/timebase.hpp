// Time of a simulation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace synfire {

/// When a run may end before its last step. What is looked at is the network's output were it read
/// after the steps so far; its class is the first of its largest values.
struct Stop {
  enum class Rule {
    Never,
    Exact,  // once nothing that the other steps can bring gives the whole run another class
    Margin  // once the largest value leads the second by `margin`, in the output's unit
  };

  static constexpr Stop exact() { return {Rule::Exact, 0}; }
  static constexpr Stop at_margin(double margin) { return {Rule::Margin, margin}; }

  /// What text() says of it. Throws InvalidSetting for `setting` otherwise.
  static Stop parse(const std::string& setting, const std::string& text);
  /// Throws InvalidSetting unless 0 <= margin < infinity.
  void validate() const;
  /// "never", "exact", or the margin.
  std::string text() const;

  Rule rule = Rule::Never;
  double margin = 0;
};

/// How a network is run. Throws InvalidSetting from validate() unless 0 < dt < infinity, steps > 0
/// and dense_above is a number, and where a run that may stop early is to leave a state for the
/// next.
struct RunOptions {
  float dt = 0.001f;       // seconds a step
  std::size_t steps = 1;   // steps a sample
  std::uint64_t seed = 0;  // of the initial voltages
  bool stateful = false;   // a run starts from what the last run left, until reset()
  Stop stop = {};          // an engine's; the reference runs every step
  /// Share of a layer's inputs: where more are active, all rows of its weights are read in their
  /// order, and not those of the active ones. The results are the same; which is faster,
  /// measure_crossover() finds. With the default neither way is a tenth faster than what is taken,
  /// on the processors that were measured.
  double dense_above = 0.95;

  void validate() const;
};

}  // namespace synfire
