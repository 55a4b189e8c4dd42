#include <synfire/power.hpp>

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <numeric>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace synfire {
namespace fs = std::filesystem;
namespace {

constexpr double kMicro = 1e-6;

std::string reason(int error_number) {
  return std::generic_category().message(error_number);
}

/// The first line of a small file; its fault instead where it cannot be read.
struct Line {
  std::string text, fault;
};

Line line_of(const fs::path& path) {
  errno = 0;
  std::ifstream file(path);
  Line line;
  if (!file || !std::getline(file, line.text))
    line.fault = fmt::format("{} cannot be read ({})", path.string(),
                             errno != 0 ? reason(errno) : std::string("it is empty"));
  return line;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [behind, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || behind != text.data() + text.size()) return std::nullopt;
  return number;
}

/// "event=0x02" of sysfs's description of an event.
std::optional<std::uint64_t> event_of(std::string_view text) {
  constexpr std::string_view kStart = "event=0x";
  if (!text.starts_with(kStart)) return std::nullopt;
  text.remove_prefix(kStart.size());
  std::uint64_t event = 0;
  const auto [behind, error] = std::from_chars(text.data(), text.data() + text.size(), event, 16);
  if (error != std::errc{} || behind != text.data() + text.size()) return std::nullopt;
  return event;
}

/// "0,24" or "0-1": processors that speak for a package each.
std::vector<int> processors_of(std::string_view text) {
  std::vector<int> processors;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const std::size_t dash = part.find('-');
    const std::optional<int> first = number_of<int>(part.substr(0, dash));
    const std::optional<int> last =
        dash == std::string_view::npos ? first : number_of<int>(part.substr(dash + 1));
    if (!first || !last || *last - *first > 4096) return {};
    for (int processor = *first; processor <= *last; ++processor) processors.push_back(processor);
  }
  return processors;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void require(bool sound, const char* name, double value, const char* wanted) {
  if (!sound) throw InvalidSetting(name, fmt::format("{}", value), wanted);
}

}  // namespace

// ------------------------------------------------------------------ counters

struct EnergyCounters::Counter {
  std::string name;
  bool summed = false;
  double unit = 0;          // joules a count
  std::uint64_t range = 0;  // where it starts again from 0; 0: never
  std::function<std::uint64_t()> read;
  std::uint64_t last = 0;
  double joules = 0;
  std::function<void()> close;

  Counter() = default;
  ~Counter() {
    if (close) close();
  }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void advance() {
    const std::uint64_t count = read();
    if (count >= last) {
      joules += static_cast<double>(count - last) * unit;
    } else if (range > last) {
      joules += static_cast<double>(range - last + count) * unit;
    } else {
      throw Error(
          fmt::format("the energy counter {} fell from {} to {}, and does not say where it "
                      "wraps around",
                      name, last, count));
    }
    last = count;
  }
};

EnergyCounters::EnergyCounters(const fs::path& sysfs, const PerfCalls& perf) {
  const std::string no_powercap = find_powercap(sysfs / "class" / "powercap");
  if (!counters_.empty()) return;
  const std::string no_perf = find_perf(sysfs / "bus" / "event_source" / "devices" / "power", perf);
  if (!counters_.empty()) return;
  throw NoEnergyCounters(
      fmt::format("this machine shows no energy counters: {}, and {}", no_powercap, no_perf));
}

EnergyCounters::~EnergyCounters() = default;
EnergyCounters::EnergyCounters(EnergyCounters&&) noexcept = default;
EnergyCounters& EnergyCounters::operator=(EnergyCounters&&) noexcept = default;

/// Why there are none, in words; empty where there are.
std::string EnergyCounters::find_powercap(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> zones;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().starts_with("intel-rapl:")) zones.push_back(entry.path());
  if (zones.empty())
    return error && error != std::errc::no_such_file_or_directory
               ? fmt::format("{} cannot be read ({})", folder.string(), error.message())
               : fmt::format("there is no {}", (folder / "intel-rapl:*").string());
  std::sort(zones.begin(), zones.end());

  std::string fault;
  std::vector<std::unique_ptr<Counter>> found;
  for (const fs::path& zone : zones) {
    const fs::path file = zone / "energy_uj";
    const Line name = line_of(zone / "name"), now = line_of(file),
               range = line_of(zone / "max_energy_range_uj");
    if (!name.fault.empty() || !now.fault.empty()) {
      if (fault.empty()) fault = name.fault.empty() ? now.fault : name.fault;
      continue;
    }
    const std::optional<std::uint64_t> count = number_of<std::uint64_t>(now.text);
    if (!count) {
      if (fault.empty()) fault = fmt::format("{} holds no number", file.string());
      continue;
    }
    auto counter = std::make_unique<Counter>();
    counter->name = name.text;
    counter->unit = kMicro;
    counter->range = number_of<std::uint64_t>(range.text).value_or(0);
    counter->last = *count;
    counter->read = [file] {
      const Line line = line_of(file);
      const std::optional<std::uint64_t> number = number_of<std::uint64_t>(line.text);
      if (!number)
        throw FileError(file, 0, line.fault.empty() ? "holds no number" : "can no longer be read");
      return *number;
    };
    found.push_back(std::move(counter));
  }
  if (!fault.empty()) return fault;  // a sum of some of the packages is no energy of the machine
  bool any = false;
  for (const auto& counter : found) {
    counter->summed = counter->name.starts_with("package") || counter->name == "dram";
    any = any || counter->summed;
  }
  // Without a package: the whole platform, or what there is first.
  if (!any) found.front()->summed = true;
  counters_ = std::move(found);
  source_ = "powercap";
  return "";
}

std::string EnergyCounters::find_perf(const fs::path& folder, const PerfCalls& perf) {
  const Line type_line = line_of(folder / "type");
  if (!type_line.fault.empty()) return fmt::format("there is no {}", folder.string());
  const std::optional<std::uint32_t> type = number_of<std::uint32_t>(type_line.text);
  if (!type) return fmt::format("{} holds no number", (folder / "type").string());
  std::vector<int> processors = processors_of(line_of(folder / "cpumask").text);
  if (processors.empty()) processors.push_back(0);

  std::string fault;
  std::vector<std::unique_ptr<Counter>> found;
  for (const auto& [event, summed] : {std::pair<const char*, bool>{"energy-pkg", true},
                                      {"energy-ram", true},
                                      {"energy-cores", false},
                                      {"energy-gpu", false}}) {
    const fs::path file = folder / "events" / event;
    const std::optional<std::uint64_t> config = event_of(line_of(file).text);
    const std::optional<double> scale = number_of<double>(line_of(file.string() + ".scale").text);
    const std::string unit = line_of(file.string() + ".unit").text;
    if (!config || !scale || !(*scale > 0) || unit != "Joules") continue;
    for (const int processor : processors) {
      const int descriptor = perf.open(*type, *config, processor);
      if (descriptor < 0) {
        if (fault.empty())
          fault = fmt::format("perf's event {} in {} cannot be opened ({})", event, folder.string(),
                              reason(-descriptor));
        continue;
      }
      auto counter = std::make_unique<Counter>();
      counter->close = [close = perf.close, descriptor] { close(descriptor); };
      counter->name = fmt::format("{} of processor {}", event, processor);
      counter->summed = summed;
      counter->unit = *scale;
      counter->read = [read = perf.read, descriptor] { return read(descriptor); };
      counter->last = counter->read();
      found.push_back(std::move(counter));
    }
  }
  const bool any = std::any_of(found.begin(), found.end(), [](const auto& c) { return c->summed; });
  if (!any)
    return fault.empty() ? fmt::format("{} has no event energy-pkg in joules", folder.string())
                         : fault;
  counters_ = std::move(found);
  source_ = "perf";
  return "";
}

std::vector<EnergyCounters::Domain> EnergyCounters::domains() const {
  std::vector<Domain> domains;
  for (const auto& counter : counters_)
    domains.push_back({counter->name, counter->summed, counter->joules});
  return domains;
}

double EnergyCounters::read() {
  double sum = 0;
  for (const auto& counter : counters_) {
    counter->advance();
    if (counter->summed) sum += counter->joules;
  }
  return sum;
}

PerfCalls system_perf() {
  return {
      .open =
          [](std::uint32_t type, std::uint64_t config, int cpu) {
            perf_event_attr wanted{};
            wanted.size = sizeof(wanted);
            wanted.type = type;
            wanted.config = config;
            const long opened =
                syscall(SYS_perf_event_open, &wanted, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
            return opened < 0 ? -errno : static_cast<int>(opened);
          },
      .read =
          [](int descriptor) {
            std::uint64_t count = 0;
            if (::read(descriptor, &count, sizeof(count)) != sizeof(count))
              throw Error("perf's energy counter can no longer be read");
            return count;
          },
      .close = [](int descriptor) { ::close(descriptor); },
  };
}

// ------------------------------------------------------------------ measuring

double student_t(std::size_t degrees) {
  // The series of Abramowitz and Stegun 26.7.5 is too short for few degrees of freedom.
  constexpr std::array kFew{12.7062, 4.3027, 3.1824, 2.7764, 2.5706,
                            2.4469,  2.3646, 2.3060, 2.2622, 2.2281};
  if (degrees == 0) throw InvalidSetting("degrees of freedom", "0", "at least 1");
  if (degrees <= kFew.size()) return kFew[degrees - 1];
  constexpr double z = 1.959963984540054;
  const double n = static_cast<double>(degrees), z2 = z * z;
  return z + z * (z2 + 1) / (4 * n) + z * ((5 * z2 + 16) * z2 + 3) / (96 * n * n) +
         z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * n * n * n);
}

std::string MeasuredEnergy::text() const {
  return fmt::format(
      "{:.3g} J an inference, {:.3g} to {:.3g} with 95% confidence, by {} ({}): {} repetitions, {} "
      "inferences, {:.3g} W at rest subtracted from {:.3g} W{}",
      joules, low, high, source, fmt::join(domains, ", "), repetitions, inferences, rest_watts,
      work_watts,
      narrow ? "" : "; the time was up before the interval was as narrow as it was to be");
}

MeasuredEnergy measure_energy(const std::function<std::size_t()>& work, EnergyCounters& counters,
                              const MeasureOptions& options) {
  const auto is_time = [](double seconds) { return std::isfinite(seconds) && seconds > 0; };
  require(is_time(options.rest_seconds), "rest_seconds", options.rest_seconds,
          "a finite number above 0");
  require(is_time(options.work_seconds), "work_seconds", options.work_seconds,
          "a finite number above 0");
  require(is_time(options.limit_seconds), "limit_seconds", options.limit_seconds,
          "a finite number above 0");
  require(options.width > 0, "width", options.width, "above 0");
  require(options.least >= 2, "least", static_cast<double>(options.least), "at least 2");
  const auto now = options.now ? options.now : steady_seconds;
  const auto sleep = options.sleep ? options.sleep : [](double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  };

  MeasuredEnergy result;
  result.source = counters.source();
  for (const EnergyCounters::Domain& domain : counters.domains())
    if (domain.summed) result.domains.push_back(domain.name);

  std::vector<double> joules;  // an inference, of each repetition
  double rested = 0, worked = 0, rest_joules = 0, work_joules = 0;
  const double start = now();
  work();  // the caches and the clock rate are those of work
  do {
    const double before_rest = now(), energy_before_rest = counters.read();
    sleep(options.rest_seconds);
    const double before = now(), energy_before = counters.read();
    std::uint64_t inferences = 0;
    double after = before;
    do {
      const std::size_t done = work();
      if (done == 0) throw InvalidSetting("inferences of the work", "0", "at least 1");
      inferences += done;
      after = now();
    } while (after - before < options.work_seconds);
    const double energy = counters.read() - energy_before;
    const double rest = before - before_rest, busy = after - before;
    rest_joules += energy_before - energy_before_rest;
    rested += rest;
    work_joules += energy;
    worked += busy;
    if (rest_joules + work_joules <= 0)
      throw NoEnergyCounters(
          fmt::format("the energy counters of {} ({}) stand still: they show no energy in {:.3g} s",
                      result.source, fmt::join(result.domains, ", "), rested + worked));
    const double rest_power = rest > 0 ? (energy_before - energy_before_rest) / rest : 0;
    joules.push_back((energy - rest_power * busy) / static_cast<double>(inferences));
    result.inferences += inferences;

    const auto count = static_cast<double>(joules.size());
    result.joules = std::accumulate(joules.begin(), joules.end(), 0.0) / count;
    if (joules.size() >= 2) {
      double squares = 0;
      for (const double one : joules) squares += (one - result.joules) * (one - result.joules);
      const double half = student_t(joules.size() - 1) * std::sqrt(squares / (count - 1) / count);
      result.low = result.joules - half;
      result.high = result.joules + half;
      result.narrow = joules.size() >= options.least && result.joules > 0 &&
                      result.high - result.low <= options.width * result.joules;
    }
  } while (!result.narrow && (joules.size() < 2 || now() - start < options.limit_seconds));
  result.repetitions = joules.size();
  result.rest_watts = rested > 0 ? rest_joules / rested : 0;
  result.work_watts = worked > 0 ? work_joules / worked : 0;
  result.seconds = now() - start;
  return result;
}

}  // namespace synfire
