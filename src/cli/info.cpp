// synfire info, synfire nets
#include <iostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <synfire/parallel.hpp>
#include <synfire/table.hpp>
#include <synfire/target.hpp>
#include <synfire/weights.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {

struct Info {
  std::string net = "spiking";
  std::optional<std::string> weights;
  JsonOption json;
};

void declare(CLI::App& command, Info& i) {
  command.add_option("--net", i.net, "A ready-made net (see synfire nets)")->capture_default_str();
  command.add_option("--weights", i.weights, "Check that this file fits, and show what it says");
  i.json.declare(command);
}

void act(const Info& i) {
  i.json.check();
  const auto model = make_model(i.net);
  const ModelInfo info = model->info();
  std::map<std::string, std::string> metadata;
  if (i.weights) metadata = model->load(*i.weights);

  fmt::print("{}: {}\n", info.name, info.description);
  Table table{{{"layer"},
               {"label", false},
               {"type", false},
               {"output"},
               {"carrier", false},
               {"parameters"},
               {"weights", false}},
              {}};
  Json layers = Json::array();
  for (const LayerInfo& layer : info.layers) {
    table.rows.push_back({fmt::to_string(layer.index), layer.label, layer.signature,
                          fmt::format("{}", fmt::join(layer.shape, "x")), layer.carrier,
                          fmt::to_string(layer.parameters), layer.weights});
    layers.push_back({{"index", layer.index},
                      {"label", layer.label},
                      {"signature", layer.signature},
                      {"shape", layer.shape},
                      {"carrier", layer.carrier},
                      {"parameters", layer.parameters},
                      {"weights", layer.weights}});
  }
  std::cout << table;
  fmt::print("parameters  {}\n", info.parameters);
  fmt::print("signature   {}\n", info.signature);
  fmt::print("runs with   dt {:g} s, {} steps, trained {}\n", info.defaults.dt, info.defaults.steps,
             info.spiking_aware ? "spiking-aware" : "as rate");
  fmt::print("processor   {} (of {}), {} threads\n", active_target(),
             fmt::join(supported_targets(), ", "), thread_count(0));
  for (const auto& [key, value] : metadata) fmt::print("weights     {} = {}\n", key, value);
  i.json.write({{"command", "info"},
                {"net", info.name},
                {"description", info.description},
                {"signature", info.signature},
                {"parameters", info.parameters},
                {"input_shape", info.input_shape},
                {"classes", info.classes},
                {"defaults", to_json(info.defaults)},
                {"spiking_aware", info.spiking_aware},
                {"layers", layers},
                {"weights", metadata},
                {"provenance", provenance(0)}});
}

struct Nets {};

void list_nets(const Nets&) {
  Table table{{{"net", false}, {"parameters"}, {"what it is", false}}, {}};
  for (const std::string& name : model_names()) {
    const ModelInfo info = make_model(name)->info();
    table.rows.push_back({name, fmt::to_string(info.parameters), info.description});
  }
  std::cout << table;
}

}  // namespace

void add_info(CLI::App& app) {
  subcommand<Info>(app, "info", "Layers, shapes, parameters and signature of a net; the processor",
                   declare, act);
}

void add_nets(CLI::App& app) {
  subcommand<Nets>(
      app, "nets", "List the ready-made nets", [](CLI::App&, Nets&) {}, list_nets);
}

}  // namespace synfire::cli
