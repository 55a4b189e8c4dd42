// Question: what does a regularizer cost a training? Limit: 1.15 times the training without it.
//
// One batch of 32 through 784-128-10, 10 steps of 0.01 s, spiking-aware, as `synfire train` has it,
// on one thread, of the data that it finds. Argument 0: the regularizer (its name is the label; 0
// is none). `ratio`: the median over pairs of turns of its time to that of the same training
// without.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
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

// A trainer and where it is in its data.
class Run {
 public:
  explicit Run(const std::function<void(Trainer&)>& regularize) { regularize(trainer_); }

  // Seconds of `batches` batches.
  double train(std::size_t batches) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < batches; ++i) {
      trainer_.train_batch(inputs().data() + first_ * input_size,
                           data().train.labels.data() + first_, samples_.data(), count, 0);
      first_ = (first_ + count) % data().train.size();
    }
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

 private:
  static constexpr std::size_t count = 32, input_size = 784;

  static const Dataset& data() {
    static const Dataset made = load_dataset();
    return made;
  }
  static const std::vector<float>& inputs() {
    static const std::vector<float> made = [] {
      std::vector<float> x(data().train.size() * input_size);
      for (std::size_t i = 0; i < data().train.size(); ++i)
        kernels::scale_pixels(data().train.image(i).data(), input_size, x.data() + i * input_size);
      return x;
    }();
    return made;
  }

  Parameters<Net> parameters_ = Parameters<Net>::initial(1);
  Trainer trainer_{parameters_, {.dt = 0.01f, .steps = 10, .threads = 1}};
  std::vector<std::uint32_t> samples_ = std::vector<std::uint32_t>(count);
  std::size_t first_ = 0;
};

// The two trainings take turns, 40 batches each, so that the processor's changes of speed fall on
// both and each finds its weights in its cache but for the first batch of a turn.
void batch(benchmark::State& state) {
  constexpr std::size_t turn = 40;
  const auto& [name, regularize] = regularizers()[static_cast<std::size_t>(state.range(0))];
  state.SetLabel(name);
  Run base([](Trainer&) {}), regularized(regularize);
  std::vector<double> ratios;
  base.train(turn);
  regularized.train(turn);
  for (auto _ : state) {
    const double without = base.train(turn);
    const double with = regularized.train(turn);
    state.SetIterationTime(with / turn);
    ratios.push_back(with / without);
  }
  std::nth_element(ratios.begin(), ratios.begin() + ratios.size() / 2, ratios.end());
  state.counters["ratio"] = ratios[ratios.size() / 2];
}

BENCHMARK(batch)
    ->Apply([](benchmark::internal::Benchmark* all) {
      all->DenseRange(0, static_cast<std::int64_t>(regularizers().size()) - 1);
    })
    ->UseManualTime()
    ->Iterations(25)
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
