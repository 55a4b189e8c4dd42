// synfire energy
#include <iostream>

#include <fmt/format.h>

#include <synfire/energy.hpp>
#include <synfire/table.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {

struct Energy {
  ModelOptions model;
  DataOptions data;
  JsonOption json;
  std::vector<std::string> devices{"all"};
  std::optional<std::size_t> timesteps;
  std::size_t threads = 0;
};

void declare(CLI::App& command, Energy& e) {
  e.model.declare(command);
  e.data.declare(command);
  command.add_option("--device", e.devices, "Names of devices, or all")->capture_default_str();
  add_count(command, "--timesteps", e.timesteps,
            "Timesteps an inference in KerasSpiking's estimate; the steps of the run");
  add_count(command, "--threads", e.threads, "0: every core; the result is the same")
      ->capture_default_str();
  e.json.declare(command);
}

/// Throws InvalidSetting for an unknown name.
std::vector<Device> chosen(const std::vector<std::string>& names) {
  if (names == std::vector<std::string>{"all"}) return devices();
  std::vector<Device> found;
  for (const std::string& name : names) found.push_back(find_device(name));
  return found;
}

std::string joules(double value) {
  return fmt::format("{:.3g}", value);
}

/// What each layer's counted operations and updates cost.
Table counted_table(const ModelEnergy& energy, const ExampleRun& run,
                    const std::vector<Device>& devices) {
  Table table{{{"layer", false}, {"synaptic ops"}}, {}};
  const auto samples = static_cast<double>(run.samples.size());
  for (const EnergyLayer& layer : energy.layers()) table.rows.push_back({layer.name, "-"});
  for (const LayerActivity& layer : run.activity.layers)
    if (energy.layers()[layer.index].stats.value_or(LayerStats{}).connections != 0)
      table.rows[layer.index][1] =
          fmt::format("{:.1f}", static_cast<double>(layer.synaptic_operations) / samples);
  for (const Device& device : devices) {
    table.columns.push_back({fmt::format("J ({})", device.name)});
    const auto counted = energy.counted_energy(run.activity, device.name);
    for (std::size_t i = 0; i < counted.size(); ++i)
      table.rows[i].push_back(joules(counted[i].total()));
  }
  return table;
}

Json parts_of(const LayerEnergy& energy) {
  return {{"synaptic", energy.synaptic}, {"neuron", energy.neuron}};
}

void act(const Energy& e) {
  e.json.check();
  const std::vector<Device> devices = chosen(e.devices);
  const auto [model, options] = e.model.load();
  const std::size_t timesteps = e.timesteps.value_or(options.steps);
  if (timesteps == 0) throw InvalidSetting("--timesteps", "0", "at least 1");
  const Dataset data = e.data.load();
  const ModelInfo info = model->info();
  const ExampleRun run = model->run_examples(data.test, options, e.threads);
  const ModelEnergy energy(energy_layers(info.layers, run.rates));

  SummaryOptions summary{
      .columns = {"name", "output_shape", "params", "connections", "neurons", "rate"},
      .timesteps_per_inference = timesteps,
      .dt = static_cast<double>(options.dt),
      .line_length = 80 + 20 * devices.size()};
  for (const Device& device : devices) summary.columns.push_back("energy " + device.name);
  fmt::print("{}\nnet {}, {} test images of {} steps of {:g} s\n\n", describe(data), info.name,
             run.samples.size(), options.steps, options.dt);
  fmt::print("KerasSpiking's estimate, from average rates, {} timesteps an inference:\n{}\n",
             timesteps, energy.summary(summary));
  for (const std::string& sentence : energy.unknown_layers()) fmt::print("* {}\n", sentence);
  fmt::print("\nCounted in this run, means over the images:\n");
  std::cout << counted_table(energy, run, devices);

  Table table{{{"device", false},
               {"estimate J"},
               {"counted J"},
               {"least"},
               {"most"},
               {"non-spiking J"},
               {"non-spiking / counted"}},
              {}};
  Json figures = Json::array();
  for (const Device& device : devices) {
    const double estimate = energy.total_energy(device.name, timesteps, summary.dt);
    const EnergySpread counted = energy.counted_spread(run.samples, device.name);
    const double twin = energy.nonspiking_energy(device.name);
    const double ratio = twin / counted.mean;
    table.rows.push_back({device.name, joules(estimate), joules(counted.mean), joules(counted.min),
                          joules(counted.max), joules(twin), fmt::format("{:.2f}", ratio)});
    Json layers = Json::array();
    const auto counted_layers = energy.counted_energy(run.activity, device.name);
    for (std::size_t i = 0; i < counted_layers.size(); ++i)
      layers.push_back(
          {{"label", energy.layers()[i].name},
           {"estimate", parts_of(energy.layer_energy(i, device.name, timesteps, summary.dt))},
           {"counted", parts_of(counted_layers[i])}});
    figures.push_back({{"device", device.name},
                       {"spiking", device.spiking},
                       {"joules_per_synaptic_operation", device.joules_per_synaptic_operation},
                       {"joules_per_neuron_update", device.joules_per_neuron_update},
                       {"estimate", estimate},
                       {"counted", counted.mean},
                       {"counted_min", counted.min},
                       {"counted_max", counted.max},
                       {"nonspiking", twin},
                       {"nonspiking_to_counted", ratio},
                       {"layers", layers}});
  }
  fmt::print(
      "\nAn inference: the estimate, what was counted an image, and the non-spiking twin:\n");
  std::cout << table;

  Json layers = Json::array();
  for (const EnergyLayer& layer : energy.layers()) {
    const LayerStats stats = layer.stats.value_or(LayerStats{});
    layers.push_back({{"label", layer.name},
                      {"kind", layer.kind},
                      {"parameters", layer.parameters},
                      {"connections", stats.connections},
                      {"neurons", stats.neurons},
                      {"spiking", stats.spiking},
                      {"rate_hz", *layer.rate}});
  }
  e.json.write({{"command", "energy"},
                {"net", info.name},
                {"signature", info.signature},
                {"weights", *e.model.weights},
                {"data", to_json(data)},
                {"provenance", provenance(e.threads)},
                {"run", to_json(options)},
                {"timesteps_per_inference", timesteps},
                {"layers", layers},
                {"devices", figures},
                {"activity", to_json(run.activity)}});
}

}  // namespace

void add_energy(CLI::App& app) {
  subcommand<Energy>(app, "energy",
                     "Joules an image on each device: estimated from rates, counted from spikes",
                     declare, act);
}

}  // namespace synfire::cli
