// Compressed rows: the synapses of each presynaptic neuron, one by one.
#pragma once

#include <algorithm>
#include <vector>

#include <synfire/dsl/connectivity.hpp>
#include <synfire/dsl/weights/float32.hpp>

namespace synfire {

struct Csr {
  static constexpr std::string_view name = "csr";
  static constexpr std::size_t group = 1;

  template <std::size_t inputs, std::size_t width>
  using Clocked = float32::Clocked<inputs, width>;

  template <std::size_t inputs, std::size_t width>
  struct Rows : SparseRows<Rows<inputs, width>> {
    static constexpr std::size_t stride = width;

    Rows(const float* kernel, const float* from)
        : begin(inputs + 1),
          synapse(inputs * width -
                  static_cast<std::size_t>(std::count(kernel, kernel + inputs * width, 0.0f))),
          bias(width) {
      std::uint32_t end = 0;
      for (std::size_t i = 0; i < inputs; ++i) {
        for (std::size_t j = 0; j < width; ++j)
          if (const float weight = kernel[i * width + j]; weight != 0)
            synapse[end++] = {static_cast<std::uint32_t>(j), weight};
        begin[i + 1] = end;
      }
      std::copy_n(from, width, bias.data());
    }

    std::uint64_t synapses_of(std::uint32_t input) const { return begin[input + 1] - begin[input]; }

    std::size_t add(const std::uint32_t* index, const float* x, std::size_t n, float* out) const {
      kernels::accumulate_csr({begin.data(), synapse.data()}, bias.data(), width, index, x, n, out);
      return static_cast<std::size_t>(this->synapses(index, n)) * sizeof(kernels::Synapse);
    }

    Buffer<std::uint32_t> begin;
    Buffer<kernels::Synapse> synapse;
    Buffer<float> bias;
  };

  template <std::size_t inputs, std::size_t width>
  using Event = EventRows<inputs, Rows<inputs, width>>;
};

}  // namespace synfire
