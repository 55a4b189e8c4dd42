// Options that several subcommands share.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include <synfire/weights.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {
namespace fs = std::filesystem;

template <class Number>
std::optional<Number> number(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// One that training stored, when it is there and one.
template <class Number>
std::optional<Number> number(const std::map<std::string, std::string>& metadata,
                             const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::nullopt : number<Number>(found->second);
}

}  // namespace

void DataOptions::declare(CLI::App& command) {
  command.add_option("--data", data,
                     "Folder with Fashion-MNIST's four IDX files, or \"silhouettes\" (embedded). "
                     "Otherwise: $SYNFIRE_DATA, the cache, /usr/share/datasets/fashion-mnist, and "
                     "silhouettes where there is none");
  add_count(command, "--limit", limit, "Use the first N images of each set only");
}

Dataset DataOptions::load() const {
  if (limit && *limit == 0) throw InvalidSetting("--limit", "0", "at least 1");
  Dataset set = load_dataset(data);
  if (limit) {
    keep_first(set.train, *limit);
    keep_first(set.test, *limit);
  }
  return set;
}

void keep_first(ImageSet& set, std::size_t count) {
  if (count >= set.size()) return;
  set.labels.resize(count);
  set.pixels.resize(count * set.pixels_per_image());
}

void ModelOptions::declare(CLI::App& command, Weights wanted) {
  command.add_option("--net", net, "A ready-made net (see synfire nets); that of the weights");
  const bool fresh = wanted == Weights::OrFresh;
  command
      .add_option("--weights", weights,
                  fresh ? "Trained weights (safetensors); without, untrained ones"
                        : "Trained weights (safetensors)")
      ->required(!fresh);
  command.add_option("--dt", dt, "Seconds a step; those of the training");
  add_count(command, "--steps", steps, "Steps an image; those of the training");
  add_count(command, "--seed", seed, "Of the initial voltages")->capture_default_str();
}

ModelOptions::Loaded ModelOptions::load() const {
  std::map<std::string, std::string> stored;
  if (weights) stored = read_safetensors(*weights).metadata;
  const auto trained = stored.find("net");
  const std::string name = net ? *net : trained != stored.end() ? trained->second : "spiking";
  Loaded loaded{make_model(name), {}};
  if (weights)
    loaded.model->load(*weights);
  else
    loaded.model->initialize(seed);
  const ModelInfo info = loaded.model->info();
  loaded.run.dt = dt.value_or(number<float>(stored, "dt").value_or(info.defaults.dt));
  loaded.run.steps =
      steps.value_or(number<std::size_t>(stored, "steps").value_or(info.defaults.steps));
  loaded.run.seed = seed;
  loaded.run.dense_above = calibrated_dense_above().value_or(loaded.run.dense_above);
  loaded.run.validate();
  return loaded;
}

void DescentOptions::declare(CLI::App& command) {
  add_count(command, "--epochs", options.epochs, "Passes over the data")->capture_default_str();
  add_count(command, "--batch", options.batch, "Images a batch")->capture_default_str();
  command
      .add_option("--optimizer", optimizer,
                  "adam, adamw, sgd or rmsprop, with fields like sgd:momentum=0.9,nesterov=true")
      ->capture_default_str();
  command.add_option("--learning-rate", learning_rate,
                     "A number, or a schedule by steps like exponential:initial=0.01,"
                     "decay_steps=1000,decay_rate=0.5 (also inverse_time, piecewise_constant, "
                     "polynomial, cosine); 0.01 for sgd, 0.001 for the others");
  // Bound to the value itself, CLI11 would take a flag that is not there for a "no".
  command.add_flag_function(
      "--spiking-aware,!--rate", [this](std::int64_t times) { spiking_aware = times > 0; },
      "Forward with spikes, or with the activation itself; what suits the net");
  add_count(command, "--threads", options.threads, "0: every core; the result is the same")
      ->capture_default_str();
}

TrainOptions DescentOptions::read(const ModelInfo& info) const {
  TrainOptions read = options;
  read.spiking_aware = spiking_aware.value_or(info.spiking_aware);
  read.optimizer = parse_optimizer(optimizer);
  read.learning_rate = learning_rate ? Schedule::parse("learning rate", *learning_rate)
                                     : usual_learning_rate(read.optimizer);
  return read;
}

void StopOption::declare(CLI::App& command) {
  command.add_option("--stop", text,
                     "End an image's run before its last step: \"exact\", once no other class can "
                     "come out of it, or a number, once the best class leads the second by it");
}

Stop StopOption::value() const {
  return text ? Stop::parse("--stop", *text) : Stop{};
}

std::map<std::string, std::string> weights_metadata(const std::string& net, const Dataset& data,
                                                    const TrainOptions& options) {
  std::string regularizers;
  const auto add = [&](const std::string& place, const Regularizer& regularizer) {
    regularizers += (regularizers.empty() ? "" : ", ") + regularizer.signature() + " on " + place;
  };
  for (const auto& [layer, regularizer] : options.activity_regularizers) add(layer, *regularizer);
  for (const auto& [layer, tensor, regularizer] : options.weight_regularizers)
    add(layer + "." + tensor, *regularizer);
  return {{"net", net},
          {"data", data.name},
          {"data.sha256", data.fingerprint},
          {"dt", fmt::to_string(options.dt)},
          {"steps", fmt::to_string(options.steps)},
          {"spiking_aware", fmt::to_string(options.spiking_aware)},
          {"seed", fmt::to_string(options.seed)},
          {"epochs", fmt::to_string(options.epochs)},
          {"batch", fmt::to_string(options.batch)},
          {"learning_rate", options.learning_rate.text()},
          {"optimizer", to_text(options.optimizer)},
          {"loss", std::string(name_of(options.loss))},
          {"regularizers", regularizers.empty() ? "none" : regularizers},
          {"validation_split", fmt::to_string(options.validation_split)},
          {"dt_schedule", options.dt_schedule ? options.dt_schedule->text() : "none"},
          {"synfire", SYNFIRE_VERSION}};
}

std::string describe(const Dataset& data) {
  return fmt::format("{}: {} training and {} test images from {}", data.name, data.train.size(),
                     data.test.size(), data.origin);
}

void require_writable(const std::string& path) {
  std::error_code none;
  if (!fs::path(path).has_filename() || fs::is_directory(path, none))
    throw FileError(path, 0, "is a folder where the name of a file is wanted");
  const std::string probe = path + ".probe";
  try {
    write_file(probe, "");
  } catch (const FileError& error) {
    throw FileError(path, 0, fmt::format("cannot be written ({})", error.what()));
  }
  fs::remove(probe, none);
}

}  // namespace synfire::cli
