// Pruning of layers with sparse connectivity: by magnitude (Han et al. 2015), weighed by how active
// the presynaptic neuron is (Sun et al. 2023).
//
// A synapse adds in proportion to the power of its presynaptic neuron, and costs an operation each
// time that this fires. So the power itself, an exponent of 1, leaves what adds most for its number
// of weights, and an exponent of 0, which is the magnitude alone, what adds most for its number of
// operations.
#pragma once

#include <cstddef>
#include <vector>

#include <synfire/parameter_set.hpp>

namespace synfire {

struct Pruned {
  std::size_t layer;         // index in the network
  std::size_t values, kept;  // weights, and those that are not 0
};

/// Throws InvalidSetting for a sparsity outside [0, 1).
void require_sparsity(double sparsity);

/// Throws InvalidSetting for an exponent outside [0, 1].
void require_exponent(double exponent);

/// The mean square of what each presynaptic neuron hands on, raised to the exponent; empty: all are
/// equally active.
using Power = std::vector<double>;

/// Of n values in rows of `width`, one row for each presynaptic neuron, taken in groups of `group`
/// neighbours in a row (the last of a row may be smaller): sets floor(sparsity * groups) groups to
/// 0, those of least squared L2 norm times the power; of equal ones those of least
/// norm, then those that come first. Throws InvalidSetting, and changes nothing, for a sparsity
/// outside [0, 1) and for a value or a power that is not finite.
void prune(float* values, std::size_t n, std::size_t width, std::size_t group, double sparsity,
           const Power& power = {});

/// The same of each tensor whose TensorSpec says a group, by its power where that is given: an
/// element for each tensor. Returns what it did to each, nothing where there is none. Throws as
/// above.
std::vector<Pruned> prune(ParameterSet& parameters, double sparsity,
                          const std::vector<Power>& power = {});

}  // namespace synfire
