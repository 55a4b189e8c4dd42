#include <synfire/energy.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <synfire/error.hpp>
#include <synfire/model.hpp>

namespace synfire {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

constexpr char kDegnan[] =
    "B. Degnan, B. Marr and J. Hasler, Assessing trends in performance per watt for signal "
    "processing applications, IEEE TVLSI 24(1), 2016, as KerasSpiking's ModelEnergy has it";
constexpr char kDavies[] =
    "M. Davies et al., Loihi: a neuromorphic manycore processor with on-chip learning, IEEE Micro "
    "38(1), 2018, as KerasSpiking's ModelEnergy has it";
constexpr char kHoeppner[] =
    "S. Hoeppner et al., Dynamic power management for neuromorphic many-core systems, IEEE TCAS-I "
    "66(8), 2019, as KerasSpiking's ModelEnergy has it";

/// What a program registers, for all its threads.
struct Registry {
  std::mutex mutex;
  std::vector<Device> devices{
      {"cpu", 8.6e-9, 8.6e-9, false, "Intel i7-4960X", kDegnan},
      {"gpu", 0.3e-9, 0.3e-9, false, "Nvidia GTX Titan Black", kDegnan},
      {"arm", 0.9e-9, 0.9e-9, false, "ARM Cortex-A", kDegnan},
      {"loihi", (23.6 + 3.5) * 1e-12, 81e-12, true, "Loihi, with a hop between cores", kDavies},
      {"spinnaker", 13.3e-9, 26e-9, true, "SpiNNaker", kHoeppner},
      {"spinnaker2", 450e-12, 2.19e-9, true, "SpiNNaker 2, prototype", kHoeppner},
  };
  std::map<std::string, std::function<LayerStats(const LayerInfo&)>> layers;
};

Registry& registry() {
  static Registry one;
  return one;
}

void require_energy(const Device& device, const char* what, double joules) {
  if (!std::isfinite(joules) || joules < 0)
    throw InvalidSetting(fmt::format("the energy of {} on device '{}'", what, device.name),
                         fmt::format("{}", joules), "a finite number of joules, at least 0");
}

void require_time(std::size_t timesteps, double dt) {
  if (timesteps == 0) throw InvalidSetting("timesteps per inference", "0", "at least 1");
  if (!std::isfinite(dt) || dt <= 0)
    throw InvalidSetting("dt", fmt::format("{}", dt), "a finite number of seconds above 0");
}

LayerStats stats_of(const EnergyLayer& layer) {
  return layer.stats.value_or(LayerStats{});
}

}  // namespace

std::vector<Device> devices() {
  const std::lock_guard lock(registry().mutex);
  return registry().devices;
}

Device find_device(std::string_view name) {
  std::vector<std::string> known;
  for (const Device& device : devices()) {
    if (lower(device.name) == lower(name)) return device;
    known.push_back(device.name);
  }
  throw InvalidSetting("the device", fmt::format("'{}'", name),
                       fmt::format("one of {}", fmt::join(known, ", ")));
}

std::optional<std::string> register_device(Device device) {
  if (device.name.empty()) throw InvalidSetting("the device's name", "empty", "a word");
  require_energy(device, "a synaptic operation", device.joules_per_synaptic_operation);
  require_energy(device, "a neuron update", device.joules_per_neuron_update);
  const std::lock_guard lock(registry().mutex);
  for (Device& known : registry().devices) {
    if (lower(known.name) != lower(device.name)) continue;
    known = std::move(device);
    return fmt::format("device '{}' was registered before and is replaced", known.name);
  }
  registry().devices.push_back(std::move(device));
  return std::nullopt;
}

std::optional<std::string> register_layer(std::string kind,
                                          std::function<LayerStats(const LayerInfo&)> stats) {
  if (!stats)
    throw InvalidSetting(fmt::format("what counts layers of kind '{}'", kind), "nothing",
                         "a function");
  const std::lock_guard lock(registry().mutex);
  const auto [at, is_new] = registry().layers.insert_or_assign(std::move(kind), std::move(stats));
  if (is_new) return std::nullopt;
  return fmt::format("layer kind '{}' was registered before and is replaced", at->first);
}

std::vector<EnergyLayer> energy_layers(std::span<const LayerInfo> layers,
                                       std::span<const double> rates) {
  if (!rates.empty() && rates.size() != layers.size())
    throw ShapeMismatch("the list of rates", layers.size(), rates.size());
  std::vector<EnergyLayer> result;
  for (const LayerInfo& info : layers) {
    EnergyLayer layer{.name = info.label,
                      .kind = info.kind,
                      .output_shape = fmt::format("{}", fmt::join(info.shape, "x")),
                      .parameters = info.parameters,
                      .stats = info.stats,
                      .rate = {},
                      .every_step = info.carrier == "spikes" || info.carrier == "stepped"};
    if (!rates.empty()) layer.rate = rates[result.size()];
    std::function<LayerStats(const LayerInfo&)> registered;
    {
      const std::lock_guard lock(registry().mutex);
      const auto found = registry().layers.find(info.kind);
      if (found != registry().layers.end()) registered = found->second;
    }
    if (registered) layer.stats = registered(info);
    result.push_back(std::move(layer));
  }
  return result;
}

ModelEnergy::ModelEnergy(std::vector<EnergyLayer> layers) : layers_(std::move(layers)) {
  for (const EnergyLayer& layer : layers_)
    if (layer.rate && (!std::isfinite(*layer.rate) || *layer.rate < 0))
      throw InvalidSetting(fmt::format("the rate of layer '{}'", layer.name),
                           fmt::format("{}", *layer.rate), "a finite number of hertz, at least 0");
}

LayerEnergy ModelEnergy::layer_energy(std::size_t layer, std::string_view device_name,
                                      std::size_t timesteps_per_inference, double dt) const {
  if (layer >= layers_.size())
    throw InvalidSetting("the layer", std::to_string(layer),
                         fmt::format("below {}, the number of layers", layers_.size()));
  require_time(timesteps_per_inference, dt);
  const Device device = find_device(device_name);
  const EnergyLayer& of = layers_[layer];
  if (device.spiking && !of.rate)
    throw InvalidSetting(fmt::format("the rate of layer '{}'", of.name), "unknown",
                         fmt::format("given for spiking device '{}'", device.name));
  const LayerStats stats = stats_of(of);
  const double rate = device.spiking ? *of.rate : 1 / dt;
  const auto timesteps = static_cast<double>(device.spiking ? timesteps_per_inference : 1);
  return {device.joules_per_synaptic_operation * static_cast<double>(stats.connections) * rate *
              dt * timesteps,
          device.joules_per_neuron_update * static_cast<double>(stats.neurons) * timesteps};
}

double ModelEnergy::total_energy(std::string_view device, std::size_t timesteps_per_inference,
                                 double dt) const {
  double total = 0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LayerEnergy energy = layer_energy(i, device, timesteps_per_inference, dt);
    total += energy.synaptic;
    total += energy.neuron;
  }
  return total;
}

// ------------------------------------------------------------------ counted

std::vector<LayerEnergy> ModelEnergy::counted_energy(const Activity& activity,
                                                     std::string_view device_name) const {
  const Device device = find_device(device_name);
  const auto samples = static_cast<double>(std::max<std::uint64_t>(activity.samples, 1));
  std::vector<LayerEnergy> energies(layers_.size());
  std::vector<double> updates(layers_.size());
  if (activity.samples != 0)
    for (std::size_t i = 0; i < layers_.size(); ++i)
      updates[i] = static_cast<double>(stats_of(layers_[i]).neurons) *
                   (layers_[i].every_step ? activity.mean_steps() : 1);
  for (const LayerActivity& counted : activity.layers) {
    if (counted.index >= layers_.size())
      throw ShapeMismatch("the network of this activity", layers_.size(), counted.index + 1);
    energies[counted.index].synaptic = device.joules_per_synaptic_operation *
                                       static_cast<double>(counted.synaptic_operations) / samples;
    if (counted.spiking)
      updates[counted.index] = static_cast<double>(counted.neuron_updates) / samples;
  }
  for (std::size_t i = 0; i < layers_.size(); ++i)
    energies[i].neuron = device.joules_per_neuron_update * updates[i];
  return energies;
}

EnergySpread ModelEnergy::counted_spread(std::span<const Activity> samples,
                                         std::string_view device) const {
  EnergySpread spread;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    double joules = 0;
    for (const LayerEnergy& layer : counted_energy(samples[i], device)) joules += layer.total();
    spread.mean += joules / static_cast<double>(samples.size());
    spread.min = i == 0 ? joules : std::min(spread.min, joules);
    spread.max = std::max(spread.max, joules);
  }
  return spread;
}

double ModelEnergy::nonspiking_energy(std::string_view device_name) const {
  const Device device = find_device(device_name);
  double total = 0;
  for (const EnergyLayer& layer : layers_) {
    const LayerStats stats = stats_of(layer);
    total += device.joules_per_synaptic_operation * static_cast<double>(stats.connections) +
             device.joules_per_neuron_update * static_cast<double>(stats.neurons);
  }
  return total;
}

// ------------------------------------------------------------------ the table

namespace {

/// "synop_energy loihi": a kind of column and its device.
struct Column {
  std::string kind, device;
};

// Kinds of columns with their titles; a title with a bracket takes the device.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTitles{{
    {"name", "Layer (type)"},
    {"output_shape", "Output shape"},
    {"params", "Param #"},
    {"rate", "Rate [Hz]"},
    {"connections", "Conn #"},
    {"neurons", "Neuron #"},
    {"energy", "J/inf ("},
    {"synop_energy", "Synop J/inf ("},
    {"neuron_energy", "Neuron J/inf ("},
}};

Column column_of(const std::string& text) {
  const std::size_t space = text.find(' ');
  return {text.substr(0, space), space == std::string::npos ? "" : text.substr(space + 1)};
}

std::string title_of(const Column& column) {
  std::vector<std::string_view> known;
  for (const auto& [kind, title] : kTitles) {
    if (kind == column.kind)
      return title.back() == '(' ? fmt::format("{}{})", title, column.device) : std::string(title);
    known.push_back(kind);
  }
  throw InvalidSetting("the column", fmt::format("'{}'", column.kind),
                       fmt::format("one of {}", fmt::join(known, ", ")));
}

std::string cell_of(const Column& column, const EnergyLayer& layer, const LayerEnergy& energy) {
  if (column.kind == "name") return fmt::format("{} ({})", layer.name, layer.kind);
  if (column.kind == "output_shape") return layer.output_shape;
  if (column.kind == "params") return fmt::to_string(layer.parameters);
  if (column.kind == "rate") return layer.rate ? fmt::format("{:.2g}", *layer.rate) : "nan";
  if (column.kind == "connections") return fmt::to_string(stats_of(layer).connections);
  if (column.kind == "neurons") return fmt::to_string(stats_of(layer).neurons);
  if (column.kind == "synop_energy") return fmt::format("{:.2g}", energy.synaptic);
  if (column.kind == "neuron_energy") return fmt::format("{:.2g}", energy.neuron);
  return fmt::format("{:.2g}", energy.total());
}

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

/// The first `width` characters, filled up with spaces before or behind.
std::string fitted(std::string text, std::size_t width, bool right) {
  std::size_t characters = 0, end = 0;
  for (; end < text.size(); ++end)
    if (begins_character(text[end]) && characters++ == width) break;
  text.resize(end);
  const std::size_t used = width_of(text);
  return right ? std::string(width - used, ' ') + text : text + std::string(width - used, ' ');
}

/// An equal share of the line for each column, or what its longest text wants where that is less.
/// Every place that is left goes to the column that lacks most in proportion to what it has.
std::vector<std::size_t> widths_of(const std::vector<std::size_t>& longest, std::size_t line) {
  const std::size_t places = line - (longest.size() - 1);
  const std::size_t usable =
      std::min(places, std::accumulate(longest.begin(), longest.end(), std::size_t{0}));
  std::vector<std::size_t> widths;
  for (const std::size_t wanted : longest)
    widths.push_back(std::min(wanted, places / longest.size()));
  std::size_t used = std::accumulate(widths.begin(), widths.end(), std::size_t{0});
  for (; used < usable; ++used) {
    std::size_t neediest = 0;
    double most = -1;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const double lacks =
          static_cast<double>(longest[i] - widths[i]) / static_cast<double>(widths[i]);
      if (lacks > most) {
        most = lacks;
        neediest = i;
      }
    }
    ++widths[neediest];
  }
  return widths;
}

/// Broken at spaces into lines of at most `width`; all but the first indented.
std::string wrapped(std::string_view text, std::size_t width) {
  std::string result, line;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (line.empty()) {
      line = word;
    } else if (line.size() + 1 + word.size() <= width) {
      line.append(" ").append(word);
    } else {
      result += line + '\n';
      line = "  " + std::string(word);
    }
  }
  return result + line;
}

}  // namespace

std::vector<std::string> ModelEnergy::warnings(std::span<const std::string> devices) const {
  std::vector<std::string> result;
  if (devices.empty()) return result;
  result.emplace_back(
      "These are estimates only; see the documentation for a list of the assumptions being made. "
      "https://bit.ly/3c3aKKH");
  const bool on_spiking = std::any_of(devices.begin(), devices.end(), [](const std::string& name) {
    return find_device(name).spiking;
  });
  const bool as_they_are =
      std::all_of(layers_.begin(), layers_.end(),
                  [](const EnergyLayer& layer) { return stats_of(layer).spiking; });
  if (on_spiking && !as_they_are)
    result.emplace_back(
        "This model contains non-spiking activations that would not actually behave in the manner "
        "we assume in these calculations; we assume these layers will be converted to spiking "
        "equivalents. Consider using `keras_spiking.SpikingActivation` to make this conversion "
        "explicit.");
  return result;
}

std::vector<std::string> ModelEnergy::unknown_layers() const {
  std::vector<std::string> result;
  for (const EnergyLayer& layer : layers_)
    if (!layer.stats)
      result.push_back(
          fmt::format("Layer '{}' counts as free: nothing is known of kind '{}', which "
                      "register_layer can tell",
                      layer.name, layer.kind));
  return result;
}

std::string ModelEnergy::summary(const SummaryOptions& options) const {
  require_time(options.timesteps_per_inference, options.dt);
  const std::size_t shortest = std::max<std::size_t>(40, 2 * options.columns.size());
  if (options.columns.empty()) throw InvalidSetting("the list of columns", "empty", "one or more");
  if (options.line_length < shortest)
    throw InvalidSetting("the line length", fmt::to_string(options.line_length),
                         fmt::format("at least {}", shortest));

  std::vector<Column> columns;
  std::vector<std::vector<std::string>> lines(1);
  for (const std::string& text : options.columns) {
    columns.push_back(column_of(text));
    lines.front().push_back(title_of(columns.back()));
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    lines.emplace_back();
    for (const Column& column : columns) {
      LayerEnergy energy;
      if (column.kind.ends_with("energy"))
        energy = layer_energy(i, column.device, options.timesteps_per_inference, options.dt);
      lines.back().push_back(cell_of(column, layers_[i], energy));
    }
  }

  std::vector<std::size_t> longest(columns.size());
  for (const auto& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c)
      longest[c] = std::max(longest[c], width_of(line[c]));
  const std::vector<std::size_t> widths = widths_of(longest, options.line_length);

  std::vector<std::string> text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < columns.size(); ++c)
      cells.push_back(fitted(lines[i][c], widths[c], i != 0 && columns[c].kind != "name"));
    text.push_back(fmt::format("{}", fmt::join(cells, "|")));
    if (i != 0) continue;
    for (std::size_t c = 0; c < columns.size(); ++c) cells[c] = std::string(widths[c], '-');
    text.push_back(fmt::format("{}", fmt::join(cells, "|")));
  }

  std::vector<std::string> summed;
  for (const Column& column : columns) {
    if (column.kind != "energy") continue;
    if (summed.empty()) text.emplace_back(width_of(text.front()), '=');
    text.push_back(
        fmt::format("Total energy per inference [Joules/inf] ({}): {:.2e}", column.device,
                    total_energy(column.device, options.timesteps_per_inference, options.dt)));
    summed.push_back(column.device);
  }
  if (options.print_warnings)
    for (const std::string& warning : warnings(summed))
      text.push_back(wrapped("* " + warning, options.line_length));
  return fmt::format("{}", fmt::join(text, "\n"));
}

}  // namespace synfire
