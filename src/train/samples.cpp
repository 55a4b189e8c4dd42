#include <synfire/samples.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <synfire/error.hpp>
#include <synfire/kernels.hpp>

namespace synfire {
namespace {

void require_finite(std::span<const float> values, std::size_t width, const char* what) {
  const auto bad =
      std::find_if_not(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
  if (bad == values.end()) return;
  const auto sample = static_cast<std::size_t>(bad - values.begin()) / width;
  throw InvalidSetting(fmt::format("a value in the {} of training sample {}", what, sample),
                       fmt::to_string(*bad), "finite");
}

}  // namespace

void Samples::load(std::size_t i, float* x) const {
  if (!pixels.empty()) {
    kernels::scale_pixels(pixels.data() + i * width, width, x);
  } else {
    std::copy_n(values.data() + i * width, width, x);
  }
}

Samples Samples::part(std::size_t first, std::size_t n) const {
  const auto rows = [&](const auto& all, std::size_t row) {
    return all.empty() ? all : all.subspan(first * row, n * row);
  };
  Samples some = *this;
  some.count = n;
  some.pixels = rows(pixels, width);
  some.values = rows(values, width);
  some.labels = rows(labels, 1);
  some.targets = rows(targets, target_width());
  return some;
}

void Samples::check(std::size_t inputs, std::size_t outputs) const {
  if (count == 0) throw InvalidSetting("number of training samples", "0", "at least 1");
  if (count > std::numeric_limits<std::uint32_t>::max())
    throw InvalidSetting("number of training samples", std::to_string(count), "below 4294967296");
  if (width != inputs) throw ShapeMismatch("a training sample", inputs, width);
  const std::size_t given = pixels.size() + values.size();
  if (given != count * inputs)
    throw ShapeMismatch("the training samples' inputs", count * inputs, given);
  if (labels.empty()) {
    if (targets.size() != count * outputs)
      throw ShapeMismatch("the training samples' targets", count * outputs, targets.size());
    require_finite(targets, outputs, "target");
  }
  require_finite(values, inputs, "input");
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= outputs)
      throw InvalidSetting(fmt::format("label of training sample {}", i), std::to_string(labels[i]),
                           fmt::format("below {}", outputs));
}

}  // namespace synfire
