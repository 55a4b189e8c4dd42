#include "synfire/random.hpp"

#include <array>
#include <numeric>
#include <utility>

#include "synfire/kernels.hpp"

namespace synfire {
namespace {

kernels::PhiloxKey key_of(const RandomAddress& a) {
  return {static_cast<std::uint32_t>(a.seed), static_cast<std::uint32_t>(a.seed >> 32)};
}

kernels::PhiloxCounter counter_of(const RandomAddress& a) {
  return {0, a.sample, a.layer, a.epoch ^ static_cast<std::uint32_t>(a.stream) << 28};
}

// The words of an address one after another.
class WordStream {
 public:
  explicit WordStream(const RandomAddress& address)
      : key_(key_of(address)), counter_(counter_of(address)) {}

  std::uint32_t next() {
    if (used_ == words_.size()) {
      kernels::philox_words(key_, counter_, words_.data(), words_.size());
      counter_[0] += static_cast<std::uint32_t>(words_.size() / 4);
      used_ = 0;
    }
    return words_[used_++];
  }

  /// Uniform in 0..bound-1 without bias (Lemire 2019, "Fast random integer generation in an
  /// interval").
  std::uint32_t below(std::uint32_t bound) {
    for (;;) {
      const std::uint64_t product = std::uint64_t{next()} * bound;
      const auto low = static_cast<std::uint32_t>(product);
      // The bias is looked for only where there may be one: a remainder costs more than a number.
      if (low >= bound || low >= (0u - bound) % bound)
        return static_cast<std::uint32_t>(product >> 32);
    }
  }

 private:
  kernels::PhiloxKey key_;
  kernels::PhiloxCounter counter_;
  std::array<std::uint32_t, 128> words_;
  std::size_t used_ = words_.size();
};

}  // namespace

void uniform(const RandomAddress& address, float* out, std::size_t n) {
  kernels::philox_uniform(key_of(address), counter_of(address), out, n);
}

void indices(const RandomAddress& address, std::uint32_t bound, std::uint32_t* out, std::size_t n) {
  WordStream words(address);
  for (std::size_t i = 0; i < n; ++i) out[i] = words.below(bound);
}

void words(const RandomAddress& address, std::uint32_t* out, std::size_t n) {
  kernels::philox_words(key_of(address), counter_of(address), out, n);
}

void permutation(const RandomAddress& address, std::uint32_t* out, std::size_t n) {
  std::iota(out, out + n, 0u);
  WordStream words(address);
  for (std::size_t i = n; i > 1; --i)
    std::swap(out[i - 1], out[words.below(static_cast<std::uint32_t>(i))]);
}

}  // namespace synfire
