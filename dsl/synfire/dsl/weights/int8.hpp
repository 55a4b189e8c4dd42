// Weights in 8 bits with a scale for each column, times inputs in 8 bits with a scale for each step
// that they come in: sums of whole numbers, exact in any order.
//
// A column's weights are whole multiples of max|w| / 127. Inputs are whole multiples of max|x| /
// 255 (see kernels::quantize_quads): pixels and counts of up to 255 spikes are exact.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include <synfire/dsl/weight.hpp>

namespace synfire {

struct int8 {
  static constexpr std::string_view name = "int8";
  static constexpr std::size_t bytes(std::size_t inputs, std::size_t width) {
    return inputs * width + width * sizeof(float);  // a scale for each column
  }

  /// Of `inputs` products each sum fits in 32 bits.
  static constexpr std::size_t most_inputs =
      static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) /
      (static_cast<std::size_t>(kernels::kMostByte) * 127);

  template <std::size_t inputs, std::size_t width>
  struct Clocked {
    Clocked(const float* kernel, const float* bias)
        : weight(inputs * width), scale(width), bias(bias, bias + width) {
      kernels::quantize_columns(kernel, inputs, width, weight.data(), scale.data());
    }

    void step(const std::vector<float>& in, std::vector<float>& out) const {
      sum([&in](std::size_t i) { return in[i]; }, false, 1, out);
    }
    void step(const ClockedCounts& in, std::vector<float>& out) const {
      sum([&in](std::size_t i) { return in.count[i]; }, true, in.unit, out);
    }

    template <class Number>
    void sum(const Number& x, bool counts, float unit, std::vector<float>& out) const {
      float top = 0;
      for (std::size_t i = 0; i < inputs; ++i) {
        if (!std::isfinite(x(i))) top = std::numeric_limits<float>::quiet_NaN();
        if (top == top) top = std::max(top, std::abs(x(i)));
      }
      const bool exact = counts && top <= kernels::kMostByte;
      float factor = exact ? 1 : kernels::kMostByte / top;
      float step = exact ? 1 : top / kernels::kMostByte;
      if (!(factor < std::numeric_limits<float>::infinity())) {
        factor = 0;
        step = top == top ? 0 : top;
      }
      step /= unit;
      out.resize(width);
      for (std::size_t j = 0; j < width; ++j) {
        std::int64_t products = 0;
        for (std::size_t i = 0; i < inputs && factor != 0; ++i)
          products +=
              static_cast<std::int64_t>(std::nearbyint(x(i) * factor)) * weight[i * width + j];
        out[j] = bias[j] + static_cast<float>(products) * (scale[j] * step);
      }
    }

    std::vector<std::int8_t> weight;
    std::vector<float> scale, bias;
  };

  template <std::size_t inputs, std::size_t width>
  class Event {
   public:
    static constexpr std::size_t stride = kernels::padded(width);

    Event(const float* kernel, const float* bias, const RunOptions&)
        : scratch_(quads), index_(2 * quads), quad_(2 * quads) {
      Packed packed{Buffer<std::int8_t>(kernels::padded(quads) * stride * 4), Buffer<float>(stride),
                    Buffer<float>(stride)};
      std::vector<std::int8_t> weight(inputs * width);
      kernels::quantize_columns(kernel, inputs, width, weight.data(), packed.scale.data());
      for (std::size_t i = 0; i < inputs; ++i)
        for (std::size_t j = 0; j < width; ++j)
          packed.rows[(i / 4 * stride + j) * 4 + i % 4] = weight[i * width + j];
      std::copy_n(bias, width, packed.bias.data());
      weights_ = std::make_shared<const Packed>(std::move(packed));
      kernels::has_tiles();  // asks the system, which no run does
    }

    ReadWeights add(Values in, float* out) {
      const auto quantized = quantize(in);
      return add(quantized, quantized.nonzero, out);
    }
    ReadWeights add(SpikeView in, float* out) {
      auto quantized =
          kernels::quantize_events(in.index, in.count, in.size, index_.data(), quad_.data());
      quantized.step /= in.unit;
      return add(quantized, kernels::count_spikes(in.count, in.size).all, out);
    }
    static void add_together(std::span<Event* const> all, const Values* in, float* const* out,
                             ReadWeights* read) {
      const Packed& weights = *all[0]->weights_;
      std::array<kernels::ByteProduct, kernels::kMostProducts> of_bytes{};
      for (std::size_t k = 0; k < all.size(); ++k) of_bytes[k] = {in[k].data(), out[k], 0, {}};
      if (kernels::byte_products(weights.rows.data(), stride, inputs, weights.bias.data(),
                                 weights.scale.data(), of_bytes.data(), all.size())) {
        for (std::size_t k = 0; k < all.size(); ++k)
          read[k] = read_of(of_bytes[k].in, of_bytes[k].in.nonzero, of_bytes[k].nonzero);
        return;
      }
      std::array<kernels::QuadProduct, kernels::kMostProducts> products{};
      for (std::size_t k = 0; k < all.size(); ++k) {
        Event& of = *all[k];
        products[k] = {of.index_.data(), of.quad_.data(), of.quantize(in[k]), out[k]};
        read[k] = read_of(products[k].in, products[k].in.nonzero);
      }
      kernels::accumulate_quad_products(weights.rows.data(), stride, quads, weights.bias.data(),
                                        weights.scale.data(), products.data(), all.size());
    }

    float weight(std::size_t i, std::size_t j) const {
      return weights_->scale[j] *
             static_cast<float>(weights_->rows[(i / 4 * stride + j) * 4 + i % 4]);
    }
    float bias(std::size_t j) const { return weights_->bias[j]; }
    /// Half a step and a little for its rounding; all of an input that is too small for steps.
    /// Infinite where a step of a column might overflow.
    double input_error(double most, float unit, bool spikes) const {
      const bool exact = spikes && most <= kernels::kMostByte;
      const double step = exact ? 1.0 : most / kernels::kMostByte;
      for (std::size_t j = 0; j < width; ++j)
        if (!(weights_->scale[j] * step / unit <= 1e37))
          return std::numeric_limits<double>::infinity();
      return exact ? 0 : 0.51 * step + 1e-35;
    }

   private:
    static constexpr std::size_t quads = (inputs + 3) / 4;
    struct Packed {
      Buffer<std::int8_t> rows;
      Buffer<float> scale, bias;
    };

    kernels::Quantized quantize(Values in) {
      return kernels::quantize_quads(in.data(), inputs, scratch_.data(), index_.data(),
                                     quad_.data());
    }
    static ReadWeights read_of(const kernels::Quantized& in, std::uint64_t times,
                               std::size_t inputs_told = ReadWeights::untold) {
      const std::size_t rows = in.positive + in.negative;
      return {times * width, rows, rows * stride * 4, inputs_told};
    }

    ReadWeights add(const kernels::Quantized& in, std::uint64_t times, float* out) {
      kernels::accumulate_quads_int8(weights_->rows.data(), stride, index_.data(), quad_.data(), in,
                                     weights_->bias.data(), weights_->scale.data(), out);
      return read_of(in, times);
    }

    std::shared_ptr<const Packed> weights_;
    Buffer<std::uint32_t> scratch_, index_, quad_;
  };
};

}  // namespace synfire
