// The processor's own counters.
#pragma once

#include <array>
#include <optional>
#include <string>

namespace synfire::cli {

/// Counts what this thread does outside the kernel from start() to stop(), once. Machines lack some
/// of the counters, or all (most virtual ones do).
class Counters {
 public:
  static constexpr std::array kNames{"cycles", "instructions", "l1d_misses", "llc_misses"};
  using Counts = std::array<std::optional<double>, kNames.size()>;  // empty: not counted

  Counters();
  ~Counters();
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  /// Why there is no counter at all; empty where there is one.
  const std::string& fault() const { return fault_; }
  void start();
  Counts stop();

 private:
  std::array<int, kNames.size()> descriptors_;
  std::string fault_;
};

}  // namespace synfire::cli
