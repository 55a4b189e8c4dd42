// The figures of NeuroBench (Yik et al. 2025, "The neurobench framework for benchmarking
// neuromorphic computing algorithms and systems"), from what a run counted, as its harness 2.3.0
// computes them at a batch size of 1.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <synfire/counts.hpp>
#include <synfire/table.hpp>

namespace synfire {

struct NeuroBench {
  /// Of all parameters and of the neurons' and filters' states, zeros included.
  std::uint64_t footprint_bytes = 0;
  /// Weights that are 0, of all weights, biases apart; rounded to four decimals, as the harness
  /// hands it out. 0 where there are none.
  double connection_sparsity = 0;
  double exact_connection_sparsity = 0;
  /// Outputs that are 0, of all outputs of neurons and activations in all steps. 0 where there are
  /// none.
  double activation_sparsity = 0;
  /// A sample's products of an input and a weight that are both not 0: MACs in the steps in which
  /// an input of the layer is not -1, 0 or 1, ACs in the others.
  double effective_macs = 0, effective_acs = 0;
  /// A sample's products of any input and any weight.
  double dense_operations = 0;
  /// A sample's voltages that a step left as another number, and all of them in its first step.
  double membrane_updates = 0;
  /// Samples whose class was the right one, of all.
  double accuracy = 0;

  struct Layer {
    std::string label;
    double activation_sparsity = 0;
  };
  std::vector<Layer> layers;  // those with outputs

  /// Calls work(name, figure) for each figure of the net as a whole, in this order.
  template <class Figures, class Work>
  static void for_each(Figures& figures, Work&& work) {
    work("footprint_bytes", figures.footprint_bytes);
    work("connection_sparsity", figures.connection_sparsity);
    work("exact_connection_sparsity", figures.exact_connection_sparsity);
    work("activation_sparsity", figures.activation_sparsity);
    work("effective_macs", figures.effective_macs);
    work("effective_acs", figures.effective_acs);
    work("dense_operations", figures.dense_operations);
    work("membrane_updates", figures.membrane_updates);
    work("accuracy", figures.accuracy);
  }
};

/// Throws InvalidSetting for a profile of no samples or no steps, or with more of a part than of
/// the whole, and ShapeMismatch where its arrays do not belong together.
NeuroBench neurobench(const Profile& profile);

/// A line a figure, a column for each named net, or for the same net elsewhere; below them the
/// activation sparsity of layers, matched by label.
Table neurobench_table(const std::vector<std::pair<std::string, NeuroBench>>& nets);

}  // namespace synfire
