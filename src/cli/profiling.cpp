// Nets that are profiled, and what their counts come to.
#include "profiling.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <synfire/weights.hpp>

namespace synfire::cli {
namespace {
namespace fs = std::filesystem;

/// The ready-made net that a name or a file stands for, and the file's weights.
std::pair<std::string, std::optional<std::string>> resolve(const NetSetting& setting) {
  const std::vector<std::string> names = model_names();
  if (std::find(names.begin(), names.end(), setting.net) != names.end()) {
    if (setting.weights) return {setting.net, setting.weights};
    const std::string usual = setting.net + ".safetensors";
    return {setting.net, fs::exists(usual) ? std::optional(usual) : std::nullopt};
  }
  if (!fs::exists(setting.net)) {
    std::string known;
    for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
    throw InvalidSetting("the net", "'" + setting.net + "'",
                         "a file of weights, or one of " + known);
  }
  if (setting.weights)
    throw InvalidSetting("the net", "'" + setting.net + "'",
                         "a ready-made net where its weights are given beside it");
  const auto metadata = read_safetensors(setting.net).metadata;
  const auto net = metadata.find("net");
  if (net == metadata.end())
    throw FileError(setting.net, 0,
                    "does not say which net it is of: give the net's name, and this as weights");
  return {net->second, setting.net};
}

}  // namespace

std::string sha256_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw FileError(path, 0, "cannot be read");
  return sha256(bytes);
}

double exact(float number) {
  return std::stod(fmt::to_string(number));
}

std::string last_spiking(const ModelInfo& info) {
  std::string label;
  for (const LayerInfo& layer : info.layers)
    if (layer.stats && layer.stats->spiking && layer.stats->neurons > 0) label = layer.label;
  return label;
}

LoadedNet load_net(const NetSetting& setting) {
  const auto [name, weights] = resolve(setting);
  ModelOptions options;
  options.net = name;
  options.weights = weights;
  options.dt = setting.dt;
  options.steps = setting.steps;
  options.seed = setting.seed;
  auto [model, run] = options.load();
  LoadedNet net{std::move(model), {}, run, setting.threshold, weights, {}};
  net.info = net.model->info();
  net.run.stop = setting.stop;
  net.run.validate();
  if (weights) net.weights_sha256 = sha256_of(*weights);
  if (setting.threshold != 1) net.model->scale_thresholds(setting.threshold);
  return net;
}

std::string LoadedNet::describe_weights() const {
  return weights ? "weights " + *weights : fmt::format("untrained weights of seed {}", run.seed);
}

void EnergyOptions::declare(CLI::App& command, std::vector<std::string> usual) {
  names = std::move(usual);
  command
      .add_option("--device", names,
                  "Energy models by name, or all: KerasSpiking's devices, tables of operations, "
                  "chips")
      ->capture_default_str();
  command.add_option("--device-file", files, "Energy models in files of your own (TOML)");
}

std::vector<EnergyModel> EnergyOptions::models() const {
  std::vector<EnergyModel> found;
  const auto add = [&](EnergyModel model) {
    const auto same = [&](const EnergyModel& known) { return known.name == model.name; };
    if (std::none_of(found.begin(), found.end(), same)) found.push_back(std::move(model));
  };
  for (const std::string& name : names) {
    if (name == "all")
      for (EnergyModel& model : energy_models()) add(std::move(model));
    else
      add(find_energy_model(name));
  }
  for (const std::string& file : files) {
    EnergyModel model = read_energy_model(file);
    const auto same = [&](const EnergyModel& known) { return known.name == model.name; };
    if (std::any_of(found.begin(), found.end(), same))
      throw InvalidSetting("the device's name in " + file, "'" + model.name + "'",
                           "another than those that are taken already");
    found.push_back(std::move(model));
  }
  return found;
}

void ConfidenceOption::declare(CLI::App& command) {
  command.add_option("--confidence", value, "Of every interval, by bootstrap over the images")
      ->capture_default_str();
}

Resampling ConfidenceOption::resampling(std::uint64_t seed, std::size_t threads) const {
  if (!(value >= 0.5 && value <= 0.999))
    throw InvalidSetting("--confidence", fmt::format("{:g}", value), "from 0.5 to 0.999");
  Resampling how{seed, 4000, value, threads};
  how.draws = std::max(how.draws, static_cast<std::size_t>(std::ceil(40 / (1 - value))));
  return how;
}

void OutputOptions::declare(CLI::App& command) {
  json.declare(command);
  command.add_option("--csv", csv, "Write the table to this file");
  command.add_option("--latex", latex, "Write the table to this file, as LaTeX with booktabs");
  command.add_option("--page", page,
                     "Write a page with tables and plots to this file; needs gnuplot");
}

void OutputOptions::check() const {
  json.check();
  for (const auto& path : {csv, latex, page})
    if (path) require_writable(*path);
  if (page) draw({});
}

void OutputOptions::write(const Json& figures, const Table& csv_table,
                          const Table& latex_table) const {
  json.write(figures);
  if (csv) write_file(*csv, to_csv(csv_table));
  if (latex)
    write_file(*latex, to_latex(latex_table, "synfire " SYNFIRE_VERSION "\n" + command_again()));
}

const Figure& Measured::figure(std::string_view name) const {
  return *std::find_if(figures.begin(), figures.end(),
                       [&](const Figure& figure) { return figure.name == name; });
}

const MeanInterval& Measured::joules(std::size_t model) const {
  return figure("joules " + models[model].name).mean;
}

std::vector<std::uint8_t> Measured::right() const {
  std::vector<std::uint8_t> right;
  for (std::size_t i = 0; i < profile.size(); ++i)
    right.push_back(profile.predicted[i] == profile.labels[i]);
  return right;
}

Measured measure(const LoadedNet& net, const ImageSet& data, const std::vector<EnergyModel>& models,
                 std::size_t threads, const Resampling& resampling,
                 const std::function<RunCountsReader>& each) {
  Measured found;
  found.models = models;
  found.profile = net.model->profile(data, net.run, threads, each);
  const Profile& profile = found.profile;
  found.neurobench = neurobench(profile);

  std::vector<StepCounts> totals;
  for (std::size_t i = 0; i < profile.size(); ++i) totals.push_back(profile.total(i));
  const auto add = [&](std::string name, std::string unit, const auto& value_of) {
    Figure figure{std::move(name), std::move(unit), {}};
    for (std::size_t i = 0; i < profile.size(); ++i)
      figure.values.push_back(static_cast<double>(value_of(i)));
    found.figures.push_back(std::move(figure));
  };
  add("accuracy", "", [&](std::size_t i) { return profile.predicted[i] == profile.labels[i]; });
  add("spikes", "spikes", [&](std::size_t i) { return totals[i].spikes; });
  add("synaptic_events", "events", [&](std::size_t i) { return totals[i].synaptic_events; });
  add("macs", "MACs", [&](std::size_t i) { return totals[i].macs; });
  add("acs", "ACs", [&](std::size_t i) { return totals[i].acs; });
  add("membrane_updates", "updates", [&](std::size_t i) { return totals[i].membrane_updates; });
  add("steps", "steps", [&](std::size_t i) { return profile.steps_used[i]; });
  add("seconds", "s", [&](std::size_t i) {
    return exact(net.run.dt) * static_cast<double>(profile.steps_used[i]);
  });
  for (const EnergyModel& model : models) {
    found.estimates.push_back(estimate(model, profile));
    found.figures.push_back({"joules " + model.name, "J", sample_joules(model, profile)});
  }
  std::vector<std::vector<double>> columns;
  for (const Figure& figure : found.figures) columns.push_back(figure.values);
  const auto means = bootstrap_means(columns, resampling);
  for (std::size_t f = 0; f < means.size(); ++f) found.figures[f].mean = means[f];
  return found;
}

std::string describe(const LoadedNet& net, std::size_t samples) {
  std::string text = fmt::format("net {}, {}; {} test images of {} step{} of {} s, seed {}",
                                 net.info.name, net.describe_weights(), samples, net.run.steps,
                                 net.run.steps == 1 ? "" : "s", net.run.dt, net.run.seed);
  if (net.threshold != 1) text += fmt::format(", thresholds times {}", net.threshold);
  if (net.run.stop.rule != Stop::Rule::Never) text += ", stop " + net.run.stop.text();
  return text;
}

std::vector<std::string> warnings_of(const LoadedNet& net, const Measured& measured) {
  std::vector<std::string> all;
  if (!net.weights)
    all.push_back(
        fmt::format("The weights of {} are untrained: accuracy is what chance gives, and "
                    "spikes are not those of a trained net (--weights FILE).",
                    net.info.name));
  for (const EnergyModel& model : measured.models)
    for (const std::string& sentence : warnings(model, measured.profile))
      all.push_back(model.name + ": " + sentence);
  return all;
}

std::string share_text(const MeanInterval& share) {
  return fmt::format("{:.2f}% ({:.2f} to {:.2f})", 100 * share.mean, 100 * share.low,
                     100 * share.high);
}

std::string mean_text(const MeanInterval& mean) {
  // As many digits as the interval leaves any sense to: two of its width.
  const double width = mean.high - mean.low;
  if (!(width > 0)) return fmt::format("{:.6g}", mean.mean);
  const double size = std::max({std::abs(mean.mean), std::abs(mean.low), std::abs(mean.high)});
  const int place = static_cast<int>(std::floor(std::log10(width)));  // of its first digit
  if (size >= 1e-3 && size < 1e7 && place >= -6)
    return fmt::format("{0:.{3}f} ({1:.{3}f} to {2:.{3}f})", mean.mean, mean.low, mean.high,
                       std::max(0, 1 - place));
  const int digits = std::clamp(static_cast<int>(std::floor(std::log10(size))) - place + 1, 1, 9);
  return fmt::format("{0:.{3}e} ({1:.{3}e} to {2:.{3}e})", mean.mean, mean.low, mean.high, digits);
}

Json to_json(const MeanInterval& mean) {
  return {{"mean", mean.mean}, {"low", mean.low}, {"high", mean.high}};
}

Json to_json(const Range& range) {
  return {{"low", range.low}, {"nominal", range.nominal}, {"high", range.high}};
}

Json figures_json(const std::vector<Figure>& figures) {
  Json json = Json::object();
  for (const Figure& figure : figures) json[figure.name] = to_json(figure.mean);
  return json;
}

Json to_json(const NeuroBench& figures) {
  Json json = Json::object();
  NeuroBench::for_each(figures, [&](const char* name, auto value) { json[name] = value; });
  Json layers = Json::array();
  for (const NeuroBench::Layer& layer : figures.layers)
    layers.push_back({{"label", layer.label}, {"activation_sparsity", layer.activation_sparsity}});
  json["layers"] = layers;
  return json;
}

Json net_json(const LoadedNet& net) {
  return {{"name", net.info.name},
          {"signature", net.info.signature},
          {"parameters", net.info.parameters},
          {"trained", net.weights.has_value()},
          {"weights", net.weights ? Json(*net.weights) : Json()},
          {"weights_sha256", net.weights_sha256 ? Json(*net.weights_sha256) : Json()},
          {"dt", exact(net.run.dt)},
          {"steps", net.run.steps},
          {"seed", net.run.seed},
          {"stop", net.run.stop.text()},
          {"threshold", exact(net.threshold)},
          {"dense_above", net.run.dense_above}};
}

namespace {

Json counts_json(const StepCounts& counts) {
  Json json = Json::object();
  StepCounts::for_each(counts, [&](const char* name, std::uint64_t count) { json[name] = count; });
  return json;
}

}  // namespace

Json layers_json(const Profile& profile) {
  Json layers = Json::array();
  for (std::size_t l = 0; l < profile.layers.size(); ++l) {
    const CountedLayer& layer = profile.layers[l];
    const StepCounts total = profile.sums.total(l);
    Json mean = Json::object(), steps = Json::array();
    StepCounts::for_each(total, [&](const char* name, std::uint64_t count) {
      mean[name] = static_cast<double>(count) / static_cast<double>(profile.size());
    });
    for (const StepCounts& step : profile.sums.of(l)) steps.push_back(counts_json(step));
    layers.push_back({{"index", layer.index},
                      {"label", layer.label},
                      {"kind", layer.kind},
                      {"neurons", layer.neurons},
                      {"spiking", layer.spiking},
                      {"spikes_come_in", layer.spikes_come_in},
                      {"weights", layer.weights},
                      {"zero_weights", layer.zero_weights},
                      {"parameter_bytes", layer.parameter_bytes},
                      {"state_bytes", layer.state_bytes},
                      {"total", counts_json(total)},
                      {"an_image", mean},
                      {"total_by_step", steps}});
  }
  return layers;
}

Json energy_json(const Measured& measured) {
  Json all = Json::array();
  for (std::size_t m = 0; m < measured.models.size(); ++m) {
    const EnergyModel& model = measured.models[m];
    const EnergyEstimate& joules = measured.estimates[m];
    Json layers = Json::array();
    for (const LayerEstimate& layer : joules.layers)
      layers.push_back({{"label", layer.label},
                        {"synaptic", to_json(layer.synaptic)},
                        {"neuron", to_json(layer.neuron)},
                        {"memory", to_json(layer.memory)}});
    all.push_back({{"device", model.name},
                   {"title", model.title},
                   {"source", model.source},
                   {"technology", model.technology},
                   {"spiking", model.spiking},
                   {"joules_an_image", to_json(joules.total())},
                   {"mean_over_images", to_json(measured.joules(m))},
                   {"synaptic", to_json(joules.synaptic())},
                   {"neuron", to_json(joules.neuron())},
                   {"memory", to_json(joules.memory())},
                   {"idle", to_json(joules.idle)},
                   {"layers", layers},
                   {"warnings", warnings(model, measured.profile)}});
  }
  return all;
}

Json lasting_provenance(std::uint64_t seed) {
  Json json = provenance(1);
  json.erase("threads");
  json["seed"] = seed;
  json["command"] = command_again();
  return json;
}

namespace {

std::string now() {
  const auto time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(time));
}

}  // namespace

Json run_time(double seconds, std::size_t threads) {
  return {{"date", now()},
          {"seconds", seconds},
          {"threads", provenance(threads)["threads"]},
          {"command_as_given", command_line()}};
}

std::vector<std::pair<std::string, std::string>> page_facts(const Dataset& data,
                                                            std::size_t threads) {
  const Json from = provenance(threads);
  return {{"data", describe(data)},
          {"data, SHA-256", data.fingerprint},
          {"made by", "synfire " SYNFIRE_VERSION},
          {"command", command_again()},
          {"run on", fmt::format("{} threads, {} kernels, {}", from["threads"].get<std::size_t>(),
                                 from["target"].get<std::string>(),
                                 from["processor"]["name"].get<std::string>())},
          {"date", now()}};
}

}  // namespace synfire::cli
