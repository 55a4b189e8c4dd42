// NetModel<Net>: a network's run-time face (see model.hpp).
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <synfire/dsl/batch_engine.hpp>
#include <synfire/dsl/clocked_reference.hpp>
#include <synfire/dsl/dense_trainer.hpp>
#include <synfire/dsl/event_engine.hpp>
#include <synfire/dsl/example_run.hpp>
#include <synfire/dsl/parameters.hpp>
#include <synfire/dsl/thresholds.hpp>
#include <synfire/model.hpp>
#include <synfire/percentile.hpp>

namespace synfire {

/// What a ready-made net adds to its type.
struct NetCard {
  std::string name, description;
  RunOptions defaults;        // dt and steps that suit it
  bool spiking_aware = true;  // how it is trained unless told otherwise
};

namespace detail {

/// Labels of layers that every network has, as probes want them.
template <class Walk>
struct Ends;
template <class Signal, class... Nodes>
struct Ends<Walk<Signal, Nodes...>> {
  static constexpr bool spikes = (carried_by<typename Nodes::Out, Spikes> || ...);

  /// The last layer's; with `spiking`, the last that spikes, where one does.
  template <bool spiking>
  static consteval auto last() {
    constexpr Label label = [] {
      Label found;
      ((void)(found = !spiking || !spikes || carried_by<typename Nodes::Out, Spikes> ? Nodes::label
                                                                                     : found),
       ...);
      return found;
    }();
    char text[label.size + 1]{};
    std::copy_n(label.text.begin(), label.size, text);
    return Name(text);
  }
};

}  // namespace detail

template <class Net>
class NetModel final : public Model {
 public:
  explicit NetModel(NetCard card) : card_(std::move(card)) {}

  ModelInfo info() const override {
    ModelInfo info;
    info.name = card_.name;
    info.description = card_.description;
    info.signature = parameters_.signature();
    info.layers = describe<Net>();
    // Of a sparse layer, once it has weights, those synapses that are there.
    for (std::size_t i = 0; i < parameters_.count(); ++i) {
      const auto& [layer, spec] = parameters_.placed(i);
      const Buffer<float>& values = parameters_.tensor(i);
      const auto zeros = std::count(values.begin(), values.end(), 0.0f);
      const std::size_t kept = values.size() - static_cast<std::size_t>(zeros);
      if (spec.group != 0 && kept != 0) info.layers[layer].stats->connections = kept;
    }
    info.parameters = parameters_.size();
    info.input_shape = info.layers.front().shape;
    info.classes = Net::Out::size;
    info.spiking = std::any_of(info.layers.begin(), info.layers.end(), [](const LayerInfo& layer) {
      return layer.carrier == Spikes::name;
    });
    info.defaults = card_.defaults;
    info.spiking_aware = card_.spiking_aware;
    return info;
  }

  void initialize(std::uint64_t seed) override { parameters_.initialize(seed); }

  std::map<std::string, std::string> load(const std::filesystem::path& path) override {
    return parameters_.read(path);
  }

  void save(const std::filesystem::path& path,
            const std::map<std::string, std::string>& metadata) const override {
    parameters_.write(path, metadata);
  }

  std::vector<Pruned> prune(double sparsity, double exponent, const Samples& data,
                            const TrainOptions& options) override {
    require_sparsity(sparsity);
    require_exponent(exponent);
    std::vector<Power> power;
    if (exponent != 0) power = DenseTrainer<Net>(parameters_, options).presynaptic_power(data);
    for (Power& of : power)
      for (double& x : of) x = std::pow(x, exponent);
    return synfire::prune(parameters_, sparsity, power);
  }

  TrainResult train(const Samples& data, const TrainOptions& options, const FitFiles& files,
                    const TrainCallback& callback,
                    const std::vector<Callback*>& callbacks) override {
    DenseTrainer<Net> trainer(parameters_, options);
    return fit(trainer, data, options, files, callback, callbacks);
  }

  Evaluation evaluate(const ImageSet& data, const RunOptions& options,
                      std::size_t threads) const override {
    check_images(data, options.steps);
    const auto load = loader(data);
    Evaluation result{};
    result.samples = data.size();
    BatchEngine<Net> engine(parameters_, options, threads);
    std::atomic<std::size_t> correct = 0;
    const auto start = Clock::now();
    engine.run(0, data.size(), load, [&](std::size_t i, const auto&, Values logits) {
      if (arg_max(logits) == data.labels[i]) correct.fetch_add(1, std::memory_order_relaxed);
    });
    result.seconds = seconds_since(start);
    result.correct = correct;
    result.accuracy = static_cast<double>(correct) / static_cast<double>(data.size());
    result.activity = engine.activity();

    result.microseconds_p50 = single_image_p50(data, options);
    return result;
  }

  ExampleRun run_examples(const ImageSet& data, const RunOptions& options,
                          std::size_t threads) const override {
    check_images(data, options.steps);
    return synfire::run_examples(parameters_, options, data.size(), loader(data), threads);
  }

  Profile profile(const ImageSet& data, const RunOptions& options, std::size_t threads,
                  const std::function<RunCountsReader>& each) const override {
    check_images(data, options.steps);
    using Counting = BatchEngine<Net, Counted>;
    Profile profile;
    profile.layers = Counting::Engine::counted_layers(parameters_);
    profile.steps = options.steps;
    profile.dt = options.dt;
    profile.predicted.resize(data.size());
    profile.labels.assign(data.labels.begin(), data.labels.end());
    profile.steps_used.resize(data.size());
    Counting engine(parameters_, options, threads);
    profile.samples = SampleCounts(engine.recorded_layers(), data.size());
    const auto load = loader(data);
    const auto record = [&](std::size_t i) { return profile.samples.record(i); };
    const auto load_and_fetch = [&](std::size_t i, float* values) {
      load(i, values);
      kernels::fetch_to_write(record(i).data(), record(i).size_bytes());
    };
    const auto done = [&](std::size_t i, const auto& one, Values logits) {
      profile.predicted[i] = static_cast<std::uint32_t>(arg_max(logits));
      profile.steps_used[i] = static_cast<std::uint32_t>(one.steps_used());
      if (each) each(i, one.counts());
    };
    const auto start = Clock::now();
    engine.run(0, data.size(), load_and_fetch, done, record);
    profile.seconds = seconds_since(start);
    profile.sums = engine.sum_of_counts();
    profile.microseconds_p50 = single_image_p50(data, options);
    return profile;
  }

  void scale_thresholds(float threshold) override {
    synfire::scale_thresholds(parameters_, threshold);
  }

  Inference run(std::span<const float> image, const RunOptions& options, std::size_t sample,
                std::size_t repeats) const override {
    EventEngine<Net> engine(parameters_, options);
    std::vector<double> microseconds;
    for (std::size_t r = 0; r < std::max<std::size_t>(repeats, 1); ++r) {
      engine.forget();
      engine.reset();
      const auto begin = Clock::now();
      engine.run(image, sample);
      microseconds.push_back(seconds_since(begin) * 1e6);
    }
    engine.forget();
    engine.reset();
    const Values logits = engine.run(image, sample);
    return {std::vector<float>(logits.begin(), logits.end()), arg_max(logits), engine.activity(),
            percentile(microseconds, 0.5)};
  }

  std::unique_ptr<ModelEngine> engine(const RunOptions& options) const override {
    return std::make_unique<Engine<EventEngine<Net>>>(EventEngine<Net>(parameters_, options));
  }
  std::unique_ptr<ModelEngine> counting_engine(const RunOptions& options) const override {
    using Counting = EventEngine<Net, Counted>;
    return std::make_unique<Engine<Counting>>(Counting(parameters_, options));
  }

  Trace trace(std::span<const float> image, const RunOptions& options,
              std::size_t sample) const override {
    Traced reference(parameters_, options);
    reference.run(image, sample);
    Trace trace{"", options.steps, 0, Net::Out::size, {}, {}};
    for (std::size_t t = 0; t < options.steps; ++t) {
      const auto p = softmax(reference.template recorded<kOutput>().step(t));
      trace.softmax.insert(trace.softmax.end(), p.begin(), p.end());
    }
    if constexpr (Ends::spikes) {
      const Values counts = reference.template recorded<kSpiking>().values();
      trace.layer = kSpiking.view();
      trace.neurons = counts.size() / options.steps;
      trace.counts.assign(counts.begin(), counts.end());
    }
    return trace;
  }

  SpikeHistogram spike_histogram(const ImageSet& data, const RunOptions& options,
                                 std::size_t threads) const override {
    check_images(data, options.steps);
    SpikeHistogram all;
    if constexpr (Ends::spikes) {
      BatchEngine<Net, Probe<kSpiking>> batch(parameters_, options, threads);
      std::mutex adding;
      batch.run(0, data.size(), loader(data), [&](std::size_t, const auto& engine, Values) {
        SpikeHistogram one;
        for (const float count : engine.template recorded<kSpiking>().values())
          ++one[std::lround(count)];
        const std::lock_guard lock(adding);
        for (const auto& [spikes, neuron_steps] : one) all[spikes] += neuron_steps;
      });
    }
    return all;
  }

 private:
  template <class Runs>
  struct Engine final : ModelEngine {
    explicit Engine(Runs made) : net(std::move(made)) {}

    std::unique_ptr<ModelEngine> copy() const override { return std::make_unique<Engine>(net); }
    Values run(Values input, std::size_t sample) override { return net.run(input, sample); }
    Activity activity() const override { return net.activity(); }
    void forget() override { net.forget(); }

    Runs net;
  };

  using Clock = std::chrono::steady_clock;
  using Ends = detail::Ends<typename Net::Walk>;
  static constexpr auto kOutput = Ends::template last<false>();
  static constexpr auto kSpiking = Ends::template last<true>();
  using Traced =
      std::conditional_t<kOutput.view() == kSpiking.view(), ClockedReference<Net, Probe<kOutput>>,
                         ClockedReference<Net, Probe<kOutput>, Probe<kSpiking>>>;

  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }
  static std::size_t arg_max(Values values) {
    return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) -
                                    values.begin());
  }
  double single_image_p50(const ImageSet& data, const RunOptions& options) const {
    const auto load = loader(data);
    EventEngine<Net> single(parameters_, options);
    Buffer<float> input(single.sample_size());
    std::vector<double> microseconds;
    for (std::size_t i = 0; i < std::min<std::size_t>(data.size(), 2000); ++i) {
      load(i, input.data());
      const auto begin = Clock::now();
      single.run(input, i);
      microseconds.push_back(seconds_since(begin) * 1e6);
    }
    return percentile(microseconds, 0.5);
  }
  static auto loader(const ImageSet& data) {
    return [&data](std::size_t i, float* values) {
      const auto image = data.image(i);
      kernels::scale_pixels(image.data(), image.size(), values);
    };
  }
  static void check_images(const ImageSet& data, std::size_t steps) {
    if (data.size() == 0) throw InvalidSetting("the number of images", "0", "at least 1");
    const std::size_t expected = detail::sample_size<Net>(steps);
    if (data.pixels_per_image() != expected)
      throw ShapeMismatch("an image", expected, data.pixels_per_image());
  }

  NetCard card_;
  Parameters<Net> parameters_;
};

}  // namespace synfire
