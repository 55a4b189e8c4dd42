#include <algorithm>
#include <chrono>
#include <cmath>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <synfire/buffer.hpp>
#include <synfire/callback.hpp>
#include <synfire/error.hpp>
#include <synfire/random.hpp>
#include <synfire/training.hpp>

#include "train/writable.hpp"

namespace synfire {
namespace {

using Json = nlohmann::json;

// A checkpoint is the trainable's own tensors and metadata, and these metadata: each setting under
// its name behind the prefix, and how far the training is.
const std::string kSettingPrefix = "training.setting.";
const std::string kProgressKey = "training.progress";

/// How far a training is: what a checkpoint holds beside the trainable's state.
struct Progress {
  std::vector<EpochResult> finished;  // epochs
  std::size_t batch = 0;              // batches done in the epoch under way
  double loss_sum = 0;                // over the samples of those batches
  std::size_t correct = 0;            // of those samples
  std::vector<double> metric_sums;    // over those samples, of each metric
  double seconds = 0;                 // that they took
  bool ended_early = false;           // by a callback
};

/// Whatever decides the bits of a training, by name. The text of a float reads back to the same
/// float.
using Settings = std::vector<std::pair<std::string, std::string>>;

template <class Value>
std::string hash(std::span<const Value> values) {
  return sha256({reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
}

Settings settings_of(const Samples& data, const Trainable& trainable, const TrainOptions& options,
                     const std::vector<Callback*>& callbacks) {
  std::string metrics, deciding;
  const auto add = [](std::string& list, const std::string& item) {
    if (!item.empty()) list += (list.empty() ? "" : ", ") + item;
  };
  for (const Metric& metric : options.metrics) add(metrics, metric.name());
  for (const Callback* callback : callbacks) add(deciding, callback->settings());
  const std::string dt_schedule =
      options.dt_schedule
          ? options.dt_schedule->text() + (options.dt_by_epoch ? " by epoch" : " by step")
          : "none";
  return {{"seed", fmt::to_string(options.seed)},
          {"batch", fmt::to_string(options.batch)},
          {"dt", fmt::to_string(options.dt)},
          {"dt schedule", dt_schedule},
          {"steps", fmt::to_string(options.steps)},
          {"spiking_aware", fmt::to_string(options.spiking_aware)},
          {"learning rate", options.learning_rate.text()},
          {"optimizer", to_text(options.optimizer)},
          {"loss", std::string(name_of(options.loss))},
          {"metrics", metrics.empty() ? "none" : metrics},
          {"regularizers", trainable.regularizers()},
          {"validation split", fmt::to_string(options.validation_split)},
          {"what callbacks decide", deciding.empty() ? "nothing" : deciding},
          {"number of training samples", fmt::to_string(data.count)},
          {"SHA-256 of the training inputs",
           data.pixels.empty() ? hash(data.values) : hash(data.pixels)},
          {"SHA-256 of the training targets",
           data.labels.empty() ? hash(data.targets) : hash(data.labels)}};
}

std::string to_text(const Progress& progress) {
  Json finished = Json::array();
  for (const EpochResult& e : progress.finished)
    finished.push_back({e.loss, e.accuracy, e.seconds, e.logs});
  return Json{{"finished", finished},
              {"batch", progress.batch},
              {"loss_sum", progress.loss_sum},
              {"correct", progress.correct},
              {"metric_sums", progress.metric_sums},
              {"seconds", progress.seconds},
              {"ended_early", progress.ended_early}}
      .dump();
}

/// Throws Json::exception or Error where the text is not what to_text() makes of a training with
/// logs of these names.
Progress progress_from(const std::string& text, std::size_t metrics,
                       const std::vector<std::string>& names) {
  const auto require = [](bool right, const char* fault) {
    if (!right) throw Error(fault);
  };
  const auto whole = [&](const Json& value) {
    require(value.is_number_unsigned(), "not a whole number");
    return value.get<std::size_t>();
  };
  const auto real = [&](const Json& value) {
    const auto x = value.get<double>();
    require(std::isfinite(x) && x >= 0, "not a finite number from 0 on");
    return x;
  };
  const Json json = Json::parse(text);
  Progress progress;
  for (const Json& e : json.at("finished")) {
    EpochResult epoch{real(e.at(0)), real(e.at(1)), real(e.at(2)), {}};
    require(e.at(3).size() == names.size(), "other logs");
    for (const std::string& name : names) epoch.logs[name] = real(e.at(3).at(name));
    progress.finished.push_back(std::move(epoch));
  }
  progress.batch = whole(json.at("batch"));
  progress.loss_sum = real(json.at("loss_sum"));
  progress.correct = whole(json.at("correct"));
  for (const Json& sum : json.at("metric_sums")) progress.metric_sums.push_back(real(sum));
  require(progress.metric_sums.size() == metrics, "other metrics");
  progress.seconds = real(json.at("seconds"));
  progress.ended_early = json.at("ended_early").get<bool>();
  return progress;
}

/// Throws unless a training with these settings goes on from the checkpoint to the same bits.
Progress check_checkpoint(const TensorFile& file, const std::filesystem::path& path,
                          const Settings& settings, const TrainOptions& options,
                          const std::vector<std::string>& names, std::size_t batches) {
  const auto metadata = [&](const std::string& key) -> const std::string& {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end())
      throw FileError(path, 0, "not a checkpoint of a training: it says nothing of " + key);
    return found->second;
  };
  const std::string& text = metadata(kProgressKey);
  for (const auto& [name, value] : settings) {
    const std::string& theirs = metadata(kSettingPrefix + name);
    if (value != theirs)
      throw InvalidSetting(name, value, theirs + ", as in the checkpoint " + path.string());
  }

  const auto damaged = [&] {
    return FileError(path, 0, "damaged checkpoint: what it says of its progress cannot be");
  };
  Progress progress;
  try {
    progress = progress_from(text, options.metrics.size(), names);
  } catch (const Json::exception&) {
    throw damaged();
  } catch (const Error&) {
    throw damaged();
  }
  if (progress.batch >= batches || progress.correct > progress.batch * options.batch)
    throw damaged();
  const std::size_t begun = progress.finished.size() + (progress.batch > 0 ? 1 : 0);
  if (options.epochs < begun)
    throw InvalidSetting(
        "epochs", std::to_string(options.epochs),
        fmt::format("at least {}, where the checkpoint {} is", begun, path.string()));
  return progress;
}

void write_checkpoint(const std::filesystem::path& path, const Trainable& trainable,
                      const std::vector<Callback*>& callbacks, const Settings& settings,
                      const Progress& progress) {
  TensorFile file;
  trainable.save_state(file);
  for (const Callback* callback : callbacks) callback->save_state(file);
  for (const Tensor& tensor : file.tensors) {
    if (tensor.dtype != DType::F32) continue;
    const std::vector<float> values = tensor.floats();
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); }))
      throw Error(
          fmt::format("training diverged: {} is no longer finite after batch {} of epoch {}",
                      tensor.name, progress.batch, progress.finished.size() + 1));
  }
  for (const auto& [name, value] : settings) file.metadata[kSettingPrefix + name] = value;
  file.metadata[kProgressKey] = to_text(progress);
  write_safetensors(path, file);
}

/// What an epoch's logs hold, sorted.
std::vector<std::string> log_names(const TrainOptions& options, bool validates) {
  std::vector<std::string> names{"loss"};
  for (const Metric& metric : options.metrics) names.push_back(metric.name());
  if (validates)
    for (std::size_t i = 0, n = names.size(); i < n; ++i) names.push_back("val_" + names[i]);
  std::sort(names.begin(), names.end());
  return names;
}

/// Means over `count` samples.
void add_logs(Logs& logs, const std::string& prefix, const TrainOptions& options, double loss_sum,
              const std::vector<double>& metric_sums, std::size_t count) {
  const auto n = static_cast<double>(count);
  logs[prefix + "loss"] = loss_sum / n;
  for (std::size_t m = 0; m < metric_sums.size(); ++m)
    logs[prefix + options.metrics[m].name()] = metric_sums[m] / n;
}

/// Loss and metrics of the samples held back, run with spikes.
void validate(const Trainable& trainable, const Samples& held_back, const TrainOptions& options,
              float dt, Logs& logs) {
  const std::size_t width = trainable.classes(), n = held_back.count;
  Buffer<float> outputs(n * width), gradient(n * width);
  trainable.infer(held_back, dt, outputs.data());
  const Targets targets = held_back.targets_from(0);
  const double loss_sum =
      differentiate(options.loss, outputs.data(), targets, n, width, gradient.data()).loss_sum;
  std::vector<double> metric_sums;
  for (const Metric& metric : options.metrics)
    metric_sums.push_back(metric.sum(outputs.data(), targets, n, width));
  add_logs(logs, "val_", options, loss_sum, metric_sums, n);
}

void require_finite(const Logs& logs, std::size_t epoch) {
  for (const auto& [name, value] : logs)
    if (!std::isfinite(value))
      throw Error(fmt::format("training diverged: {} of epoch {} is {}", name, epoch, value));
}

}  // namespace

void require_writable(const std::filesystem::path& path) {
  std::error_code none;
  if (!path.has_filename() || std::filesystem::is_directory(path, none))
    throw FileError(path, 0, "a checkpoint wants the name of a file, and this is a folder");
  std::filesystem::path probe = path;
  probe += ".probe";
  try {
    write_file(probe, "");
  } catch (const FileError& error) {
    throw FileError(path, 0, fmt::format("no checkpoint can be written here ({})", error.what()));
  }
  std::filesystem::remove(probe, none);
}

TrainResult fit(Trainable& trainable, const Samples& data, const TrainOptions& options,
                const FitFiles& files, const TrainCallback& callback,
                const std::vector<Callback*>& callbacks) {
  options.validate();
  const std::size_t width = data.width, outputs = trainable.classes();
  data.check(trainable.input_size(), outputs);
  const std::size_t size = options.trained_of(data.count);
  const Samples held_back = data.part(size, data.count - size);
  const std::size_t batches = (size - 1) / options.batch + 1;
  const std::vector<std::string> names = log_names(options, held_back.count > 0);

  Settings settings;
  if (files.checkpoint || files.resume) settings = settings_of(data, trainable, options, callbacks);
  if (files.checkpoint) require_writable(*files.checkpoint);
  Progress progress;
  progress.metric_sums.resize(options.metrics.size());
  if (files.resume) {
    const TensorFile file = read_safetensors(*files.resume);
    progress = check_checkpoint(file, *files.resume, settings, options, names, batches);
    for (Callback* c : callbacks) c->load_state(file, *files.resume);
    trainable.load_state(file, *files.resume);
  }
  const auto save = [&] {
    if (files.checkpoint)
      write_checkpoint(*files.checkpoint, trainable, callbacks, settings, progress);
  };

  // dt of the step before, where there was one.
  const std::size_t steps_done = progress.finished.size() * batches + progress.batch;
  const std::size_t last_step = steps_done == 0 ? 0 : steps_done - 1;
  TrainState state{trainable, options, names, progress.finished,
                   options.dt_at(last_step, last_step / batches)};
  for (Callback* c : callbacks) c->train_begin(state);
  const auto end = [&](bool stopped) {
    TrainResult result{progress.finished, stopped, progress.ended_early, state.dt};
    for (Callback* c : callbacks) c->train_end(state, result);
    return result;
  };

  const std::size_t most = std::min(options.batch, size);
  Buffer<float> x(most * width), rows(data.labels.empty() ? most * outputs : 0);
  std::vector<std::uint8_t> labels(most);
  std::vector<std::uint32_t> order(size);

  while (progress.finished.size() < options.epochs && !progress.ended_early) {
    const std::size_t epoch = progress.finished.size();
    const auto epoch_address = static_cast<std::uint32_t>(epoch);
    permutation({options.seed, Stream::Shuffle, epoch_address}, order.data(), size);
    for (Callback* c : callbacks) c->epoch_begin(state, epoch);
    const auto began = std::chrono::steady_clock::now();
    const double seconds_before = progress.seconds;
    std::size_t samples_here = 0;

    for (bool epoch_ended = false; !epoch_ended;) {
      for (Callback* c : callbacks) c->batch_begin(state, epoch, progress.batch);
      const std::size_t first = progress.batch * options.batch;
      const std::size_t count = std::min(options.batch, size - first);
      const std::uint32_t* samples = order.data() + first;
      for (std::size_t i = 0; i < count; ++i) {
        data.load(samples[i], x.data() + i * width);
        if (data.labels.empty())
          std::copy_n(data.targets.data() + samples[i] * outputs, outputs,
                      rows.data() + i * outputs);
        else
          labels[i] = data.labels[samples[i]];
      }
      const Targets targets = data.labels.empty() ? Targets(rows.data()) : Targets(labels.data());

      const std::size_t step = epoch * batches + progress.batch;
      state.dt = options.dt_at(step, epoch);
      const auto result = trainable.train_batch(x.data(), targets, samples, count, epoch_address);
      if (!std::isfinite(result.loss_sum))
        throw Error(fmt::format("training diverged: the loss of batch {} of epoch {} is {}",
                                progress.batch + 1, epoch + 1, result.loss_sum));

      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
      ++progress.batch;
      progress.loss_sum += result.loss_sum;
      progress.correct += result.correct;
      for (std::size_t m = 0; m < options.metrics.size(); ++m)
        progress.metric_sums[m] +=
            options.metrics[m].sum(trainable.output().data(), targets, count, outputs);
      progress.seconds = seconds_before + passed.count();
      samples_here += count;
      epoch_ended = progress.batch == batches;

      const std::size_t done = first + count;
      TrainProgress report{};
      report.epoch = epoch + 1;
      report.epochs = options.epochs;
      report.batch = progress.batch;
      report.batches = batches;
      report.loss = progress.loss_sum / static_cast<double>(done);
      report.accuracy = static_cast<double>(progress.correct) / static_cast<double>(done);
      report.seconds = passed.count();
      report.samples_per_second = static_cast<double>(samples_here) / passed.count();
      report.epoch_ended = epoch_ended;
      report.dt = state.dt;
      report.learning_rate = options.learning_rate.at(step);
      add_logs(report.logs, "", options, progress.loss_sum, progress.metric_sums, done);

      bool go_on = true;
      for (Callback* c : callbacks) go_on = c->batch_end(state, report) && go_on;

      if (epoch_ended) {
        if (held_back.count > 0) validate(trainable, held_back, options, state.dt, report.logs);
        require_finite(report.logs, epoch + 1);
        progress.finished.push_back({report.loss, report.accuracy, progress.seconds, report.logs});
        progress.batch = progress.correct = 0;
        progress.loss_sum = progress.seconds = 0;
        std::fill(progress.metric_sums.begin(), progress.metric_sums.end(), 0.0);
        for (Callback* c : callbacks)
          if (!c->epoch_end(state)) progress.ended_early = true;
        save();
      }
      if (callback && !callback(report)) go_on = false;
      if (!go_on) {
        if (!epoch_ended) save();
        return end(true);
      }
    }
  }
  return end(false);
}

}  // namespace synfire
