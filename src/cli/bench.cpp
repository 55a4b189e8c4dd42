// synfire bench
#include <benchmark/benchmark.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <numeric>
#include <random>

#include <synfire/buffer.hpp>
#include <synfire/kernels.hpp>
#include <synfire/percentile.hpp>
#include <synfire/table.hpp>

#include "cli.hpp"
#include "counters.hpp"

namespace synfire::cli {
namespace {
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Bench {
  ModelOptions model;
  DataOptions data;
  JsonOption json;
  std::optional<std::string> compare;
  std::size_t repeats = 100000, threads = 0;
  bool perf = false;
};

void declare(CLI::App& command, Bench& b) {
  b.model.declare(command, ModelOptions::Weights::OrFresh);
  b.data.declare(command);
  add_count(command, "--repeats", b.repeats, "Runs of single images that are timed")
      ->capture_default_str();
  add_count(command, "--threads", b.threads, "Of the throughput; 0: every core")
      ->capture_default_str();
  command.add_flag("--perf", b.perf, "Read the processor's counters, too");
  command.add_option("--compare", b.compare,
                     "Set an older report (of --json) of the same processor beside this one");
  b.json.declare(command);
}

// ---- The report: what is measured lies in its JSON, and tables are made from that ----

struct Figure {
  const char* name;
  const char* place;  // a JSON pointer
  int digits;
  bool optional = false;
};

constexpr Figure kFigures[] = {
    {"one image, p50, us", "/latency/p50_us", 2},
    {"p99, us", "/latency/p99_us", 2},
    {"p99.9, us", "/latency/p99_9_us", 2},
    {"worst, us", "/latency/worst_us", 2},
    {"p99.9 of the images' own medians, us", "/latency/p99_9_of_medians_us", 2},
    {"a mere wait as long as an image, p99.9, us", "/latency/wait_p99_9_us", 2, true},
    {"the clock's own part of each, us", "/latency/clock_us", 3},
    {"first call: the engine made, us", "/first_call/engine_us", 1},
    {"first call: its first run, us", "/first_call/run_us", 1},
    {"images a second, one thread", "/throughput/one_thread", 0},
    {"images a second, --threads", "/throughput/threads", 0},
    {"weights read an image, bytes", "/weights_read/bytes", 0},
    {"merely reading them, p50, us", "/weights_read/reading_p50_us", 2},
    {"the same, p99.9, us", "/weights_read/reading_p99_9_us", 2},
    {"one image / merely reading", "/weights_read/image_to_reading", 2},
    {"weights read, GB/s", "/weights_read/gb_per_s", 1},
    {"L2 read bandwidth, GB/s", "/weights_read/l2/gb_per_s", 1},
    {"of which attained", "/weights_read/l2/attained", 3},
    {"L3 read bandwidth, GB/s", "/weights_read/l3/gb_per_s", 1},
    {"of which attained", "/weights_read/l3/attained", 3},
    {"cycles an image", "/perf/cycles", 0, true},
    {"instructions an image", "/perf/instructions", 0, true},
    {"L1d read misses an image", "/perf/l1d_misses", 1, true},
    {"last-level read misses an image", "/perf/llc_misses", 1, true},
};

struct Setting {
  const char* name;
  const char* place;
};
/// A difference in one of these makes reports incomparable.
constexpr Setting kProcessor[] = {{"name", "/provenance/processor/name"},
                                  {"family", "/provenance/processor/family"},
                                  {"model", "/provenance/processor/model"},
                                  {"target", "/provenance/target"}};
/// A difference in one of these is pointed out.
constexpr Setting kSettings[] = {
    {"net", "/net"},
    {"signature", "/signature"},
    {"weights", "/weights"},
    {"data", "/data/name"},
    {"test images", "/data/test_images"},
    {"dt", "/run/dt"},
    {"steps", "/run/steps"},
    {"seed", "/run/seed"},
    {"runs", "/latency/runs"},
    {"threads", "/provenance/threads"},
    {"version", "/provenance/version"},
    {"compiler", "/provenance/compiler"},
};

const Json* find(const Json& report, const char* place) {
  const Json::json_pointer pointer(place);
  return report.contains(pointer) ? &report.at(pointer) : nullptr;
}

/// A value from a file, fit for a line: control characters escaped, long text cut.
std::string shown(const Json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  return Json(text.substr(0, 80)).dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// Throws FileError for anything but a whole report of this command.
Json read_report(const std::string& path) {
  constexpr std::uintmax_t kMost = 1 << 20;
  std::error_code error;
  if (!fs::exists(path, error)) throw FileError(path, 0, "no such file");
  if (!fs::is_regular_file(path, error)) throw FileError(path, 0, "is not a file");
  const auto refuse = [&](const std::string& fault) {
    throw FileError(path, 0, "is not a report of synfire bench: " + fault);
  };
  if (fs::file_size(path, error) > kMost || error) refuse("it is longer than 1 MB");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(path, 0, "cannot be read");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  Json report;
  try {
    report = Json::parse(text);
  } catch (const Json::exception&) {
    refuse("it is not whole JSON");
  }
  const Json* command = find(report, "/command");
  if (command == nullptr || *command != "bench") refuse("its command is not bench");
  for (const Setting& setting : kProcessor) {
    const Json* value = find(report, setting.place);
    if (value == nullptr || !value->is_string() || value->get_ref<const std::string&>().empty())
      refuse(fmt::format("{} is not there or not text", setting.place));
  }
  for (const Setting& setting : kSettings)
    if (const Json* value = find(report, setting.place); value == nullptr || value->is_structured())
      refuse(fmt::format("{} is not there or no single value", setting.place));
  for (const Figure& figure : kFigures) {
    const Json* value = find(report, figure.place);
    if (figure.optional && (value == nullptr || value->is_null())) continue;
    if (value == nullptr || !value->is_number() || !std::isfinite(value->get<double>()) ||
        value->get<double>() < 0)
      refuse(fmt::format("{} is not there or no number from 0 on", figure.place));
  }
  return report;
}

void require_same_processor(const Json& report, const Json& before, const std::string& path) {
  for (const Setting& setting : kProcessor)
    if (*find(report, setting.place) != *find(before, setting.place))
      throw Error(fmt::format(
          "{} is of another processor (its {} is {}, here it is {}): such figures do not compare",
          path, setting.name, shown(*find(before, setting.place)),
          shown(*find(report, setting.place))));
}

void print(const Json& report, const Json* before) {
  Table table{{{"", false}, {"now"}}, {}};
  if (before != nullptr) {
    table.columns.push_back({"before"});
    table.columns.push_back({"now / before"});
  }
  const auto number = [](const Json* value) {
    return value != nullptr && value->is_number() ? std::optional(value->get<double>())
                                                  : std::nullopt;
  };
  const auto cell = [](std::optional<double> value, int digits) {
    return value ? fmt::format("{:.{}f}", *value, digits) : "-";
  };
  for (const Figure& figure : kFigures) {
    const auto now = number(find(report, figure.place));
    const auto then = before != nullptr ? number(find(*before, figure.place)) : std::nullopt;
    if (!now && !then) continue;
    table.rows.push_back({figure.name, cell(now, figure.digits)});
    if (before == nullptr) continue;
    table.rows.back().push_back(cell(then, figure.digits));
    table.rows.back().push_back(
        cell(now && then && *then > 0 ? std::optional(*now / *then) : std::nullopt, 2));
  }
  std::cout << table;
  if (before == nullptr) return;
  for (const Setting& setting : kSettings)
    if (*find(report, setting.place) != *find(*before, setting.place))
      fmt::print("not the same: {} is {}, was {}\n", setting.name,
                 shown(*find(report, setting.place)), shown(*find(*before, setting.place)));
}

// ---- The measurements ----

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

/// Images a second from their pixels of 8 bits on: the median of Google Benchmark's repetitions.
double throughput(const Model& model, const RunOptions& options, const ImageSet& images,
                  std::size_t threads) {
  struct Rates : benchmark::BenchmarkReporter {
    bool ReportContext(const Context&) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override {
      for (const Run& run : runs)
        if (run.run_type == Run::RT_Iteration)
          values.push_back(run.counters.at("items_per_second"));
    }
    std::vector<double> values;
  } rates;
  benchmark::RegisterBenchmark(
      "images",
      [&](benchmark::State& state) {
        for (auto _ : state)
          state.SetIterationTime(model.evaluate(images, options, threads).seconds);
        state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(images.size()));
      })
      ->UseManualTime()
      ->MinTime(0.1)
      ->Repetitions(5);
  benchmark::RunSpecifiedBenchmarks(&rates, "all");
  benchmark::ClearRegisteredBenchmarks();
  return percentile(rates.values, 0.5);
}

/// As many rows of the same length as a layer's weights have, to be read and nothing else. They are
/// read in an order that no prefetcher guesses.
class Rows {
 public:
  Rows(std::size_t rows, std::size_t bytes)
      : rows_(rows),
        stride_(kernels::padded((bytes + 3) / 4)),
        words_(rows * stride_),
        order_(2 * rows) {
    const auto middle = order_.begin() + static_cast<std::ptrdiff_t>(rows);
    std::iota(order_.begin(), middle, 0u);
    std::shuffle(order_.begin(), middle, std::mt19937(1));
    std::copy(order_.begin(), middle, middle);
  }

  /// Reads `count` rows, another beginning of the order each turn; none twice before all were read.
  void read(std::size_t count, std::size_t turn) const {
    for (std::size_t begin = turn * 61 % rows_; count > 0;) {
      const std::size_t now = std::min(count, rows_);
      benchmark::DoNotOptimize(
          kernels::read_rows(words_.data(), stride_, order_.data() + begin, now));
      count -= now;
    }
  }

 private:
  std::size_t rows_, stride_;
  Buffer<std::uint32_t> words_, order_;
};

/// GB/s of reading `bytes` again and again, one row after another: p50, as for the images.
double read_bandwidth(std::size_t bytes) {
  const std::size_t stride = 16 * kernels::kLanes;
  Buffer<std::uint32_t> words(bytes / 4), order(bytes / 4 / stride);
  std::iota(order.begin(), order.end(), 0u);
  std::vector<double> rates(200);
  for (double& rate : rates) {
    const auto start = Clock::now();
    benchmark::DoNotOptimize(kernels::read_rows(words.data(), stride, order.data(), order.size()));
    rate = static_cast<double>(order.size() * stride * 4) / (1e3 * microseconds_since(start));
  }
  return percentile(rates, 0.5);
}

/// What is read to measure a cache: more than the one below it holds, and safely less than its own
/// size. Where the system does not say the sizes, 1 and 32 MiB are taken for them.
struct CacheSizes {
  std::size_t l2, l3;

  static CacheSizes of_system() {
    const auto size = [](int name, std::size_t otherwise) {
      const long said = sysconf(name);
      return said > 0 ? static_cast<std::size_t>(said) : otherwise;
    };
    const std::size_t l2 = size(_SC_LEVEL2_CACHE_SIZE, 1 << 20);
    return {l2 / 2, std::min(size(_SC_LEVEL3_CACHE_SIZE, 32 << 20) / 2, 8 * l2)};
  }
};

class Bencher {
 public:
  Bencher(const Model& model, const RunOptions& options, const ImageSet& images)
      : info_(model.info()), images_(images), input_(images.pixels_per_image()) {
    load(0, input_);
    const auto start = Clock::now();
    engine_ = model.engine(options);
    engine_us_ = microseconds_since(start);
    const auto made = Clock::now();
    engine_->run(input_, 0);
    first_run_us_ = microseconds_since(made);
  }

  Json first_call() const { return {{"engine_us", engine_us_}, {"run_us", first_run_us_}}; }

  /// Each image alone, in blocks that alternate with blocks of merely reading the rows of weights
  /// that these images read, and of mere waits: how long these take at worst is what others do with
  /// the core. An image's pixels are scaled before its time begins.
  void time_images(std::size_t repeats) {
    const std::size_t images = std::min(images_.size(), repeats);
    count_rows(images);
    std::vector<double> clock(10000), image(repeats), reading(repeats), rate(repeats),
        wait(repeats);
    for (double& time : clock) time = microseconds_since(Clock::now());
    constexpr std::size_t kBlock = 64;
    for (std::size_t first = 0; first < repeats; first += kBlock) {
      const std::size_t last = std::min(first + kBlock, repeats);
      for (std::size_t r = first; r < last; ++r) {
        load(r % images, input_);
        const auto start = Clock::now();
        engine_->run(input_, r % images);
        image[r] = microseconds_since(start);
        rate[r] = static_cast<double>(bytes_[r % images]) / (1e3 * image[r]);
      }
      for (std::size_t r = first; r < last; ++r) {
        const std::uint32_t* counts = counts_.data() + r % images * rows_.size();
        const auto start = Clock::now();
        for (std::size_t l = 0; l < rows_.size(); ++l) rows_[l].read(counts[l], r);
        reading[r] = microseconds_since(start);
      }
      std::vector<double> here(image.begin() + static_cast<std::ptrdiff_t>(first),
                               image.begin() + static_cast<std::ptrdiff_t>(last));
      const double usual = percentile(here, 0.5);
      for (std::size_t r = first; r < last; ++r) {
        const auto start = Clock::now();
        do wait[r] = microseconds_since(start);
        while (wait[r] < usual);
      }
    }
    // Of an image's several runs the median knows no interrupt: what is left is its own work.
    std::vector<double> medians(images);
    for (std::size_t i = 0; i < images; ++i) {
      std::vector<double> own;
      for (std::size_t r = i; r < repeats; r += images) own.push_back(image[r]);
      medians[i] = percentile(own, 0.5);
    }
    const double p50 = percentile(image, 0.5), read_p50 = percentile(reading, 0.5);
    latency_ = {{"runs", repeats},
                {"images", images},
                {"p50_us", p50},
                {"p99_us", percentile(image, 0.99)},
                {"p99_9_us", percentile(image, 0.999)},
                {"worst_us", percentile(image, 1)},
                {"p99_9_of_medians_us", percentile(medians, 0.999)},
                {"wait_p99_9_us", percentile(wait, 0.999)},
                {"clock_us", percentile(clock, 0.5)}};
    const double bytes = std::accumulate(bytes_.begin(), bytes_.end(), 0.0);
    const double attained = percentile(rate, 0.5);
    const auto cache = [attained](std::size_t size) {
      const double bandwidth = read_bandwidth(size);
      return Json{{"bytes", size}, {"gb_per_s", bandwidth}, {"attained", attained / bandwidth}};
    };
    const CacheSizes sizes = CacheSizes::of_system();
    weights_read_ = {{"bytes", bytes / static_cast<double>(images)},
                     {"reading_p50_us", read_p50},
                     {"reading_p99_9_us", percentile(reading, 0.999)},
                     {"image_to_reading", p50 / read_p50},
                     {"gb_per_s", attained},
                     {"l2", cache(sizes.l2)},
                     {"l3", cache(sizes.l3)}};
  }
  const Json& latency() const { return latency_; }
  const Json& weights_read() const { return weights_read_; }
  const Activity& activity() const { return activity_; }

  /// What the processor counts for an image, from its pixels of 8 bits on. Null where it has no
  /// counters.
  Json count_events() {
    Counters counters;
    if (!counters.fault().empty()) {
      fmt::print("--perf: no hardware counter can be read here ({})\n", counters.fault());
      return nullptr;
    }
    counters.start();
    for (std::size_t i = 0; i < images_.size(); ++i) {
      load(i, input_);
      engine_->run(input_, i);
    }
    const Counters::Counts counts = counters.stop();
    Json perf;
    for (std::size_t c = 0; c < counts.size(); ++c)
      perf[Counters::kNames[c]] =
          counts[c] ? Json(*counts[c] / static_cast<double>(images_.size())) : Json();
    return perf;
  }

 private:
  void load(std::size_t i, Buffer<float>& input) const {
    const auto image = images_.image(i);
    kernels::scale_pixels(image.data(), image.size(), input.data());
  }

  /// How many rows of each layer's weights each image reads.
  void count_rows(std::size_t images) {
    engine_->forget();
    std::vector<LayerActivity> before = engine_->activity().layers;
    std::vector<std::vector<std::uint64_t>> counts;  // [layer][image]
    counts.resize(before.size());
    for (std::size_t i = 0; i < images; ++i) {
      load(i, input_);
      engine_->run(input_, i);
      const std::vector<LayerActivity> layers = engine_->activity().layers;
      bytes_.push_back(0);
      for (std::size_t l = 0; l < layers.size(); ++l) {
        counts[l].push_back(layers[l].weight_rows - before[l].weight_rows);
        bytes_.back() += layers[l].weight_bytes - before[l].weight_bytes;
      }
      before = layers;
    }
    activity_ = engine_->activity();
    std::vector<std::size_t> readers;
    for (std::size_t l = 0; l < before.size(); ++l) {
      const LayerActivity& layer = before[l];
      if (layer.weight_rows == 0) continue;
      const auto& shape = info_.layers[layer.index].input_shape;
      rows_.emplace_back(
          std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>()),
          layer.weight_bytes / layer.weight_rows);
      readers.push_back(l);
    }
    for (std::size_t i = 0; i < images; ++i)
      for (const std::size_t l : readers)
        counts_.push_back(static_cast<std::uint32_t>(counts[l][i]));
  }

  ModelInfo info_;
  const ImageSet& images_;
  Buffer<float> input_;
  std::unique_ptr<ModelEngine> engine_;
  double engine_us_, first_run_us_;
  std::vector<Rows> rows_;             // of each layer that reads weights
  std::vector<std::uint32_t> counts_;  // [image][those layers]
  std::vector<std::uint64_t> bytes_;   // [image]
  Activity activity_;
  Json latency_, weights_read_;
};

void act(const Bench& b) {
  if (b.repeats == 0 || b.repeats > 10'000'000)
    throw InvalidSetting("--repeats", fmt::to_string(b.repeats), "from 1 to 10000000");
  b.json.check();
  Json from = provenance(b.threads);
  from["date"] = fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)));
  Json before;
  if (b.compare) {
    before = read_report(*b.compare);
    require_same_processor({{"provenance", from}}, before, *b.compare);
  }
  const auto [model, options] = b.model.load();
  const Dataset data = b.data.load();
  const ModelInfo info = model->info();
  fmt::print("{}\nnet {}, {}, {} steps of {:g} s; {}, {}, {} threads\n", describe(data), info.name,
             b.model.weights.value_or("untrained weights"), options.steps, options.dt,
             from["processor"]["name"].get<std::string>(), from["target"].get<std::string>(),
             from["threads"].get<std::size_t>());

  Bencher bencher(*model, options, data.test);
  bencher.time_images(b.repeats);
  const Json report{{"command", "bench"},
                    {"net", info.name},
                    {"signature", info.signature},
                    {"weights", b.model.weights ? Json(*b.model.weights) : Json()},
                    {"data", to_json(data)},
                    {"provenance", from},
                    {"run", to_json(options)},
                    {"latency", bencher.latency()},
                    {"first_call", bencher.first_call()},
                    {"throughput",
                     {{"one_thread", throughput(*model, options, data.test, 1)},
                      {"threads", throughput(*model, options, data.test, b.threads)}}},
                    {"weights_read", bencher.weights_read()},
                    {"perf", b.perf ? bencher.count_events() : Json()},
                    {"activity", to_json(bencher.activity())}};
  print(report, b.compare ? &before : nullptr);
  b.json.write(report);
}

}  // namespace

void add_bench(CLI::App& app) {
  subcommand<Bench>(app, "bench",
                    "Latency of one image, throughput, and how near the weights' reading comes to "
                    "what the caches allow",
                    declare, act);
}

}  // namespace synfire::cli
