#include <synfire/energy_model.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>

#include "device_texts.hpp"
#include "file.hpp"

namespace synfire {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLargest = std::size_t{1} << 20;

using Unit = std::pair<std::string_view, double>;
constexpr Unit kJoules[]{{"J", 1},     {"mJ", 1e-3},  {"uJ", 1e-6},
                         {"nJ", 1e-9}, {"pJ", 1e-12}, {"fJ", 1e-15}};
constexpr Unit kWatts[]{{"W", 1}, {"mW", 1e-3}, {"uW", 1e-6}, {"nW", 1e-9}};
constexpr Unit kSeconds[]{{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};
constexpr Unit kSizes[]{{"B", 1}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}};

/// What a quantity is of, and its units with their sizes.
struct Dimension {
  std::string_view what;
  std::span<const Unit> units;

  std::optional<double> find(std::string_view unit) const {
    for (const auto& [name, size] : units)
      if (name == unit) return size;
    return std::nullopt;
  }
  std::string names() const {
    std::vector<std::string_view> names;
    for (const Unit& unit : units) names.push_back(unit.first);
    return fmt::format("{}", fmt::join(names, ", "));
  }
};

constexpr Dimension kEnergy{"an energy", kJoules};
constexpr Dimension kPower{"a power", kWatts};
constexpr Dimension kTime{"a time", kSeconds};
constexpr Dimension kBytes{"a size", kSizes};

std::size_t line_of(const toml::source_region& source) {
  return source.begin.line;
}

/// One table of the file. Whoever reads a key knows it; check_keys() refuses the others.
class Section {
 public:
  Section(const fs::path& path, const toml::table& table, std::string prefix)
      : path_(path), table_(table), prefix_(std::move(prefix)) {}

  [[noreturn]] void refuse(const toml::node& at, std::string_view key,
                           const std::string& fault) const {
    throw DeviceFileError(path_, line_of(at.source()), prefix_ + std::string(key), fault);
  }
  [[noreturn]] void lacks(std::string_view key, std::string_view why) const {
    throw DeviceFileError(path_, prefix_.empty() ? 0 : line_of(table_.source()),
                          prefix_ + std::string(key), fmt::format("is missing: {}", why));
  }
  const toml::node* find(std::string_view key) {
    known_.push_back(key);
    return table_.get(key);
  }

  std::optional<std::string> text(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    return text_of(*node, key);
  }
  std::string wanted_text(std::string_view key, std::string_view why) {
    std::optional<std::string> found = text(key);
    if (!found) lacks(key, why);
    return *std::move(found);
  }
  std::optional<bool> flag(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    const toml::value<bool>* value = node->as_boolean();
    if (value == nullptr) refuse(*node, key, "must be true or false");
    return value->get();
  }
  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> found;
    const toml::node* node = find(key);
    if (node == nullptr) return found;
    const toml::array* array = node->as_array();
    if (array == nullptr) refuse(*node, key, "must be a list of texts: [\"...\"]");
    for (const toml::node& one : *array) found.push_back(text_of(one, key));
    return found;
  }
  /// Tables of [[key]].
  std::vector<Section> sections(std::string_view key) {
    std::vector<Section> found;
    const toml::node* node = find(key);
    if (node == nullptr) return found;
    const toml::array* array = node->as_array();
    if (array == nullptr) refuse(*node, key, fmt::format("must be tables: [[{}]]", key));
    for (const toml::node& one : *array) {
      const toml::table* table = one.as_table();
      if (table == nullptr) refuse(one, key, fmt::format("must be tables: [[{}]]", key));
      found.emplace_back(path_, *table, fmt::format("{}[{}].", key, found.size()));
    }
    return found;
  }

  /// "4.6 pJ" or { value = 4.6, unit = "pJ", low = 4, high = 5 }: a finite range from 0 on.
  std::optional<Range> range(std::string_view key, const Dimension& dimension) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    if (const toml::table* parts = node->as_table()) {
      Section inner(path_, *parts, prefix_ + std::string(key) + ".");
      const Range found = inner.parts(dimension);
      inner.check_keys();
      return found;
    }
    if (const auto* written = node->as_string())
      return Range::exactly(number_with_unit(*node, key, written->get(), dimension));
    if (node->is_number())
      refuse(*node, key,
             fmt::format("has no unit: {} has one of {}", dimension.what, dimension.names()));
    refuse(
        *node, key,
        fmt::format("must be {}, like \"4.6 {}\" or {{ value = 4.6, unit = \"{}\" }}",
                    dimension.what, dimension.units.front().first, dimension.units.front().first));
  }
  /// One number above 0, without bounds.
  std::optional<double> positive(std::string_view key, const Dimension& dimension) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    const auto* written = node->as_string();
    if (written == nullptr)
      refuse(*node, key,
             fmt::format("must be {} in quotes with one of the units {}", dimension.what,
                         dimension.names()));
    const double value = number_with_unit(*node, key, written->get(), dimension);
    if (value <= 0) refuse(*node, key, "must be above 0");
    return value;
  }
  std::optional<std::uint64_t> bytes(std::string_view key) {
    const std::optional<double> size = positive(key, kBytes);
    if (!size) return std::nullopt;
    if (*size > 0x1p53 || *size != std::floor(*size))
      refuse(*table_.get(key), key, "must be a whole number of bytes, at most 2^53");
    return static_cast<std::uint64_t>(*size);
  }

  /// Throws for the first key that nobody asked for.
  void check_keys() const {
    const toml::key* first = nullptr;
    for (auto&& [key, node] : table_) {
      const bool known = std::find(known_.begin(), known_.end(), key.str()) != known_.end();
      if (!known && (first == nullptr || key.source().begin < first->source().begin)) first = &key;
    }
    if (first == nullptr) return;
    throw DeviceFileError(path_, line_of(first->source()), prefix_ + std::string(first->str()),
                          fmt::format("is an unknown key: known are {}", fmt::join(known_, ", ")));
  }

 private:
  std::string text_of(const toml::node& node, std::string_view key) const {
    const auto* value = node.as_string();
    if (value == nullptr) refuse(node, key, "must be a text in quotes");
    const std::string& text = value->get();
    if (std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c) != 0; }))
      refuse(node, key, "is empty");
    if (std::any_of(text.begin(), text.end(),
                    [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
      refuse(node, key, "must be one line without control characters");
    return text;
  }

  double checked(const toml::node& node, std::string_view key, double value,
                 const Dimension& dimension) const {
    if (!std::isfinite(value)) refuse(node, key, "must be a finite number");
    if (value < 0 || std::signbit(value))
      refuse(node, key, fmt::format("is negative: {} is at least 0", dimension.what));
    return value;
  }

  double number_with_unit(const toml::node& node, std::string_view key, std::string_view text,
                          const Dimension& dimension) const {
    double value = 0;
    const auto [behind, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range)
      refuse(node, key, fmt::format("is {}: no number of that size is known", io::quoted(text)));
    if (error != std::errc{})
      refuse(node, key,
             fmt::format("is {}: it must be a number and a unit, like \"4.6 {}\"", io::quoted(text),
                         dimension.units.front().first));
    std::string_view unit(behind, static_cast<std::size_t>(text.data() + text.size() - behind));
    while (unit.starts_with(' ')) unit.remove_prefix(1);
    if (unit.empty())
      refuse(node, key,
             fmt::format("has no unit: {} has one of {}", dimension.what, dimension.names()));
    const std::optional<double> size = dimension.find(unit);
    if (!size)
      refuse(node, key,
             fmt::format("has the unit {}: {} has one of {}", io::quoted(unit), dimension.what,
                         dimension.names()));
    return checked(node, key, value, dimension) * *size;
  }

  double number(std::string_view key, double size, double otherwise, const Dimension& dimension) {
    const toml::node* node = find(key);
    if (node == nullptr) return otherwise;
    if (!node->is_number()) refuse(*node, key, "must be a number, without quotes");
    return checked(*node, key, *node->value<double>(), dimension) * size;
  }

  Range parts(const Dimension& dimension) {
    const toml::node* unit = find("unit");
    if (unit == nullptr)
      throw DeviceFileError(
          path_, line_of(table_.source()), prefix_.substr(0, prefix_.size() - 1),
          fmt::format("has no unit: {} has one of {}", dimension.what, dimension.names()));
    const std::string name = text_of(*unit, "unit");
    const std::optional<double> size = dimension.find(name);
    if (!size)
      refuse(*unit, "unit",
             fmt::format("is {}: {} has one of {}", io::quoted(name), dimension.what,
                         dimension.names()));
    if (find("value") == nullptr) lacks("value", "a quantity has a value and a unit");
    Range range;
    range.nominal = number("value", *size, 0, dimension);
    range.low = number("low", *size, range.nominal, dimension);
    range.high = number("high", *size, range.nominal, dimension);
    if (range.low > range.nominal)
      refuse(*table_.get("low"), "low", "is above the value: low <= value <= high");
    if (range.high < range.nominal)
      refuse(*table_.get("high"), "high", "is below the value: low <= value <= high");
    return range;
  }

  const fs::path& path_;
  const toml::table& table_;
  std::string prefix_;  // of keys in sentences: "memories[1]."
  std::vector<std::string_view> known_;
};

EnergyModel::Operations read_operations(Section& section) {
  EnergyModel::Operations row;
  row.weights = section.text("weights").value_or("");
  row.multiply_accumulate = section.range("multiply_accumulate", kEnergy);
  row.accumulate = section.range("accumulate", kEnergy);
  row.synaptic_operation = section.range("synaptic_operation", kEnergy);
  return row;
}

bool has_price(const EnergyModel::Operations& row) {
  return row.multiply_accumulate || row.accumulate || row.synaptic_operation;
}

void read_rows(Section& top, EnergyModel& model) {
  if (const EnergyModel::Operations row = read_operations(top); has_price(row))
    model.operations.push_back(row);
  for (Section& section : top.sections("operations")) {
    const EnergyModel::Operations row = read_operations(section);
    section.check_keys();
    if (!has_price(row))
      section.lacks("synaptic_operation", "a kind of weights has the price of an operation");
    if (row.weights.empty())
      section.lacks("weights", "it says which kind of weights these operations are of");
    for (const EnergyModel::Operations& other : model.operations)
      if (other.weights == row.weights)
        section.refuse(*section.find("weights"), "weights",
                       fmt::format("is '{}' for the second time", row.weights));
    model.operations.push_back(row);
  }
  if (model.operations.empty())
    top.lacks("synaptic_operation", "a device has the price of an operation");
}

void read_memories(Section& top, EnergyModel& model) {
  for (Section& section : top.sections("memories")) {
    EnergyModel::Memory memory;
    memory.name = section.wanted_text("name", "a memory has one");
    memory.capacity = section.bytes("capacity");
    const std::optional<Range> access = section.range("access", kEnergy);
    const std::uint64_t width = section.bytes("access_width").value_or(1);
    section.check_keys();
    if (!access) section.lacks("access", "a memory has the energy of an access");
    memory.byte = 1 / static_cast<double>(width) * *access;
    if (!model.memories.empty()) {
      const std::optional<std::uint64_t>& before = model.memories.back().capacity;
      if (!before || (memory.capacity && *memory.capacity <= *before))
        section.refuse(*section.find("name"), "capacity",
                       "is not above that of the memory before it: they go from the smallest to "
                       "the largest, and only the last may have none");
    }
    model.memories.push_back(std::move(memory));
  }
}

EnergyModel read_model(const fs::path& path, const toml::table& table) {
  Section top(path, table, "");
  EnergyModel model;
  model.name = top.wanted_text("name", "a device has one");
  model.title = top.wanted_text("title", "a device has one");
  model.source = top.wanted_text("source", "it says where the figures were published");
  model.technology = top.text("technology").value_or("");
  model.spiking = top.flag("spiking").value_or(true);
  const std::optional<bool> analog = top.flag("analog_inputs");
  model.graded_spikes = top.flag("graded_spikes").value_or(false);
  read_rows(top, model);
  model.analog_inputs = analog.value_or(
      !model.spiking || std::any_of(model.operations.begin(), model.operations.end(),
                                    [](const EnergyModel::Operations& row) {
                                      return row.multiply_accumulate.has_value();
                                    }));
  if (const std::optional<std::string> updates = top.text("neuron_updates")) {
    if (*updates != "clocked" && *updates != "done")
      top.refuse(*top.find("neuron_updates"), "neuron_updates",
                 "must be \"clocked\" (each neuron at each step) or \"done\" (those that events or "
                 "the engine made)");
    model.updates = *updates == "done" ? EnergyModel::Updates::Done : EnergyModel::Updates::Clocked;
  }
  model.neuron_update = top.range("neuron_update", kEnergy);
  model.weight_byte = top.range("weight_byte", kEnergy);
  model.state_byte = top.range("state_byte", kEnergy);
  read_memories(top, model);
  model.idle_power = top.range("idle_power", kPower);
  model.step_time = top.positive("step_time", kTime);
  for (const std::string& covered : top.texts("covers")) {
    if (covered != "neurons" && covered != "memory")
      top.refuse(
          *top.find("covers"), "covers",
          fmt::format("has {}: it may have \"neurons\" and \"memory\"", io::quoted(covered)));
    (covered == "neurons" ? model.covers_neurons : model.covers_memory) = true;
  }
  model.notes = top.texts("notes");
  top.check_keys();
  return model;
}

/// What toml++ says, without what it was doing; "'name'" in it is the key at fault.
[[noreturn]] void refuse_syntax(const fs::path& path, const toml::parse_error& error) {
  std::string_view text = error.description();
  if (text.starts_with("Error while "))
    text.remove_prefix(std::min(text.find(": ") + 2, text.size()));
  std::string key;
  if (text.find("redefine") != std::string_view::npos) {
    const std::size_t open = text.find('\''), close = text.find('\'', open + 1);
    if (close != std::string_view::npos) {
      key = text.substr(open + 1, close - open - 1);
      throw DeviceFileError(path, line_of(error.source()), key, "is there for the second time");
    }
  }
  throw DeviceFileError(path, line_of(error.source()), key,
                        fmt::format("is no TOML ({})", io::escaped(text)));
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

}  // namespace

DeviceFileError::DeviceFileError(fs::path file, std::size_t at_line, std::string at_key,
                                 const std::string& fault)
    : FileError(std::move(file), 0,
                (at_line == 0 ? "" : fmt::format("line {}: ", at_line)) +
                    (at_key.empty() ? "" : io::quoted(at_key) + " ") + fault),
      line(at_line),
      key(std::move(at_key)) {}

EnergyModel parse_energy_model(std::string_view text, const fs::path& path) {
  if (text.size() > kLargest)
    throw DeviceFileError(path, 0, "", "has more than 1 MiB, the most that a device file may have");
  try {
    return read_model(path, toml::parse(text, path.string()));
  } catch (const toml::parse_error& error) {
    refuse_syntax(path, error);
  }
}

EnergyModel read_energy_model(const fs::path& path) {
  io::InputFile file(path);
  std::string text(kLargest + 1, '\0');
  text.resize(file.read(text.data(), text.size()));
  return parse_energy_model(text, path);
}

std::vector<EnergyModel> energy_models() {
  static const std::vector<EnergyModel> ready_made = [] {
    std::vector<EnergyModel> models;
    for (const std::string_view text : io::device_texts())
      models.push_back(parse_energy_model(text, "ready-made device"));
    return models;
  }();
  std::vector<EnergyModel> models;
  for (const Device& device : devices()) models.push_back(energy_model(device));
  models.insert(models.end(), ready_made.begin(), ready_made.end());
  return models;
}

EnergyModel find_energy_model(std::string_view name) {
  std::vector<std::string> known;
  for (EnergyModel& model : energy_models()) {
    if (lower(model.name) == lower(name)) return std::move(model);
    known.push_back(model.name);
  }
  throw InvalidSetting("the energy model", fmt::format("'{}'", name),
                       fmt::format("one of {}", fmt::join(known, ", ")));
}

}  // namespace synfire
