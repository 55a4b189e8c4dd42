// synfire train
#include <iostream>

#include <fmt/format.h>

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
  std::optional<bool> spiking_aware;
  TrainOptions options;
};

void declare(CLI::App& command, Train& t) {
  command.add_option("--net", t.net, "A ready-made net (see synfire nets)")->capture_default_str();
  t.data.declare(command);
  add_count(command, "--epochs", t.options.epochs, "Passes over the data")->capture_default_str();
  add_count(command, "--batch", t.options.batch, "Images a batch")->capture_default_str();
  command.add_option("--learning-rate", t.options.learning_rate, "Adam's")->capture_default_str();
  add_count(command, "--seed", t.options.seed, "Of weights, shuffling and initial voltages")
      ->capture_default_str();
  command.add_option("--dt", t.dt, "Seconds a step; what suits the net");
  add_count(command, "--steps", t.steps, "Steps an image; what suits the net");
  // Bound to the value itself, CLI11 would take a flag that is not there for a "no".
  command.add_flag_function(
      "--spiking-aware,!--rate", [&t](std::int64_t times) { t.spiking_aware = times > 0; },
      "Forward with spikes, or with the activation itself; what suits the net");
  add_count(command, "--threads", t.options.threads, "0: every core; the result is the same")
      ->capture_default_str();
  command.add_option("--output", t.output, "Where the weights go; NET.safetensors");
  command.add_option("--checkpoint", t.checkpoint,
                     "Written after each epoch and on Ctrl-C; OUTPUT.checkpoint");
  command.add_option("--resume", t.resume, "Go on from this checkpoint, to the same bits");
  t.json.declare(command);
}

void act(const Train& t) {
  const auto model = make_model(t.net);
  const ModelInfo info = model->info();
  TrainOptions options = t.options;
  options.dt = t.dt.value_or(info.defaults.dt);
  options.steps = t.steps.value_or(info.defaults.steps);
  options.spiking_aware = t.spiking_aware.value_or(info.spiking_aware);
  options.validate();
  const std::string output = t.output.value_or(t.net + ".safetensors");
  require_writable(output);
  t.json.check();
  FitFiles files;
  files.checkpoint = t.checkpoint ? *t.checkpoint : t.resume ? *t.resume : output + ".checkpoint";
  if (t.resume) files.resume = *t.resume;

  const Dataset data = t.data.load();
  fmt::print("{}\n", describe(data));
  model->initialize(options.seed);
  const TrainResult result = train_with_progress(*model, data.train, options, files, t.net,
                                                 "--resume " + files.checkpoint->string());
  model->save(output, weights_metadata(t.net, data, options));

  const RunOptions run{options.dt, options.steps, options.seed};
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
