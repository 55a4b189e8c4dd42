// Question: what does a regularizer cost a training? Limit: 1.15 times the training without it.
//
// One batch of 32 through 784-128-10, 10 steps of 0.01 s, spiking-aware, as `synfire train` has it,
// on one thread. Argument 0: the regularizer (its name is the label; 0 is none).
#include <benchmark/benchmark.h>

#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

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

template <class R>
auto on_weights(R settings) {
  return [settings](Trainer& trainer) { trainer.regularize<"dense_2", "kernel">(settings); };
}

using Contender = std::pair<std::string, std::function<void(Trainer&)>>;

const std::vector<Contender>& regularizers() {
  static const std::vector<Contender> all = [] {
    std::vector<Contender> made{{"none", [](Trainer&) {}}};
    const auto add = [&](const std::string& name, const auto& settings) {
      made.emplace_back(name, on_rates(settings));
    };
    const auto add_ranged = [&](const std::string& name, const auto& settings) {
      add("ranged " + name, RangedRegularizer<std::decay_t<decltype(settings)>>{target, settings});
    };
    const auto add_all = [&](const std::string& name, const auto& driven, const auto& strengths) {
      using R = std::decay_t<decltype(driven)>;
      add(name, driven);
      add(name + " over time", OverTime<R>{driven});
      add_ranged(name, strengths);
      add("ranged " + name + " over time", OverTime<RangedRegularizer<R>>{{target, strengths}});
    };
    add_all("L1", L1{.l1 = 1e-4f, .target = target}, L1{.l1 = 1e-4f});
    add_all("L2", L2{.l2 = 1e-4f, .target = target}, L2{.l2 = 1e-4f});
    add_all("L1L2", L1L2{.l1 = 1e-4f, .l2 = 1e-4f, .target = target},
            L1L2{.l1 = 1e-4f, .l2 = 1e-4f});
    const std::pair<const char*, std::vector<int>> axes[] = {
        {"samples", {0}}, {"samples and steps", {0, 1}}, {"steps", {1}},
        {"units", {2}},   {"steps and units", {1, 2}},   {"everything", {0, 1, 2}}};
    for (const double percentile : {100.0, 90.0, 50.0, 12.5, 0.0})
      for (const auto& [over, axis] : axes) {
        const std::string name = fmt::format("percentile {} of {}", percentile, over);
        const Percentile driven{
            .percentile = percentile, .axis = axis, .target = target, .l2 = 1e-3f};
        const Percentile alone{.percentile = percentile, .axis = axis, .l2 = 1e-3f};
        add(name, driven);
        add_ranged(name, alone);
        // Steps are axis 1 no longer.
        if (axis == std::vector<int>{0}) {
          add(name + " over time", OverTime<Percentile>{driven});
          add("ranged " + name + " over time",
              OverTime<RangedRegularizer<Percentile>>{{target, alone}});
        }
      }
    made.emplace_back("L1 of weights", on_weights(L1{.l1 = 1e-4f}));
    made.emplace_back("L2 of weights", on_weights(L2{.l2 = 1e-4f}));
    made.emplace_back("L1L2 of weights", on_weights(L1L2{.l1 = 1e-4f, .l2 = 1e-4f}));
    made.emplace_back("ranged L2 of weights",
                      on_weights(RangedRegularizer<L2>{{-0.01f, 0.01f}, {.l2 = 1e-4f}}));
    for (const int axis : {0, 1})
      for (const double percentile : {100.0, 90.0})
        made.emplace_back(
            fmt::format("percentile {} of weights, axis {}", percentile, axis),
            on_weights(Percentile{.percentile = percentile, .axis = {axis}, .l2 = 1e-3f}));
    return made;
  }();
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

BENCHMARK(batch)
    ->Apply([](benchmark::internal::Benchmark* all) {
      all->DenseRange(0, static_cast<std::int64_t>(regularizers().size()) - 1);
    })
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
