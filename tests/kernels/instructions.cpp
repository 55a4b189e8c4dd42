// Each kernel once between two marks of callgrind, with the data of the seed's net, for
// instructions_test.py: 784 pixels, half of them zero, 128 neurons. On AVX2, the widest target that
// callgrind knows.
#include <valgrind/callgrind.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "synfire/buffer.hpp"
#include "synfire/kernels.hpp"
#include "synfire/random.hpp"
#include "synfire/target.hpp"

namespace {

using namespace synfire;

constexpr std::size_t kInputs = 784, kNeurons = 128, kSteps = 10;

std::mt19937 generator(1);

Buffer<float> random_floats(std::size_t n, float low, float high) {
  Buffer<float> values(n);
  for (auto& x : values)
    x = low + (high - low) * static_cast<float>(generator() % 65536) / 65536.0f;
  return values;
}

// The first call finds the target.
template <class Kernel>
void count(const char* name, const Kernel& kernel) {
  kernel();
  CALLGRIND_ZERO_STATS;
  kernel();
  CALLGRIND_DUMP_STATS_AT(name);
}

void synapses() {
  auto x = random_floats(kInputs, -1.0f, 1.0f);
  for (auto& pixel : x) pixel = std::max(pixel, 0.0f);
  const auto weights = random_floats(kInputs * kNeurons, -0.1f, 0.1f);
  const auto start = random_floats(kNeurons, -0.1f, 0.1f);
  Buffer<std::uint32_t> index(kInputs);
  Buffer<float> out(kNeurons);
  std::size_t n = 0;
  count("nonzeros", [&] { n = kernels::nonzeros(x.data(), kInputs, index.data()); });
  count("accumulate_rows", [&] {
    kernels::accumulate_rows(weights.data(), kNeurons, start.data(), index.data(), x.data(), n,
                             out.data());
  });
  count("accumulate_values", [&] {
    kernels::accumulate_values(weights.data(), kNeurons, start.data(), x.data(), kInputs, 0.95,
                               index.data(), out.data());
  });
  count("accumulate_products", [&] {
    std::vector<kernels::Product> products(kernels::kMostProducts, {x.data(), out.data(), 0});
    kernels::accumulate_products(weights.data(), kNeurons, kNeurons, start.data(), kInputs,
                                 products.data(), products.size());
  });

  Buffer<std::uint32_t> halves(kInputs * kNeurons / 2);
  for (std::size_t i = 0; i < kInputs; ++i)
    kernels::pack_bf16(weights.data() + i * kNeurons, kNeurons, halves.data() + i * kNeurons / 2);
  count("accumulate_rows_bf16", [&] {
    kernels::accumulate_rows_bf16(halves.data(), kNeurons / 2, start.data(), index.data(), x.data(),
                                  n, out.data());
  });

  constexpr std::size_t quads = kInputs / 4;
  Buffer<std::int8_t> bytes(kInputs * kNeurons);
  for (auto& weight : bytes) weight = static_cast<std::int8_t>(generator() % 255 - 127);
  Buffer<std::uint32_t> scratch(quads), at(2 * quads), quad(2 * quads);
  kernels::Quantized in{};
  count("quantize_quads", [&] {
    in = kernels::quantize_quads(x.data(), kInputs, scratch.data(), at.data(), quad.data());
  });
  count("accumulate_quads_int8", [&] {
    kernels::accumulate_quads_int8(bytes.data(), kNeurons, at.data(), quad.data(), in, start.data(),
                                   start.data(), out.data());
  });
  count("accumulate_quad_products", [&] {
    const std::vector<kernels::QuadProduct> products(kernels::kMostProducts,
                                                     {at.data(), quad.data(), in, out.data()});
    kernels::accumulate_quad_products(bytes.data(), kNeurons, quads, start.data(), start.data(),
                                      products.data(), products.size());
  });
}

// A tenth of the synapses, in blocks of 16.
void sparse() {
  constexpr std::size_t kSize = 16, kBlocks = kNeurons / kSize, kTurns = kInputs / 10;
  std::vector<std::uint32_t> begin{0}, column, index;
  const std::vector<std::uint32_t> degree(kInputs, 3);
  std::vector<kernels::Synapse> synapses;
  std::vector<std::uint32_t> first_synapse{0};
  for (std::uint32_t i = 0; i < kInputs; ++i) {
    if (i % 2 == 0) index.push_back(i);
    for (std::uint32_t j = 0; j < kNeurons; j += kSize) {
      if (generator() % 10 != 0) continue;
      column.push_back(j);
      for (std::uint32_t c = 0; c < kSize; ++c) synapses.push_back({j + c, 0.5f});
    }
    begin.push_back(static_cast<std::uint32_t>(column.size()));
    first_synapse.push_back(static_cast<std::uint32_t>(synapses.size()));
  }
  const auto weights = random_floats(column.size() * kSize, -0.1f, 0.1f);
  const auto x = random_floats(kInputs, 0.0f, 1.0f);
  const auto start = random_floats(kNeurons, -0.1f, 0.1f);
  Buffer<float> out(kNeurons);
  count("accumulate_csr", [&] {
    kernels::accumulate_csr({first_synapse.data(), synapses.data()}, start.data(), kNeurons,
                            index.data(), x.data(), index.size(), out.data());
  });
  Buffer<std::uint32_t> events(index.size()), block(column.size());
  std::copy(index.begin(), index.end(), events.begin());
  const auto counts = random_floats(index.size(), 1.0f, 1.0f);
  Buffer<float> value(column.size());
  count("accumulate_blocks", [&] {
    kernels::accumulate_blocks(
        {kSize, begin.data(), degree.data(), column.data(), weights.data()}, start.data(), kNeurons,
        {events.data(), counts.data(), events.size(), 0.01f, block.data(), value.data()},
        column.size(), out.data());
  });
  const std::vector<std::uint32_t> length(kNeurons / kernels::kBlockGroup, kTurns);
  std::vector<std::uint32_t> place, input;
  for (std::uint32_t b = 0; b < kBlocks; ++b) place.push_back(b * kSize);
  for (std::size_t k = 0; k < kTurns * kBlocks; ++k)
    input.push_back(static_cast<std::uint32_t>(generator() % kInputs));
  const auto gathered = random_floats(kTurns * kNeurons, -0.1f, 0.1f);
  count("gather_blocks", [&] {
    kernels::gather_blocks(
        {kSize, length.size(), length.data(), place.data(), input.data(), gathered.data()},
        x.data(), start.data(), kNeurons, out.data());
  });
  const std::vector<std::uint32_t> worth(kInputs, 3);
  count("reached", [&] { kernels::reached(x.data(), kInputs, worth.data()); });
}

void neurons() {
  const auto drive = random_floats(kNeurons, 0.0f, 0.2f);
  auto voltage = random_floats(kNeurons, 0.0f, 1.0f);
  Buffer<std::uint32_t> index(kNeurons);
  Buffer<float> out(kNeurons);
  count("uniform", [&] { uniform(RandomAddress{.seed = 1}, out.data(), kNeurons); });
  count("fire",
        [&] { kernels::fire(drive.data(), voltage.data(), kNeurons, index.data(), out.data()); });
  count("fire_relu_total", [&] {
    kernels::fire_relu_total(drive.data(), 0.1f, voltage.data(), kNeurons, kSteps, out.data());
  });
  count("fire_relu_add",
        [&] { kernels::fire_relu_add(drive.data(), 0.1f, voltage.data(), kNeurons, out.data()); });
  auto half = drive;
  for (std::size_t i = 0; i < kNeurons; i += 2) half[i] = 0;
  Buffer<float> awake_drive(kNeurons), awake_voltage(kNeurons);
  Buffer<std::uint32_t> which(kNeurons);
  std::size_t awake = 0;
  count("awake", [&] {
    awake = kernels::awake(half.data(), voltage.data(), kNeurons, which.data(), awake_drive.data(),
                           awake_voltage.data());
  });
  Buffer<float> fired(kNeurons);
  count("fire_awake", [&] {
    kernels::fire_awake(awake_drive.data(), awake_voltage.data(), awake, which.data(), index.data(),
                        out.data(), fired.data());
  });
  count("fire_total",
        [&] { kernels::fire_total(drive.data(), voltage.data(), kNeurons, kSteps, out.data()); });
  count("count_spikes", [&] { kernels::count_spikes(out.data(), kNeurons); });
  count("mean_rates", [&] { kernels::mean_rates(out.data(), kNeurons, 0.1f, fired.data()); });
  count("leaky", [&] {
    kernels::leaky(drive.data(), voltage.data(), kNeurons, 0.9f, index.data(), out.data());
  });
  count("leaky_total", [&] {
    kernels::leaky_total(drive.data(), voltage.data(), kNeurons, 0.9f, kSteps, out.data());
  });
  const auto coefficients = random_floats(2 * kNeurons, 0.0f, 0.5f);
  const auto inputs = random_floats(kSteps * kNeurons, 0.0f, 1.0f);
  Buffer<float> states(kSteps * kNeurons);
  count("filter", [&] {
    kernels::filter({1, kNeurons, kNeurons, coefficients.data()},
                    {kSteps, inputs.data(), kNeurons, voltage.data(), states.data(), kNeurons});
  });
}

}  // namespace

int main() {
  const auto targets = supported_targets();
  if (std::find(targets.begin(), targets.end(), "AVX2") == targets.end()) {
    std::cout << "skipped: this processor has no AVX2\n";
    return 77;
  }
  force_target("AVX2");
  synapses();
  sparse();
  neurons();
}
