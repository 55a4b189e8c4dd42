// synfire run
#include <iostream>

#include <fmt/format.h>

#include <synfire/kernels.hpp>
#include <synfire/loss.hpp>
#include <synfire/table.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {

struct Run {
  ModelOptions model;
  DataOptions data;
  StopOption stop;
  JsonOption json;
  std::size_t image = 0, repeats = 1000;
};

void declare(CLI::App& command, Run& r) {
  r.model.declare(command);
  r.data.declare(command);
  r.stop.declare(command);
  add_count(command, "--image", r.image, "Which test image, from 0")->capture_default_str();
  add_count(command, "--repeats", r.repeats, "Runs that are timed")->capture_default_str();
  r.json.declare(command);
}

void act(const Run& r) {
  if (r.repeats == 0) throw InvalidSetting("--repeats", "0", "at least 1");
  r.json.check();
  const Stop stop = r.stop.value();
  auto [model, run] = r.model.load();
  run.stop = stop;
  const Dataset data = r.data.load();
  if (r.image >= data.test.size())
    throw InvalidSetting("--image", fmt::to_string(r.image),
                         fmt::format("below {}, the number of test images", data.test.size()));
  const ModelInfo info = model->info();
  std::vector<float> pixels(data.test.pixels_per_image());
  kernels::scale_pixels(data.test.image(r.image).data(), pixels.size(), pixels.data());
  const Inference result = model->run(pixels, run, r.image, r.repeats);
  const std::size_t label = data.test.labels[r.image];
  const std::vector<double> probability = softmax(result.logits);

  fmt::print("{}\n", describe(data));
  Table table{{{"class", false}, {"logit"}, {"softmax"}}, {}};
  for (std::size_t i = 0; i < result.logits.size(); ++i)
    table.rows.push_back({data.classes[i], fmt::format("{:.4f}", result.logits[i]),
                          fmt::format("{:.4f}", probability[i])});
  std::cout << table;
  const std::string steps =
      r.stop.text ? fmt::format(", {} of {} steps", result.activity.steps_used(), run.steps) : "";
  fmt::print("image {}: {} by net {}, labelled {}; {:.2f} us (p50 of {} runs){}\n", r.image,
             data.classes[result.predicted], info.name, data.classes[label],
             result.microseconds_p50, r.repeats, steps);
  std::cout << result.activity;
  r.json.write({{"command", "run"},
                {"net", info.name},
                {"signature", info.signature},
                {"weights", *r.model.weights},
                {"data", to_json(data)},
                {"provenance", provenance(1)},
                {"run", to_json(run)},
                {"image", r.image},
                {"label", label},
                {"predicted", result.predicted},
                {"class", data.classes[result.predicted]},
                {"logits", result.logits},
                {"softmax", probability},
                {"microseconds_p50", result.microseconds_p50},
                {"repeats", r.repeats},
                {"activity", to_json(result.activity)}});
}

}  // namespace

void add_run(CLI::App& app) {
  subcommand<Run>(app, "run", "Run one test image: logits, class, spikes, microseconds", declare,
                  act);
}

}  // namespace synfire::cli
