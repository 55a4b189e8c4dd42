// AMX: tiles of 16 rows of 64 bytes each, which one instruction multiplies. Behind the kernels of
// several inputs at once, where the processor has them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "synfire/kernels.hpp"

namespace synfire::kernels {

/// Whether the processor has them and the system lets this process use them.
bool tiles_granted();
/// Leaves them out, or no longer: with them is a target of its own.
void allow_tiles(bool allowed);

/// So many inputs have bytes in a near cache, of so many numbers at most.
struct ByteInputs {
  static constexpr std::size_t kCount = kMostProducts, kMost = 1024;
  /// Rows of a tile lie in different sets of the first-level cache.
  static constexpr std::size_t kStride = kMost + 64;

  /// Whether tiles are quicker than one product after the other; they take as long for one as for
  /// kCount.
  static bool pay(std::size_t n, std::size_t count) {
    return count >= kCount / 4 && n <= kMost && has_tiles();
  }

  alignas(64) std::uint8_t byte[kCount][kStride];

  /// Zeros behind the n numbers of input p, up to whole tiles.
  void clear_behind(std::size_t p, std::size_t n);
  /// sum[p * sum_stride + j] = the sum over i < n of byte[p][i] * rows[(i / 4 * stride + j) * 4 + i
  /// % 4], for each of kCount inputs and j < columns, a multiple of kLanes. Zeros follow the rows
  /// up to a whole number of kLanes * 4 inputs.
  void multiply(const std::int8_t* rows, std::size_t stride, std::size_t columns, std::size_t n,
                std::int32_t* sum, std::size_t sum_stride) const;
};

}  // namespace synfire::kernels
