// Weights rounded to bfloat16, the upper half of a float: half the bytes to read.
#pragma once

#include <synfire/dsl/weights/float32.hpp>

namespace synfire {

struct bfloat16 {
  static constexpr std::string_view name = "bfloat16";
  static constexpr std::size_t bytes(std::size_t inputs, std::size_t width) {
    return inputs * width * sizeof(std::uint16_t);
  }

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
  struct Rows : FullRows<width> {
    static constexpr std::size_t stride = kernels::padded((width + 1) / 2) * 2;
    static constexpr std::size_t words = stride / 2;
    static constexpr std::size_t row_bytes = words * sizeof(std::uint32_t);

    Rows(const float* kernel, const float* from) : rows(inputs * words), bias(stride) {
      for (std::size_t i = 0; i < inputs; ++i)
        kernels::pack_bf16(kernel + i * width, width, rows.data() + i * words);
      std::copy_n(from, width, bias.data());
    }

    ReadRows add(const std::uint32_t* index, const float* x, std::size_t n, float* out) const {
      kernels::accumulate_rows_bf16(rows.data(), words, bias.data(), index, x, n, out);
      return {n * width, n * row_bytes};
    }

    kernels::ReadValues add(const float* x, double dense_above, std::uint32_t* index,
                            float* out) const {
      return kernels::accumulate_values_bf16(rows.data(), words, bias.data(), x, inputs,
                                             dense_above, index, out);
    }

    float weight(std::size_t i, std::size_t j) const {
      constexpr std::size_t lanes = kernels::kLanes;
      const std::uint32_t word = rows[i * words + j / (2 * lanes) * lanes + j % lanes];
      return kernels::float_of_bf16(static_cast<std::uint16_t>(word >> j / lanes % 2 * 16));
    }

    Buffer<std::uint32_t> rows;
    Buffer<float> bias;
  };

  template <std::size_t inputs, std::size_t width>
  using Event = EventRows<inputs, Rows<inputs, width>>;
};

}  // namespace synfire
