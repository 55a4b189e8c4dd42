// Weights of synapses as the engine keeps them: as they are.
//
// A kind of weights is a struct in weights/ that says everything about itself. A file holds float32
// whatever the kind is, and trainings do: a net of one kind takes the weights of another.
//   name                       "float32"
//   Clocked<inputs, width>     the definition: step(in, out) of a dense kernel [inputs][width]
//   Event<inputs, width>       the event-driven run: add(in, out) of values or of spikes, which
//                              returns what it read; `stride`: floats that out has room for.
//                              For runs that stop when their class is certain, where it can:
//                              weight(i, j) and bias(j), what they stand for; input_error(most,
//                              unit, spikes), the most by which one of inputs, or of counts of
//                              spikes, of at most `most` is taken for another
//   most_inputs                where there is a limit
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include <synfire/buffer.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/dsl/signal.hpp>
#include <synfire/kernels.hpp>

namespace synfire {

struct AnyWeights {};

template <class W>
concept WeightKind = requires {
  W::name;
  typename W::template Clocked<1, 1>;
  typename W::template Event<1, 1>;
};

/// Whether these weights can sum up all of the signal.
template <class W, class In>
consteval bool few_enough() {
  if constexpr (requires { W::most_inputs, In::size; }) {
    return In::size <= W::most_inputs;
  } else {
    return true;
  }
}
template <class W>
consteval std::size_t most_inputs() {
  if constexpr (requires { W::most_inputs; }) {
    return W::most_inputs;
  } else {
    return std::numeric_limits<std::size_t>::max();
  }
}

/// What one product of inputs and weights read.
struct ReadWeights {
  std::size_t inputs;  // that were not zero
  std::size_t rows;    // runs of neighbouring weights
  std::size_t bytes;   // of weights
};

struct float32 {
  static constexpr std::string_view name = "float32";

  /// y = b + x W. Sums in ascending order of the input, from the bias on; multiply, then add, never
  /// fused.
  template <std::size_t inputs, std::size_t width>
  struct Clocked {
    Clocked(const float* kernel, const float* bias)
        : kernel(kernel, kernel + inputs * width), bias(bias, bias + width) {}

    template <class In>
    void step(const In& in, std::vector<float>& out) const {
      out = bias;
      for (std::size_t i = 0; i < inputs; ++i)
        for (std::size_t j = 0; j < width; ++j) out[j] += in[i] * kernel[i * width + j];
    }

    std::vector<float> kernel, bias;
  };

  /// Adds up the rows of the inputs that are not zero, in the same order: the same bits.
  template <std::size_t inputs, std::size_t width>
  class Event {
   public:
    static constexpr std::size_t stride = kernels::padded(width);

    Event(const float* kernel, const float* bias) : index_(inputs), amount_(inputs) {
      Packed packed{Buffer<float>(inputs * stride), Buffer<float>(stride)};
      for (std::size_t i = 0; i < inputs; ++i)
        std::copy_n(kernel + i * width, width, packed.rows.data() + i * stride);
      std::copy_n(bias, width, packed.bias.data());
      weights_ = std::make_shared<const Packed>(std::move(packed));
    }

    ReadWeights add(Values in, float* out) {
      return add(index_.data(), kernels::nonzeros(in.data(), inputs, index_.data(), amount_.data()),
                 out);
    }
    ReadWeights add(SpikeView in, float* out) {
      for (std::size_t k = 0; k < in.size; ++k) amount_[k] = in.count[k] / in.unit;
      return add(in.index, in.size, out);
    }

    float weight(std::size_t i, std::size_t j) const { return weights_->rows[i * stride + j]; }
    float bias(std::size_t j) const { return weights_->bias[j]; }
    double input_error(double, float, bool) const { return 0; }

   private:
    struct Packed {
      Buffer<float> rows, bias;
    };

    ReadWeights add(const std::uint32_t* index, std::size_t n, float* out) {
      kernels::accumulate_rows(weights_->rows.data(), stride, weights_->bias.data(), index,
                               amount_.data(), n, out);
      return {n, n, n * stride * sizeof(float)};
    }

    std::shared_ptr<const Packed> weights_;  // one copy for all engines of a batch
    Buffer<std::uint32_t> index_;
    Buffer<float> amount_;
  };
};

}  // namespace synfire
