// Question: what does it save to give an event its weight in the last value of a filter (closed
// form), where stepping the filter touches every unit at every step (silent-step loop)?
// clang-format off
//   stepped       128 units, reader of every step: kernels::filter once a step
//   closed_form   128 units, reader of the last value, or of the mean
//   scalar_steps  the definition, unit by unit
// clang-format on
// Arguments: steps, and the percentage of units with an event at a step. Compare within one run.
//
// Answer (minima of 10, AVX2, ns a run of all units, 5% and 20% active):
// clang-format off
//                       10 steps      100 steps
//   scalar, lowpass     386  384      3645  3617
//   stepped, lowpass    201  361      1988  3488
//   last, lowpass        70  222       609  2060
//   mean, lowpass       114  298       910  3021
//   stepped, alpha      304  409      2972  4306
//   last, alpha         118  288       850  2788
// clang-format on
// A third of the stepping at 5%; at 20% still less. So readers of one value for the run get it.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include <synfire/dsl.hpp>

namespace {

using namespace synfire;

constexpr std::size_t kUnits = 128;

template <class Filter>
const ParameterSet& parameters() {
  static const Parameters<Network<Input<kUnits>, Filter>> made;
  return made;
}

template <Delivery wanted>
using At = Site<1, Signal<Shape<kUnits>, Spikes>, Signal<Shape<kUnits>, Stepped>, 0,
                Delivery::EveryStep, wanted, false>;

/// Events of as many steps as the argument says.
std::vector<EventBuffer> events(const benchmark::State& state) {
  std::mt19937 random(1);
  std::bernoulli_distribution fires(static_cast<double>(state.range(1)) / 100);
  std::vector<EventBuffer> steps(static_cast<std::size_t>(state.range(0)), EventBuffer(kUnits));
  for (EventBuffer& step : steps)
    for (std::uint32_t i = 0; i < kUnits; ++i)
      if (fires(random)) {
        step.index[step.size] = i;
        step.count[step.size++] = 1;
      }
  return steps;
}

template <class Filter, Delivery wanted>
void run(benchmark::State& state) {
  const auto steps = events(state);
  typename Filter::template Event<At<wanted>> filter(parameters<Filter>(),
                                                     {.dt = 0.01f, .steps = steps.size()});
  for (auto _ : state) {
    filter.start({});
    for (const EventBuffer& step : steps) filter.step(step.view(0.01f));
    if constexpr (wanted != Delivery::EveryStep) filter.after(steps.back().view(0.01f));
    benchmark::DoNotOptimize(filter.value().data());
    benchmark::ClobberMemory();
  }
}

template <class Filter>
void stepped(benchmark::State& state) {
  run<Filter, Delivery::EveryStep>(state);
}
template <class Filter, Delivery wanted>
void closed_form(benchmark::State& state) {
  run<Filter, wanted>(state);
}

template <class Filter>
void scalar_steps(benchmark::State& state) {
  std::vector<ClockedCounts> steps;
  for (const EventBuffer& events : events(state)) {
    steps.push_back({std::vector<float>(kUnits), 0.01f});
    for (std::size_t k = 0; k < events.size; ++k) steps.back().count[events.index[k]] = 1;
  }
  typename Filter::template Clocked<At<Delivery::Last>> filter(
      parameters<Filter>(), {.dt = 0.01f, .steps = steps.size()});
  for (auto _ : state) {
    filter.start({});
    for (const ClockedCounts& step : steps) filter.step(step);
    benchmark::DoNotOptimize(filter.value.data());
    benchmark::ClobberMemory();
  }
}

void sizes(benchmark::internal::Benchmark* b) {
  for (const int steps : {10, 100})
    for (const int percent : {5, 20}) b->Args({steps, percent});
}

BENCHMARK(scalar_steps<Lowpass<>>)->Apply(sizes);
BENCHMARK(stepped<Lowpass<>>)->Apply(sizes);
BENCHMARK(closed_form<Lowpass<>, Delivery::Last>)->Apply(sizes);
BENCHMARK(closed_form<Lowpass<>, Delivery::Mean>)->Apply(sizes);
BENCHMARK(stepped<Alpha<>>)->Apply(sizes);
BENCHMARK(closed_form<Alpha<>, Delivery::Last>)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
