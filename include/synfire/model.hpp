// The type-erased face of a compiled network: what the command line and other run-time users hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <synfire/activity.hpp>
#include <synfire/counts.hpp>
#include <synfire/dataset.hpp>
#include <synfire/energy.hpp>
#include <synfire/prune.hpp>
#include <synfire/timebase.hpp>
#include <synfire/training.hpp>

namespace synfire {

struct LayerInfo {
  std::size_t index;
  std::string label;               // "hidden", or kind and index: "dense_5"
  std::string signature;           // "dense(128)"
  std::vector<std::size_t> shape;  // of its output
  std::string carrier;             // "held", "spikes", "stepped", "final"
  std::size_t parameters;
  std::string kind;                      // "dense"
  std::vector<std::size_t> input_shape;  // empty where nothing comes before
  std::optional<LayerStats> stats;       // where the layer says them
  std::string weights;                   // "int8", where the layer has synapses
};

struct ModelInfo {
  std::string name, description, signature;
  std::vector<LayerInfo> layers;
  std::size_t parameters;
  std::vector<std::size_t> input_shape;
  std::size_t classes;
  bool spiking;         // false: dt and steps change nothing
  RunOptions defaults;  // dt and steps that suit it
  bool spiking_aware;   // whether it is trained with spikes unless told otherwise
};

/// One sample through the event engine.
struct Inference {
  std::vector<float> logits;
  std::size_t predicted;
  Activity activity;
  double microseconds_p50;  // of `repeats` runs
};

/// A test set through the event engine.
struct Evaluation {
  std::size_t samples, correct;
  double accuracy;          // correct / samples
  Activity activity;        // of all samples
  double seconds;           // wall time of the whole set, all threads
  double microseconds_p50;  // of single images, one thread
};

/// One sample, step by step.
struct Trace {
  std::string layer;  // the last that spikes; empty where none does
  std::size_t steps, neurons, classes;
  std::vector<float> counts;    // [steps][neurons]: spikes of that layer
  std::vector<double> softmax;  // [steps][classes]: of the output, were it read after that step
};

/// Number of spikes of a neuron in a step -> how many neuron-steps had that many.
using SpikeHistogram = std::map<long, std::uint64_t>;

/// An event engine of a compiled network: one thread, nothing allocated after it is made.
class ModelEngine {
 public:
  virtual ~ModelEngine() = default;
  /// An engine for another thread, with the same weights in memory.
  virtual std::unique_ptr<ModelEngine> copy() const = 0;
  /// The output, valid until the next run; `sample` addresses the initial voltages. Throws
  /// ShapeMismatch.
  virtual std::span<const float> run(std::span<const float> input, std::size_t sample) = 0;
  /// Counts of all runs since it was made or forget() was called.
  virtual Activity activity() const = 0;
  virtual void forget() = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual ModelInfo info() const = 0;

  /// Glorot-uniform weights, zero biases, from the seed.
  virtual void initialize(std::uint64_t seed) = 0;
  /// Throws FileError or SignatureMismatch and changes nothing then. A file without a signature (as
  /// other programs write them) is taken by order and shape of its tensors. Returns its metadata.
  virtual std::map<std::string, std::string> load(const std::filesystem::path& path) = 0;
  /// `metadata` is stored beside the signature (run settings, provenance).
  virtual void save(const std::filesystem::path& path,
                    const std::map<std::string, std::string>& metadata) const = 0;

  /// See prune.hpp: by the power, raised to the exponent, of the presynaptic neurons over `data`,
  /// run as `options` train.
  virtual std::vector<Pruned> prune(double sparsity, double exponent, const Samples& data,
                                    const TrainOptions& options) = 0;
  /// See fit().
  virtual TrainResult train(const Samples& data, const TrainOptions& options, const FitFiles& files,
                            const TrainCallback& callback,
                            const std::vector<Callback*>& callbacks) = 0;
  /// Pixels are scaled to [0, 1]. Sample i's initial voltages are addressed by (seed, i).
  virtual Evaluation evaluate(const ImageSet& data, const RunOptions& options,
                              std::size_t threads) const = 0;
  /// The images with every layer observed, for their energy.
  virtual ExampleRun run_examples(const ImageSet& data, const RunOptions& options,
                                  std::size_t threads) const = 0;
  /// The images by an engine that counts; their outputs are those of evaluate(). `each` receives
  /// the counts of every sample, step by step.
  virtual Profile profile(const ImageSet& data, const RunOptions& options, std::size_t threads,
                          const std::function<RunCountsReader>& each = nullptr) const = 0;
  /// Neurons that spike fire at `threshold` times the voltage, and each spike is worth as many
  /// times more: the synapses before a layer of neurons are divided, those behind it multiplied by
  /// it. Fewer spikes for the same outputs on average. Throws InvalidSetting for a threshold that
  /// is not above 0 or not finite, where no neuron spikes, where a neuron's rate is not in
  /// proportion to its input, or it has no synapses before and behind.
  virtual void scale_thresholds(float threshold) = 0;
  virtual Inference run(std::span<const float> image, const RunOptions& options, std::size_t sample,
                        std::size_t repeats) const = 0;
  /// Holds the weights as they are now, in the layout of the kernels.
  virtual std::unique_ptr<ModelEngine> engine(const RunOptions& options) const = 0;
  /// One that counts every layer's steps beside: what profile() runs by.
  virtual std::unique_ptr<ModelEngine> counting_engine(const RunOptions& options) const = 0;
  /// By the reference; spike for spike what run() does with the same sample number.
  virtual Trace trace(std::span<const float> image, const RunOptions& options,
                      std::size_t sample) const = 0;
  /// Of the last layer that spikes, over all images, run as evaluate() runs them; empty where no
  /// layer does.
  virtual SpikeHistogram spike_histogram(const ImageSet& data, const RunOptions& options,
                                         std::size_t threads) const = 0;
};

/// The ready-made nets, in the order in which `synfire nets` lists them.
std::vector<std::string> model_names();
/// Throws InvalidSetting with the known names when there is none by that name.
std::unique_ptr<Model> make_model(std::string_view name);

}  // namespace synfire
