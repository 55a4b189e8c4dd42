#include <algorithm>
#include <cmath>
#include <numeric>

#include <synfire/training.hpp>

namespace synfire {

Trainable::BatchResult softmax_cross_entropy(const float* logits, const std::uint8_t* labels,
                                             std::size_t count, std::size_t classes,
                                             float* gradient) {
  Trainable::BatchResult result{0, 0};
  const auto batch = static_cast<float>(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float* z = logits + i * classes;
    float* g = gradient + i * classes;
    const std::size_t label = labels[i];

    // Relative to the largest logit: exp cannot overflow and the sum is at least 1.
    const auto best = static_cast<std::size_t>(std::max_element(z, z + classes) - z);
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

std::vector<double> softmax(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  for (const float logit : logits) p.push_back(std::exp(logit - most));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

}  // namespace synfire
