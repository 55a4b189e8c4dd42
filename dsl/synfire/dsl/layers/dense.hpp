// Dense<Width>: every input to every neuron, y = x W + b.
#pragma once

#include <memory>
#include <string>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/gemm.hpp>

namespace synfire {

template <std::size_t Width>
struct Dense {
  static constexpr std::string_view kind = "dense";
  static constexpr bool is_source = false;
  static constexpr Delivery needs = Delivery::EveryStep;

  template <class In>
  static constexpr bool accepts = flat<In>&& Width != 0;
  template <class In>
  using Out = Signal<Shape<Width>,
                     std::conditional_t<carried_by<In, Spikes>, Stepped, typename In::Carrier>>;
  /// kernel [inputs][Width], bias [Width].
  template <class In>
  static constexpr std::array<TensorSpec, 2> tensors{
      TensorSpec{"kernel", {In::size, Width}, {Initializer::Kind::GlorotUniform}},
      TensorSpec{"bias", {Width, 0}, {}}};
  template <class In>
  static constexpr LayerStats stats{In::size * Width, 0, true};

  template <class Where, class In>
  struct Demand {
    static_assert(fits<Where, Dense, Got<Shape<Width>>, Wanted<Shape<1>>, Width != 0>,
                  "Dense needs a width of at least 1");
    static_assert(fits < Where, Dense, Got<In>,
                  Wanted<Signal<Shape<In::size>, typename In::Carrier>>, Width == 0 || flat < In >>,
                  "Dense takes a flat signal: put Flatten before it");
  };

  static std::string signature() { return "dense(" + std::to_string(Width) + ")"; }

  /// Sums in ascending order of the input, from the bias on; multiply, then add, never fused.
  template <class Site>
  struct Clocked {
    Clocked(const ParameterSet& parameters, const RunOptions&)
        : kernel(parameters.tensor(Site::first_tensor)),
          bias(parameters.tensor(Site::first_tensor + 1)) {}

    void step(const ClockedValue<typename Site::In>& in) {
      value.assign(bias.begin(), bias.end());
      for (std::size_t i = 0; i < Site::In::size; ++i)
        for (std::size_t j = 0; j < Width; ++j) value[j] += in[i] * kernel[i * Width + j];
    }

    Buffer<float> kernel, bias;
    std::vector<float> value;
  };

  /// Adds up the rows of the inputs that are not zero, in the same order: the same bits.
  template <class Site>
  struct Event {
    static constexpr std::size_t inputs = Site::In::size;
    static constexpr std::size_t stride = kernels::padded(Width);

    struct Weights {
      Buffer<float> rows, bias;
    };

    Event(const ParameterSet& parameters, const RunOptions&)
        : index(inputs), amount(inputs), sum(stride) {
      auto packed =
          std::make_shared<Weights>(Weights{Buffer<float>(inputs * stride), Buffer<float>(stride)});
      const float* kernel = parameters.tensor(Site::first_tensor).data();
      for (std::size_t i = 0; i < inputs; ++i)
        std::copy_n(kernel + i * Width, Width, packed->rows.data() + i * stride);
      std::copy_n(parameters.tensor(Site::first_tensor + 1).data(), Width, packed->bias.data());
      weights = std::move(packed);
    }

    void before(Values in) requires carried_by<typename Site::In, Held> { add_analog(in); }
    void step(Values in) requires carried_by<typename Site::In, Stepped> { add_analog(in); }
    void after(Values in) requires carried_by<typename Site::In, Final> { add_analog(in); }

    void step(SpikeView in) {
      for (std::size_t k = 0; k < in.size; ++k) amount[k] = in.count[k] / in.unit;
      add(in.index, in.size);
      operations += spikes_in(in.count, in.size) * Width;
    }

    Values value() const { return {sum.data(), Width}; }

    void tally(LayerActivity& activity) const {
      activity.synaptic_operations += operations;
      activity.weight_rows += rows_read;
      activity.weight_bytes += rows_read * stride * sizeof(float);
    }
    void forget() { operations = rows_read = 0; }

    void add_analog(Values in) {
      const std::size_t n = kernels::nonzeros(in.data(), inputs, index.data(), amount.data());
      add(index.data(), n);
      operations += n * Width;
    }
    void add(const std::uint32_t* rows, std::size_t n) {
      kernels::accumulate_rows(weights->rows.data(), stride, weights->bias.data(), rows,
                               amount.data(), n, sum.data());
      rows_read += n;
    }

    std::shared_ptr<const Weights> weights;  // one copy for all engines of a batch
    Buffer<std::uint32_t> index;
    Buffer<float> amount, sum;
    std::uint64_t operations = 0, rows_read = 0;
  };

  template <class Site>
  struct Batch {
    static constexpr std::size_t inputs = Site::In::size;

    explicit Batch(const Learning& learning)
        : kernel(&learning.tensor(Site::first_tensor)),
          bias(&learning.tensor(Site::first_tensor + 1)),
          kernel_gradient(&learning.gradient(Site::first_tensor)),
          bias_gradient(&learning.gradient(Site::first_tensor + 1)) {
      const std::size_t rows =
          in_time<typename Site::In> ? learning.batch * learning.steps : learning.batch;
      sums = OwnedMatrix(rows, Width);
      if constexpr (Site::learns_before) in_gradients = OwnedMatrix(rows, inputs);
      out = sums.view();
      in_gradient = in_gradients.view();
    }

    void forward(Matrix given, const BatchRun& run) {
      in = given;
      in_pieces(*run.pool, run.rows<typename Site::In>(), 16,
                [&](std::size_t first, std::size_t last) {
                  for (std::size_t r = first; r < last; ++r)
                    std::copy_n(bias->data(), Width, out.row(r));
                  gemm(false, false, last - first, Width, inputs, in.row(first), in.stride,
                       kernel->data(), Width, 1, out.row(first), out.stride);
                });
    }

    void backward(Matrix gradient, const BatchRun& run) {
      const std::size_t rows = run.rows<typename Site::In>();
      in_pieces(*run.pool, inputs, 128, [&](std::size_t first, std::size_t last) {
        gemm(true, false, last - first, Width, rows, in.data + first, in.stride, gradient.data,
             gradient.stride, 0, kernel_gradient->data() + first * Width, Width);
      });
      std::fill(bias_gradient->begin(), bias_gradient->end(), 0.0f);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t j = 0; j < Width; ++j) (*bias_gradient)[j] += gradient.row(r)[j];
      if constexpr (Site::learns_before)
        in_pieces(*run.pool, rows, 16, [&](std::size_t first, std::size_t last) {
          gemm(false, true, last - first, inputs, Width, gradient.row(first), gradient.stride,
               kernel->data(), Width, 0, in_gradient.row(first), in_gradient.stride);
        });
    }

    const Buffer<float>*kernel, *bias;
    Buffer<float>*kernel_gradient, *bias_gradient;
    OwnedMatrix sums, in_gradients;
    Matrix in{}, out{}, in_gradient{};
  };
};

}  // namespace synfire
