// The regularizers of one training: on the outputs of layers and on weights.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/probe.hpp>
#include <synfire/error.hpp>
#include <synfire/regularizer.hpp>
#include <synfire/training.hpp>

namespace synfire {

struct AnyTensor {};

namespace detail {

template <class Net, Name label, Name tensor>
consteval bool known_tensor() {
  bool found = false;
  for_each_layer<Net>([&found](auto placed) {
    using Node = typename decltype(placed)::type::Node;
    if (Node::label.view() == label.view())
      for (const TensorSpec& spec : Node::Layer::template tensors<typename Node::In>)
        found = found || spec.name == tensor.view();
  });
  return found || !Net::sound;
}

template <class Net, Name label>
struct check_regularized {
  static_assert(
      fits<Net, Probe<label>, Got<Probe<label>>, Wanted<AnyLabel>, known_label<Net, label>>,
      "no layer to regularize has that label: a Named name, or kind and index (spiking_3)");
};

template <class Net, Name label, Name tensor>
struct check_regularized_tensor {
  static_assert(fits < Net, Probe<label>, Got<Probe<tensor>>, Wanted<AnyTensor>,
                !known_label<Net, label> || known_tensor<Net, label, tensor>() >,
                "the layer to regularize has no tensor of that name");
};

}  // namespace detail

/// What every training of `Net` regularizes. Outputs are tensors (batch, time, units...): what is
/// held is the same at every step; what is known when the run ends, and everything in a network
/// without time, is (batch, units...).
template <class Net>
class Regularization {
 public:
  explicit Regularization(const TrainOptions& options)
      : steps_(options.steps), batch_(options.batch) {
    for_each_layer<Net>([this](auto placed) {
      any_in_time_ = any_in_time_ || in_time<typename decltype(placed)::type::Node::Out>;
      activity_.emplace_back();
    });
  }

  /// On the output of Node, which `layer` makes: its own, or one that it relays (Flatten).
  template <class Node, class Stage>
  void add_activity(Stage& layer, std::shared_ptr<const Regularizer> regularizer) {
    using Out = typename Node::Out;
    const auto& extents = Out::Shape::extents;
    std::vector<std::size_t> shape{batch_};
    if (timed<Out>()) shape.push_back(steps_);
    shape.insert(shape.end(), extents.begin(), extents.end());
    regularizer->check(shape, timed<Out>());
    if constexpr (delivered<Stage> != Delivery::EveryStep)
      if (of_steps<Stage>(*regularizer)) layer.keep_steps();
    name(*regularizer, Node::label.view());
    activity_[Stage::Node::index].push_back(
        {{extents.begin(), extents.end()}, std::move(regularizer)});
  }

  void add_weight(const ParameterSet& parameters, std::size_t tensor,
                  std::shared_ptr<const Regularizer> regularizer) {
    regularizer->check(parameters.placed(tensor).shape(), false);
    name(*regularizer, parameters.placed(tensor).name());
    weights_.push_back({tensor, std::move(regularizer), {}});
  }

  /// Value of a layer's regularizers; their gradients are added to that of its output.
  template <class Stage>
  double of_activity(Stage& layer, Matrix gradient, const BatchRun& run) const {
    double value = 0;
    const auto batch = static_cast<float>(run.count);
    for (const auto& [extents, regularizer] : activity_[Stage::Node::index]) {
      RegularizedTensor x = output(layer, gradient, run, of_steps<Stage>(*regularizer));
      append(x.axes, extents);
      value += regularizer->add(x, 1 / batch, *run.pool) / static_cast<double>(batch);
    }
    return value;
  }

  /// Value of the weights' regularizers; their gradients are added to the tensors'.
  double of_weights(const ParameterSet& parameters, std::vector<Buffer<float>>& gradients,
                    ThreadPool& pool) {
    double value = 0;
    for (auto& [tensor, regularizer, last] : weights_) {
      const std::vector<std::size_t> shape = parameters.placed(tensor).shape();
      RegularizedTensor x{parameters.tensor(tensor).data(), 1, gradients[tensor].data(), {}, &last};
      append(x.axes, shape);
      value += regularizer->add(x, 1, pool);
    }
    return value;
  }

  /// In the order in which they were added: "l2(...) on spiking_3, l1(...) on 2.kernel".
  std::string text() const { return text_.empty() ? "none" : text_; }

 private:
  template <class Out>
  bool timed() const {
    return any_in_time_ && !carried_by<Out, Final>;
  }
  template <class Stage>
  static constexpr Delivery delivered =
      detail::delivered<typename Stage::Node::Layer>(Stage::Site::wanted);
  /// Whether what the layer delivers is too little for the regularizer.
  template <class Stage>
  static bool of_steps(const Regularizer& regularizer) {
    return delivered<Stage> == Delivery::Last || !regularizer.of_means();
  }

  template <class Extents>
  static void append(std::vector<Axis>& axes, const Extents& extents) {
    std::size_t stride = 1;
    for (const std::size_t extent : extents) stride *= extent;
    for (const std::size_t extent : extents) {
      stride /= extent;
      axes.push_back({extent, stride, stride});
    }
  }

  /// Samples, and steps.
  template <class Stage>
  RegularizedTensor output(Stage& layer, Matrix gradient, const BatchRun& run, bool steps) const {
    using Node = typename Stage::Node;
    using Out = typename Node::Out;
    Matrix values = layer.out;
    float unit = 1;
    bool every_step = in_time<Out>;      // there is a row for each step of a sample,
    bool every_gradient = in_time<Out>;  // and one of its gradient
    if constexpr (delivered<Stage> != Delivery::EveryStep) {
      every_step = steps && layer.keeps_steps();
      every_gradient = every_step && layer.step_gradient.data != nullptr;
      if (every_step) {
        values = layer.steps;
        unit = layer.step_unit();
      }
      if (every_gradient) gradient = layer.step_gradient;
    }
    // No layer up to here learns: nobody reads a gradient, and there may be none.
    if constexpr (!Stage::Site::learns_before && !detail::learns<Node>()) gradient = {};
    RegularizedTensor x{
        values.data, unit, gradient.data, {{run.count, values.stride, gradient.stride}}};
    if (timed<Out>()) {
      // One step that was computed may stand for all of them.
      const std::size_t to_next = run.steps == steps_ ? run.count : 0;
      x.axes.push_back({steps_, every_step ? to_next * values.stride : 0,
                        every_gradient ? to_next * gradient.stride : 0});
    }
    return x;
  }

  void name(const Regularizer& regularizer, std::string_view place) {
    if (!text_.empty()) text_ += ", ";
    text_ += regularizer.signature() + " on " + std::string(place);
  }

  std::size_t steps_, batch_;
  bool any_in_time_ = false;
  struct Activity {
    std::vector<std::size_t> extents;  // of a sample's output
    std::shared_ptr<const Regularizer> regularizer;
  };
  std::vector<std::vector<Activity>> activity_;  // of each layer
  struct Weight {
    std::size_t tensor;
    std::shared_ptr<const Regularizer> regularizer;
    LastPercentiles last;
  };
  std::vector<Weight> weights_;
  std::string text_;
};

}  // namespace synfire
