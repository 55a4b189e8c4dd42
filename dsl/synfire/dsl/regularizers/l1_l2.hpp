// L1, L2, L1L2: every element's distance to a target, its absolute value or its square.
#pragma once

#include <synfire/regularizer.hpp>

namespace synfire {

/// Sum of l1 * |d| + l2 * d^2, where d is the distance to the target. Strengths are finite and not
/// negative. KerasSpiking's regularizers of the same names.
struct L1L2 {
  float l1 = 0, l2 = 0;
  Target target = 0;

  static constexpr bool of_means = false;

  kernels::Penalty penalty() const { return {target.lo, target.hi, l1, l2}; }
  void check(std::span<const std::size_t>, bool) const {
    check_strengths(l1, l2);
    target.check();
  }
  double add(const RegularizedTensor& x, float scale, ThreadPool& pool) const {
    return penalize(x, penalty(), scale, pool);
  }
  std::string signature() const {
    return "l1l2(l1=" + text_of(l1) + ",l2=" + text_of(l2) + ",target=" + target.text() + ")";
  }
};

/// L1L2 with l2 = 0.
struct L1 {
  float l1 = 0.01f;
  Target target = 0;

  static constexpr bool of_means = false;

  kernels::Penalty penalty() const { return all().penalty(); }
  void check(std::span<const std::size_t> shape, bool in_time) const {
    all().check(shape, in_time);
  }
  double add(const RegularizedTensor& x, float scale, ThreadPool& pool) const {
    return all().add(x, scale, pool);
  }
  std::string signature() const { return all().signature(); }

 private:
  L1L2 all() const { return {.l1 = l1, .l2 = 0, .target = target}; }
};

/// L1L2 with l1 = 0.
struct L2 {
  float l2 = 0.01f;
  Target target = 0;

  static constexpr bool of_means = false;

  kernels::Penalty penalty() const { return all().penalty(); }
  void check(std::span<const std::size_t> shape, bool in_time) const {
    all().check(shape, in_time);
  }
  double add(const RegularizedTensor& x, float scale, ThreadPool& pool) const {
    return all().add(x, scale, pool);
  }
  std::string signature() const { return all().signature(); }

 private:
  L1L2 all() const { return {.l1 = 0, .l2 = l2, .target = target}; }
};

}  // namespace synfire
