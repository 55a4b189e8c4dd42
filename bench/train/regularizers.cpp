// Question: what does a regularizer cost a training? Limit: 1.15 times the training without it.
//
// One batch of 32 through 784-128-10, 10 steps of 0.01 s, spiking-aware, as `synfire train` has it,
// on one thread. Argument 0: the regularizer (its name is the label; 0 is none).
#include <benchmark/benchmark.h>

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include <synfire/dataset.hpp>
#include <synfire/dsl.hpp>
#include <synfire/kernels.hpp>

namespace {

using namespace synfire;

struct Net : Network<Input<28, 28>, Flatten, Dense<128>, Named<"out", Spiking<Relu>>, MeanOverTime,
                     Dense<10>> {};

using Trainer = DenseTrainer<Net>;

constexpr Target target{10, 20};

template <class R>
auto on_rates(R settings) {
  return [settings](Trainer& trainer) { trainer.regularize<"out">(settings); };
}

const std::vector<std::pair<const char*, std::function<void(Trainer&)>>>& regularizers() {
  const auto percentile = [](double of, std::vector<int> axis) {
    return Percentile{.percentile = of, .axis = std::move(axis), .target = target, .l2 = 1e-3f};
  };
  static const std::vector<std::pair<const char*, std::function<void(Trainer&)>>> all{
      {"none", [](Trainer&) {}},
      {"L1", on_rates(L1{.l1 = 1e-4f, .target = target})},
      {"L2", on_rates(L2{.l2 = 1e-4f, .target = target})},
      {"L1L2", on_rates(L1L2{.l1 = 1e-4f, .l2 = 1e-4f, .target = target})},
      {"ranged L2", on_rates(RangedRegularizer<L2>{target, {.l2 = 1e-4f}})},
      {"percentile 100 of samples", on_rates(percentile(100, {0}))},
      {"percentile 90 of samples", on_rates(percentile(90, {0}))},
      {"percentile 50 of samples", on_rates(percentile(50, {0}))},
      {"percentile 100 of samples and steps", on_rates(percentile(100, {0, 1}))},
      {"percentile 99 of samples and steps", on_rates(percentile(99, {0, 1}))},
      {"percentile 50 of samples and steps", on_rates(percentile(50, {0, 1}))},
      {"percentile 90 of units", on_rates(percentile(90, {2}))},
      {"percentile 90 of steps and units", on_rates(percentile(90, {1, 2}))},
      {"percentile 99 of everything", on_rates(percentile(99, {0, 1, 2}))},
      {"ranged percentile 90",
       on_rates(RangedRegularizer<Percentile>{target, {.percentile = 90, .l2 = 1e-3f}})},
      {"L2 over time", on_rates(OverTime<L2>{{.l2 = 1e-4f, .target = target}})},
      {"percentile 90 over time", on_rates(OverTime<Percentile>{percentile(90, {0})})},
      {"L2 of weights",
       [](Trainer& trainer) { trainer.regularize<"dense_2", "kernel">(L2{.l2 = 1e-4f}); }},
  };
  return all;
}

void batch(benchmark::State& state) {
  constexpr std::size_t count = 32, inputs = 784;
  const Dataset data = make_silhouettes(640, 1);
  std::vector<float> x(data.train.size() * inputs);
  for (std::size_t i = 0; i < data.train.size(); ++i)
    kernels::scale_pixels(data.train.image(i).data(), inputs, x.data() + i * inputs);
  auto parameters = Parameters<Net>::initial(1);
  Trainer trainer(parameters, {.dt = 0.01f, .steps = 10, .threads = 1});
  const auto& [name, regularize] = regularizers()[static_cast<std::size_t>(state.range(0))];
  regularize(trainer);
  state.SetLabel(name);
  std::vector<std::uint32_t> samples(count);
  std::size_t first = 0;
  for (auto _ : state) {
    trainer.train_batch(x.data() + first * inputs, data.train.labels.data() + first, samples.data(),
                        count, 0);
    first = (first + count) % data.train.size();
  }
}

BENCHMARK(batch)->DenseRange(0, 17)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
