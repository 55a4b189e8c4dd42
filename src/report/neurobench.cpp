#include <synfire/neurobench.hpp>

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include <synfire/error.hpp>

namespace synfire {
namespace {

void require_size(const char* what, std::size_t expected, std::size_t found) {
  if (expected != found) throw ShapeMismatch(what, expected, found);
}

void require_part(const CountedLayer& layer, const char* what, std::uint64_t part,
                  std::uint64_t whole) {
  if (part > whole)
    throw InvalidSetting(fmt::format("the number of {} of layer '{}'", what, layer.label),
                         fmt::to_string(part), fmt::format("at most {}", whole));
}

void require_whole(const Profile& profile) {
  if (profile.size() == 0) throw InvalidSetting("the number of profiled samples", "0", "above 0");
  if (profile.steps == 0) throw InvalidSetting("the number of profiled steps", "0", "above 0");
  require_size("the profile's labels", profile.size(), profile.labels.size());
  require_size("the profile's steps of a sample", profile.steps, profile.sums.steps);
  require_size("the profile's counts by layer and step", profile.layers.size() * profile.steps,
               profile.sums.counts.size());
}

double quotient(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// The harness divides in single precision, then rounds in decimal.
double rounded_quotient(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return 0;
  const float exact = static_cast<float>(part) / static_cast<float>(whole);
  return std::stod(fmt::format("{:.4f}", static_cast<double>(exact)));
}

struct Row {
  std::string_view name, title;
  int decimals;
};
constexpr Row kRows[] = {
    {"footprint_bytes", "footprint [bytes]", 0},
    {"connection_sparsity", "connection sparsity", 4},
    {"activation_sparsity", "activation sparsity", 6},
    {"effective_macs", "effective MACs a sample", 3},
    {"effective_acs", "effective ACs a sample", 3},
    {"dense_operations", "dense operations a sample", 3},
    {"membrane_updates", "membrane updates a sample", 3},
    {"accuracy", "accuracy", 4},
};

std::string text_of(const NeuroBench& figures, const Row& row) {
  std::string text;
  NeuroBench::for_each(figures, [&](std::string_view name, auto figure) {
    if (name == row.name) text = fmt::format("{:.{}f}", static_cast<double>(figure), row.decimals);
  });
  return text;
}

}  // namespace

NeuroBench neurobench(const Profile& profile) {
  require_whole(profile);
  const auto samples = static_cast<std::uint64_t>(profile.size());
  std::uint64_t weights = 0, zero_weights = 0, membranes = 0;
  StepCounts all;
  NeuroBench figures;
  for (std::size_t i = 0; i < profile.layers.size(); ++i) {
    const CountedLayer& layer = profile.layers[i];
    const StepCounts counts = profile.sums.total(i);
    require_part(layer, "weights that are 0", layer.zero_weights, layer.weights);
    require_part(layer, "silent outputs", counts.silent, counts.outputs);
    require_part(layer, "graded synaptic events", counts.graded_events, counts.synaptic_events);
    all += counts;
    figures.footprint_bytes += layer.parameter_bytes + layer.state_bytes;
    weights += layer.weights;
    zero_weights += layer.zero_weights;
    if (layer.spiking) {
      // The harness takes every membrane as updated by the first step.
      membranes += samples * layer.neurons;
      membranes += counts.membrane_changes - profile.sums.of(i).front().membrane_changes;
    }
    if (counts.outputs != 0)
      figures.layers.push_back({layer.label, quotient(counts.silent, counts.outputs)});
  }
  figures.connection_sparsity = rounded_quotient(zero_weights, weights);
  figures.exact_connection_sparsity = quotient(zero_weights, weights);
  figures.activation_sparsity = quotient(all.silent, all.outputs);
  figures.effective_macs = quotient(all.graded_events, samples);
  figures.effective_acs = quotient(all.synaptic_events - all.graded_events, samples);
  figures.dense_operations = quotient(all.dense_operations, samples);
  figures.membrane_updates = quotient(membranes, samples);
  figures.accuracy = quotient(profile.correct(), samples);
  return figures;
}

Table neurobench_table(const std::vector<std::pair<std::string, NeuroBench>>& nets) {
  Table table;
  table.columns.push_back({"NeuroBench", false});
  std::vector<std::string> labels;
  for (const auto& [name, figures] : nets) {
    table.columns.push_back({name});
    for (const NeuroBench::Layer& layer : figures.layers)
      if (std::find(labels.begin(), labels.end(), layer.label) == labels.end())
        labels.push_back(layer.label);
  }
  for (const Row& row : kRows) {
    table.rows.push_back({std::string(row.title)});
    for (const auto& net : nets) table.rows.back().push_back(text_of(net.second, row));
  }
  for (const std::string& label : labels) {
    table.rows.push_back({"activation sparsity of " + label});
    for (const auto& net : nets) {
      const auto& layers = net.second.layers;
      const auto found =
          std::find_if(layers.begin(), layers.end(),
                       [&](const NeuroBench::Layer& layer) { return layer.label == label; });
      table.rows.back().push_back(
          found == layers.end() ? "" : fmt::format("{:.6f}", found->activation_sparsity));
    }
  }
  return table;
}

}  // namespace synfire
