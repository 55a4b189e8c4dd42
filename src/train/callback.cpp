#include <synfire/callback.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <synfire/error.hpp>

#include "train/writable.hpp"

namespace synfire {
namespace {

const std::string kBestPrefix = "early_stopping.best.";

}  // namespace

bool Monitor::better(double value, double than, double min_delta) const {
  return name.ends_with("accuracy") ? value - min_delta > than : value + min_delta < than;
}

void Monitor::check(const TrainState& state) const {
  if (std::binary_search(state.names.begin(), state.names.end(), name)) return;
  throw InvalidSetting("the monitor", "'" + name + "'",
                       fmt::format("one of {}", fmt::join(state.names, ", ")));
}

EarlyStopping::EarlyStopping(Options options) : options_(std::move(options)) {
  const auto require = [](bool right, const char* name, double value, const char* wanted) {
    if (!right) throw InvalidSetting(name, fmt::to_string(value), wanted);
  };
  require(std::isfinite(options_.min_delta) && options_.min_delta >= 0, "min_delta",
          options_.min_delta, "a finite number from 0 on");
  if (options_.baseline)
    require(std::isfinite(*options_.baseline), "baseline", *options_.baseline, "a finite number");
}

EarlyStopping::Verdict EarlyStopping::judge(std::size_t epoch, double value) {
  if (epoch < options_.start_from_epoch) return Verdict::Worse;
  const Monitor& monitor = options_.monitor;
  ++wait_;
  if (!best_ || monitor.better(value, *best_, options_.min_delta)) {
    best_ = value;
    if (!options_.baseline || monitor.better(value, *options_.baseline, options_.min_delta))
      wait_ = 0;
    return Verdict::Better;
  }
  return wait_ >= options_.patience && epoch > 0 ? Verdict::End : Verdict::Worse;
}

void EarlyStopping::train_begin(const TrainState& state) {
  options_.monitor.check(state);
  wait_ = 0;
  best_.reset();
  if (state.finished.empty()) weights_.clear();
  for (std::size_t epoch = 0; epoch < state.finished.size(); ++epoch)
    judge(epoch, state.finished[epoch].logs.at(options_.monitor.name));
  if (!best_ || !options_.restore_best) return;
  const ParameterSet& parameters = state.trainable.parameters();
  bool whole = weights_.size() == parameters.count();
  for (std::size_t i = 0; whole && i < weights_.size(); ++i)
    whole = weights_[i].dtype == DType::F32 && weights_[i].size() == parameters.tensor(i).size();
  if (!whole) throw Error("damaged checkpoint: it does not hold the best epoch's weights");
}

bool EarlyStopping::epoch_end(const TrainState& state) {
  const Verdict verdict =
      judge(state.finished.size() - 1, state.finished.back().logs.at(options_.monitor.name));
  ParameterSet& parameters = state.trainable.parameters();
  if (verdict == Verdict::Better && options_.restore_best) {
    weights_.clear();
    for (std::size_t i = 0; i < parameters.count(); ++i)
      weights_.push_back(Tensor::of(kBestPrefix + parameters.placed(i).name(),
                                    parameters.placed(i).shape(), parameters.tensor(i).data()));
  }
  if (verdict == Verdict::End)
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const std::vector<float> best = weights_[i].floats();
      std::copy(best.begin(), best.end(), parameters.tensor(i).begin());
    }
  return verdict != Verdict::End;
}

std::string EarlyStopping::settings() const {
  return fmt::format(
      "early stopping by {} (patience {}, min_delta {}, baseline {}, {}, from epoch {})",
      options_.monitor.name, options_.patience, options_.min_delta,
      options_.baseline ? fmt::to_string(*options_.baseline) : "none",
      options_.restore_best ? "best weights restored" : "last weights kept",
      options_.start_from_epoch);
}

void EarlyStopping::save_state(TensorFile& file) const {
  file.tensors.insert(file.tensors.end(), weights_.begin(), weights_.end());
}

void EarlyStopping::load_state(const TensorFile& file, const std::filesystem::path&) {
  weights_.clear();
  for (const Tensor& tensor : file.tensors)
    if (tensor.name.starts_with(kBestPrefix)) weights_.push_back(tensor);
}

BestCheckpoint::BestCheckpoint(std::filesystem::path path, Monitor monitor,
                               std::map<std::string, std::string> metadata)
    : path_(std::move(path)), monitor_(std::move(monitor)), metadata_(std::move(metadata)) {}

bool BestCheckpoint::takes(double value) {
  if (best_ && !monitor_.better(value, *best_)) return false;
  best_ = value;
  return true;
}

void BestCheckpoint::train_begin(const TrainState& state) {
  monitor_.check(state);
  require_writable(path_);
  best_.reset();
  for (const EpochResult& epoch : state.finished) takes(epoch.logs.at(monitor_.name));
}

bool BestCheckpoint::epoch_end(const TrainState& state) {
  if (!takes(state.finished.back().logs.at(monitor_.name))) return true;
  metadata_["dt"] = fmt::to_string(state.dt);
  metadata_["epoch"] = fmt::to_string(state.finished.size());
  state.trainable.parameters().write(path_, metadata_);
  return true;
}

void CsvLog::train_begin(const TrainState& state) {
  epoch_end(state);
}

bool CsvLog::epoch_end(const TrainState& state) {
  std::string text = fmt::format("epoch,{}\n", fmt::join(state.names, ","));
  for (std::size_t epoch = 0; epoch < state.finished.size(); ++epoch) {
    text += fmt::to_string(epoch);
    for (const std::string& name : state.names)
      text += fmt::format(",{}", state.finished[epoch].logs.at(name));
    text += '\n';
  }
  write_file(path_, text);
  return true;
}

}  // namespace synfire
