// Losses and metrics: a network's output against what it should be. Definitions are Keras 2.15's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace synfire {

/// What the outputs of some samples are to be: a class for each sample, or a row of `width` values
/// for each. A class stands for its one-hot row, whatever the loss or metric.
struct Targets {
  Targets(const std::uint8_t* classes) : labels(classes) {}
  Targets(const float* rows) : values(rows) {}

  const std::uint8_t* labels = nullptr;
  const float* values = nullptr;
};

/// Means over the samples of, with y the output and t the target of a sample:
/// CategoricalCrossentropy: -sum of t * log(softmax(y)), y being logits and t a distribution;
/// MeanSquaredError: the mean of (y - t)^2 over the outputs;
/// Hinge: the mean of max(1 - t y, 0) over the outputs, where targets that are all 0 or 1 in the
/// batch are taken as -1 and 1.
enum class Loss { CategoricalCrossentropy, MeanSquaredError, Hinge };

/// Keras's names: "categorical_crossentropy", "mean_squared_error", "hinge".
std::string_view name_of(Loss loss);
/// Throws InvalidSetting with the known names.
Loss parse_loss(const std::string& name);

struct BatchResult {
  double loss_sum;      // over the batch's samples
  std::size_t correct;  // samples whose first largest output is the target's first largest
};

/// Outputs and gradient: [count][width]. Fills gradient (of the mean loss over the batch).
BatchResult differentiate(Loss loss, const float* outputs, Targets targets, std::size_t count,
                          std::size_t width, float* gradient);

/// Sparse categorical cross-entropy from logits [count][classes]: fills gradient (of the mean over
/// the batch), returns the sum of losses and the number of correct arg-maxima.
BatchResult softmax_cross_entropy(const float* logits, const std::uint8_t* labels,
                                  std::size_t count, std::size_t classes, float* gradient);

/// Means over the samples of:
/// Accuracy: whether the first largest output is the target's first largest;
/// TopK: whether fewer than k outputs are larger than that of the target's class;
/// MeanAbsoluteError: the mean of |y - t| over the outputs.
struct Metric {
  enum class Kind { Accuracy, TopK, MeanAbsoluteError } kind = Kind::Accuracy;
  std::size_t k = 5;

  /// "accuracy", "top_5_accuracy", "mean_absolute_error".
  std::string name() const;
  /// Throws InvalidSetting for any other name.
  static Metric parse(const std::string& name);
  /// The sum over the samples, whose outputs are [count][width].
  double sum(const float* outputs, Targets targets, std::size_t count, std::size_t width) const;
};

/// exp(logit) over their sum: [classes] -> [classes].
std::vector<double> softmax(std::span<const float> logits);

}  // namespace synfire
