// Taking part in a training: what is called at its beginnings and ends, and three that are ready
// made, after Keras 2.15's.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <synfire/training.hpp>

namespace synfire {

/// What callbacks see of a training.
struct TrainState {
  Trainable& trainable;
  const TrainOptions& options;
  std::vector<std::string> names;            // of what an epoch's logs hold, sorted
  const std::vector<EpochResult>& finished;  // epochs, resumed ones included, the last at its end
  float dt = 0;                              // of the last step
};

/// A training resumed calls train_begin() with the finished epochs, and epoch_begin() for the rest
/// of an interrupted epoch. After an exception nothing more is called.
class Callback {
 public:
  virtual ~Callback() = default;
  virtual void train_begin(const TrainState&) {}
  virtual void train_end(const TrainState&, const TrainResult&) {}
  /// Epochs and batches count from 0.
  virtual void epoch_begin(const TrainState&, std::size_t /*epoch*/) {}
  /// The epoch is state.finished.back(). False ends the training: its checkpoint is of one that has
  /// nothing left to do.
  virtual bool epoch_end(const TrainState&) { return true; }
  virtual void batch_begin(const TrainState&, std::size_t /*epoch*/, std::size_t /*batch*/) {}
  /// False interrupts the training: a checkpoint goes on from there.
  virtual bool batch_end(const TrainState&, const TrainProgress&) { return true; }

  /// How it decides a training's course, in a word; "" where it does not. A checkpoint is resumed
  /// with the same only.
  virtual std::string settings() const { return ""; }
  /// What it needs to go on, beside the finished epochs' logs. Loading comes before train_begin().
  virtual void save_state(TensorFile&) const {}
  virtual void load_state(const TensorFile&, const std::filesystem::path&) {}
};

/// One of an epoch's logs, and which way is better: up for names that end in "accuracy", else down.
struct Monitor {
  std::string name = "val_loss";

  bool better(double value, double than, double min_delta = 0) const;
  /// Throws InvalidSetting where the training has no such log.
  void check(const TrainState& state) const;
};

/// Ends a training in which `monitor` no longer gets better.
class EarlyStopping final : public Callback {
 public:
  struct Options {
    Monitor monitor = {};
    std::size_t patience = 0;             // epochs without a better one after which it ends
    double min_delta = 0;                 // by how much better is better
    std::optional<double> baseline = {};  // an epoch no better than this counts as no better
    bool restore_best = false;  // when it ends the training, puts the best epoch's weights back
    std::size_t start_from_epoch = 0;  // epochs before are not looked at
  };
  /// Throws InvalidSetting.
  explicit EarlyStopping(Options options);

  void train_begin(const TrainState& state) override;
  bool epoch_end(const TrainState& state) override;
  std::string settings() const override;
  void save_state(TensorFile& file) const override;
  void load_state(const TensorFile& file, const std::filesystem::path& path) override;

 private:
  enum class Verdict { Better, Worse, End };
  Verdict judge(std::size_t epoch, double value);

  Options options_;
  std::size_t wait_ = 0;
  std::optional<double> best_;
  std::vector<Tensor> weights_;  // of the best epoch
};

/// Keeps the weights of the best epoch so far in a file, as ParameterSet::write does, with
/// `metadata`, and "dt" and "epoch" (from 1 on) of the epoch.
class BestCheckpoint final : public Callback {
 public:
  BestCheckpoint(std::filesystem::path path, Monitor monitor,
                 std::map<std::string, std::string> metadata = {});

  void train_begin(const TrainState& state) override;
  bool epoch_end(const TrainState& state) override;

 private:
  bool takes(double value);

  std::filesystem::path path_;
  Monitor monitor_;
  std::map<std::string, std::string> metadata_;
  std::optional<double> best_;
};

/// A row for each finished epoch, those before a resumption too: the columns are those of Keras's
/// CSVLogger, "epoch" (from 0 on), then the logs by name. Each epoch replaces the file as a whole.
class CsvLog final : public Callback {
 public:
  explicit CsvLog(std::filesystem::path path) : path_(std::move(path)) {}

  void train_begin(const TrainState& state) override;
  bool epoch_end(const TrainState& state) override;

 private:
  std::filesystem::path path_;
};

}  // namespace synfire
