#include <synfire/energy_model.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace synfire {
namespace {

constexpr double kBiasBytes = 4;

/// Counts of a sample, or means of them.
struct Work {
  double macs = 0, acs = 0, events = 0;
  double done = 0, clocked = 0, outputs = 0;
  double inputs = 0, dense = 0;
  double weight_bytes = 0, state_bytes = 0;
};

Work work_of(const StepCounts& counts, double samples) {
  const auto mean = [samples](std::uint64_t count) { return static_cast<double>(count) / samples; };
  return {mean(counts.macs),
          mean(counts.acs),
          mean(counts.synaptic_events),
          mean(counts.membrane_updates),
          mean(counts.clocked_updates),
          mean(counts.outputs),
          mean(counts.inputs),
          mean(counts.dense_operations),
          mean(counts.weight_bytes),
          mean(counts.state_bytes)};
}

double steps_of(const Profile& profile, std::size_t sample) {
  return static_cast<double>(sample < profile.steps_used.size() ? profile.steps_used[sample]
                                                                : profile.steps);
}

double mean_steps(const Profile& profile) {
  double sum = 0;
  for (std::size_t i = 0; i < profile.size(); ++i) sum += steps_of(profile, i);
  return profile.size() == 0 ? 0 : sum / static_cast<double>(profile.size());
}

/// Of each layer, over all samples.
std::vector<Work> mean_work(const Profile& profile) {
  std::vector<StepCounts> sums(profile.layers.size());
  for (std::size_t i = 0; i < profile.size(); ++i)
    for (std::size_t layer = 0; layer < sums.size(); ++layer) sums[layer] += profile.of(i, layer);
  std::vector<Work> means;
  const auto samples = static_cast<double>(std::max<std::size_t>(profile.size(), 1));
  for (const StepCounts& sum : sums) means.push_back(work_of(sum, samples));
  return means;
}

/// The kind of weights by what one of them takes, once a float32 bias of each output is set aside.
std::string_view weights_of(const CountedLayer& layer, const Work& work) {
  if (layer.weights == 0) return "";
  const double outputs = work.inputs > 0 ? work.dense / work.inputs : 0;
  const double each = (static_cast<double>(layer.parameter_bytes) - kBiasBytes * outputs) /
                      static_cast<double>(layer.weights);
  return each < 1.75 ? "int8" : each < 3.5 ? "bfloat16" : "float32";
}

/// The row of a layer; null where the model has none at all.
const EnergyModel::Operations* row_of(const EnergyModel& model, std::string_view weights) {
  const EnergyModel::Operations* best = nullptr;
  for (const EnergyModel::Operations& row : model.operations) {
    if (row.weights == weights) return &row;
    if (best == nullptr || (row.weights.empty() && !best->weights.empty())) best = &row;
  }
  return best;
}

std::uint64_t bytes_of(const Profile& profile) {
  std::uint64_t bytes = 0;
  for (const CountedLayer& layer : profile.layers)
    bytes += layer.parameter_bytes + layer.state_bytes;
  return bytes;
}

bool holds(const EnergyModel::Memory& memory, std::uint64_t bytes) {
  return !memory.capacity || bytes <= *memory.capacity;
}

/// The memory that holds the whole net, or the largest; null where there is none.
const EnergyModel::Memory* memory_of(const EnergyModel& model, std::uint64_t bytes) {
  if (model.memories.empty()) return nullptr;
  for (const EnergyModel::Memory& memory : model.memories)
    if (holds(memory, bytes)) return &memory;
  return &model.memories.back();
}

std::optional<Range> byte_price(const std::optional<Range>& own, const EnergyModel::Memory* in) {
  if (own || in == nullptr) return own;
  return in->byte;
}

/// The price of an operation: its own, else that of both, else of the other one.
Range priced(const std::optional<Range>& own, const EnergyModel::Operations& row,
             const std::optional<Range>& other) {
  if (own) return *own;
  return row.synaptic_operation ? *row.synaptic_operation : other.value_or(Range{});
}

/// A model's prices for the layers of a profile.
class Prices {
 public:
  Prices(const EnergyModel& model, const Profile& profile, const std::vector<Work>& means)
      : model_(model), profile_(profile) {
    const EnergyModel::Memory* memory = memory_of(model, bytes_of(profile));
    weight_byte_ = byte_price(model.weight_byte, memory).value_or(Range{});
    state_byte_ = byte_price(model.state_byte, memory).value_or(Range{});
    update_ = model.neuron_update.value_or(Range{});
    for (std::size_t i = 0; i < profile.layers.size(); ++i) {
      const EnergyModel::Operations* row = row_of(model, weights_of(profile.layers[i], means[i]));
      const EnergyModel::Operations known = row == nullptr ? EnergyModel::Operations{} : *row;
      mac_.push_back(priced(known.multiply_accumulate, known, known.accumulate));
      ac_.push_back(priced(known.accumulate, known, known.multiply_accumulate));
    }
  }

  LayerEstimate of(std::size_t i, const Work& work) const {
    const CountedLayer& layer = profile_.layers[i];
    LayerEstimate joules{.index = layer.index, .label = layer.label};
    if (!model_.spiking) {
      joules.synaptic = static_cast<double>(layer.weights) * mac_[i];
      joules.neuron = static_cast<double>(layer.neurons) * update_;
      joules.memory = static_cast<double>(layer.parameter_bytes) * weight_byte_ +
                      static_cast<double>(layer.state_bytes) * state_byte_;
      return joules;
    }
    const double accumulates =
        model_.graded_spikes && layer.spikes_come_in ? work.events : work.acs;
    joules.synaptic = work.macs * mac_[i] + accumulates * ac_[i];
    const double updates = !layer.spiking                                 ? work.outputs
                           : model_.updates == EnergyModel::Updates::Done ? work.done
                                                                          : work.clocked;
    joules.neuron = updates * update_;
    joules.memory = work.weight_bytes * weight_byte_ + work.state_bytes * state_byte_;
    return joules;
  }

  /// Of the hardware itself over so many steps.
  Range idle(double steps) const {
    if (!model_.idle_power || !model_.step_time) return {};
    return steps * *model_.step_time * *model_.idle_power;
  }

 private:
  const EnergyModel& model_;
  const Profile& profile_;
  Range weight_byte_, state_byte_, update_;
  std::vector<Range> mac_, ac_;  // of each layer
};

template <class Part>
Range sum_of(const std::vector<LayerEstimate>& layers, Part part) {
  Range sum;
  for (const LayerEstimate& layer : layers) sum += part(layer);
  return sum;
}

std::string rounded(double count) {
  return count < 10 ? fmt::format("{:.1f}", count) : fmt::format("{:.0f}", count);
}

}  // namespace

EnergyModel energy_model(const Device& device) {
  EnergyModel model;
  model.name = device.name;
  model.title = device.title.empty() ? device.name : device.title;
  model.source = device.source.empty() ? "registered without a source" : device.source;
  model.spiking = device.spiking;
  model.analog_inputs = !device.spiking;
  model.operations.push_back({"", {}, {}, Range::exactly(device.joules_per_synaptic_operation)});
  model.neuron_update = Range::exactly(device.joules_per_neuron_update);
  return model;
}

Range EnergyEstimate::synaptic() const {
  return sum_of(layers, [](const LayerEstimate& layer) { return layer.synaptic; });
}

Range EnergyEstimate::neuron() const {
  return sum_of(layers, [](const LayerEstimate& layer) { return layer.neuron; });
}

Range EnergyEstimate::memory() const {
  return sum_of(layers, [](const LayerEstimate& layer) { return layer.memory; });
}

Range EnergyEstimate::total() const {
  return synaptic() + neuron() + memory() + idle;
}

EnergyEstimate estimate(const EnergyModel& model, const Profile& profile) {
  EnergyEstimate result;
  if (profile.size() == 0) {
    for (const CountedLayer& layer : profile.layers)
      result.layers.push_back({.index = layer.index, .label = layer.label});
    return result;
  }
  const std::vector<Work> means = mean_work(profile);
  const Prices prices(model, profile, means);
  for (std::size_t layer = 0; layer < means.size(); ++layer)
    result.layers.push_back(prices.of(layer, means[layer]));
  result.idle = prices.idle(mean_steps(profile));
  return result;
}

std::vector<double> sample_joules(const EnergyModel& model, const Profile& profile) {
  const Prices prices(model, profile, mean_work(profile));
  std::vector<double> joules;
  for (std::size_t i = 0; i < profile.size(); ++i) {
    double sum = prices.idle(steps_of(profile, i)).nominal;
    for (std::size_t layer = 0; layer < profile.layers.size(); ++layer)
      sum += prices.of(layer, work_of(profile.of(i, layer), 1)).total().nominal;
    joules.push_back(sum);
  }
  return joules;
}

std::vector<std::string> warnings(const EnergyModel& model, const Profile& profile) {
  std::vector<std::string> result = model.notes;
  const auto warn = [&]<class... Parts>(fmt::format_string<Parts...> text, Parts&&... parts) {
    result.push_back(fmt::format(text, std::forward<Parts>(parts)...));
  };
  const std::vector<Work> means = mean_work(profile);
  const EnergyModel::Memory* memory = memory_of(model, bytes_of(profile));
  double updates = 0, weight_bytes = 0, state_bytes = 0;
  for (std::size_t i = 0; i < means.size(); ++i) {
    const CountedLayer& layer = profile.layers[i];
    const Work& work = means[i];
    updates += layer.spiking ? work.clocked : work.outputs;
    weight_bytes += work.weight_bytes;
    state_bytes += work.state_bytes;

    const std::string_view kind = weights_of(layer, work);
    const EnergyModel::Operations* row = row_of(model, kind);
    const bool works = model.spiking ? work.macs + work.acs > 0 : layer.weights > 0;
    if (works && row == nullptr) {
      warn("Layer '{}' has no price: {} says nothing of synaptic operations", layer.label,
           model.name);
    } else if (works) {
      if (!row->weights.empty() && row->weights != kind)
        warn("Layer '{}' has {} weights, for which {} has no price: they are priced as its {} ones",
             layer.label, kind, model.name, row->weights);
      if (work.acs > 0 && !row->accumulate && !row->synaptic_operation)
        warn("Layer '{}' accumulates spikes, which {} prices as multiply-accumulates", layer.label,
             model.name);
    }
    if (model.spiking && !model.analog_inputs && work.macs > 0)
      warn(
          "Layer '{}' multiplies analog inputs, {} times an inference, and {} takes spikes only: "
          "each is priced as the operation of one spike",
          layer.label, rounded(work.macs), model.name);
    if (model.spiking && !model.analog_inputs && layer.neurons > 0 && !layer.spiking)
      warn(
          "Layer '{}' sends analog values, and {} has neurons that spike only: each value is "
          "priced as one update of a neuron",
          layer.label, model.name);
    if (model.spiking && !model.graded_spikes && layer.spikes_come_in && work.acs > work.events)
      warn(
          "Layer '{}' receives {:.3g} spikes a synaptic event, for neurons fire several times in a "
          "step: {} is taken to send them one by one",
          layer.label, work.acs / work.events, model.name);
    if (layer.neurons == 0 && layer.weights == 0 && layer.state_bytes > 0)
      warn("Layer '{}' ({}) works at every step, and {} has no price for that", layer.label,
           layer.kind, model.name);
  }
  if (updates > 0 && !model.neuron_update && !model.covers_neurons)
    warn("Updates of neurons, up to {} an inference, are not covered by {}", rounded(updates),
         model.name);
  if (!model.covers_memory) {
    const bool no_weights = weight_bytes > 0 && !byte_price(model.weight_byte, memory);
    const bool no_state = state_bytes > 0 && !byte_price(model.state_byte, memory);
    if (no_weights || no_state)
      warn("Memory traffic is not covered by {}:{}{}{} an inference", model.name,
           no_weights ? fmt::format(" {} bytes of weights", rounded(weight_bytes)) : "",
           no_weights && no_state ? " and" : "",
           no_state ? fmt::format(" {} bytes of state", rounded(state_bytes)) : "");
  }
  if (memory != nullptr && !holds(*memory, bytes_of(profile)))
    warn(
        "The net takes {} bytes and the largest memory of {}, {}, {}: traffic is priced as if it "
        "held the net",
        bytes_of(profile), model.name, memory->name, *memory->capacity);
  if (model.idle_power && !model.step_time)
    warn("{} draws {:.3g} W at rest, which no figure holds: it does not say how long a step takes",
         model.name, model.idle_power->nominal);
  return result;
}

}  // namespace synfire
