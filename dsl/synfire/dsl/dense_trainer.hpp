// DenseTrainer<Net>: trains a network by gradient descent, batch by batch, with dense products.
#pragma once

#include <array>
#include <boost/hana/at.hpp>
#include <boost/hana/fold_left.hpp>
#include <boost/hana/reverse_fold.hpp>
#include <boost/hana/transform.hpp>
#include <boost/hana/tuple.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/parameters.hpp>
#include <synfire/dsl/probe.hpp>
#include <synfire/error.hpp>
#include <synfire/training.hpp>

namespace synfire {

/// Sparse categorical cross-entropy from the network's output taken as logits; Adam. The order of
/// every sum is fixed: results are the same bits for any number of threads.
template <class Net>
class DenseTrainer final : public Trainable {
  static_assert(!Net::sound || !in_time<typename Net::Out>,
                "a network to train ends in a value known when the run ends, not in a sequence");

 public:
  static constexpr std::size_t outputs = Net::Out::size;

  /// Trains `parameters` in place; they must outlive the trainer. Throws InvalidSetting.
  DenseTrainer(Parameters<Net>& parameters, const TrainOptions& options)
      : parameters_(parameters),
        options_((options.validate(), options)),
        pool_(options.threads),
        steps_(needs_steps(options) ? options.steps : 1),
        gradients_(like(parameters)),
        first_moments_(like(parameters)),
        second_moments_(like(parameters)),
        layers_(make(Learning{&parameters, &gradients_, options.batch, steps_, options.dt,
                              options.spiking_aware})),
        output_(options.batch * outputs),
        output_gradient_(options.batch * outputs),
        last_gradient_(options.batch, outputs),
        samples_(options.batch) {}

  std::size_t input_size() const override { return detail::input_size<Net>(); }
  std::size_t classes() const override { return outputs; }

  /// Forward and backward, no step: loss and gradients() of one batch. Labels must be below
  /// classes() and count between 1 and the batch size.
  BatchResult differentiate(const float* x, const std::uint8_t* labels,
                            const std::uint32_t* samples, std::size_t count, std::uint32_t epoch) {
    const BatchRun run{count, steps_, options_.seed, epoch, samples, &pool_};
    forward(x, run);
    const BatchResult result =
        softmax_cross_entropy(output_.data(), labels, count, outputs, output_gradient_.data());
    for (std::size_t r = 0; r < count; ++r)
      std::copy_n(output_gradient_.data() + r * outputs, outputs, last_gradient_.row(r));
    hana::reverse_fold(layers_, last_gradient_.view(), [&run](Matrix gradient, auto& layer) {
      layer.backward(gradient, run);
      return layer.in_gradient;
    });
    return result;
  }

  BatchResult train_batch(const float* x, const std::uint8_t* labels, const std::uint32_t* samples,
                          std::size_t count, std::uint32_t epoch) override {
    const BatchResult result = differentiate(x, labels, samples, count, epoch);
    update();
    return result;
  }

  /// The network's output for a batch as training sees it: [count][outputs].
  Values predict(const float* x, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) samples_[i] = static_cast<std::uint32_t>(i);
    forward(x, {count, steps_, options_.seed, 0, samples_.data(), &pool_});
    return Values(output_).first(count * outputs);
  }

  /// Gradient of the mean loss with respect to tensor i of the parameters.
  const Buffer<float>& gradient(std::size_t i) const { return gradients_[i]; }

  /// Start every batch from these voltages ([batch][neurons] of the layer of that label) instead of
  /// drawn ones. Throws ShapeMismatch.
  template <Name label>
  void set_initial_voltage(Values voltage) {
    static_assert(detail::known_label<Net, label>, "no layer of this network has that label");
    constexpr std::size_t index = detail::index_of<Net, label>;
    const std::size_t expected = options_.batch * detail::labels<Net>::widths[index];
    if (voltage.size() != expected)
      throw ShapeMismatch("the initial voltage", expected, voltage.size());
    auto& given = hana::at_c<index>(layers_).initial_voltage;
    given = Buffer<float>(voltage.size());
    std::copy(voltage.begin(), voltage.end(), given.begin());
  }

  void save_state(TensorFile& file) const override {
    for (std::size_t i = 0; i < parameters_.count(); ++i) {
      const PlacedTensor& placed = parameters_.placed(i);
      const auto add = [&](const char* what, const Buffer<float>& values) {
        file.tensors.push_back(Tensor::of(what + placed.name(), placed.shape(), values.data()));
      };
      add("", parameters_.tensor(i));
      add("adam.m.", first_moments_[i]);
      add("adam.v.", second_moments_[i]);
    }
    file.tensors.push_back(Tensor::of("adam.step", std::vector<std::uint64_t>{step_}));
    file.metadata["signature"] = parameters_.signature();
  }

  /// Throws FileError or SignatureMismatch and changes nothing then.
  void load_state(const TensorFile& file, const std::filesystem::path& path) override {
    parameters_.check_signature(file, path);
    std::vector<std::array<std::vector<float>, 3>> values(parameters_.count());
    constexpr std::array prefixes{"", "adam.m.", "adam.v."};
    for (std::size_t i = 0; i < parameters_.count(); ++i)
      for (std::size_t k = 0; k < prefixes.size(); ++k) {
        const Tensor* tensor = file.find(prefixes[k] + parameters_.placed(i).name());
        if (tensor == nullptr || tensor->shape != parameters_.placed(i).shape())
          throw FileError(path, 0,
                          "holds no tensor " + (prefixes[k] + parameters_.placed(i).name()) +
                              " of this network: it is not a checkpoint of it");
        values[i][k] = tensor->floats();
      }
    const Tensor* step = file.find("adam.step");
    if (step == nullptr || step->size() != 1)
      throw FileError(path, 0, "holds no adam.step: it is not a checkpoint");
    step_ = step->integers().front();
    for (std::size_t i = 0; i < parameters_.count(); ++i) {
      std::copy(values[i][0].begin(), values[i][0].end(), parameters_.tensor(i).begin());
      std::copy(values[i][1].begin(), values[i][1].end(), first_moments_[i].begin());
      std::copy(values[i][2].begin(), values[i][2].end(), second_moments_[i].begin());
    }
  }

 private:
  /// Without spikes a network of activations computes the same at every step: one is enough.
  static bool needs_steps(const TrainOptions& options) {
    bool any = options.spiking_aware;
    for_each_layer<Net>([&any](auto placed) {
      using Batch = typename decltype(placed)::type::Layer::template Batch<
          typename decltype(placed)::type::Site>;
      if constexpr (requires { Batch::remembers; }) any = any || Batch::remembers;
    });
    return any;
  }

  static std::vector<Buffer<float>> like(const ParameterSet& parameters) {
    std::vector<Buffer<float>> zeros;
    for (std::size_t i = 0; i < parameters.count(); ++i)
      zeros.emplace_back(parameters.tensor(i).size());
    return zeros;
  }

  static auto make(const Learning& learning) {
    return hana::transform(Sites<Net>{}, [&](auto placed) {
      using Placed = typename decltype(placed)::type;
      return typename Placed::Layer::template Batch<typename Placed::Site>(learning);
    });
  }

  void forward(const float* x, const BatchRun& run) {
    // The input is read only: a Matrix is mutable because the matrices between layers are.
    const Matrix in{const_cast<float*>(x), input_size()};
    const Matrix out = hana::fold_left(layers_, in, [&run](Matrix given, auto& layer) {
      layer.forward(given, run);
      return layer.out;
    });
    for (std::size_t r = 0; r < run.count; ++r)
      std::copy_n(out.row(r), outputs, output_.data() + r * outputs);
  }

  /// One step of Adam (Kingma and Ba 2015), bias corrections folded into the rate as Keras does.
  void update() {
    ++step_;
    const auto t = static_cast<double>(step_);
    const kernels::AdamStep step{
        static_cast<float>(options_.learning_rate *
                           std::sqrt(1.0 - std::pow(static_cast<double>(options_.beta2), t)) /
                           (1.0 - std::pow(static_cast<double>(options_.beta1), t))),
        1.0f - options_.beta1, 1.0f - options_.beta2, options_.epsilon};
    for (std::size_t i = 0; i < parameters_.count(); ++i) {
      if (!parameters_.placed(i).spec.trainable) continue;
      constexpr std::size_t grain = 16384;  // whole vectors, so that pieces touch no common line
      const std::size_t n = gradients_[i].size();
      pool_.run((n + grain - 1) / grain, [&](std::size_t, std::size_t piece) {
        const std::size_t first = piece * grain;
        kernels::adam(parameters_.tensor(i).data() + first, first_moments_[i].data() + first,
                      second_moments_[i].data() + first, gradients_[i].data() + first,
                      std::min(grain, n - first), step);
      });
    }
    parameters_.constrain();
  }

  Parameters<Net>& parameters_;
  TrainOptions options_;
  ThreadPool pool_;
  std::size_t steps_;
  std::vector<Buffer<float>> gradients_, first_moments_, second_moments_;
  decltype(make(std::declval<const Learning&>())) layers_;
  Buffer<float> output_, output_gradient_;
  OwnedMatrix last_gradient_;
  std::vector<std::uint32_t> samples_;
  std::uint64_t step_ = 0;
};

}  // namespace synfire
