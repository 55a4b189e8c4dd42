// Energy counters and measuring, on trees of files that stand in for sysfs, and a clock of the
// test's own.
#include <synfire/power.hpp>

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace synfire;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// An empty folder in place of /sys, gone at the end.
class Sysfs {
 public:
  Sysfs() {
    std::string name = (fs::temp_directory_path() / "synfire-sysfs-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    root = name;
  }
  ~Sysfs() {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }
  Sysfs(const Sysfs&) = delete;
  Sysfs& operator=(const Sysfs&) = delete;

  void put(const fs::path& file, const std::string& text) const {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text << '\n';
  }
  void zone(const std::string& zone, const std::string& name, std::uint64_t microjoules,
            std::uint64_t range) const {
    const fs::path folder = fs::path("class/powercap") / zone;
    put(folder / "name", name);
    put(folder / "energy_uj", std::to_string(microjoules));
    put(folder / "max_energy_range_uj", std::to_string(range));
  }
  void energy(const std::string& zone, std::uint64_t microjoules) const {
    put(fs::path("class/powercap") / zone / "energy_uj", std::to_string(microjoules));
  }
  void perf_events() const {
    const fs::path power = "bus/event_source/devices/power";
    put(power / "type", "23");
    put(power / "cpumask", "0,24");
    put(power / "events/energy-pkg", "event=0x02");
    put(power / "events/energy-pkg.scale", "2.3283064365386962890625e-10");
    put(power / "events/energy-pkg.unit", "Joules");
    put(power / "events/energy-cores", "event=0x01");
    put(power / "events/energy-cores.scale", "2.3283064365386962890625e-10");
    put(power / "events/energy-cores.unit", "Joules");
  }

  fs::path root;
};

/// perf's calls on counts of the test's own: descriptor -> count.
struct FakePerf {
  std::map<int, std::uint64_t> counts;
  std::vector<std::uint64_t> configs;
  int error = 0, closed = 0;

  PerfCalls calls() {
    return {.open =
                [this](std::uint32_t type, std::uint64_t config, int cpu) {
                  CHECK(type == 23);
                  if (error != 0) return -error;
                  configs.push_back(config);
                  const int descriptor = static_cast<int>(config) * 100 + cpu;
                  counts[descriptor] = 1000;
                  return descriptor;
                },
            .read = [this](int descriptor) { return counts.at(descriptor); },
            .close = [this](int) { ++closed; }};
  }
};

std::string refusal(const Sysfs& sysfs, FakePerf& perf) {
  try {
    EnergyCounters counters(sysfs.root, perf.calls());
  } catch (const NoEnergyCounters& error) {
    const std::string sentence = error.what();
    CHECK(sentence.find('\n') == std::string::npos);
    return sentence;
  }
  FAIL("there are counters");
  return "";
}

/// A machine with one package of 10 W at rest. Work takes 0.1 s and 4 images, at `watts` above,
/// give or take `noise`.
struct Machine {
  explicit Machine(double watts, double noise = 0) : watts_(watts), noise_(noise) {
    sysfs.zone("intel-rapl:0", "package-0", 0, kRange);
  }

  MeasureOptions options() {
    return {.now = [this] { return seconds; }, .sleep = [this](double time) { pass(time, 10); }};
  }
  std::size_t work() {
    const double jitter = std::uniform_real_distribution<double>(-noise_, noise_)(random_);
    pass(0.1, 10 + watts_ + jitter);
    return 4;
  }
  void pass(double time, double watts) {
    seconds += time;
    joules += time * watts;
    sysfs.energy("intel-rapl:0", static_cast<std::uint64_t>(joules * 1e6) % kRange);
  }

  static constexpr std::uint64_t kRange =
      60000000;  // microjoules: work wraps it around every other second
  Sysfs sysfs;
  double seconds = 100, joules = 0;

 private:
  double watts_, noise_;
  std::mt19937 random_{5};
};

}  // namespace

TEST_CASE("Packages and memory of powercap are summed, parts of a package are not", "[power]") {
  const Sysfs sysfs;
  sysfs.zone("intel-rapl:0", "package-0", 5000000, 100000000);
  sysfs.zone("intel-rapl:0:0", "core", 1000000, 100000000);
  sysfs.zone("intel-rapl:0:1", "dram", 2000000, 100000000);
  sysfs.zone("intel-rapl:1", "package-1", 7, 100000000);
  sysfs.zone("intel-rapl:2", "psys", 9, 100000000);
  sysfs.zone("intel-rapl-mmio:0", "package-0", 5000000, 100000000);
  sysfs.put("class/powercap/intel-rapl/enabled", "1");
  FakePerf perf;
  EnergyCounters counters(sysfs.root, perf.calls());
  CHECK(counters.source() == "powercap");
  CHECK(counters.read() == 0);
  sysfs.energy("intel-rapl:0", 8000000);
  sysfs.energy("intel-rapl:0:0", 3000000);
  sysfs.energy("intel-rapl:0:1", 2500000);
  sysfs.energy("intel-rapl:1", 1000007);
  sysfs.energy("intel-rapl:2", 90000000);
  CHECK(counters.read() == Approx(3 + 0.5 + 1));
  std::map<std::string, double> summed, known;
  for (const auto& domain : counters.domains())
    (domain.summed ? summed : known)[domain.name] = domain.joules;
  CHECK(summed ==
        std::map<std::string, double>{{"package-0", 3.0}, {"dram", 0.5}, {"package-1", 1.0}});
  CHECK(known.at("core") == Approx(2));
  CHECK(known.count("psys") == 1);
}

TEST_CASE("Counters that wrap around are followed", "[power]") {
  const Sysfs sysfs;
  sysfs.zone("intel-rapl:0", "package-0", 9000000, 10000000);
  FakePerf perf;
  EnergyCounters counters(sysfs.root, perf.calls());
  sysfs.energy("intel-rapl:0", 9500000);
  CHECK(counters.read() == Approx(0.5));
  sysfs.energy("intel-rapl:0", 250000);
  CHECK(counters.read() == Approx(1.25));
  sysfs.energy("intel-rapl:0", 100000);  // a whole round but 0.15 J
  CHECK(counters.read() == Approx(1.25 + 9.85));

  sysfs.zone("intel-rapl:0", "package-0", 9000000, 0);  // it does not say where
  EnergyCounters endless(sysfs.root, perf.calls());
  sysfs.energy("intel-rapl:0", 1);
  CHECK_THROWS_WITH(endless.read(), Contains("fell from 9000000 to 1"));
  sysfs.put("class/powercap/intel-rapl:0/energy_uj", "nothing");
  CHECK_THROWS_AS(endless.read(), FileError);
  fs::remove_all(sysfs.root / "class");
  CHECK_THROWS_AS(endless.read(), FileError);
}

TEST_CASE("perf's events serve where powercap does not", "[power]") {
  const Sysfs sysfs;
  sysfs.perf_events();
  FakePerf perf;
  {
    EnergyCounters counters(sysfs.root, perf.calls());
    CHECK(counters.source() == "perf");
    CHECK(perf.configs == std::vector<std::uint64_t>{2, 2, 1, 1});
    perf.counts.at(200) += std::uint64_t{1} << 32;
    perf.counts.at(224) += std::uint64_t{1} << 31;
    perf.counts.at(100) += std::uint64_t{1} << 33;
    CHECK(counters.read() == Approx(1 + 0.5));
  }
  CHECK(perf.closed == 4);
  sysfs.put("class/powercap/intel-rapl:0/name", "package-0");  // without energy_uj
  CHECK(EnergyCounters(sysfs.root, perf.calls()).source() == "perf");
  sysfs.zone("intel-rapl:0", "package-0", 1, 2);
  CHECK(EnergyCounters(sysfs.root, perf.calls()).source() == "powercap");
}

TEST_CASE("Where there are no counters one sentence says what was looked for", "[power]") {
  const Sysfs sysfs;
  FakePerf perf;
  const std::string powercap = (sysfs.root / "class/powercap/intel-rapl").string();
  const std::string events = (sysfs.root / "bus/event_source/devices/power").string();
  CHECK_THAT(refusal(sysfs, perf),
             Contains("there is no " + powercap + ":*") && Contains("there is no " + events));

  sysfs.put("class/powercap/intel-rapl:0/name", "package-0");
  fs::create_directories(sysfs.root / "class/powercap/intel-rapl:0/energy_uj");
  CHECK_THAT(refusal(sysfs, perf), Contains(powercap + ":0/energy_uj cannot be read (Is a"));
  fs::remove_all(sysfs.root / "class");

  sysfs.zone("intel-rapl:0", "package-0", 1, 2);
  sysfs.put("class/powercap/intel-rapl:0/energy_uj", "-3");
  CHECK_THAT(refusal(sysfs, perf), Contains("energy_uj holds no number"));
  // One package of two: no sum of the machine.
  sysfs.zone("intel-rapl:0", "package-0", 1, 2);
  sysfs.put("class/powercap/intel-rapl:1/name", "package-1");
  CHECK_THAT(refusal(sysfs, perf), Contains("intel-rapl:1/energy_uj cannot be read"));
  fs::remove_all(sysfs.root / "class");

  sysfs.perf_events();
  perf.error = EACCES;
  CHECK_THAT(refusal(sysfs, perf), Contains("energy-pkg") && Contains("Permission denied"));
  perf.error = 0;
  sysfs.put("bus/event_source/devices/power/events/energy-pkg.unit", "Ergs");
  CHECK_THAT(refusal(sysfs, perf), Contains("no event energy-pkg"));
  sysfs.put("bus/event_source/devices/power/type", "none");
  CHECK_THAT(refusal(sysfs, perf), Contains("type holds no number"));
}

TEST_CASE("A counter that only root may read is said to be so", "[power]") {
  const Sysfs sysfs;
  sysfs.zone("intel-rapl:0", "package-0", 1, 2);
  for (const char* folder : {"", "class", "class/powercap", "class/powercap/intel-rapl:0"})
    fs::permissions(sysfs.root / folder, fs::perms::all);
  fs::permissions(sysfs.root / "class/powercap/intel-rapl:0/energy_uj", fs::perms::none);
  const uid_t user = ::geteuid();
  if (user == 0 && ::seteuid(65534) != 0) return;  // root reads everything
  FakePerf perf;
  const std::string sentence = refusal(sysfs, perf);
  if (user == 0) REQUIRE(::seteuid(0) == 0);
  CHECK_THAT(sentence, Contains("energy_uj cannot be read (Permission denied)"));
}

TEST_CASE("What work takes above rest is measured until it is known well enough", "[power]") {
  Machine machine(30);
  FakePerf perf;
  EnergyCounters counters(machine.sysfs.root, perf.calls());
  const MeasuredEnergy energy =
      measure_energy([&] { return machine.work(); }, counters, machine.options());
  CHECK(energy.joules == Approx(30 * 0.1 / 4).epsilon(1e-4));
  CHECK(energy.low <= energy.joules);
  CHECK(energy.joules <= energy.high);
  CHECK(energy.narrow);
  CHECK(energy.repetitions == 5);
  CHECK((energy.inferences == 100 || energy.inferences == 120));  // 0.5 s of 0.1 s, rounded up
  CHECK(energy.rest_watts == Approx(10).epsilon(1e-4));
  CHECK(energy.work_watts == Approx(40).epsilon(1e-4));
  CHECK(energy.source == "powercap");
  CHECK(energy.domains == std::vector<std::string>{"package-0"});
  CHECK_THAT(energy.text(), Contains("0.75 J an inference") && Contains("package-0"));

  Machine noisy(30, 9);
  EnergyCounters others(noisy.sysfs.root, perf.calls());
  const MeasuredEnergy more = measure_energy([&] { return noisy.work(); }, others, noisy.options());
  CHECK(more.narrow);
  CHECK(more.repetitions > 5);
  CHECK(more.high - more.low <= 0.05 * more.joules);
  CHECK(more.joules == Approx(0.75).epsilon(0.06));
}

TEST_CASE("A measurement that time ends says so", "[power]") {
  Machine machine(30, 20);
  FakePerf perf;
  EnergyCounters counters(machine.sysfs.root, perf.calls());
  MeasureOptions options = machine.options();
  options.limit_seconds = 4;
  options.width = 1e-6;
  const double start = machine.seconds;
  const MeasuredEnergy energy = measure_energy([&] { return machine.work(); }, counters, options);
  CHECK_FALSE(energy.narrow);
  CHECK(energy.seconds == Approx(machine.seconds - start));
  CHECK(energy.seconds < 6);
  CHECK_THAT(energy.text(), Contains("the time was up"));

  // Work that takes no more than rest is never known to a share of itself.
  Machine idle(0, 5);
  EnergyCounters quiet(idle.sysfs.root, perf.calls());
  MeasureOptions soon = idle.options();
  soon.limit_seconds = 8;
  CHECK_FALSE(measure_energy([&] { return idle.work(); }, quiet, soon).narrow);
}

TEST_CASE("Counters that stand still, and settings out of range, are refused", "[power]") {
  Machine machine(1);
  FakePerf perf;
  EnergyCounters counters(machine.sysfs.root, perf.calls());
  MeasureOptions options = machine.options();
  const auto still = [&]() -> std::size_t {
    machine.seconds += 0.1;
    return 1;
  };
  options.sleep = [&](double seconds) { machine.seconds += seconds; };
  CHECK_THROWS_AS(measure_energy(still, counters, options), NoEnergyCounters);
  CHECK_THROWS_WITH(measure_energy(still, counters, options), Contains("stand still"));
  const auto work = [&] { return machine.work(); };
  for (auto broken : {&MeasureOptions::rest_seconds, &MeasureOptions::work_seconds,
                      &MeasureOptions::limit_seconds, &MeasureOptions::width}) {
    MeasureOptions wrong = machine.options();
    wrong.*broken = 0;
    CHECK_THROWS_AS(measure_energy(work, counters, wrong), InvalidSetting);
    wrong.*broken = std::nan("");
    CHECK_THROWS_AS(measure_energy(work, counters, wrong), InvalidSetting);
  }
  MeasureOptions wrong = machine.options();
  wrong.least = 1;
  CHECK_THROWS_AS(measure_energy(work, counters, wrong), InvalidSetting);
  CHECK_THROWS_AS(measure_energy([] { return std::size_t{0}; }, counters, machine.options()),
                  InvalidSetting);
}

TEST_CASE("Quantiles of Student's t are those of the tables", "[power]") {
  for (const auto& [degrees, quantile] : std::map<std::size_t, double>{{1, 12.706},
                                                                       {2, 4.303},
                                                                       {4, 2.776},
                                                                       {6, 2.447},
                                                                       {7, 2.365},
                                                                       {8, 2.306},
                                                                       {10, 2.228},
                                                                       {20, 2.086},
                                                                       {30, 2.042},
                                                                       {100, 1.984},
                                                                       {1000, 1.962}}) {
    INFO(degrees);
    CHECK(student_t(degrees) == Approx(quantile).margin(0.0006));
  }
  CHECK_THROWS_AS(student_t(0), InvalidSetting);
}
