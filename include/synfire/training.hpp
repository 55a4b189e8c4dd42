// Training, without the network's type: options, the loop over epochs, checkpoints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <synfire/loss.hpp>
#include <synfire/optimizer.hpp>
#include <synfire/parameter_set.hpp>
#include <synfire/regularizer.hpp>
#include <synfire/samples.hpp>
#include <synfire/schedule.hpp>
#include <synfire/weights.hpp>

namespace synfire {

/// Throws InvalidSetting from validate() for values outside their range.
struct TrainOptions {
  float dt = 0.001f;       // seconds a step
  std::size_t steps = 1;   // steps a sample
  std::uint64_t seed = 0;  // of initial weights, shuffling and initial voltages
  /// Forward pass with spikes, gradient of the activation (true), or with the activation itself.
  bool spiking_aware = true;
  std::size_t epochs = 10;
  std::size_t batch = 32;
  Schedule learning_rate = 1e-3f;  // by the optimiser's steps before
  Optimizer optimizer = Adam{};
  Loss loss = Loss::CategoricalCrossentropy;
  std::vector<Metric> metrics{Metric{}};  // reported beside the loss
  /// The last samples, this fraction of all, are not trained with: they are run with spikes after
  /// each epoch.
  double validation_split = 0;
  /// dt while training, in place of `dt` (KerasSpiking's DtScheduler): by the steps before, or by
  /// the epochs before.
  std::optional<Schedule> dt_schedule = {};
  bool dt_by_epoch = false;
  std::size_t threads = 0;  // 0: every core; the result does not depend on it
  /// Penalties that are added to the loss.
  std::vector<ActivityRegularizer> activity_regularizers = {};
  std::vector<WeightRegularizer> weight_regularizers = {};

  void validate() const;
  /// dt of a step, both counted from 0. Throws InvalidSetting where the schedule leaves what dt can
  /// be.
  float dt_at(std::uint64_t step, std::uint64_t epoch) const;
  /// How many of so many samples are trained with: the first.
  std::size_t trained_of(std::size_t samples) const;
};

/// Means by name: "loss" and the metrics, "accuracy"; for the samples held back "val_loss",
/// "val_accuracy" and so on.
using Logs = std::map<std::string, double>;

/// What is known after each batch.
struct TrainProgress {
  std::size_t epoch, epochs;   // epoch counts from 1
  std::size_t batch, batches;  // batches done in this epoch
  double loss, accuracy;       // means over the epoch so far
  double seconds;              // since the epoch began (in this process)
  double samples_per_second;
  bool epoch_ended;
  float dt, learning_rate;  // of this batch
  Logs logs;                // over the epoch so far; at its end with what was held back
};

struct EpochResult {
  /// Accuracy: of the largest output, whatever the loss is. Seconds: of training.
  double loss, accuracy, seconds;
  Logs logs;
};

struct TrainResult {
  std::vector<EpochResult> epochs;  // those finished, resumed ones included
  bool stopped = false;             // interrupted at a batch boundary: a checkpoint goes on there
  bool ended_early = false;         // by a callback at the end of an epoch: there is no more to do
  float dt = 0;                     // of the last step
};

/// Called after each batch; returning false stops the training there.
using TrainCallback = std::function<bool(const TrainProgress&)>;

/// A training under way, for one network: what the loop needs of a DenseTrainer.
class Trainable {
 public:
  using BatchResult = synfire::BatchResult;

  virtual ~Trainable() = default;
  virtual std::size_t input_size() const = 0;
  virtual std::size_t classes() const = 0;  // the width of the output
  /// One optimiser step. x: [count][input_size] floats; sample[i] addresses the random numbers of
  /// row i; step counts from 0 over the whole training.
  virtual BatchResult train_batch(const float* x, Targets targets, const std::uint32_t* samples,
                                  std::size_t count, std::uint32_t epoch) = 0;
  /// [count][classes] of the batch last trained with, before its step. Valid until the next.
  virtual std::span<const float> output() const = 0;
  /// The network as it will be run: fills outputs [samples.count][classes]. Sample i's random
  /// numbers are addressed by i.
  virtual void infer(const Samples& samples, float dt, float* outputs) const = 0;
  virtual ParameterSet& parameters() = 0;
  /// Weights, moments and step count, enough to go on to the same bits.
  virtual void save_state(TensorFile& file) const = 0;
  virtual void load_state(const TensorFile& file, const std::filesystem::path& path) = 0;
  /// All regularizers, as text: a checkpoint goes on with the same ones only.
  virtual std::string regularizers() const { return "none"; }
};

struct FitFiles {
  std::optional<std::filesystem::path> checkpoint;  // written after each epoch and when stopped
  std::optional<std::filesystem::path> resume;      // a checkpoint to go on from
};

class Callback;

/// Epochs over `data`, shuffled anew each epoch from the seed. A checkpoint holds weights, moments,
/// epoch, batch, seed and settings; resuming needs the same settings, data and callbacks, and gives
/// the same bits as a training that was never interrupted. `callbacks` (callback.hpp) are asked in
/// their order, then `callback`, which hears of an epoch's end when its checkpoint is written. What
/// they throw leaves the trainable at a batch boundary and the last checkpoint whole. Throws
/// FileError, InvalidSetting, ShapeMismatch.
TrainResult fit(Trainable& trainable, const Samples& data, const TrainOptions& options,
                const FitFiles& files, const TrainCallback& callback,
                const std::vector<Callback*>& callbacks = {});

}  // namespace synfire
