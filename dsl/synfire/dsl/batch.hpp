// What the training expansions of a layer share.
//
// Batch<Site>, made from Learning:
//   forward(in, BatchRun)         fills `out`
//   backward(gradient, BatchRun)  adds nothing, overwrites: the gradients of its tensors and, where
//                                 Site::learns_before, `in_gradient`
//   out, in_gradient              Matrix
//   remembers                     where it is there and true, no step can be left out, even if
//                                 nothing spikes
// and, where it hands out means of spikes:
//   keep_steps()                  from now on forward fills `steps`, too, where keeps_steps() says
//   so steps, step_unit()            Matrix, every step's output times step_unit() step_gradient
//   Matrix that backward reads beside the means' gradient; null where
//                                 a gradient of the means is one of every step
// Rows of a matrix are samples; what changes in time has steps x samples rows, step after step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <synfire/buffer.hpp>
#include <synfire/dsl/signal.hpp>
#include <synfire/kernels.hpp>
#include <synfire/parallel.hpp>
#include <synfire/parameter_set.hpp>
#include <synfire/random.hpp>

namespace synfire {

/// Rows of floats, `stride` from one to the next. The floats between width and stride belong to the
/// row and may hold anything.
struct Matrix {
  float* data = nullptr;
  std::size_t stride = 0;

  float* row(std::size_t r) const { return data + r * stride; }
};

/// A matrix with storage; rows are padded so that kernels may work on whole vectors.
struct OwnedMatrix {
  OwnedMatrix() = default;
  OwnedMatrix(std::size_t rows, std::size_t width)
      : stride(kernels::padded(width)), values(rows * stride) {}
  Matrix view() { return {values.data(), stride}; }
  float* row(std::size_t r) { return values.data() + r * stride; }

  std::size_t stride = 0;
  Buffer<float> values;
};

/// What a trainer is made for.
struct Learning {
  const ParameterSet* parameters;
  std::vector<Buffer<float>>* gradients;  // one for each tensor
  std::size_t batch;                      // samples at most
  std::size_t steps;
  float dt;      // seconds a step of the first batch
  bool spiking;  // spikes forward, or the activation itself

  const Buffer<float>& tensor(std::size_t i) const { return parameters->tensor(i); }
  Buffer<float>& gradient(std::size_t i) const { return (*gradients)[i]; }
};

/// One pass over one batch.
struct BatchRun {
  std::size_t count;  // samples in it
  std::size_t steps;
  float dt;            // seconds a step; it may differ from batch to batch
  std::uint64_t seed;  // of the initial voltages
  std::uint32_t epoch;
  const std::uint32_t* samples;  // addresses of the samples' random numbers
  ThreadPool* pool;

  template <class In>
  std::size_t rows() const {
    return in_time<In> ? count * steps : count;
  }
};

/// Calls work(first, last) over pieces of [0, n), side by side. The pieces depend on n alone, so
/// results do not depend on the number of threads.
template <class Work>
void in_pieces(ThreadPool& pool, std::size_t n, std::size_t least, Work&& work) {
  constexpr std::size_t most_pieces = 8;
  const std::size_t piece = std::max(least, (n + most_pieces - 1) / most_pieces);
  pool.run((n + piece - 1) / piece,
           [&](std::size_t, std::size_t i) { work(i * piece, std::min(n, (i + 1) * piece)); });
}

}  // namespace synfire
