// synfire energy
#include <iostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <synfire/buffer.hpp>
#include <synfire/energy.hpp>
#include <synfire/energy_gap.hpp>
#include <synfire/energy_model.hpp>
#include <synfire/kernels.hpp>
#include <synfire/power.hpp>
#include <synfire/table.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {

struct Energy {
  ModelOptions model;
  DataOptions data;
  JsonOption json;
  std::vector<std::string> devices{"all"}, device_files;
  std::optional<std::size_t> timesteps;
  std::size_t threads = 0;
  bool measure = false;
  double measure_limit = MeasureOptions{}.limit_seconds;
  std::string sysfs = "/sys";
};

/// --models: what there is to choose from.
void list_models() {
  Table table{{{"name", false}, {"title", false}, {"source", false}}, {}};
  for (const EnergyModel& model : energy_models())
    table.rows.push_back({model.name, model.title, model.source});
  std::cout << table;
  if (!std::cout.flush()) throw Error("the output cannot be written");
  throw CLI::Success();
}

void declare(CLI::App& command, Energy& e) {
  e.model.declare(command);
  e.data.declare(command);
  command.add_option("--device", e.devices, "Names of devices and energy models, or all")
      ->capture_default_str();
  command.add_option("--device-file", e.device_files,
                     "Energy models of your own, in TOML (see energy_model.hpp)");
  command.add_flag_callback("--models", list_models, "Lists the energy models and their sources")
      ->trigger_on_parse();
  command.add_flag("--measure", e.measure,
                   "Measures joules an image of this machine, too, on one thread");
  command
      .add_option("--measure-limit", e.measure_limit,
                  "Seconds after which a measurement ends that is still uncertain")
      ->capture_default_str();
  command.add_option("--sysfs", e.sysfs, "Where the kernel shows its energy counters")
      ->capture_default_str();
  add_count(command, "--timesteps", e.timesteps,
            "Timesteps an inference in KerasSpiking's estimate; the steps of the run");
  add_count(command, "--threads", e.threads, "0: every core; the result is the same")
      ->capture_default_str();
  e.json.declare(command);
}

struct Chosen {
  std::vector<Device> devices;      // those that KerasSpiking's estimate is of
  std::vector<EnergyModel> models;  // all others
};

/// Throws InvalidSetting for an unknown name, and what read_energy_model throws.
Chosen chosen(const Energy& e) {
  const bool all = e.devices == std::vector<std::string>{"all"};
  const std::vector<Device> devices = synfire::devices();
  Chosen found;
  const auto take = [&](EnergyModel model) {
    for (const Device& device : devices) {
      if (device.name != model.name) continue;
      found.devices.push_back(device);
      return;
    }
    found.models.push_back(std::move(model));
  };
  if (all) {
    for (EnergyModel& model : energy_models()) take(std::move(model));
  } else {
    for (const std::string& name : e.devices) take(find_energy_model(name));
  }
  for (const std::string& path : e.device_files) found.models.push_back(read_energy_model(path));
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

std::string range(const Range& joules) {
  return fmt::format("{:.3g}..{:.3g}", joules.low, joules.high);
}

Json range_json(const Range& joules) {
  return {{"low", joules.low}, {"nominal", joules.nominal}, {"high", joules.high}};
}

/// What each energy model makes of the counts.
Json show_models(const std::vector<EnergyModel>& models, const Profile& profile) {
  Json figures = Json::array();
  if (models.empty()) return figures;
  Table table{
      {{"model", false}, {"synaptic J"}, {"neuron J"}, {"memory J"}, {"J an image"}, {"low..high"}},
      {}};
  std::vector<std::string> sentences;
  for (const EnergyModel& model : models) {
    const EnergyEstimate energy = estimate(model, profile);
    const Range total = energy.total();
    table.rows.push_back({model.name, joules(energy.synaptic().nominal),
                          joules(energy.neuron().nominal), joules(energy.memory().nominal),
                          joules(total.nominal), range(total)});
    const std::vector<std::string> warned = warnings(model, profile);
    for (const std::string& sentence : warned)
      sentences.push_back(fmt::format("* {}: {}", model.name, sentence));
    Json layers = Json::array();
    for (const LayerEstimate& layer : energy.layers)
      layers.push_back({{"label", layer.label},
                        {"synaptic", range_json(layer.synaptic)},
                        {"neuron", range_json(layer.neuron)},
                        {"memory", range_json(layer.memory)}});
    figures.push_back({{"model", model.name},
                       {"title", model.title},
                       {"source", model.source},
                       {"technology", model.technology},
                       {"synaptic", range_json(energy.synaptic())},
                       {"neuron", range_json(energy.neuron())},
                       {"memory", range_json(energy.memory())},
                       {"idle", range_json(energy.idle)},
                       {"total", range_json(total)},
                       {"layers", layers},
                       {"warnings", warned}});
  }
  fmt::print("\nBy energy models, from exact counts, means over the images:\n");
  std::cout << table;
  for (const std::string& sentence : sentences) fmt::print("{}\n", sentence);
  return figures;
}

Json gap_json(const WorkGap& gap) {
  Json reasons = Json::array();
  for (const WorkGap::Reason& reason : gap.reasons)
    reasons.push_back({{"factor", reason.factor}, {"reason", reason.sentence}});
  return {{"estimate", gap.estimate}, {"counted", gap.counted}, {"reasons", reasons}};
}

/// Operations of each layer, estimated and counted, and why they differ.
Json show_gaps(const std::vector<LayerGap>& gaps, const std::string& devices) {
  Table table{
      {{"layer", false}, {"work", false}, {"estimate"}, {"counted"}, {"counted / estimate"}}, {}};
  std::vector<std::string> sentences;
  Json json = Json::array();
  for (const LayerGap& gap : gaps) {
    for (const auto& [name, work] :
         {std::pair{"synaptic operations", &gap.synaptic}, {"neuron updates", &gap.neuron}}) {
      if (work->estimate == 0 && work->counted == 0) continue;
      table.rows.push_back({gap.layer, name, fmt::format("{:.6g}", work->estimate),
                            fmt::format("{:.6g}", work->counted),
                            fmt::format("{:.4g}", work->ratio())});
      for (const WorkGap::Reason& reason : work->reasons)
        sentences.push_back(fmt::format("* {}, {}: times {:.4g}. {}", gap.layer, name,
                                        reason.factor, reason.sentence));
    }
    json.push_back({{"label", gap.layer},
                    {"synaptic", gap_json(gap.synaptic)},
                    {"neuron", gap_json(gap.neuron)}});
  }
  fmt::print("\nWhere the estimate for {} and the counts differ, an inference:\n", devices);
  std::cout << table;
  for (const std::string& sentence : sentences) fmt::print("{}\n", sentence);
  return json;
}

/// The test images on one thread, pixels scaled before.
MeasuredEnergy measured(const Model& model, const RunOptions& options, const ImageSet& images,
                        EnergyCounters& counters, double limit) {
  const std::size_t pixels = images.pixels_per_image();
  Buffer<float> inputs(images.size() * pixels);
  kernels::scale_pixels(images.pixels.data(), inputs.size(), inputs.data());
  const std::unique_ptr<ModelEngine> engine = model.engine(options);
  return measure_energy(
      [&] {
        for (std::size_t i = 0; i < images.size(); ++i)
          engine->run({inputs.data() + i * pixels, pixels}, i);
        return images.size();
      },
      counters, {.limit_seconds = limit});
}

Json measured_json(const MeasuredEnergy& energy) {
  return {{"joules", energy.joules},
          {"low", energy.low},
          {"high", energy.high},
          {"narrow", energy.narrow},
          {"rest_watts", energy.rest_watts},
          {"work_watts", energy.work_watts},
          {"repetitions", energy.repetitions},
          {"images", energy.inferences},
          {"seconds", energy.seconds},
          {"source", energy.source},
          {"domains", energy.domains}};
}

Json parts_of(const LayerEnergy& energy) {
  return {{"synaptic", energy.synaptic}, {"neuron", energy.neuron}};
}

void act(const Energy& e) {
  e.json.check();
  const auto [devices, models] = chosen(e);
  std::optional<EnergyCounters> counters;
  if (e.measure) counters.emplace(e.sysfs);
  const auto [model, options] = e.model.load();
  const std::size_t timesteps = e.timesteps.value_or(options.steps);
  if (timesteps == 0) throw InvalidSetting("--timesteps", "0", "at least 1");
  const Dataset data = e.data.load();
  const ModelInfo info = model->info();
  const ExampleRun run = model->run_examples(data.test, options, e.threads);
  const Profile profile = model->profile(data.test, options, e.threads);
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

  Json gaps = Json::object();
  for (const bool spiking : {false, true}) {
    std::vector<std::string> names;
    for (const Device& device : devices)
      if (device.spiking == spiking) names.push_back(device.name);
    if (!names.empty())
      gaps[spiking ? "spiking" : "non-spiking"] =
          show_gaps(energy_gaps(energy, profile, spiking, timesteps, summary.dt),
                    fmt::format("{}", fmt::join(names, ", ")));
  }
  const Json model_figures = show_models(models, profile);
  Json measured_figures;
  if (counters) {
    const MeasuredEnergy found = measured(*model, options, data.test, *counters, e.measure_limit);
    fmt::print("\nMeasured on this machine, one thread: {}\n", found.text());
    measured_figures = measured_json(found);
  }

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
                {"gaps", gaps},
                {"models", model_figures},
                {"measured", measured_figures},
                {"activity", to_json(run.activity)}});
}

}  // namespace

void add_energy(CLI::App& app) {
  subcommand<Energy>(app, "energy",
                     "Joules an image on each device: estimated from rates, counted from spikes",
                     declare, act);
}

}  // namespace synfire::cli
