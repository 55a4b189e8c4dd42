// Regularizers: penalties on a tensor that a training adds to its loss. KerasSpiking's semantics.
// Their settings are structs in dsl/regularizers/; here is what a training holds of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <synfire/buffer.hpp>
#include <synfire/kernels.hpp>
#include <synfire/parallel.hpp>

namespace synfire {

struct Axis {
  std::size_t extent, stride;
  std::size_t gradient_stride;  // 0 where the caller wants the sum over this axis
};

/// The percentiles of a tensor as they were found the last time, how far around these the next ones
/// are looked for first, and where the elements were that they are made of.
struct LastPercentiles {
  std::vector<float> value, reach;
  std::vector<std::uint32_t> place;
};

/// A tensor of any rank. Element i is values[i . strides] / unit, its gradient is added to
/// gradient[i . gradient strides]; without `gradient` the value alone is wanted. `last` is kept
/// from call to call for a tensor that changes little, and empty at first: it saves a percentile
/// work and changes no bit of it.
struct RegularizedTensor {
  const float* values;
  float unit;
  float* gradient;
  std::vector<Axis> axes;
  LastPercentiles* last = nullptr;
};

/// What values are driven to: one value, or a range that is free of penalty. Ends may be infinite.
struct Target {
  constexpr Target(float value = 0) : lo(value), hi(value) {}
  constexpr Target(float lowest, float highest) : lo(lowest), hi(highest) {}
  float lo, hi;

  void check() const;  // throws InvalidSetting
  std::string text() const;
};

/// A regularizer whose settings are known at run time.
class Regularizer {
 public:
  virtual ~Regularizer() = default;
  /// Returns the value of a tensor and adds `scale` times its gradient: the same bits for any
  /// number of threads.
  virtual double add(const RegularizedTensor& x, float scale, ThreadPool& pool) const = 0;
  /// Throws InvalidSetting for settings out of range, or that do not fit tensors of this shape.
  /// In time: shape is (batch, time, units...), and (batch, units...) or a weight's otherwise.
  virtual void check(std::span<const std::size_t> shape, bool in_time) const = 0;
  /// "l1l2(l1=0,l2=0.0001,target=(10,20))": whatever decides the value.
  virtual std::string signature() const = 0;
  /// Whether means over time are all that it reads.
  virtual bool of_means() const = 0;
};

/// R: a struct of dsl/regularizers/, which has these four as its own.
template <class R>
std::shared_ptr<const Regularizer> regularizer(R settings) {
  struct Erased final : Regularizer {
    explicit Erased(R given) : settings(std::move(given)) {}
    double add(const RegularizedTensor& x, float scale, ThreadPool& pool) const override {
      return settings.add(x, scale, pool);
    }
    void check(std::span<const std::size_t> shape, bool in_time) const override {
      settings.check(shape, in_time);
    }
    std::string signature() const override { return settings.signature(); }
    bool of_means() const override { return R::of_means; }
    R settings;
  };
  return std::make_shared<Erased>(std::move(settings));
}

/// "l2:l2=0.0001,target=10/20,over_time=true", "percentile:percentile=90,axis=0/1,l2=0.1,target=5":
/// l1, l2, l1l2 or percentile with its fields. Throws InvalidSetting.
std::shared_ptr<const Regularizer> parse_regularizer(const std::string& text);

/// On the output of a layer at every step, hertz for rate neurons: summed over samples, steps and
/// units, divided by the batch size. `layer` is a label: a Named name, or kind and index
/// ("spiking_3").
struct ActivityRegularizer {
  std::string layer;
  std::shared_ptr<const Regularizer> regularizer;
};

/// On a tensor of a layer ("kernel", "bias", "tau").
struct WeightRegularizer {
  std::string layer, tensor;
  std::shared_ptr<const Regularizer> regularizer;
};

// ------------------------------------------------------------------ what regularizers are made of

/// Throws InvalidSetting unless the strengths are finite and not negative.
void check_strengths(float l1, float l2);

/// The number's shortest text that reads back to it.
std::string text_of(float number);
std::string text_of(double number);

/// Sum over all elements of l1 * |d| + l2 * d * d, d the distance to [lo, hi]. Along the first axis
/// gradient strides are not 0.
double penalize(const RegularizedTensor& x, const kernels::Penalty& penalty, float scale,
                ThreadPool& pool);

/// The axes of a percentile as indices below `rank`, negative ones counted from the end. Throws
/// InvalidSetting for none, one out of range, or one named twice.
std::vector<std::size_t> axes_below(std::span<const int> axes, std::size_t rank);

/// The same of the percentile over `reduced` axes, for each index of the others; between two
/// elements linear, as tfp.stats.percentile has it: the gradient goes to the elements that a stable
/// sort from the smallest on, in the order of the axes as they are named, has in these places. At
/// 100, where KerasSpiking takes the maximum, equal elements share it. With `distances_to`,
/// elements are the tensor's distances to that range.
double penalize_percentile(const RegularizedTensor& x, double percentile,
                           std::span<const std::size_t> reduced, const kernels::Penalty& penalty,
                           float scale, ThreadPool& pool, const Target* distances_to = nullptr);

/// Calls f(offset, gradient offset) for each index, the last axis fastest.
template <class F>
void for_each_index(std::span<const Axis> axes, const F& f, std::size_t offset = 0,
                    std::size_t gradient_offset = 0) {
  if (axes.empty()) return f(offset, gradient_offset);
  for (std::size_t i = 0; i < axes[0].extent; ++i)
    for_each_index(axes.subspan(1), f, offset + i * axes[0].stride,
                   gradient_offset + i * axes[0].gradient_stride);
}

/// A tensor in C order with storage of its own for values and gradient, with the extents of `axes`.
struct OwnedTensor {
  explicit OwnedTensor(std::span<const Axis> axes);
  Buffer<float> values, gradient;
  RegularizedTensor view;
};

}  // namespace synfire
