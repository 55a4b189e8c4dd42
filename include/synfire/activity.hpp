// What a run did, layer by layer: the counts behind every figure that Synfire prints.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace synfire {

/// Counts of one layer, summed over `samples` samples of `steps` steps of `dt` seconds.
struct LayerActivity {
  std::size_t index = 0;  // place in the network
  std::string label;      // its name, or kind and index: "spiking_3"
  std::size_t neurons = 0;

  /// Spikes sent, a neuron that fires n times in a step counting |n| (layers of spiking neurons).
  std::uint64_t spikes = 0;
  /// Weights applied (layers of synapses). From spikes: each spike reaches `neurons` targets, or,
  /// in sparse layers, those it has synapses to, a multiple spike counting each time. From analog
  /// values: each nonzero value reaches them once.
  std::uint64_t synaptic_operations = 0;
  /// Rows of weights read (layers of synapses), one for each event of each step, or blocks where
  /// columns of them are read, and their bytes as they lie in memory, padding included.
  std::uint64_t weight_rows = 0, weight_bytes = 0;
  /// Membrane updates done: neurons x steps (layers of spiking neurons).
  std::uint64_t neuron_updates = 0;
  /// Firing rates in hertz: of one neuron over one sample's steps; the mean and the maximum over
  /// all neurons and samples.
  double mean_rate = 0, max_rate = 0;
  /// Spikes of one neuron in one sample, the most there were.
  float most_spikes = 0;
  bool spiking = false;
};

struct Activity {
  std::uint64_t samples = 0;
  std::size_t steps = 0;
  double dt = 0;
  std::vector<LayerActivity> layers;  // those that spike or hold synapses, in order

  std::uint64_t spikes() const;
  std::uint64_t synaptic_operations() const;
  std::uint64_t weight_bytes() const;
  std::uint64_t neuron_updates() const;
  double mean_rate() const;  // over all spiking neurons; 0 where there are none
  double max_rate() const;

  /// Derives each layer's rates from its counts.
  void update_rates() {
    const double seconds = static_cast<double>(steps) * dt;
    for (LayerActivity& layer : layers) {
      if (!layer.spiking || samples == 0) continue;
      const auto chances = static_cast<double>(samples * layer.neurons);
      layer.mean_rate = static_cast<double>(layer.spikes) / (chances * seconds);
      layer.max_rate = layer.most_spikes / seconds;
    }
  }

  /// Adds the counts of other samples of the same network, run with the same dt and steps.
  Activity& operator+=(const Activity& more) {
    samples += more.samples;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      layers[i].spikes += more.layers[i].spikes;
      layers[i].synaptic_operations += more.layers[i].synaptic_operations;
      layers[i].weight_rows += more.layers[i].weight_rows;
      layers[i].weight_bytes += more.layers[i].weight_bytes;
      layers[i].neuron_updates += more.layers[i].neuron_updates;
      layers[i].most_spikes = std::max(layers[i].most_spikes, more.layers[i].most_spikes);
    }
    update_rates();
    return *this;
  }
};

/// A table, one layer a line.
std::ostream& operator<<(std::ostream& out, const Activity& activity);

}  // namespace synfire
