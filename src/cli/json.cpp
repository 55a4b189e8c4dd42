// Figures as JSON.
#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include <synfire/parallel.hpp>
#include <synfire/target.hpp>
#include <synfire/weights.hpp>

#include "cli.hpp"

namespace synfire::cli {

void JsonOption::declare(CLI::App& command) {
  command.add_option("--json", path, "Write every figure to this file");
}

void JsonOption::check() const {
  if (path) require_writable(*path);
}

void JsonOption::write(const Json& json) const {
  if (path) write_file(*path, json.dump(2) + "\n");
}

namespace {

#ifdef __clang__
constexpr char kCompiler[] = __VERSION__;
#else
constexpr char kCompiler[] = "g++ " __VERSION__;
#endif

/// Of the first processor, as Linux says; empty where it does not.
Json processor() {
  Json found{{"name", ""}, {"family", ""}, {"model", ""}};
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && !line.empty();) {
    const auto colon = line.find(": ");
    const std::string key = line.substr(0, line.find_first_of("\t:"));
    if (colon == std::string::npos) continue;
    const std::string value = line.substr(colon + 2);
    if (key == "model name") found["name"] = value;
    if (key == "cpu family") found["family"] = value;
    if (key == "model") found["model"] = value;
  }
  return found;
}

std::vector<std::string> command;

/// What a POSIX shell takes for this very text.
std::string for_shell(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,:+%@";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string line = "synfire";
  for (const std::string& word : words) line += " " + for_shell(word);
  return line;
}

}  // namespace

void keep_command_line(int argc, char** argv) {
  if (argc > 1) command.assign(argv + 1, argv + argc);
}

std::string command_line() {
  return joined(command);
}

std::string command_again() {
  constexpr std::array<std::string_view, 7> kNoFigure{"--threads", "--json",   "--csv",   "--latex",
                                                      "--page",    "--counts", "--output"};
  std::vector<std::string> words;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const std::string name = command[i].substr(0, command[i].find('='));
    if (std::find(kNoFigure.begin(), kNoFigure.end(), name) == kNoFigure.end())
      words.push_back(command[i]);
    else if (name.size() == command[i].size())
      ++i;  // its value is the next word
  }
  return joined(words);
}

Json provenance(std::size_t threads) {
  return {{"version", SYNFIRE_VERSION},
          {"compiler", kCompiler},
          {"processor", processor()},
          {"target", active_target()},
          {"threads", thread_count(threads)}};
}

Json to_json(const Dataset& data) {
  return {{"name", data.name},
          {"origin", data.origin},
          {"sha256", data.fingerprint},
          {"fashion_mnist", data.is_fashion_mnist},
          {"train_images", data.train.size()},
          {"test_images", data.test.size()}};
}

Json to_json(const RunOptions& options) {
  return {{"dt", options.dt},
          {"steps", options.steps},
          {"seed", options.seed},
          {"stop", options.stop.text()},
          {"dense_above", options.dense_above}};
}

Json to_json(const TrainOptions& options) {
  Json metrics = Json::array();
  for (const Metric& metric : options.metrics) metrics.push_back(metric.name());
  Json regularizers = Json::array();
  for (const auto& [layer, regularizer] : options.activity_regularizers)
    regularizers.push_back({{"layer", layer}, {"regularizer", regularizer->signature()}});
  for (const auto& [layer, tensor, regularizer] : options.weight_regularizers)
    regularizers.push_back(
        {{"layer", layer}, {"tensor", tensor}, {"regularizer", regularizer->signature()}});
  return {{"dt", options.dt},
          {"dt_schedule", options.dt_schedule ? Json(options.dt_schedule->text()) : Json()},
          {"dt_by_epoch", options.dt_by_epoch},
          {"steps", options.steps},
          {"seed", options.seed},
          {"spiking_aware", options.spiking_aware},
          {"epochs", options.epochs},
          {"batch", options.batch},
          {"learning_rate", options.learning_rate.text()},
          {"optimizer", to_text(options.optimizer)},
          {"loss", name_of(options.loss)},
          {"metrics", metrics},
          {"regularizers", regularizers},
          {"validation_split", options.validation_split}};
}

Json to_json(const TrainResult& result) {
  Json epochs = Json::array();
  for (const EpochResult& epoch : result.epochs)
    epochs.push_back({{"loss", epoch.loss},
                      {"accuracy", epoch.accuracy},
                      {"seconds", epoch.seconds},
                      {"logs", epoch.logs}});
  return {{"epochs", epochs}, {"ended_early", result.ended_early}, {"dt", result.dt}};
}

Json to_json(const Activity& activity) {
  Json layers = Json::array();
  for (const LayerActivity& layer : activity.layers) {
    Json json{{"index", layer.index},
              {"label", layer.label},
              {"neurons", layer.neurons},
              {"synaptic_operations", layer.synaptic_operations},
              {"weight_bytes", layer.weight_bytes}};
    if (layer.spiking)
      json.update({{"spikes", layer.spikes},
                   {"neuron_updates", layer.neuron_updates},
                   {"mean_rate_hz", layer.mean_rate},
                   {"max_rate_hz", layer.max_rate}});
    layers.push_back(json);
  }
  return {{"samples", activity.samples},
          {"steps", activity.steps},
          {"steps_used", activity.steps_used()},
          {"mean_steps", activity.mean_steps()},
          {"dt", activity.dt},
          {"spikes", activity.spikes()},
          {"synaptic_operations", activity.synaptic_operations()},
          {"weight_bytes", activity.weight_bytes()},
          {"neuron_updates", activity.neuron_updates()},
          {"mean_rate_hz", activity.mean_rate()},
          {"max_rate_hz", activity.max_rate()},
          {"layers", layers}};
}

Json to_json(const Evaluation& evaluation) {
  return {{"samples", evaluation.samples},
          {"correct", evaluation.correct},
          {"accuracy", evaluation.accuracy},
          {"seconds", evaluation.seconds},
          {"microseconds_p50", evaluation.microseconds_p50},
          {"activity", to_json(evaluation.activity)}};
}

}  // namespace synfire::cli
