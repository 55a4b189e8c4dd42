// DenseTrainer<Net>: trains a network by gradient descent, batch by batch, with dense products.
#pragma once

#include <array>
#include <boost/hana/at.hpp>
#include <boost/hana/fold_left.hpp>
#include <boost/hana/for_each.hpp>
#include <boost/hana/reverse_fold.hpp>
#include <boost/hana/transform.hpp>
#include <boost/hana/tuple.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/batch_engine.hpp>
#include <synfire/dsl/parameters.hpp>
#include <synfire/dsl/probe.hpp>
#include <synfire/dsl/regularization.hpp>
#include <synfire/error.hpp>
#include <synfire/prune.hpp>
#include <synfire/training.hpp>

namespace synfire {

/// The options' loss of the network's output, by their optimiser. The order of every sum is fixed:
/// results are the same bits for any number of threads.
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
        dt_(options.dt_at(0, 0)),
        pool_(options.threads),
        steps_(needs_steps(options) ? options.steps : 1),
        gradients_(like(parameters)),
        slots_(slots_of(options.optimizer).size(), like(parameters)),
        layers_(
            make({&parameters, &gradients_, options.batch, steps_, dt_, options.spiking_aware})),
        output_(options.batch * outputs),
        output_gradient_(options.batch * outputs),
        last_gradient_(options.batch, outputs),
        samples_(options.batch),
        regularization_(options) {
    for (const auto& [label, regularizer] : options.activity_regularizers) {
      bool found = false;
      for_each_layer<Net>([&, &label = label, &regularizer = regularizer](auto placed) {
        using Node = typename decltype(placed)::type::Node;
        if (Node::label.view() != label) return;
        regularize_output<Node>(regularizer);
        found = true;
      });
      if (!found) throw InvalidSetting("the label of a layer to regularize", label, known_labels());
    }
    for (const auto& [label, tensor, regularizer] : options.weight_regularizers)
      regularization_.add_weight(parameters_, tensor_of(label, tensor), regularizer);
  }

  std::size_t input_size() const override { return detail::sample_size<Net>(options_.steps); }
  std::size_t classes() const override { return outputs; }

  /// Forward and backward, no step: loss and gradients() of one batch. Labels must be below
  /// classes(), rows of targets classes() wide, and count between 1 and the batch size.
  BatchResult differentiate(const float* x, Targets targets, const std::uint32_t* samples,
                            std::size_t count, std::uint32_t epoch) {
    const kernels::FlushSubnormals flushed;
    dt_ = options_.dt_at(step_, epoch);
    const BatchRun run{count, steps_, dt_, options_.seed, epoch, samples, &pool_};
    forward(x, run);
    BatchResult result = synfire::differentiate(options_.loss, output_.data(), targets, count,
                                                outputs, output_gradient_.data());
    for (std::size_t r = 0; r < count; ++r)
      std::copy_n(output_gradient_.data() + r * outputs, outputs, last_gradient_.row(r));
    double penalty = 0;
    hana::reverse_fold(layers_, last_gradient_.view(), [&](Matrix gradient, auto& layer) {
      penalty += regularization_.of_activity(layer, gradient, run);
      layer.backward(gradient, run);
      return layer.in_gradient;
    });
    penalty += regularization_.of_weights(parameters_, gradients_, pool_);
    result.loss_sum += penalty * static_cast<double>(count);
    return result;
  }

  BatchResult train_batch(const float* x, Targets targets, const std::uint32_t* samples,
                          std::size_t count, std::uint32_t epoch) override {
    const BatchResult result = differentiate(x, targets, samples, count, epoch);
    update();
    return result;
  }

  Values output() const override { return output_; }

  /// By the event engine, with spikes and all steps, as BatchEngine runs samples 0, 1, ...
  void infer(const Samples& samples, float dt, float* to) const override {
    BatchEngine<Net> engine(parameters_, {dt, options_.steps, options_.seed}, options_.threads);
    engine.run(
        0, samples.count, [&](std::size_t i, float* x) { samples.load(i, x); },
        [&](std::size_t i, const auto&, Values made) {
          std::copy(made.begin(), made.end(), to + i * outputs);
        });
  }

  ParameterSet& parameters() override { return parameters_; }

  /// The network's output for a batch as training sees it, with the dt of the batch before:
  /// [count][outputs].
  Values predict(const float* x, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) samples_[i] = static_cast<std::uint32_t>(i);
    forward(x, {count, steps_, dt_, options_.seed, 0, samples_.data(), &pool_});
    return Values(output_).first(count * outputs);
  }

  /// Of each tensor with sparse connectivity, the mean square of what each of its presynaptic
  /// neurons hands on over the samples (and the steps); empty for the others. Throws
  /// InvalidSetting, ShapeMismatch.
  std::vector<Power> presynaptic_power(const Samples& data) {
    data.check(input_size(), outputs);
    std::vector<Power> power(parameters_.count());
    Buffer<float> x(options_.batch * input_size());
    for (std::size_t first = 0; first < data.count; first += options_.batch) {
      const std::size_t count = std::min(options_.batch, data.count - first);
      for (std::size_t i = 0; i < count; ++i) {
        data.load(first + i, x.data() + i * input_size());
        samples_[i] = static_cast<std::uint32_t>(first + i);
      }
      const BatchRun run{count, steps_, dt_, options_.seed, 0, samples_.data(), &pool_};
      forward(x.data(), run);
      hana::for_each(layers_, [&]<class L>(const L& layer) {
        using Site = typename L::Site;
        if constexpr (requires { L::Layer::is_connected; }) {
          Power& sum = power[Site::first_tensor];
          sum.resize(Site::In::size);
          const std::size_t rows = run.template rows<typename Site::In>();
          const auto all = static_cast<double>(data.count * (rows / count));
          for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t i = 0; i < sum.size(); ++i)
              sum[i] += static_cast<double>(layer.in.row(r)[i]) * layer.in.row(r)[i] / all;
        }
      });
    }
    return power;
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

  /// Adds a penalty on the output of the layer of that label to the loss (see Regularization).
  /// Throws InvalidSetting for settings that cannot be.
  template <Name label, class R>
  void regularize(R settings) {
    (void)detail::check_regularized<Net, label>{};
    if constexpr (detail::known_label<Net, label>)
      regularize_output<typename decltype(+hana::at_c<detail::index_of<Net, label>>(
          Sites<Net>{}))::type::Node>(regularizer(std::move(settings)));
  }

  /// The same on a tensor ("kernel", "bias", "tau") of the layer of that label.
  template <Name label, Name tensor, class R>
  void regularize(R settings) {
    (void)detail::check_regularized<Net, label>{};
    (void)detail::check_regularized_tensor<Net, label, tensor>{};
    regularization_.add_weight(parameters_, tensor_of(label.view(), tensor.view()),
                               regularizer(std::move(settings)));
  }

  std::string regularizers() const override { return regularization_.text(); }

  void save_state(TensorFile& file) const override {
    for_each_state(
        *this, [&](const std::string& prefix, std::size_t i, const Buffer<float>& state) {
          const PlacedTensor& placed = parameters_.placed(i);
          file.tensors.push_back(Tensor::of(prefix + placed.name(), placed.shape(), state.data()));
        });
    file.tensors.push_back(Tensor::of(step_name(), std::vector<std::uint64_t>{step_}));
    file.metadata["signature"] = parameters_.signature();
  }

  /// Throws FileError or SignatureMismatch and changes nothing then.
  void load_state(const TensorFile& file, const std::filesystem::path& path) override {
    parameters_.check_signature(file, path);
    const Tensor* step = file.find(step_name());
    if (step == nullptr || step->size() != 1)
      throw FileError(path, 0,
                      "holds no " + step_name() + ": it is not a checkpoint with that optimizer");
    const std::uint64_t steps_done = step->integers().front();
    std::vector<std::vector<float>> values;
    for_each_state(*this, [&](const std::string& prefix, std::size_t i, Buffer<float>&) {
      const std::string name = prefix + parameters_.placed(i).name();
      const Tensor* tensor = file.find(name);
      if (tensor == nullptr || tensor->shape != parameters_.placed(i).shape())
        throw FileError(
            path, 0, "holds no tensor " + name + " of this network: it is not a checkpoint of it");
      values.push_back(tensor->floats());
    });
    auto next = values.begin();
    for_each_state(*this, [&](const std::string&, std::size_t, Buffer<float>& state) {
      std::copy(next->begin(), next->end(), state.begin());
      ++next;
    });
    step_ = steps_done;
  }

 private:
  /// Without spikes a network of activations computes the same at every step, unless its input is
  /// a sequence: one is enough.
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

  /// A layer's Batch that knows its place.
  template <class Placed>
  struct Stage : Placed::Layer::template Batch<typename Placed::Site> {
    using Node = typename Placed::Node;
    using Layer = typename Placed::Layer;
    using Site = typename Placed::Site;
    using Placed::Layer::template Batch<Site>::Batch;
  };

  static auto make(const Learning& learning) {
    return hana::transform(Sites<Net>{}, [&](auto placed) {
      return Stage<typename decltype(placed)::type>(learning);
    });
  }

  template <class Node>
  void regularize_output(std::shared_ptr<const Regularizer> settings) {
    constexpr std::size_t maker = detail::labels<Net>::maker(Node::index);
    regularization_.template add_activity<Node>(hana::at_c<maker>(layers_), std::move(settings));
  }

  static std::string known_labels() {
    std::string labels;
    for (const LayerInfo& layer : describe<Net>())
      labels += (labels.empty() ? "one of " : ", ") + layer.label;
    return labels;
  }

  /// Throws InvalidSetting where there is no such layer, or no such tensor of it.
  std::size_t tensor_of(std::string_view label, std::string_view tensor) const {
    const std::vector<LayerInfo> layers = describe<Net>();
    const auto layer = std::find_if(layers.begin(), layers.end(),
                                    [label](const LayerInfo& info) { return info.label == label; });
    if (layer == layers.end())
      throw InvalidSetting("the label of a layer to regularize", std::string(label),
                           known_labels());
    std::string names;
    for (std::size_t i = 0; i < parameters_.count(); ++i) {
      if (parameters_.placed(i).layer != layer->index) continue;
      const std::string name(parameters_.placed(i).spec.name);
      if (name == tensor) return i;
      names += (names.empty() ? "one of " : ", ") + name;
    }
    throw InvalidSetting("the tensor of layer " + layer->label + " to regularize",
                         std::string(tensor),
                         names.empty() ? "of another layer, for this one has none" : names);
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

  /// One step of the optimiser.
  void update() {
    const kernels::FlushSubnormals flushed;
    const float rate = options_.learning_rate.at(step_);
    ++step_;
    for (std::size_t i = 0; i < parameters_.count(); ++i) {
      const TensorSpec& spec = parameters_.placed(i).spec;
      if (!spec.trainable) continue;
      constexpr std::size_t grain = 16384;  // whole vectors, so that pieces touch no common line
      const std::size_t n = gradients_[i].size();
      pool_.run((n + grain - 1) / grain, [&](std::size_t, std::size_t piece) {
        const std::size_t first = piece * grain;
        std::array<float*, kMostSlots> slots{};
        for (std::size_t k = 0; k < slots_.size(); ++k) slots[k] = slots_[k][i].data() + first;
        float* const w = parameters_.tensor(i).data() + first;
        float* const g = gradients_[i].data() + first;
        const std::size_t size = std::min(grain, n - first);
        // Without gradients their moments are 0, and no optimizer moves them.
        if (spec.group != 0)
          for (std::size_t j = 0; j < size; ++j) g[j] = w[j] == 0 ? 0 : g[j];
        optimizer_step(options_.optimizer, rate, step_, w, slots, g, size);
      });
    }
    parameters_.constrain();
  }

  /// Calls work(prefix of its name, i, values) for tensor i of the weights and of each slot.
  template <class Self, class Work>
  static void for_each_state(Self& self, const Work& work) {
    for (std::size_t i = 0; i < self.parameters_.count(); ++i) {
      work("", i, self.parameters_.tensor(i));
      for (std::size_t k = 0; k < self.slots_.size(); ++k)
        work(self.slot_prefix(k), i, self.slots_[k][i]);
    }
  }

  std::string step_name() const { return std::string(name_of(options_.optimizer)) + ".step"; }
  std::string slot_prefix(std::size_t k) const {
    return std::string(name_of(options_.optimizer)) + "." +
           std::string(slots_of(options_.optimizer)[k]) + ".";
  }

  Parameters<Net>& parameters_;
  TrainOptions options_;
  float dt_;  // of the batch under way
  ThreadPool pool_;
  std::size_t steps_;
  std::vector<Buffer<float>> gradients_;
  std::vector<std::vector<Buffer<float>>> slots_;  // [slot][tensor], of the optimiser
  decltype(make(std::declval<const Learning&>())) layers_;
  Buffer<float> output_, output_gradient_;
  OwnedMatrix last_gradient_;
  std::vector<std::uint32_t> samples_;
  Regularization<Net> regularization_;
  std::uint64_t step_ = 0;
};

}  // namespace synfire
