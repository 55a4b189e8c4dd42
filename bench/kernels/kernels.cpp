// Question: how near does each kernel come to what the machine allows?
// clang-format off
//   copy             copies as many bytes as a mean image's rows have, from and to the second-level
//                    cache
//   read_rows        reads the active rows and does nothing with them: the limit of accumulate_rows
//   accumulate_rows  784 x 128 weights, as many active rows as the argument says (379: a mean image)
//   ..._bf16, _int8  the same weights in half and in a quarter of the bytes; int8 with the pixels'
//                    quantization
//   plain_rows       the loop in the kernel's comment, as the compiler makes it
//   fire_total       128 neurons, 10 steps of a held drive
//   fire             128 neurons, one step, about one neuron in 20 firing
//   uniform          the initial voltages of as many neurons as the argument says
//   nonzeros         784 pixels, half of them zero
//   accumulate_values  finds those that are not zero and adds up their rows, while it searches on
//   adam             the parameters of 784 x 128
// clang-format on
// Every processor target is measured. Repetitions and the minimum: --benchmark_repetitions=20.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "synfire/buffer.hpp"
#include "synfire/kernels.hpp"
#include "synfire/random.hpp"
#include "synfire/target.hpp"

namespace {

using namespace synfire;

constexpr std::size_t kRows = 784, kColumns = 128;

Buffer<float> random_floats(std::size_t n, float low, float high) {
  Buffer<float> values(n);
  std::mt19937 random(static_cast<unsigned>(n));
  std::uniform_real_distribution<float> distribution(low, high);
  for (auto& x : values) x = distribution(random);
  return values;
}

// Several images' worth of events, so that no branch and no prefetch learns one of them by heart.
struct Rows {
  static constexpr std::size_t kImages = 16;

  explicit Rows(std::size_t active, std::size_t stride = kColumns)
      : weights(random_floats(kRows * stride, -0.1f, 0.1f)),
        x(random_floats(kRows, 0.1f, 1.0f)),
        start(stride),
        out(stride) {
    std::mt19937 random(1);
    std::vector<std::uint32_t> all(kRows);
    for (std::uint32_t i = 0; i < kRows; ++i) all[i] = i;
    for (auto& index : images) {
      index = Buffer<std::uint32_t>(active);
      std::sample(all.begin(), all.end(), index.begin(), active, random);
    }
  }

  Buffer<float> weights, x, start, out;
  Buffer<std::uint32_t> images[kImages];
};

void report(benchmark::State& state, std::size_t active, std::size_t stride = kColumns) {
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(active * stride * sizeof(float)));
}

// One word of each cache line: what is left is the time the lines take to arrive.
void read_rows(const float* rows, std::size_t stride, const std::uint32_t* index,
               std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    const float* row = rows + index[k] * stride;
    for (std::size_t j = 0; j < stride; j += kAlignment / sizeof(float))
      benchmark::DoNotOptimize(*static_cast<const volatile float*>(row + j));
  }
}

void plain_rows(const float* rows, std::size_t stride, const float* start,
                const std::uint32_t* index, const float* x, std::size_t count, float* out) {
  std::copy_n(start, stride, out);
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t j = 0; j < stride; ++j) out[j] += x[index[k]] * rows[index[k] * stride + j];
}

void bm_copy(benchmark::State& state, std::size_t active) {
  const auto from = random_floats(active * kColumns, 0, 1);
  Buffer<float> to(active * kColumns);
  for (auto _ : state) {
    std::copy(from.begin(), from.end(), to.begin());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  report(state, active);
}

void bm_read_rows(benchmark::State& state, std::size_t active) {
  Rows r(active);
  std::size_t image = 0;
  for (auto _ : state)
    read_rows(r.weights.data(), kColumns, r.images[image++ % Rows::kImages].data(), active);
  report(state, active);
}

void bm_plain_rows(benchmark::State& state, std::size_t active) {
  Rows r(active);
  std::size_t image = 0;
  for (auto _ : state) {
    plain_rows(r.weights.data(), kColumns, r.start.data(), r.images[image++ % Rows::kImages].data(),
               r.x.data(), active, r.out.data());
    benchmark::DoNotOptimize(r.out.data());
    benchmark::ClobberMemory();
  }
  report(state, active);
}

void bm_accumulate_rows(benchmark::State& state, const std::string& target, std::size_t active,
                        std::size_t stride) {
  force_target(target);
  Rows r(active, stride);
  std::size_t image = 0;
  for (auto _ : state)
    kernels::accumulate_rows(r.weights.data(), stride, r.start.data(),
                             r.images[image++ % Rows::kImages].data(), r.x.data(), active,
                             r.out.data());
  report(state, active, stride);
}

void bm_accumulate_bf16(benchmark::State& state, const std::string& target, std::size_t active) {
  force_target(target);
  Rows r(active);
  Buffer<std::uint32_t> weights(kRows * kColumns / 2);
  for (auto& word : weights) word = 0x3c003c00u;
  std::size_t image = 0;
  for (auto _ : state)
    kernels::accumulate_rows_bf16(weights.data(), kColumns / 2, r.start.data(),
                                  r.images[image++ % Rows::kImages].data(), r.x.data(), active,
                                  r.out.data());
  report(state, active);
}

void bm_accumulate_int8(benchmark::State& state, const std::string& target, std::size_t active) {
  force_target(target);
  Rows r(active);
  Buffer<std::int8_t> weights(kRows * kColumns);
  const auto scale = random_floats(kColumns, 0.1f, 0.2f);
  Buffer<float> images[Rows::kImages];
  for (std::size_t i = 0; i < Rows::kImages; ++i) {
    images[i] = Buffer<float>(kRows);
    for (std::size_t k = 0; k < active; ++k) images[i][r.images[i][k]] = r.x[k];
  }
  Buffer<std::uint32_t> scratch(kRows), index(kRows), quad(kRows);
  std::size_t image = 0;
  for (auto _ : state) {
    const auto in = kernels::quantize_quads(images[image++ % Rows::kImages].data(), kRows,
                                            scratch.data(), index.data(), quad.data());
    kernels::accumulate_quads_int8(weights.data(), kColumns, index.data(), quad.data(), in,
                                   r.start.data(), scale.data(), r.out.data());
  }
  report(state, active);
}

void bm_fire_total(benchmark::State& state, const std::string& target, std::size_t n) {
  force_target(target);
  const auto drive = random_floats(n, -0.1f, 0.1f);
  auto voltage = random_floats(n, 0.0f, 1.0f);
  Buffer<float> total(n);
  for (auto _ : state) kernels::fire_total(drive.data(), voltage.data(), n, 10, total.data());
}

void bm_leaky_total(benchmark::State& state, const std::string& target, std::size_t n) {
  force_target(target);
  const auto drive = random_floats(n, -0.1f, 0.1f);
  auto voltage = random_floats(n, 0.0f, 1.0f);
  Buffer<float> total(n);
  for (auto _ : state)
    kernels::leaky_total(drive.data(), voltage.data(), n, 0.9f, 10, total.data());
}

void bm_fire(benchmark::State& state, const std::string& target, std::size_t n) {
  force_target(target);
  const auto drive = random_floats(n, 0.0f, 0.1f);
  auto voltage = random_floats(n, 0.0f, 1.0f);
  Buffer<std::uint32_t> index(n);
  Buffer<float> count(n);
  for (auto _ : state)
    benchmark::DoNotOptimize(
        kernels::fire(drive.data(), voltage.data(), n, index.data(), count.data()));
}

void bm_uniform(benchmark::State& state, const std::string& target, std::size_t n) {
  force_target(target);
  Buffer<float> out(n);
  RandomAddress address{.seed = 1};
  for (auto _ : state) {
    ++address.sample;
    uniform(address, out.data(), n);
  }
}

void bm_nonzeros(benchmark::State& state, const std::string& target) {
  force_target(target);
  auto x = random_floats(kRows, -1.0f, 1.0f);
  for (auto& pixel : x) pixel = std::max(pixel, 0.0f);
  Buffer<std::uint32_t> index(kRows);
  for (auto _ : state) benchmark::DoNotOptimize(kernels::nonzeros(x.data(), kRows, index.data()));
}

void bm_accumulate_values(benchmark::State& state, const std::string& target) {
  force_target(target);
  auto x = random_floats(kRows, -1.0f, 1.0f);
  for (auto& pixel : x) pixel = std::max(pixel, 0.0f);
  const auto weights = random_floats(kRows * kColumns, -0.1f, 0.1f);
  Buffer<std::uint32_t> index(kRows);
  Buffer<float> start(kColumns), out(kColumns);
  for (auto _ : state)
    kernels::accumulate_values(weights.data(), kColumns, start.data(), x.data(), kRows, 0.95,
                               index.data(), out.data());
}

void bm_adam(benchmark::State& state, const std::string& target) {
  force_target(target);
  constexpr std::size_t n = kRows * kColumns;
  auto w = random_floats(n, -0.1f, 0.1f);
  const auto g = random_floats(n, -0.01f, 0.01f);
  Buffer<float> m(n), v(n);
  for (auto _ : state)
    kernels::adam(w.data(), m.data(), v.data(), g.data(), n, {1e-3f, 0.1f, 1e-3f, 1e-7f});
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(n));
}

double minimum(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

template <class... Arguments>
void add(const std::string& name, Arguments... arguments) {
  benchmark::RegisterBenchmark(name.c_str(), arguments...)->ComputeStatistics("min", minimum);
}

[[maybe_unused]] const bool registered = [] {
  // From a thousandth of the inputs to all of them.
  constexpr std::size_t kActive[] = {1, 8, 39, 78, 157, 235, 379, 549, 706, 784};
  add("copy/379", bm_copy, std::size_t{379});
  for (const auto active : kActive) {
    add("read_rows/" + std::to_string(active), bm_read_rows, active);
    add("plain_rows/" + std::to_string(active), bm_plain_rows, active);
  }
  for (const auto& target : supported_targets()) {
    const auto name = [&](const std::string& kernel) { return target + "/" + kernel; };
    for (const auto active : kActive)
      add(name("accumulate_rows/" + std::to_string(active)), bm_accumulate_rows, target, active,
          kColumns);
    for (const auto active : kActive) {
      add(name("accumulate_bf16/" + std::to_string(active)), bm_accumulate_bf16, target, active);
      add(name("accumulate_int8/" + std::to_string(active)), bm_accumulate_int8, target, active);
    }
    for (const std::size_t stride : {16, 256})
      add(name("accumulate_rows/50/columns:" + std::to_string(stride)), bm_accumulate_rows, target,
          std::size_t{50}, stride);
    add(name("fire_total"), bm_fire_total, target, kColumns);
    add(name("leaky_total"), bm_leaky_total, target, kColumns);
    add(name("fire"), bm_fire, target, kColumns);
    for (const std::size_t n : {128, 512})
      add(name("uniform/" + std::to_string(n)), bm_uniform, target, n);
    add(name("nonzeros"), bm_nonzeros, target);
    add(name("accumulate_values"), bm_accumulate_values, target);
    add(name("adam"), bm_adam, target);
  }
  return true;
}();

}  // namespace

BENCHMARK_MAIN();
