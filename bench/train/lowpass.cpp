// Question: what does a filter between spikes and the read-out cost a training, against the mean,
// which is fused into the neurons?
//
// 784-128-10, 10 steps of 0.01 s, batches of 32 silhouettes, one step of Adam each. Compare the
// times of one run; repetitions and the minimum: --benchmark_repetitions=20.
//
// Answer (minima of 30, one thread, us a batch): mean 129; lowpass, last value 190, mean 192; alpha
// 193; lowpass with every step read 194. One and a half times the mean, however the filter is
// read.
#include <benchmark/benchmark.h>

#include <numeric>
#include <vector>

#include <synfire/dataset.hpp>
#include <synfire/dsl.hpp>

namespace {

using namespace synfire;

// clang-format off
template <class... Reader>
struct Net : Network<Input<28, 28>, Flatten, Dense<128>, Spiking<Relu>, Reader..., Dense<10>> {};
// clang-format on

template <class... Reader>
void train(benchmark::State& state) {
  constexpr std::size_t batch = 32, batches = 16, pixels = 784;
  const Dataset data = make_silhouettes(batches * batch, 10);
  Buffer<float> x(batches * batch * pixels);
  kernels::scale_pixels(data.train.image(0).data(), x.size(), x.data());
  std::vector<std::uint32_t> samples(batches * batch);
  std::iota(samples.begin(), samples.end(), 0);
  auto parameters = Parameters<Net<Reader...>>::initial(0);
  DenseTrainer<Net<Reader...>> trainer(parameters,
                                       {.dt = 0.01f, .steps = 10, .batch = batch, .threads = 1});
  std::size_t b = 0;
  for (auto _ : state) {
    trainer.train_batch(x.data() + b * batch * pixels, data.train.labels.data() + b * batch,
                        samples.data() + b * batch, batch, 0);
    b = (b + 1) % batches;
  }
}

BENCHMARK(train<MeanOverTime>)->Unit(benchmark::kMicrosecond);
BENCHMARK(train<Lowpass<>, LastOverTime>)->Unit(benchmark::kMicrosecond);
BENCHMARK(train<Lowpass<>, MeanOverTime>)->Unit(benchmark::kMicrosecond);
BENCHMARK(train<Alpha<>, LastOverTime>)->Unit(benchmark::kMicrosecond);
// Every step is read.
BENCHMARK(train<Lowpass<>, Flatten, LastOverTime>)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
