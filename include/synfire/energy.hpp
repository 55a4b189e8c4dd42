// Energy of a network on a device: KerasSpiking's estimate from average rates, and beside it what
// the spikes that a run counted cost. Synaptic operations and neuron updates only: no transfer of
// data, no overhead.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <synfire/activity.hpp>

namespace synfire {

struct LayerInfo;

// ------------------------------------------------------------------ devices

/// What work costs on a piece of hardware.
struct Device {
  std::string name;  // case does not matter
  double joules_per_synaptic_operation = 0, joules_per_neuron_update = 0;
  /// Works for events alone, at each timestep. Otherwise it applies every connection and updates
  /// every neuron once an inference, whatever the rates are.
  bool spiking = true;
  std::string title = {}, source = {};  // what it is, and who published its figures
};

/// All known devices, in order of registration. At first cpu (Intel i7-4960X), gpu (Nvidia GTX
/// Titan Black) and arm (Cortex-A), a multiply-accumulate an operation (Degnan, Marr and Hasler
/// 2016); and, spiking, loihi (Davies et al. 2018), spinnaker and spinnaker2 (Hoeppner et al.
/// 2019).
std::vector<Device> devices();

/// Throws InvalidSetting, which says the known names, where there is none by that name.
Device find_device(std::string_view name);

/// Adds a device for the whole program, or replaces the one of that name: then it returns a
/// sentence that says so. Throws InvalidSetting for an energy that is negative or not finite, or no
/// name.
std::optional<std::string> register_device(Device device);

// ------------------------------------------------------------------ layers

/// What a layer does in one timestep.
struct LayerStats {
  std::size_t connections = 0;  // from all its inputs to all its outputs
  std::size_t neurons = 0;      // that it updates
  bool spiking = true;          // whether a spiking device can run it as it is
};

/// Counts a kind of layer ("dense") for the whole program, instead of what the layer says of
/// itself. Where that kind was registered before it is replaced, and a sentence says so.
std::optional<std::string> register_layer(std::string kind,
                                          std::function<LayerStats(const LayerInfo&)> stats);

/// A layer as the estimate sees it.
struct EnergyLayer {
  std::string name, kind;
  std::string output_shape;  // as it is to be printed: "28x28"
  std::size_t parameters = 0;
  std::optional<LayerStats> stats;  // unknown ones count as 0
  /// Of its input, in hertz: the mean of |x| over samples, steps and units. Analog values are taken
  /// for rates.
  std::optional<double> rate;
  bool every_step = true;  // its neurons are updated at every step, not once an inference
};

/// A network's layers: from describe<Net>() or ModelInfo. `rates` has one for each, or none at all.
/// Throws ShapeMismatch.
std::vector<EnergyLayer> energy_layers(std::span<const LayerInfo> layers,
                                       std::span<const double> rates = {});

/// What example data did in a network (see run_examples).
struct ExampleRun {
  std::vector<double> rates;      // of each layer's input, as EnergyLayer wants them
  std::vector<Activity> samples;  // what each sample counted
  Activity activity;              // of all samples
};

// ------------------------------------------------------------------ energies

/// Joules an inference.
struct LayerEnergy {
  double synaptic = 0, neuron = 0;
  double total() const { return synaptic + neuron; }
};

/// Joules of single samples.
struct EnergySpread {
  double mean = 0, min = 0, max = 0;
};

/// KerasSpiking's default.dt, in seconds.
inline constexpr double kDefaultDeviceDt = 0.001;

struct SummaryOptions {
  /// "name", "output_shape", "params", "connections", "neurons", "rate", and with a device behind
  /// them "energy", "synop_energy", "neuron_energy".
  std::vector<std::string> columns{"name",        "output_shape", "params",
                                   "connections", "neurons",      "energy cpu"};
  std::size_t timesteps_per_inference = 1;
  double dt = kDefaultDeviceDt;  // seconds a timestep of the device
  std::size_t line_length = 98;  // at least 40, and 2 a column
  bool print_warnings = true;
};

/// KerasSpiking's ModelEnergy. A `device` is the name of a registered one. Where not said otherwise
/// methods throw InvalidSetting for an unknown device, no timesteps, a dt that is no time, and a
/// spiking device where a layer's rate is unknown.
class ModelEnergy {
 public:
  /// Throws InvalidSetting for a rate that is negative or not finite.
  explicit ModelEnergy(std::vector<EnergyLayer> layers);

  const std::vector<EnergyLayer>& layers() const { return layers_; }

  /// On a spiking device connections * rate * dt * timesteps operations and neurons * timesteps
  /// updates; on others connections and neurons.
  LayerEnergy layer_energy(std::size_t layer, std::string_view device,
                           std::size_t timesteps_per_inference = 1,
                           double dt = kDefaultDeviceDt) const;
  double total_energy(std::string_view device, std::size_t timesteps_per_inference = 1,
                      double dt = kDefaultDeviceDt) const;

  /// The mean sample of a run of this very network: the operations and updates that were counted,
  /// layer by layer, at what they cost on the device, be it spiking or not. A layer's neurons that
  /// do not spike are updated at every step where their input changes, and once where it is
  /// constant.
  std::vector<LayerEnergy> counted_energy(const Activity& activity, std::string_view device) const;
  /// The same over samples, each with an Activity of its own.
  EnergySpread counted_spread(std::span<const Activity> samples, std::string_view device) const;
  /// The non-spiking twin on the device's arithmetic: every connection and every neuron once.
  double nonspiking_energy(std::string_view device) const;

  /// KerasSpiking's table, one layer a line, then totals and warnings; without a newline at its
  /// end. Throws InvalidSetting for an unknown column or a line too short too.
  std::string summary(const SummaryOptions& options = {}) const;

  /// What to keep in mind with figures for these devices, a sentence or more each.
  std::vector<std::string> warnings(std::span<const std::string> devices) const;
  /// A sentence for each layer of unknown stats.
  std::vector<std::string> unknown_layers() const;

 private:
  std::vector<EnergyLayer> layers_;
};

}  // namespace synfire
