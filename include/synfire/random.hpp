// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as
// easy as 1, 2, 3") from Random123. A number depends on its address alone, never on what was drawn
// before, so results do not depend on the order of work or on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace synfire {

/// What is drawn: streams of different purpose never share numbers.
enum class Stream : std::uint32_t {
  InitialVoltage = 1,
  Weights = 2,
  Shuffle = 3,
  Data = 4,
  Resampling = 5
};

struct RandomAddress {
  std::uint64_t seed = 0;
  Stream stream = Stream::InitialVoltage;
  std::uint32_t epoch = 0;
  std::uint32_t layer = 0;
  std::uint32_t sample = 0;
};

/// out[i], i < n: uniform in [0, 1), multiples of 2^-24. Value i belongs to neuron i.
/// Key: seed; counter: (i / 4, sample, layer, epoch ^ stream << 28); word i % 4 of the block.
/// Epoch must be below 2^28.
void uniform(const RandomAddress& address, float* out, std::size_t n);

/// out[i], i < n: uniform in 0..bound-1, without bias; bound > 0.
void indices(const RandomAddress& address, std::uint32_t bound, std::uint32_t* out, std::size_t n);

/// out[i], i < n: 32 random bits.
void words(const RandomAddress& address, std::uint32_t* out, std::size_t n);

/// A permutation of 0..n-1 (Fisher-Yates over the addressed stream).
void permutation(const RandomAddress& address, std::uint32_t* out, std::size_t n);

}  // namespace synfire
