// Question: does a batch of 32 gain from two threads if its products are cut into two by rows, as a
// trainer must that uses threads? The cut itself costs: each piece packs the other operand again.
//
// Arguments: pieces. "one thread" runs the pieces in turn (the cost of cutting); "side by side"
// runs each in a thread of its own (what a trainer gains). GFLOP/s is the figure to compare.
#include <synfire/gemm.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>

#include <synfire/buffer.hpp>
#include <synfire/parallel.hpp>

namespace {

using synfire::Buffer;
using synfire::gemm;
using synfire::ThreadPool;

Buffer<float> ramp(std::size_t size) {
  Buffer<float> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<float>(i % 101) / 101.0f - 0.5f;
  return values;
}

// op(a) is m x k: transposed, a piece of its rows is a piece of a's columns.
void product(benchmark::State& state, bool transpose_a, std::size_t m, std::size_t k, std::size_t n,
             ThreadPool* pool) {
  const auto pieces = static_cast<std::size_t>(state.range(0));
  const auto a = ramp(m * k), b = ramp(k * n);
  Buffer<float> c(m * n);
  const std::size_t rows = m / pieces, a_stride = transpose_a ? m : k;
  const auto piece = [&](std::size_t, std::size_t i) {
    gemm(transpose_a, false, rows, n, k, a.data() + i * rows * (transpose_a ? 1 : k), a_stride,
         b.data(), n, 0, c.data() + i * rows * n, n);
  };
  for (auto _ : state) {
    if (pool != nullptr)
      pool->run(pieces, piece);
    else
      for (std::size_t i = 0; i < pieces; ++i) piece(0, i);
    benchmark::DoNotOptimize(c.data());
    benchmark::ClobberMemory();
  }
  state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * static_cast<double>(m * k * n),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

// The forward product of Dense<128> on 784 inputs, and its weights' gradient.
void forward(benchmark::State& state, ThreadPool* pool) {
  product(state, false, 32, 784, 128, pool);
}
void weight_gradient(benchmark::State& state, ThreadPool* pool) {
  product(state, true, 784, 32, 128, pool);
}

ThreadPool& two_threads() {
  static ThreadPool pool(2);
  return pool;
}

void forward_one_thread(benchmark::State& state) {
  forward(state, nullptr);
}
void forward_side_by_side(benchmark::State& state) {
  forward(state, &two_threads());
}
void weight_gradient_one_thread(benchmark::State& state) {
  weight_gradient(state, nullptr);
}
void weight_gradient_side_by_side(benchmark::State& state) {
  weight_gradient(state, &two_threads());
}

BENCHMARK(forward_one_thread)->Arg(1)->Arg(2)->Arg(4)->UseRealTime();
BENCHMARK(forward_side_by_side)->Arg(2)->Arg(4)->UseRealTime();
BENCHMARK(weight_gradient_one_thread)->Arg(1)->Arg(2)->Arg(4)->UseRealTime();
BENCHMARK(weight_gradient_side_by_side)->Arg(2)->Arg(4)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
