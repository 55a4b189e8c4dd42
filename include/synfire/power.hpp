// Measured energy: the processor's own counters (RAPL), read through Linux's powercap or perf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <synfire/error.hpp>

namespace synfire {

/// This machine lets nobody, or not this user, read how much energy it takes; what() is one
/// sentence that says what was looked for.
struct NoEnergyCounters : Error {
  using Error::Error;
};

/// perf_event_open() and read() of a counter, for tests to stand in for.
struct PerfCalls {
  /// A descriptor of the event on that processor, of all programs; negative errno where it fails.
  std::function<int(std::uint32_t type, std::uint64_t config, int cpu)> open;
  /// The count of a descriptor. Throws Error.
  std::function<std::uint64_t(int descriptor)> read;
  std::function<void(int descriptor)> close;
};
PerfCalls system_perf();

/// Energy counters of the whole machine. Packages and memory (dram) are summed; cores and other
/// parts of a package are known, and in it already.
class EnergyCounters {
 public:
  /// Looks for powercap's intel-rapl:* in `sysfs`/class/powercap, then for perf's power events in
  /// `sysfs`/bus/event_source/devices/power. Throws NoEnergyCounters.
  explicit EnergyCounters(const std::filesystem::path& sysfs = "/sys",
                          const PerfCalls& perf = system_perf());
  ~EnergyCounters();
  EnergyCounters(EnergyCounters&&) noexcept;
  EnergyCounters& operator=(EnergyCounters&&) noexcept;

  /// "powercap" or "perf".
  const std::string& source() const { return source_; }
  struct Domain {
    std::string name;  // "package-0", "core", "dram"
    bool summed;
    double joules;  // since the counters were made, as of the last read
  };
  std::vector<Domain> domains() const;

  /// Joules of the summed domains since the counters were made. Counters that wrap around are
  /// followed where this is called before they do so twice: every minute is often enough. Throws
  /// FileError where a counter can no longer be read.
  double read();

 private:
  struct Counter;
  std::string source_;
  std::vector<std::unique_ptr<Counter>> counters_;

  std::string find_powercap(const std::filesystem::path& folder);
  std::string find_perf(const std::filesystem::path& folder, const PerfCalls& perf);
};

struct MeasureOptions {
  /// Of a repetition: at rest first, then at work, whole calls of it.
  double rest_seconds = 0.5, work_seconds = 0.5;
  std::size_t least = 5;       // repetitions, at least 2
  double width = 0.05;         // of the 95% confidence interval, of the mean
  double limit_seconds = 120;  // ends it all after the repetition that reaches it

  std::function<double()> now;        // seconds, of a steady clock where it is empty
  std::function<void(double)> sleep;  // for seconds, of this thread where it is empty
};

struct MeasuredEnergy {
  double joules = 0;         // an inference, what the machine takes at rest subtracted
  double low = 0, high = 0;  // 95% confidence interval of that mean (Student's t)
  bool narrow = false;       // the interval is as narrow as it was to be
  double rest_watts = 0, work_watts = 0;
  std::size_t repetitions = 0;
  std::uint64_t inferences = 0;
  double seconds = 0;
  std::string source;                // "powercap"
  std::vector<std::string> domains;  // that are summed

  /// One sentence: what was measured and how well.
  std::string text() const;
};

/// Repeats rest and work until the confidence interval is narrow enough or the time is up. `work`
/// returns how many inferences it did, at least one. Each repetition has its own rest before it, so
/// that the interval holds the noise of both. Throws InvalidSetting; NoEnergyCounters where the
/// counters stand still.
MeasuredEnergy measure_energy(const std::function<std::size_t()>& work, EnergyCounters& counters,
                              const MeasureOptions& options = {});

/// The 97.5% quantile of Student's t distribution, for 1 degree of freedom or more.
double student_t(std::size_t degrees);

}  // namespace synfire
