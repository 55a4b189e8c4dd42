// Weights as they are.
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include <synfire/dsl/weight.hpp>

namespace synfire {

struct float32 {
  static constexpr std::string_view name = "float32";

  /// y = b + x W. Sums in ascending order of the input, from the bias on; each product is added
  /// with one rounding.
  template <std::size_t inputs, std::size_t width>
  struct Clocked {
    Clocked(const float* kernel, const float* bias)
        : kernel(kernel, kernel + inputs * width), bias(bias, bias + width) {}

    template <class In>
    void step(const In& in, std::vector<float>& out) const {
      out = bias;
      for (std::size_t i = 0; i < inputs; ++i)
        for (std::size_t j = 0; j < width; ++j)
          out[j] = std::fma(in[i], kernel[i * width + j], out[j]);
    }

    std::vector<float> kernel, bias;
  };

  template <std::size_t inputs, std::size_t width>
  struct Rows : FullRows<width> {
    static constexpr std::size_t stride = kernels::padded(width);
    static constexpr std::size_t row_bytes = stride * sizeof(float);

    Rows(const float* kernel, const float* from) : rows(inputs * stride), bias(stride) {
      for (std::size_t i = 0; i < inputs; ++i)
        std::copy_n(kernel + i * width, width, rows.data() + i * stride);
      std::copy_n(from, width, bias.data());
    }

    ReadRows add(const std::uint32_t* index, const float* x, std::size_t n, float* out) const {
      kernels::accumulate_rows(rows.data(), stride, bias.data(), index, x, n, out);
      return {n * width, n * row_bytes};
    }
    kernels::ReadValues add(const float* x, double dense_above, std::uint32_t* index,
                            float* out) const {
      return kernels::accumulate_values(rows.data(), stride, bias.data(), x, inputs, dense_above,
                                        index, out);
    }
    void add(kernels::Product* products, std::size_t count) const {
      kernels::accumulate_products(rows.data(), stride, width, bias.data(), inputs, products,
                                   count);
    }

    float weight(std::size_t i, std::size_t j) const { return rows[i * stride + j]; }

    Buffer<float> rows, bias;
  };

  template <std::size_t inputs, std::size_t width>
  using Event = EventRows<inputs, Rows<inputs, width>>;
};

}  // namespace synfire
