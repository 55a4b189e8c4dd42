// synfire prune
#include <algorithm>
#include <iostream>
#include <optional>

#include <fmt/format.h>

#include <synfire/table.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {

struct Prune {
  ModelOptions model;
  DataOptions data;
  DescentOptions descent;
  JsonOption json;
  double sparsity = 0.9, exponent = 0;
  std::size_t rounds = 4;
  std::string output = "pruned.safetensors";
  std::optional<std::string> checkpoint, resume;
};

void declare(CLI::App& command, Prune& p) {
  p.model.declare(command);
  p.data.declare(command);
  command
      .add_option("--sparsity", p.sparsity,
                  "The part of each sparse layer's weights that goes, from 0 to below 1")
      ->capture_default_str();
  command
      .add_option(
          "--power", p.exponent,
          "Exponent of the inputs' power in a weight's worth: 0 goes by the weights alone and "
          "leaves the fewest operations, 1 by what they add")
      ->capture_default_str();
  add_count(command, "--rounds", p.rounds,
            "Prune in so many rounds, ever less in each, with a fine-tuning behind each")
      ->capture_default_str();
  p.descent.options.epochs = 9;
  p.descent.declare(command);
  command.add_option("--output", p.output, "Where the weights go")->capture_default_str();
  command.add_option("--checkpoint", p.checkpoint,
                     "Written after each round but the last; OUTPUT.checkpoint");
  command.add_option("--resume", p.resume,
                     "Go on behind the last whole round of this checkpoint, to the same bits");
  p.json.declare(command);
}

/// In each round from 8 times the usual rate to 0 along a cosine: short trainings get furthest so.
Schedule falling(const TrainOptions& options, std::size_t samples) {
  const std::size_t batches = (samples + options.batch - 1) / options.batch;
  return CosineDecay{.initial = 8 * options.learning_rate.at(0),
                     .decay_steps = options.epochs * batches};
}

constexpr const char* kState = "pruning";  // the key of a checkpoint's metadata

/// The rounds that lie in a checkpoint of the same pruning, whose weights the model takes.
Json resume(Model& model, const std::string& path, const Json& settings) {
  const auto metadata = read_safetensors(path).metadata;
  const auto found = metadata.find(kState);
  const Json state =
      found == metadata.end() ? Json() : Json::parse(found->second, nullptr, /*throws*/ false);
  if (!state.is_object() || !state.contains("settings") || !state.contains("rounds") ||
      !state["rounds"].is_array())
    throw FileError(path, 0, "is not a checkpoint of synfire prune");
  for (const auto& [name, value] : settings.items())
    if (!state["settings"].contains(name) || state["settings"][name] != value)
      throw InvalidSetting(name, value.dump(),
                           state["settings"].value(name, Json()).dump() + ", as in the checkpoint");
  model.load(path);
  return state["rounds"];
}

void act(const Prune& p) {
  p.json.check();
  require_writable(p.output);
  const std::string checkpoint = p.checkpoint ? *p.checkpoint
                                 : p.resume   ? *p.resume
                                              : p.output + ".checkpoint";
  require_writable(checkpoint);
  const auto [model, run] = p.model.load();
  const ModelInfo info = model->info();
  TrainOptions options = p.descent.read(info);
  options.dt = run.dt;
  options.steps = run.steps;
  options.seed = run.seed;
  const bool tunes = options.epochs != 0;
  if (!tunes) options.epochs = 1;
  require_sparsity(p.sparsity);
  require_exponent(p.exponent);
  if (p.rounds == 0 || p.rounds > 1000)
    throw InvalidSetting("--rounds", fmt::to_string(p.rounds), "from 1 to 1000");
  auto metadata = read_safetensors(*p.model.weights).metadata;

  if (std::none_of(info.layers.begin(), info.layers.end(),
                   [](const LayerInfo& layer) { return layer.kind == "sparse"; }))
    throw InvalidSetting("the net to prune", "'" + info.name + "'",
                         "one with sparse layers, like spiking_blocked (--net)");
  const Dataset data = p.data.load();
  if (!p.descent.learning_rate) options.learning_rate = falling(options, data.train.size());
  options.validate();
  fmt::print("{}\n", describe(data));
  const auto evaluate = [&, &model = *model, &run = run] {
    return model.evaluate(data.test, run, options.threads);
  };

  const Evaluation before = evaluate();
  const Json settings{{"net", info.name},
                      {"sparsity", p.sparsity},
                      {"power", p.exponent},
                      {"rounds", p.rounds},
                      {"data", data.fingerprint},
                      {"images", data.train.size()},
                      {"training", tunes ? to_json(options) : Json()}};
  Json rounds = p.resume ? resume(*model, *p.resume, settings) : Json::array();
  std::vector<Pruned> layers;
  Evaluation after{}, tuned{};
  for (std::size_t r = rounds.size() + 1; r <= p.rounds; ++r) {
    // Zhu and Gupta 2017: much while much is left, little towards the end.
    const double left = 1 - static_cast<double>(r) / static_cast<double>(p.rounds);
    const double sparsity = p.sparsity * (1 - left * left * left);
    layers = model->prune(sparsity, p.exponent, data.train, options);
    if (r == p.rounds) tuned = after = evaluate();
    if (tunes) {
      train_with_progress(*model, data.train, options, {},
                          fmt::format("{} round {}/{}", info.name, r, p.rounds),
                          r == 1 && !p.resume ? "synfire prune from the start: no round was whole"
                                              : "--resume " + checkpoint);
      tuned = evaluate();
    }
    rounds.push_back({{"sparsity", sparsity}, {"accuracy", tuned.accuracy}});
    if (r == p.rounds) break;
    auto state = metadata;
    state[kState] = Json{{"settings", settings}, {"rounds", rounds}}.dump();
    model->save(checkpoint, state);
  }

  metadata["net"] = info.name;
  metadata["dt"] = fmt::to_string(run.dt);
  metadata["steps"] = fmt::to_string(run.steps);
  metadata["sparsity"] = fmt::to_string(p.sparsity);
  metadata["power"] = fmt::to_string(p.exponent);
  metadata["fine_tuning"] =
      tunes ? fmt::format(
                  "{} rounds of {} epochs of {}, learning rate {}, batches of {}, seed {}, {}",
                  p.rounds, options.epochs, to_text(options.optimizer),
                  options.learning_rate.text(), options.batch, options.seed, data.name)
            : "none";
  model->save(p.output, metadata);

  Table table{{{"layer", false}, {"weights"}, {"kept"}, {"sparsity"}}, {}};
  Json kept = Json::array();
  for (const Pruned& layer : layers) {
    const double sparsity = 1 - static_cast<double>(layer.kept) / static_cast<double>(layer.values);
    const std::string& label = info.layers[layer.layer].label;
    table.rows.push_back({label, fmt::to_string(layer.values), fmt::to_string(layer.kept),
                          fmt::format("{:.2f}%", 100 * sparsity)});
    kept.push_back({{"label", label},
                    {"weights", layer.values},
                    {"kept", layer.kept},
                    {"sparsity", sparsity}});
  }
  std::cout << table;
  fmt::print("accuracy before {:.2f}%, pruned {:.2f}%", 100 * before.accuracy,
             100 * after.accuracy);
  if (tunes) fmt::print(", fine-tuned {:.2f}%", 100 * tuned.accuracy);
  fmt::print("\nweights in {}\n", p.output);
  p.json.write({{"command", "prune"},
                {"net", info.name},
                {"signature", info.signature},
                {"weights", *p.model.weights},
                {"data", to_json(data)},
                {"provenance", provenance(options.threads)},
                {"run", to_json(run)},
                {"sparsity", p.sparsity},
                {"power", p.exponent},
                {"layers", kept},
                {"before", to_json(before)},
                {"pruned", to_json(after)},
                {"rounds", rounds},
                {"training", tunes ? to_json(options) : Json()},
                {"test", to_json(tuned)}});
}

}  // namespace

void add_prune(CLI::App& app) {
  subcommand<Prune>(app, "prune",
                    "Set the least weights of a net's sparse layers to 0, and train the others on",
                    declare, act);
}

}  // namespace synfire::cli
