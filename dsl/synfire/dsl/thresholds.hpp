// scale_thresholds<Net>: neurons that fire at another voltage, said by the synapses around them.
//
// A neuron that fires at a times the voltage, and whose spikes are worth a times as much, sends an
// a-th of the spikes for the same output on average; larger spikes make rougher currents, though,
// and neurons that rectify those send more. Its membrane over a is that of a neuron with
// the usual threshold and a current over a. So the synapses before it are divided by a and those
// behind it multiplied (weight normalisation: Diehl et al. 2015). What lies between is linear;
// filters' initial levels, which are in the unit of spikes, are divided, too.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <synfire/dsl/activation.hpp>
#include <synfire/dsl/parameters.hpp>
#include <synfire/error.hpp>

namespace synfire {

namespace detail {

/// A layer on the way of a spike.
struct Waypoint {
  std::string label;
  bool spiking = false, synapses = false;
  bool proportional = true;
  std::size_t first_tensor = 0;
  bool has_level = false;  // its first tensor is an initial level
};

template <class Layer>
consteval bool proportional_layer() {
  if constexpr (requires { typename Layer::Neuron; }) {
    return is_proportional<typename Layer::Neuron>;
  } else if constexpr (requires { typename Layer::Function; }) {
    return is_proportional<typename Layer::Function>;
  } else {
    return true;
  }
}

}  // namespace detail

/// Divides and multiplies the weights of `parameters` for thresholds of `threshold` times the
/// voltage. Throws InvalidSetting, and changes nothing, where that is not above 0 or not finite,
/// where no neuron spikes, where neurons or activations are not proportional, and where neurons
/// have no synapses before and behind them.
template <class Net>
void scale_thresholds(Parameters<Net>& parameters, float threshold) {
  if (!(threshold > 0) || !std::isfinite(threshold))
    throw InvalidSetting("the threshold", std::to_string(threshold), "a finite number above 0");
  std::vector<detail::Waypoint> way;
  for_each_layer<Net>([&way](auto placed) {
    using Node = typename decltype(placed)::type::Node;
    using Layer = typename Node::Layer;
    detail::Waypoint at;
    at.label = Node::label.view();
    at.spiking = requires {
      typename Layer::Neuron;
    };
    at.synapses = requires {
      typename Layer::Weight;
    };
    at.proportional = detail::proportional_layer<Layer>();
    at.first_tensor = decltype(placed)::type::Site::first_tensor;
    for (const TensorSpec& spec : Layer::template tensors<typename Node::In>)
      at.has_level = at.has_level || spec.name == "initial_level";
    way.push_back(std::move(at));
  });

  const auto refuse = [](const detail::Waypoint& neurons, const std::string& why) {
    throw InvalidSetting("the threshold of layer '" + neurons.label + "'", "to be scaled",
                         "left alone: " + why);
  };
  struct Change {
    std::size_t tensor;
    float factor;
  };
  std::vector<Change> changes;
  const auto is_synapses = [](const detail::Waypoint& at) { return at.synapses; };
  for (auto neurons = way.begin(); neurons != way.end(); ++neurons) {
    if (!neurons->spiking) continue;
    const auto before = std::find_if(std::make_reverse_iterator(neurons), way.rend(), is_synapses);
    const auto behind = std::find_if(neurons, way.end(), is_synapses);
    if (before == way.rend() || behind == way.end())
      refuse(*neurons, "there are no synapses on both sides of it");
    for (auto at = before.base() - 1; at != behind; ++at) {
      if (!at->proportional)
        refuse(*neurons,
               "what comes out of layer '" + at->label + "' is not in proportion to what goes in");
      if (at > neurons && at->has_level) changes.push_back({at->first_tensor, 1 / threshold});
    }
    changes.push_back({before.base()[-1].first_tensor, 1 / threshold});
    changes.push_back({before.base()[-1].first_tensor + 1, 1 / threshold});
    changes.push_back({behind->first_tensor, threshold});
  }
  if (changes.empty())
    throw InvalidSetting("the threshold", std::to_string(threshold),
                         "left out: no neuron of this net spikes");
  for (const Change& change : changes)
    for (float& x : parameters.tensor(change.tensor)) x *= change.factor;
}

}  // namespace synfire
