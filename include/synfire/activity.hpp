// What a run did, layer by layer: the counts behind every figure that Synfire prints.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace synfire {

/// Counts of one layer, summed over `samples` samples of `steps` steps of `dt` seconds, or fewer
/// steps where runs stopped early.
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
  /// Membrane updates done: neurons x steps done (layers of spiking neurons).
  std::uint64_t neuron_updates = 0;
  /// Firing rates in hertz: of one neuron over one sample's steps; the mean, a sample counting by
  /// its steps, and the maximum over all neurons and samples.
  double mean_rate = 0, max_rate = 0;
  /// Spikes a step of one neuron in one sample, the most there were.
  double most_a_step = 0;
  bool spiking = false;
};

struct Activity {
  std::uint64_t samples = 0;
  std::size_t steps = 0;  // of a sample that did not stop early
  double dt = 0;
  std::vector<LayerActivity> layers;  // those that spike or hold synapses, in order
  std::uint64_t steps_saved = 0;      // by stopping early, over all samples

  std::uint64_t steps_used() const { return samples * steps - steps_saved; }
  double mean_steps() const {
    return samples == 0 ? 0 : static_cast<double>(steps_used()) / static_cast<double>(samples);
  }

  std::uint64_t spikes() const;
  std::uint64_t synaptic_operations() const;
  std::uint64_t weight_bytes() const;
  std::uint64_t neuron_updates() const;
  double mean_rate() const;  // over all spiking neurons; 0 where there are none
  double max_rate() const;

  /// Derives each layer's rates from its counts.
  void update_rates() {
    for (LayerActivity& layer : layers) {
      if (!layer.spiking || samples == 0) continue;
      const auto chances = static_cast<double>(steps_used() * layer.neurons);
      layer.mean_rate = static_cast<double>(layer.spikes) / (chances * dt);
      layer.max_rate = layer.most_a_step / dt;
    }
  }

  /// Adds the counts of other samples of the same network, run with the same dt and steps.
  Activity& operator+=(const Activity& more) {
    samples += more.samples;
    steps_saved += more.steps_saved;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      layers[i].spikes += more.layers[i].spikes;
      layers[i].synaptic_operations += more.layers[i].synaptic_operations;
      layers[i].weight_rows += more.layers[i].weight_rows;
      layers[i].weight_bytes += more.layers[i].weight_bytes;
      layers[i].neuron_updates += more.layers[i].neuron_updates;
      layers[i].most_a_step = std::max(layers[i].most_a_step, more.layers[i].most_a_step);
    }
    update_rates();
    return *this;
  }
};

/// A table, one layer a line.
std::ostream& operator<<(std::ostream& out, const Activity& activity);

}  // namespace synfire
