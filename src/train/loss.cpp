#include <synfire/loss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "train/text.hpp"

namespace synfire {
namespace {

constexpr std::array<std::string_view, 3> kLosses{"categorical_crossentropy", "mean_squared_error",
                                                  "hinge"};

std::size_t largest(const float* row, std::size_t width) {
  return static_cast<std::size_t>(std::max_element(row, row + width) - row);
}

float target(Targets targets, std::size_t sample, std::size_t place, std::size_t width) {
  if (targets.labels != nullptr) return targets.labels[sample] == place ? 1.0f : 0.0f;
  return targets.values[sample * width + place];
}

std::size_t class_of(Targets targets, std::size_t sample, std::size_t width) {
  if (targets.labels != nullptr) return targets.labels[sample];
  return largest(targets.values + sample * width, width);
}

/// Calls work(sample, y, t, g) for each output, and adds up what it returns and who is correct.
template <class Work>
BatchResult over_outputs(const float* outputs, Targets targets, std::size_t count,
                         std::size_t width, float* gradient, const Work& work) {
  BatchResult result{0, 0};
  for (std::size_t i = 0; i < count; ++i) {
    const float* y = outputs + i * width;
    double sum = 0;
    for (std::size_t c = 0; c < width; ++c)
      sum += work(y[c], target(targets, i, c, width), gradient[i * width + c]);
    result.loss_sum += sum / static_cast<double>(width);
    result.correct += largest(y, width) == class_of(targets, i, width);
  }
  return result;
}

BatchResult dense_cross_entropy(const float* logits, const float* targets, std::size_t count,
                                std::size_t classes, float* gradient) {
  BatchResult result{0, 0};
  const auto batch = static_cast<float>(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float* z = logits + i * classes;
    const float* t = targets + i * classes;
    float* g = gradient + i * classes;

    const std::size_t best = largest(z, classes);
    float sum = 0, whole = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      g[c] = std::exp(z[c] - z[best]);
      sum += g[c];
      whole += t[c];
    }
    const float log_sum = std::log(sum);
    for (std::size_t c = 0; c < classes; ++c) {
      result.loss_sum += t[c] * (log_sum - (z[c] - z[best]));
      g[c] = (g[c] / sum * whole - t[c]) / batch;
    }
    result.correct += best == largest(t, classes);
  }
  return result;
}

}  // namespace

std::string_view name_of(Loss loss) {
  return kLosses[static_cast<std::size_t>(loss)];
}

Loss parse_loss(const std::string& name) {
  const auto found = std::find(kLosses.begin(), kLosses.end(), name);
  if (found == kLosses.end())
    throw InvalidSetting("the loss", "'" + name + "'",
                         fmt::format("one of {}", fmt::join(kLosses, ", ")));
  return static_cast<Loss>(found - kLosses.begin());
}

BatchResult differentiate(Loss loss, const float* outputs, Targets targets, std::size_t count,
                          std::size_t width, float* gradient) {
  if (loss == Loss::CategoricalCrossentropy)
    return targets.labels != nullptr
               ? softmax_cross_entropy(outputs, targets.labels, count, width, gradient)
               : dense_cross_entropy(outputs, targets.values, count, width, gradient);

  const auto share = static_cast<float>(count * width);
  if (loss == Loss::MeanSquaredError)
    return over_outputs(outputs, targets, count, width, gradient,
                        [share](float y, float t, float& g) {
                          g = 2.0f * (y - t) / share;
                          return (y - t) * (y - t);
                        });

  const bool binary =
      targets.labels != nullptr || std::all_of(targets.values, targets.values + count * width,
                                               [](float t) { return t == 0 || t == 1; });
  return over_outputs(outputs, targets, count, width, gradient,
                      [share, binary](float y, float t, float& g) {
                        const float sign = binary ? 2.0f * t - 1.0f : t;
                        const float distance = 1.0f - sign * y;
                        g = distance < 0 ? 0.0f : -sign / share;
                        return distance < 0 ? 0.0f : distance;
                      });
}

BatchResult softmax_cross_entropy(const float* logits, const std::uint8_t* labels,
                                  std::size_t count, std::size_t classes, float* gradient) {
  BatchResult result{0, 0};
  const auto batch = static_cast<float>(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float* z = logits + i * classes;
    float* g = gradient + i * classes;
    const std::size_t label = labels[i];

    // Relative to the largest logit: exp cannot overflow and the sum is at least 1.
    const std::size_t best = largest(z, classes);
    float sum = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      g[c] = std::exp(z[c] - z[best]);
      sum += g[c];
    }
    for (std::size_t c = 0; c < classes; ++c)
      g[c] = (g[c] / sum - (c == label ? 1.0f : 0.0f)) / batch;

    result.loss_sum += std::log(sum) - (z[label] - z[best]);
    result.correct += best == label;
  }
  return result;
}

std::string Metric::name() const {
  if (kind == Kind::Accuracy) return "accuracy";
  if (kind == Kind::MeanAbsoluteError) return "mean_absolute_error";
  return fmt::format("top_{}_accuracy", k);
}

Metric Metric::parse(const std::string& name) {
  const std::vector<std::string> parts = split(name, '_');
  Metric metric{Kind::TopK};
  if (parts.size() == 3 && parts[0] == "top" && parts[2] == "accuracy" &&
      read_number(parts[1], metric.k) && metric.k >= 1)
    return metric;
  for (const Metric known : {Metric{Kind::Accuracy}, Metric{Kind::MeanAbsoluteError}})
    if (known.name() == name) return known;
  throw InvalidSetting("the metric", "'" + name + "'",
                       "accuracy, mean_absolute_error or top_K_accuracy with K from 1 on");
}

double Metric::sum(const float* outputs, Targets targets, std::size_t count,
                   std::size_t width) const {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float* y = outputs + i * width;
    if (kind == Kind::MeanAbsoluteError) {
      double error = 0;
      for (std::size_t c = 0; c < width; ++c)
        error += std::abs(y[c] - target(targets, i, c, width));
      sum += error / static_cast<double>(width);
      continue;
    }
    const std::size_t wanted = class_of(targets, i, width);
    if (kind == Kind::Accuracy) {
      sum += largest(y, width) == wanted;
    } else if (std::isfinite(y[wanted])) {
      const auto above = std::count_if(y, y + width, [&](float x) { return x > y[wanted]; });
      sum += static_cast<std::size_t>(above) < k;
    }
  }
  return sum;
}

std::vector<double> softmax(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  for (const float logit : logits) p.push_back(std::exp(logit - most));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

}  // namespace synfire
