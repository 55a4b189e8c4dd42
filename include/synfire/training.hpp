// Training, without the network's type: options, the loop over epochs, checkpoints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <synfire/dataset.hpp>
#include <synfire/regularizer.hpp>
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
  float learning_rate = 1e-3f, beta1 = 0.9f, beta2 = 0.999f,
        epsilon = 1e-7f;    // Adam, as Keras has it
  std::size_t threads = 0;  // 0: every core; the result does not depend on it
  /// Penalties that are added to the loss.
  std::vector<ActivityRegularizer> activity_regularizers = {};
  std::vector<WeightRegularizer> weight_regularizers = {};

  void validate() const;
};

/// What is known after each batch.
struct TrainProgress {
  std::size_t epoch, epochs;   // epoch counts from 1
  std::size_t batch, batches;  // batches done in this epoch
  double loss, accuracy;       // means over the epoch so far
  double seconds;              // since the epoch began (in this process)
  double samples_per_second;
  bool epoch_ended;
};

struct EpochResult {
  double loss, accuracy, seconds;
};

struct TrainResult {
  std::vector<EpochResult> epochs;  // those finished, resumed ones included
  bool stopped = false;             // by the progress callback, at a batch boundary
};

/// Called after each batch; returning false stops the training there.
using TrainCallback = std::function<bool(const TrainProgress&)>;

/// A training under way, for one network: what the loop needs of a DenseTrainer.
class Trainable {
 public:
  virtual ~Trainable() = default;
  virtual std::size_t input_size() const = 0;
  virtual std::size_t classes() const = 0;
  struct BatchResult {
    double loss_sum;  // over the batch's samples; of the mean, regularizers are a part
    std::size_t correct;
  };
  /// One optimiser step. x: [count][input_size] floats; sample[i] addresses the random numbers of
  /// row i; step counts from 0 over the whole training.
  virtual BatchResult train_batch(const float* x, const std::uint8_t* labels,
                                  const std::uint32_t* samples, std::size_t count,
                                  std::uint32_t epoch) = 0;
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

/// Epochs over `data`, shuffled anew each epoch from the seed. A checkpoint holds weights, moments,
/// epoch, batch, seed and settings; resuming needs the same seed, batch and data, and gives the
/// same bits as a training that was never interrupted. Throws FileError, InvalidSetting.
TrainResult fit(Trainable& trainable, const ImageSet& data, const TrainOptions& options,
                const FitFiles& files, const TrainCallback& callback);

/// Sparse categorical cross-entropy from logits [count][classes]: fills gradient (of the mean over
/// the batch), returns the sum of losses and the number of correct arg-maxima.
Trainable::BatchResult softmax_cross_entropy(const float* logits, const std::uint8_t* labels,
                                             std::size_t count, std::size_t classes,
                                             float* gradient);

}  // namespace synfire
