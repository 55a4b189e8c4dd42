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
    static constexpr std::size_t stride = kernels::padded(width);

    Rows(const float* kernel, const float* from)
        : whole(kernel, from),
          begin(inputs + 1),
          synapse(inputs * width -
                  static_cast<std::size_t>(std::count(kernel, kernel + inputs * width, 0.0f))) {
      std::uint32_t end = 0;
      for (std::size_t i = 0; i < inputs; ++i) {
        for (std::size_t j = 0; j < width; ++j)
          if (const float weight = kernel[i * width + j]; weight != 0)
            synapse[end++] = {static_cast<std::uint32_t>(j), weight};
        begin[i + 1] = end;
      }
    }

    std::uint64_t synapses_of(std::uint32_t input) const { return begin[input + 1] - begin[input]; }

    ReadRows add(const std::uint32_t* index, const float* x, std::size_t n, float* out) const {
      const std::uint64_t synapses = this->synapses(index, n);
      if (32 * synapses > n * stride) return {synapses, whole.add(index, x, n, out).bytes};
      kernels::accumulate_csr({begin.data(), synapse.data()}, whole.bias.data(), width, index, x, n,
                              out);
      return {synapses, static_cast<std::size_t>(synapses) * sizeof(kernels::Synapse)};
    }

    /// On AVX-512 a single synapse takes as long as 40 neighbouring weights, on AVX2 as long as 25:
    /// where they are not as few as that, whole rows are read, zeros and all.
    float32::Rows<inputs, width> whole;
    Buffer<std::uint32_t> begin;
    Buffer<kernels::Synapse> synapse;
  };

  template <std::size_t inputs, std::size_t width>
  using Event = EventRows<inputs, Rows<inputs, width>>;
};

}  // namespace synfire
