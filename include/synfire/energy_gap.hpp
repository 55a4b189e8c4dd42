// Why counted work differs from KerasSpiking's estimate of it from average rates: the way from one
// to the other in factors, each with its reason.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <synfire/counts.hpp>
#include <synfire/energy.hpp>

namespace synfire {

/// A number of operations as it is estimated and counted, means of an inference.
struct WorkGap {
  double estimate = 0, counted = 0;
  struct Reason {
    double factor;
    std::string sentence;
  };
  /// estimate times all factors is counted; a factor of 1 is left out. None where both are 0.
  std::vector<Reason> reasons;

  /// counted / estimate; 1 where both are 0.
  double ratio() const;
};

struct LayerGap {
  std::string layer;
  /// Connections applied, a multiple spike counting each time; those with a weight of 0 are
  /// estimated, and not counted. Updates of neurons, of filters and activations too.
  WorkGap synaptic, neuron;
};

/// Each layer of the network, on devices that spike or on others. `profile` is a run of the same
/// network over the data that the rates are from; its own dt and steps may be others than
/// `timesteps` and `dt` of the estimate (ModelEnergy::layer_energy). Throws InvalidSetting for a
/// layer of unknown rate on spiking devices, no timesteps, a dt that is no time; ShapeMismatch for
/// a profile of another network.
std::vector<LayerGap> energy_gaps(const ModelEnergy& energy, const Profile& profile, bool spiking,
                                  std::size_t timesteps, double dt);

}  // namespace synfire
