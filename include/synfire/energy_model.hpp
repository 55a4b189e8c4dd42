// What counted work costs on hardware, with the uncertainty of its source: joules from a Profile.
// KerasSpiking's devices (energy.hpp), tables of what single operations take, chips with published
// figures, and a user's own file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <synfire/counts.hpp>
#include <synfire/energy.hpp>
#include <synfire/error.hpp>

namespace synfire {

/// A figure and the bounds that its source gives it: low <= nominal <= high. Of joules mostly.
struct Range {
  double low = 0, nominal = 0, high = 0;

  static constexpr Range exactly(double value) { return {value, value, value}; }
  Range& operator+=(const Range& more) {
    low += more.low;
    nominal += more.nominal;
    high += more.high;
    return *this;
  }
  friend Range operator+(Range a, const Range& b) { return a += b; }
  /// By a count: `times` is not negative.
  friend Range operator*(double times, const Range& one) {
    return {times * one.low, times * one.nominal, times * one.high};
  }
  friend bool operator==(const Range&, const Range&) = default;
};

/// Prices of work, in joules, and what they were made for. What a source does not say is empty.
struct EnergyModel {
  std::string name;        // case does not matter
  std::string title;       // "TrueNorth"
  std::string source;      // where the figures were published
  std::string technology;  // "28 nm, 0.775 V"; may be empty

  /// Works for events alone. Otherwise it applies every connection, updates every neuron and reads
  /// every parameter once an inference, whatever the counts are.
  bool spiking = true;
  /// Takes inputs that are no spikes: multiply-accumulates.
  bool analog_inputs = false;
  /// A spike may carry a count: a synaptic event costs the same however often its input fired.
  /// Otherwise it costs an accumulate each time.
  bool graded_spikes = false;

  /// Of one synapse with weights of a kind: "float32", "bfloat16", "int8"; empty: of any.
  struct Operations {
    std::string weights;
    std::optional<Range> multiply_accumulate, accumulate;
    std::optional<Range> synaptic_operation;  // where one figure stands for both
  };
  /// A layer takes the row of its kind of weights, then that of any, then the first.
  std::vector<Operations> operations;

  /// Which updates of a neuron cost: those that were done for events, or each at each step.
  enum class Updates { Done, Clocked };
  Updates updates = Updates::Clocked;
  std::optional<Range> neuron_update;

  /// Traffic: a byte of weights read, a byte of state read or written, or both by the memory that
  /// holds all parameters and states of the net, the first of `memories` that is large enough.
  std::optional<Range> weight_byte, state_byte;
  struct Memory {
    std::string name;
    std::optional<std::uint64_t> capacity;  // bytes; empty: without end
    Range byte;
  };
  std::vector<Memory> memories;

  /// Of the hardware doing nothing, in watts, and the seconds that it takes a step of a run.
  std::optional<Range> idle_power;
  std::optional<double> step_time;

  /// The price of an operation has these in it, so nothing is missing.
  bool covers_neurons = false, covers_memory = false;
  /// What to keep in mind with it, a sentence each.
  std::vector<std::string> notes;
};

/// A device of KerasSpiking's estimate: exact figures, no traffic.
EnergyModel energy_model(const Device& device);

/// KerasSpiking's devices and those that were registered (devices()), then the ready-made ones in
/// alphabetical order.
std::vector<EnergyModel> energy_models();
/// Throws InvalidSetting, which says the known names, where there is none by that name.
EnergyModel find_energy_model(std::string_view name);

/// A fault in a device file: one sentence with path, line and key. `line` counts from 1 and is 0
/// where the file as a whole is at fault; `key` is "neuron_update.low", or empty.
struct DeviceFileError : FileError {
  DeviceFileError(std::filesystem::path file, std::size_t at_line, std::string at_key,
                  const std::string& fault);
  std::size_t line;
  std::string key;
};

/// From a file in TOML, of at most 1 MiB. Keys are EnergyModel's fields:
///
///     name = "mychip"                # these three are wanted
///     title = "My chip"
///     source = "Doe et al. 2025, table 2"
///     technology = "28 nm"
///     spiking = true
///     analog_inputs = false          # true where there is a price of multiply_accumulate
///     graded_spikes = false
///     weights = "int8"               # the kind that these three belong to; left out: any
///     synaptic_operation = { value = 23.6, unit = "pJ", low = 20, high = 30 }
///     multiply_accumulate = "4.6 pJ" # in place of a synaptic operation, or beside it
///     accumulate = "0.9 pJ"
///     neuron_updates = "clocked"     # or "done"
///     neuron_update = "81 pJ"
///     weight_byte = "1.25 pJ"
///     state_byte = "1.25 pJ"
///     idle_power = "40 mW"
///     step_time = "1 ms"
///     covers = ["neurons", "memory"] # what the price of an operation holds already
///     notes = ["Simulated, not measured."]
///     [[operations]]                 # of another kind of weights
///     weights = "float32"
///     accumulate = "0.9 pJ"
///     [[memories]]                   # from the smallest
///     name = "8 KiB cache"
///     capacity = "8 KiB"             # the last may do without
///     access = "10 pJ"
///     access_width = "8 B"           # bytes that an access moves; 1 byte where it is left out
///
/// Energies have the unit J, mJ, uJ, nJ, pJ, fJ; powers W, mW, uW, nW; times s, ms, us, ns. Where
/// no bounds are given, they are the value itself. Throws DeviceFileError for whatever else the
/// file holds, and for an energy that is negative or not finite or outside its bounds; FileError
/// where there is no such file.
EnergyModel read_energy_model(const std::filesystem::path& path);
/// The same from text; `path` is what errors call it.
EnergyModel parse_energy_model(std::string_view text, const std::filesystem::path& path);

// ------------------------------------------------------------------ estimates

/// Joules an inference of one layer.
struct LayerEstimate {
  std::size_t index = 0;  // place in the network
  std::string label;
  Range synaptic, neuron, memory;
  Range total() const { return synaptic + neuron + memory; }
};

/// Joules an inference. Low and high are those of every price at once, not a confidence interval.
struct EnergyEstimate {
  std::vector<LayerEstimate> layers;  // those of the profile
  Range idle;                         // of the hardware itself, where power and time are known
  Range synaptic() const;
  Range neuron() const;
  Range memory() const;
  Range total() const;
};

/// The mean sample of the profile; zeros where it has none.
EnergyEstimate estimate(const EnergyModel& model, const Profile& profile);
/// Nominal joules of each sample, in order; their mean is estimate().total().nominal.
std::vector<double> sample_joules(const EnergyModel& model, const Profile& profile);
/// What the network does that the model does not cover, a sentence each, notes first.
std::vector<std::string> warnings(const EnergyModel& model, const Profile& profile);

}  // namespace synfire
