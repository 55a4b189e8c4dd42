// synfire evaluate
#include <iostream>

#include <fmt/format.h>

#include "cli.hpp"

namespace synfire::cli {
namespace {

struct Evaluate {
  ModelOptions model;
  DataOptions data;
  StopOption stop;
  JsonOption json;
  std::size_t threads = 0;
};

void declare(CLI::App& command, Evaluate& e) {
  e.model.declare(command);
  e.data.declare(command);
  e.stop.declare(command);
  add_count(command, "--threads", e.threads, "0: every core; the result is the same")
      ->capture_default_str();
  e.json.declare(command);
}

void act(const Evaluate& e) {
  e.json.check();
  const Stop stop = e.stop.value();
  auto [model, run] = e.model.load();
  run.stop = stop;
  const Dataset data = e.data.load();
  const ModelInfo info = model->info();
  fmt::print("{}\n", describe(data));
  const Evaluation result = model->evaluate(data.test, run, e.threads);
  const std::string steps = e.stop.text ? fmt::format(", {:.2f} of {} steps an image",
                                                      result.activity.mean_steps(), run.steps)
                                        : "";
  fmt::print("net {}, accuracy {:.2f}% ({} of {}), all in {:.3f} s, {:.2f} us an image (p50){}\n",
             info.name, 100 * result.accuracy, result.correct, result.samples, result.seconds,
             result.microseconds_p50, steps);
  std::cout << result.activity;
  e.json.write({{"command", "evaluate"},
                {"net", info.name},
                {"signature", info.signature},
                {"weights", *e.model.weights},
                {"data", to_json(data)},
                {"provenance", provenance(e.threads)},
                {"run", to_json(run)},
                {"test", to_json(result)}});
}

}  // namespace

void add_evaluate(CLI::App& app) {
  subcommand<Evaluate>(app, "evaluate",
                       "Run the test images by their spikes: accuracy, counts, time", declare, act);
}

}  // namespace synfire::cli
