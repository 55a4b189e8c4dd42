#include "kernels/tiles.hpp"

#include <algorithm>
#include <atomic>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace synfire::kernels {
namespace {

constexpr std::size_t kRows = 16, kBytes = 64;  // of a tile
static_assert(ByteInputs::kCount == 2 * kRows && ByteInputs::kMost % kBytes == 0);

std::atomic<bool> tiles_allowed = true;

#if defined(__x86_64__) && defined(__linux__)

// The system keeps tiles of those processes alone that have asked for them.
bool ask_for_tiles() {
  constexpr unsigned kLeaf = 7, kTiles = 1u << 24, kOfBytes = 1u << 25;
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(kLeaf, 0, &a, &b, &c, &d) == 0) return false;
  if ((d & kTiles) == 0 || (d & kOfBytes) == 0) return false;
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

// What LDTILECFG reads: all tiles whole.
struct Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {};
  std::uint8_t rows[16] = {};

  constexpr Configuration() {
    for (std::size_t tile = 0; tile < 8; ++tile) {
      bytes[tile] = kBytes;
      rows[tile] = kRows;
    }
  }
};
constexpr Configuration kWhole;

// Schedule: two tiles of inputs by two of columns, whose sums stay in registers, so that each tile
// that is read is multiplied twice. Tiles that are read wait for the second-level cache; a prefetch
// or tiles that are one piece in memory made no difference.
__attribute__((target("amx-tile,amx-int8"))) void multiply_tiles(
    const std::uint8_t* x, std::size_t x_stride, const std::int8_t* rows, std::size_t row_bytes,
    std::size_t columns, std::size_t n, std::int32_t* sum, std::size_t sum_stride) {
  constexpr std::size_t kColumns = kBytes / sizeof(std::int32_t);
  const std::size_t sum_bytes = sum_stride * sizeof(std::int32_t);
  const std::size_t rows_on = kRows * row_bytes, lower = kRows * sum_stride;
  const std::uint8_t* const other = x + kRows * x_stride;
  _tile_loadconfig(&kWhole);
  for (std::size_t j = 0; j < columns; j += 2 * kColumns) {
    const bool pair = j + kColumns < columns;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    const std::int8_t* at = rows + j * 4;
    for (std::size_t i = 0; i < n; i += kBytes, at += rows_on) {
      _tile_loadd(4, x + i, x_stride);
      _tile_loadd(6, at, row_bytes);
      _tile_dpbusd(0, 4, 6);
      _tile_loadd(5, other + i, x_stride);
      _tile_dpbusd(2, 5, 6);
      if (pair) {
        _tile_loadd(7, at + kBytes, row_bytes);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(3, 5, 7);
      }
    }
    _tile_stored(0, sum + j, sum_bytes);
    _tile_stored(2, sum + lower + j, sum_bytes);
    if (pair) {
      _tile_stored(1, sum + j + kColumns, sum_bytes);
      _tile_stored(3, sum + lower + j + kColumns, sum_bytes);
    }
  }
  _tile_release();
}

#else

bool ask_for_tiles() {
  return false;
}
void multiply_tiles(const std::uint8_t*, std::size_t, const std::int8_t*, std::size_t, std::size_t,
                    std::size_t, std::int32_t*, std::size_t) {}

#endif

}  // namespace

bool tiles_granted() {
  static const bool granted = ask_for_tiles();
  return granted;
}

bool has_tiles() {
  return tiles_granted() && tiles_allowed.load(std::memory_order_relaxed);
}

void allow_tiles(bool allowed) {
  tiles_allowed.store(allowed, std::memory_order_relaxed);
}

void ByteInputs::clear_behind(std::size_t p, std::size_t n) {
  std::fill(byte[p] + n, byte[p] + (n + kBytes - 1) / kBytes * kBytes, std::uint8_t{0});
}

void ByteInputs::multiply(const std::int8_t* rows, std::size_t stride, std::size_t columns,
                          std::size_t n, std::int32_t* sum, std::size_t sum_stride) const {
  multiply_tiles(byte[0], kStride, rows, stride * 4, columns, n, sum, sum_stride);
}

}  // namespace synfire::kernels
