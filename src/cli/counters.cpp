#include "counters.hpp"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace synfire::cli {
namespace {

struct Event {
  std::uint32_t type;
  std::uint64_t config;
};

constexpr Event read_misses(std::uint64_t cache) {
  return {PERF_TYPE_HW_CACHE,
          cache | PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16};
}

constexpr std::array<Event, Counters::kNames.size()> kEvents{{
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    read_misses(PERF_COUNT_HW_CACHE_L1D),
    read_misses(PERF_COUNT_HW_CACHE_LL),
}};

int open_counter(const Event& event) {
  perf_event_attr wanted{};
  wanted.size = sizeof(wanted);
  wanted.type = event.type;
  wanted.config = event.config;
  wanted.disabled = 1;
  wanted.exclude_kernel = 1;
  wanted.exclude_hv = 1;
  wanted.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  return static_cast<int>(syscall(SYS_perf_event_open, &wanted, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

Counters::Counters() {
  bool any = false;
  int error = 0;
  for (std::size_t i = 0; i < kEvents.size(); ++i) {
    descriptors_[i] = open_counter(kEvents[i]);
    if (descriptors_[i] < 0 && error == 0) error = errno;
    any = any || descriptors_[i] >= 0;
  }
  if (!any) fault_ = std::strerror(error);
}

Counters::~Counters() {
  for (const int descriptor : descriptors_)
    if (descriptor >= 0) close(descriptor);
}

void Counters::start() {
  for (const int descriptor : descriptors_)
    if (descriptor >= 0) ioctl(descriptor, PERF_EVENT_IOC_ENABLE, 0);
}

Counters::Counts Counters::stop() {
  for (const int descriptor : descriptors_)
    if (descriptor >= 0) ioctl(descriptor, PERF_EVENT_IOC_DISABLE, 0);
  Counts counts;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    struct {
      std::uint64_t value, enabled, running;
    } read_out{};
    // Counters that take turns ran for a part of the time only.
    if (descriptors_[i] >= 0 &&
        read(descriptors_[i], &read_out, sizeof(read_out)) == sizeof(read_out) &&
        read_out.running > 0)
      counts[i] = static_cast<double>(read_out.value) * static_cast<double>(read_out.enabled) /
                  static_cast<double>(read_out.running);
  }
  return counts;
}

}  // namespace synfire::cli
