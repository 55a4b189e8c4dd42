// Which synapses there are: those whose weight in the dense kernel is not 0.
//
// A connectivity is a kind of weights (weight.hpp) in connectivity/ with a `group`; what its run
// packs is the synapses. The definition is float32's, synapses of weight 0 and all: for finite
// inputs they add nothing, and the sums are the same bits.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <synfire/dsl/weight.hpp>

namespace synfire {

struct AnyConnectivity {};

template <class C>
concept Connectivity = WeightKind<C> && group_of<C>()
!= 0;

/// Of rows with synapses_of(i) synapses each.
template <class Rows>
struct SparseRows {
  std::uint64_t synapses(const std::uint32_t* index, std::size_t n) const {
    std::uint64_t sum = 0;
    for (std::size_t k = 0; k < n; ++k) sum += of(index[k]);
    return sum;
  }
  std::uint64_t synapses(const std::uint32_t* index, const float* count, std::size_t n) const {
    std::uint64_t sum = 0;
    for (std::size_t k = 0; k < n; ++k) {
      const float times = std::abs(count[k]);
      if (times < 0x1p63f) sum += static_cast<std::uint64_t>(times) * of(index[k]);
    }
    return sum;
  }

 private:
  std::uint64_t of(std::uint32_t input) const {
    return static_cast<const Rows*>(this)->synapses_of(input);
  }
};

}  // namespace synfire
