// Running a test on every instruction set of this processor, and comparing to the last bit.
#pragma once

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "synfire/buffer.hpp"
#include "synfire/kernels.hpp"
#include "synfire/target.hpp"

namespace synfire::test {

/// Calls test() with each supported target in force, and goes back to the best one.
template <class Test>
void on_every_target(const Test& test) {
  struct Restore {
    ~Restore() { force_target(""); }
  } restore;
  for (const auto& target : supported_targets()) {
    INFO("target " << target);
    force_target(target);
    test();
  }
}

/// The same bits, but any NaN for a NaN: which operand's payload survives is the compiler's choice.
inline bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

/// The first place where both differ, or -1.
inline std::ptrdiff_t first_difference(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return static_cast<std::ptrdiff_t>(i);
  return -1;
}

/// n values; what lies in the slack behind them is poison: NaN or huge.
template <class T>
Buffer<T> poisoned(const std::vector<T>& values, T poison) {
  Buffer<T> buffer(values.size());
  std::copy(values.begin(), values.end(), buffer.begin());
  std::fill_n(buffer.data() + values.size(), kSlack / sizeof(T), poison);
  return buffer;
}

inline Buffer<float> poisoned(const std::vector<float>& values) {
  return poisoned(values, std::numeric_limits<float>::quiet_NaN());
}

/// Numbers of every kind that a kernel may meet: mostly ordinary ones, some zeros of both signs,
/// whole numbers, huge ones, denormals, infinities and NaN.
inline std::vector<float> awkward_floats(std::mt19937& random, std::size_t n) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kSpecial[] = {0.0f,        -0.0f,       1.0f,       -1.0f,         2.0f,
                                -3.0f,       0.5f,        -0.5f,      1e-40f,        -1e-40f,
                                8388607.5f,  -8388607.5f, 3e9f,       -3e9f,         3e38f,
                                -3e38f,      kInfinity,   -kInfinity, 1e-30f,        -1e-8f,
                                16777216.0f, 0.99999994f, kNaN,       -2147483648.0f};
  std::normal_distribution<float> ordinary(0.0f, 2.0f);
  std::vector<float> values(n);
  for (auto& x : values) {
    const auto kind = random() % 8;
    x = kind < 2 ? kSpecial[random() % std::size(kSpecial)] : ordinary(random);
  }
  return values;
}

inline std::vector<float> ordinary_floats(std::mt19937& random, std::size_t n, float low,
                                          float high) {
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(n);
  for (auto& x : values) x = distribution(random);
  return values;
}

}  // namespace synfire::test
