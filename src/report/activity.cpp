#include <synfire/activity.hpp>

#include <algorithm>
#include <numeric>
#include <ostream>

#include <fmt/format.h>

namespace synfire {
namespace {

std::uint64_t sum(const std::vector<LayerActivity>& layers, std::uint64_t LayerActivity::*count) {
  return std::accumulate(
      layers.begin(), layers.end(), std::uint64_t{0},
      [&](std::uint64_t total, const LayerActivity& layer) { return total + layer.*count; });
}

}  // namespace

std::uint64_t Activity::spikes() const {
  return sum(layers, &LayerActivity::spikes);
}

std::uint64_t Activity::synaptic_operations() const {
  return sum(layers, &LayerActivity::synaptic_operations);
}

std::uint64_t Activity::weight_bytes() const {
  return sum(layers, &LayerActivity::weight_bytes);
}

std::uint64_t Activity::neuron_updates() const {
  return sum(layers, &LayerActivity::neuron_updates);
}

double Activity::mean_rate() const {
  double total = 0, neurons = 0;
  for (const LayerActivity& layer : layers) {
    if (!layer.spiking) continue;
    total += layer.mean_rate * static_cast<double>(layer.neurons);
    neurons += static_cast<double>(layer.neurons);
  }
  return neurons > 0 ? total / neurons : 0;
}

double Activity::max_rate() const {
  // Rates of activations below zero are negative: 0 stands only where nothing spikes.
  const LayerActivity* most = nullptr;
  for (const LayerActivity& layer : layers)
    if (layer.spiking && (most == nullptr || layer.max_rate > most->max_rate)) most = &layer;
  return most != nullptr ? most->max_rate : 0;
}

std::ostream& operator<<(std::ostream& out, const Activity& activity) {
  LayerActivity all;
  all.label = "all";
  all.spikes = activity.spikes();
  all.synaptic_operations = activity.synaptic_operations();
  all.neuron_updates = activity.neuron_updates();
  all.mean_rate = activity.mean_rate();
  all.max_rate = activity.max_rate();
  std::size_t width = 5;
  for (const LayerActivity& layer : activity.layers) {
    width = std::max(width, layer.label.size());
    all.spiking = all.spiking || layer.spiking;
  }

  const auto row = [&](const auto&... cells) {
    out << fmt::format("{:<{}} {:>8} {:>10} {:>14} {:>14} {:>10} {:>10}\n", cells...);
  };
  const auto samples = static_cast<double>(std::max<std::uint64_t>(activity.samples, 1));
  const auto a_sample = [&](std::uint64_t count) {
    return fmt::format("{:.1f}", static_cast<double>(count) / samples);
  };
  // A layer mostly has neurons that spike or synapses; "all" has what any of them has.
  const auto line = [&](const LayerActivity& layer, bool spikes, bool synapses) {
    const auto where = [](bool there, const std::string& cell) { return there ? cell : "-"; };
    row(layer.label, width, layer.neurons > 0 ? fmt::to_string(layer.neurons) : "",
        where(spikes, a_sample(layer.spikes)), where(synapses, a_sample(layer.synaptic_operations)),
        where(spikes, a_sample(layer.neuron_updates)),
        where(spikes, fmt::format("{:.2f}", layer.mean_rate)),
        where(spikes, fmt::format("{:.2f}", layer.max_rate)));
  };

  const std::string used =
      activity.steps_saved == 0 ? "" : fmt::format("{:.2f} of at most ", activity.mean_steps());
  out << fmt::format("{} sample{} of {}{} step{} of {:g} s; counts are means over the samples\n",
                     activity.samples, activity.samples == 1 ? "" : "s", used, activity.steps,
                     activity.steps == 1 ? "" : "s", activity.dt);
  row("layer", width, "neurons", "spikes", "synaptic ops", "neuron updates", "mean Hz", "max Hz");
  for (const LayerActivity& layer : activity.layers)
    line(layer, layer.spiking, !layer.spiking || layer.synaptic_operations != 0);
  line(all, all.spiking, true);
  return out;
}

}  // namespace synfire
