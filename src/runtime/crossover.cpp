#include "synfire/crossover.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <utility>

#include "synfire/buffer.hpp"
#include "synfire/kernels.hpp"

namespace synfire {
namespace {

/// The least time of a call, in microseconds: what it takes when nothing disturbs it.
struct Stopwatch {
  void time(const std::function<void()>& call) {
    using Clock = std::chrono::steady_clock;
    constexpr int kCalls = 20;
    const auto start = Clock::now();
    for (int i = 0; i < kCalls; ++i) call();
    const std::chrono::duration<double, std::micro> taken = Clock::now() - start;
    least = std::min(least, taken.count() / kCalls);
  }
  double least = std::numeric_limits<double>::infinity();
};

/// add(index, n) is the product of n inputs, which are all of them where index is null. The two
/// ways take turns, so that a core that changes its speed does so for both.
template <class Add>
MeasuredLayer measure(const char* weights, std::size_t inputs, std::size_t width, const Add& add) {
  constexpr int kTurns = 40;
  const auto& shares = Crossover::kShares;
  std::mt19937 random(1);
  std::vector<std::uint32_t> all(inputs);
  std::iota(all.begin(), all.end(), 0u);
  std::vector<std::vector<std::uint32_t>> active(shares.size());
  for (std::size_t s = 0; s < shares.size(); ++s)
    std::sample(all.begin(), all.end(), std::back_inserter(active[s]),
                static_cast<std::size_t>(shares[s] * static_cast<double>(inputs)), random);
  Stopwatch dense;
  std::vector<Stopwatch> rows(shares.size());
  for (int turn = 0; turn < kTurns; ++turn)
    for (std::size_t s = 0; s < shares.size(); ++s) {
      rows[s].time([&] { add(active[s].data(), active[s].size()); });
      dense.time([&] { add(nullptr, inputs); });
    }
  MeasuredLayer layer{weights, inputs, width, dense.least, {}, 1};
  for (const Stopwatch& some : rows) layer.rows_us.push_back(some.least);
  for (std::size_t s = shares.size(); s-- != 0 && rows[s].least > dense.least;)
    layer.dense_above = s == 0 ? 0 : shares[s - 1];
  return layer;
}

/// The share with which the worst choice among all that was measured is the least bad.
double least_regret(const std::vector<MeasuredLayer>& layers) {
  const auto& shares = Crossover::kShares;
  double best = 1, least = std::numeric_limits<double>::infinity();
  for (const double above : shares) {
    double worst = 1;
    for (const MeasuredLayer& layer : layers)
      for (std::size_t s = 0; s < shares.size(); ++s) {
        const double rows = layer.rows_us[s], taken = shares[s] > above ? layer.dense_us : rows;
        worst = std::max(worst, taken / std::min(rows, layer.dense_us));
      }
    if (worst <= least) {
      least = worst;
      best = above;
    }
  }
  return best;
}

}  // namespace

const std::vector<double> Crossover::kShares{0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1};

Crossover measure_crossover() {
  Crossover found{{}, 0};
  for (const auto& shape : {std::pair<std::size_t, std::size_t>{784, 128}, {512, 512}}) {
    const std::size_t inputs = shape.first, width = shape.second;
    Buffer<float> x(inputs), start(width), out(width), weights(inputs * width);
    std::fill(x.begin(), x.end(), 0.5f);
    std::fill(weights.begin(), weights.end(), 0.25f);
    found.layers.push_back(
        measure("float32", inputs, width, [&](const std::uint32_t* index, std::size_t n) {
          kernels::accumulate_rows(weights.data(), width, start.data(), index, x.data(), n,
                                   out.data());
        }));
    Buffer<std::uint32_t> halves(inputs * width / 2);
    for (std::size_t i = 0; i < inputs; ++i)
      kernels::pack_bf16(weights.data() + i * width, width, halves.data() + i * width / 2);
    found.layers.push_back(
        measure("bfloat16", inputs, width, [&](const std::uint32_t* index, std::size_t n) {
          kernels::accumulate_rows_bf16(halves.data(), width / 2, start.data(), index, x.data(), n,
                                        out.data());
        }));
  }
  found.dense_above = least_regret(found.layers);
  return found;
}

}  // namespace synfire
