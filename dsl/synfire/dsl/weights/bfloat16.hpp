// Weights rounded to bfloat16, the upper half of a float: half the bytes to read.
#pragma once

#include <synfire/dsl/weights/float32.hpp>

namespace synfire {

struct bfloat16 {
  static constexpr std::string_view name = "bfloat16";

  /// As float32 with each weight rounded; biases and sums are floats.
  template <std::size_t inputs, std::size_t width>
  struct Clocked : float32::Clocked<inputs, width> {
    Clocked(const float* kernel, const float* bias)
        : float32::Clocked<inputs, width>(kernel, bias) {
      for (float& weight : this->kernel)
        weight = kernels::float_of_bf16(kernels::bf16_of_float(weight));
    }
  };

  template <std::size_t inputs, std::size_t width>
  class Event {
   public:
    static constexpr std::size_t stride = kernels::padded((width + 1) / 2) * 2;

    Event(const float* kernel, const float* bias) : index_(inputs), amount_(inputs) {
      Packed packed{Buffer<std::uint32_t>(inputs * words), Buffer<float>(stride)};
      for (std::size_t i = 0; i < inputs; ++i)
        kernels::pack_bf16(kernel + i * width, width, packed.rows.data() + i * words);
      std::copy_n(bias, width, packed.bias.data());
      weights_ = std::make_shared<const Packed>(std::move(packed));
    }

    ReadWeights add(Values in, float* out) {
      return add(index_.data(), kernels::nonzeros(in.data(), inputs, index_.data(), amount_.data()),
                 out);
    }
    ReadWeights add(SpikeView in, float* out) {
      for (std::size_t k = 0; k < in.size; ++k) amount_[k] = in.count[k] / in.unit;
      return add(in.index, in.size, out);
    }

    float weight(std::size_t i, std::size_t j) const {
      constexpr std::size_t lanes = kernels::kLanes;
      const std::uint32_t word = weights_->rows[i * words + j / (2 * lanes) * lanes + j % lanes];
      return kernels::float_of_bf16(static_cast<std::uint16_t>(word >> j / lanes % 2 * 16));
    }
    float bias(std::size_t j) const { return weights_->bias[j]; }
    double input_error(double, float, bool) const { return 0; }

   private:
    static constexpr std::size_t words = stride / 2;
    struct Packed {
      Buffer<std::uint32_t> rows;
      Buffer<float> bias;
    };

    ReadWeights add(const std::uint32_t* index, std::size_t n, float* out) {
      kernels::accumulate_rows_bf16(weights_->rows.data(), words, weights_->bias.data(), index,
                                    amount_.data(), n, out);
      return {n, n, n * words * sizeof(std::uint32_t)};
    }

    std::shared_ptr<const Packed> weights_;
    Buffer<std::uint32_t> index_;
    Buffer<float> amount_;
  };
};

}  // namespace synfire
