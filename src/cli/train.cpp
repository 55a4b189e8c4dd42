// synfire train
#include <iostream>

#include <fmt/format.h>

#include <synfire/callback.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {

struct Train {
  DataOptions data;
  JsonOption json;
  std::string net = "spiking";
  std::optional<std::string> output, checkpoint, resume;
  std::optional<float> dt;
  std::optional<std::size_t> steps;
  std::string loss = "categorical_crossentropy";
  std::optional<std::string> dt_schedule, monitor, csv, best;
  std::vector<std::string> metrics{"accuracy"}, regularize, regularize_weights;
  std::optional<std::size_t> patience;
  bool restore_best = false;
  DescentOptions descent;
};

void declare(CLI::App& command, Train& t) {
  command.add_option("--net", t.net, "A ready-made net (see synfire nets)")->capture_default_str();
  t.data.declare(command);
  t.descent.declare(command);
  command
      .add_option("--loss", t.loss,
                  "categorical_crossentropy, mean_squared_error or hinge; classes as one-hot rows")
      ->capture_default_str();
  command
      .add_option("--metric", t.metrics,
                  "Reported beside the loss: accuracy, top_K_accuracy, mean_absolute_error")
      ->capture_default_str();
  command
      .add_option("--validation-split", t.descent.options.validation_split,
                  "Hold back the last images, this fraction of all, and run them after each epoch")
      ->capture_default_str();
  command.add_option("--regularize", t.regularize,
                     "LAYER=REGULARIZER on a layer's output at every step, like spiking_3="
                     "l2:l2=0.0001,target=10/20 (also l1, l1l2, percentile; over_time=true for its "
                     "mean over time)");
  command.add_option("--regularize-weights", t.regularize_weights,
                     "LAYER.TENSOR=REGULARIZER, like hidden.kernel=l2:l2=0.0001");
  command.add_option("--dt-schedule", t.dt_schedule,
                     "dt while training, by steps, written as a learning rate is");
  command.add_flag("--dt-by-epoch", t.descent.options.dt_by_epoch, "The dt schedule counts epochs");
  add_count(command, "--early-stopping", t.patience,
            "End after so many epochs in which the monitor got no better");
  command.add_flag("--restore-best", t.restore_best,
                   "Put the best epoch's weights back when early stopping ends the training");
  command.add_option("--monitor", t.monitor,
                     "What early stopping and --best go by; val_loss, or loss without validation");
  command.add_option("--best", t.best, "Keep the best epoch's weights in this file");
  command.add_option("--csv", t.csv, "Write a row an epoch to this file");
  add_count(command, "--seed", t.descent.options.seed, "Of weights, shuffling and initial voltages")
      ->capture_default_str();
  command.add_option("--dt", t.dt, "Seconds a step; what suits the net");
  add_count(command, "--steps", t.steps, "Steps an image; what suits the net");
  command.add_option("--output", t.output, "Where the weights go; NET.safetensors");
  command.add_option("--checkpoint", t.checkpoint,
                     "Written after each epoch and on Ctrl-C; OUTPUT.checkpoint");
  command.add_option("--resume", t.resume, "Go on from this checkpoint, to the same bits");
  t.json.declare(command);
}

/// What stands before and behind the first `by`. Throws InvalidSetting.
std::pair<std::string, std::string> divided(const std::string& text, char by, const char* option,
                                            const char* form) {
  const std::size_t at = text.find(by);
  if (at == std::string::npos) throw InvalidSetting(option, "'" + text + "'", form);
  return {text.substr(0, at), text.substr(at + 1)};
}

void act(const Train& t) {
  const auto model = make_model(t.net);
  const ModelInfo info = model->info();
  TrainOptions options = t.descent.read(info);
  options.dt = t.dt.value_or(info.defaults.dt);
  options.steps = t.steps.value_or(info.defaults.steps);
  if (t.dt_schedule) options.dt_schedule = Schedule::parse("dt schedule", *t.dt_schedule);
  options.loss = parse_loss(t.loss);
  options.metrics.clear();
  for (const std::string& name : t.metrics) options.metrics.push_back(Metric::parse(name));
  for (const std::string& text : t.regularize) {
    const auto [layer, regularizer] = divided(text, '=', "--regularize", "LAYER=REGULARIZER");
    options.activity_regularizers.push_back({layer, parse_regularizer(regularizer)});
  }
  for (const std::string& text : t.regularize_weights) {
    constexpr const char* kName = "--regularize-weights";
    constexpr const char* kForm = "LAYER.TENSOR=REGULARIZER";
    const auto [place, regularizer] = divided(text, '=', kName, kForm);
    const auto [layer, tensor] = divided(place, '.', kName, kForm);
    options.weight_regularizers.push_back({layer, tensor, parse_regularizer(regularizer)});
  }
  options.validate();
  for (const auto& [given, wants, name] :
       {std::tuple{t.descent.options.dt_by_epoch, t.dt_schedule.has_value(), "--dt-by-epoch"},
        {t.restore_best, t.patience.has_value(), "--restore-best"},
        {t.monitor.has_value(), t.patience.has_value() || t.best.has_value(), "--monitor"}})
    if (given && !wants)
      throw InvalidSetting(name, "given", "left out where there is nothing that it belongs to");
  const std::string output = t.output.value_or(t.net + ".safetensors");
  require_writable(output);
  t.json.check();
  for (const auto& path : {t.csv, t.best})
    if (path) require_writable(*path);
  FitFiles files;
  files.checkpoint = t.checkpoint ? *t.checkpoint : t.resume ? *t.resume : output + ".checkpoint";
  if (t.resume) files.resume = *t.resume;

  const Dataset data = t.data.load();
  fmt::print("{}\n", describe(data));
  model->initialize(options.seed);

  const Monitor monitor{t.monitor.value_or(options.validation_split > 0 ? "val_loss" : "loss")};
  std::vector<std::unique_ptr<Callback>> taking_part;
  if (t.patience)
    taking_part.push_back(std::make_unique<EarlyStopping>(EarlyStopping::Options{
        .monitor = monitor, .patience = *t.patience, .restore_best = t.restore_best}));
  if (t.best)
    taking_part.push_back(
        std::make_unique<BestCheckpoint>(*t.best, monitor, weights_metadata(t.net, data, options)));
  if (t.csv) taking_part.push_back(std::make_unique<CsvLog>(*t.csv));
  std::vector<Callback*> callbacks;
  for (const auto& callback : taking_part) callbacks.push_back(callback.get());

  const TrainResult result =
      train_with_progress(*model, data.train, options, files, t.net,
                          "--resume " + files.checkpoint->string(), callbacks);
  if (result.ended_early)
    fmt::print("{} ended early, after epoch {}\n", t.net, result.epochs.size());
  auto metadata = weights_metadata(t.net, data, options);
  metadata["dt"] = fmt::to_string(result.dt);
  model->save(output, metadata);

  const RunOptions run{result.dt, options.steps, options.seed};
  const Evaluation test = model->evaluate(data.test, run, options.threads);
  fmt::print("test accuracy {:.2f}% ({} of {}), {:.2f} us an image (p50)\n", 100 * test.accuracy,
             test.correct, test.samples, test.microseconds_p50);
  std::cout << test.activity;
  fmt::print("weights in {}, checkpoint in {}\n", output, files.checkpoint->string());
  t.json.write({{"command", "train"},
                {"net", t.net},
                {"signature", info.signature},
                {"data", to_json(data)},
                {"provenance", provenance(options.threads)},
                {"training", to_json(options)},
                {"result", to_json(result)},
                {"test", to_json(test)}});
}

}  // namespace

void add_train(CLI::App& app) {
  subcommand<Train>(app, "train", "Train a ready-made net and write its weights", declare, act);
}

}  // namespace synfire::cli
