// What a run did, counted exactly: for each layer, in each step of each sample. One definition of
// each count, here; a brute-force count over the reference's values must give the same numbers
// (tests/dsl/counts_test.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace synfire {

/// Counts of one layer in one step of one sample, or sums of them. What is computed once a sample
/// counts where it is computed: what is Held in the first step, what is Final in the last.
struct StepCounts {
  // Neurons: of layers that spike, and of activations, whose outputs are analog.
  /// Spikes sent: the sum of |n| over the neurons that fire n times. None of an activation.
  std::uint64_t spikes = 0;
  /// Neurons whose output is 0 in this step, of all that were computed.
  std::uint64_t silent = 0, outputs = 0;
  /// Membranes that the engine moved on by this step, and those a clock-driven machine, which
  /// updates each neuron at each step of the whole run, would have.
  std::uint64_t membrane_updates = 0, clocked_updates = 0;
  /// Membranes whose voltage behind the step, reset included, is another number than before it.
  std::uint64_t membrane_changes = 0;

  // Synapses.
  /// Inputs that are not 0, of all that were offered.
  std::uint64_t events = 0, inputs = 0;
  /// Pairs of an input that is not 0 and a weight that is not 0, each once: the synaptic events
  /// that reach a nonzero weight. Weights are those of the parameters, whatever they are rounded to
  /// where the net runs.
  std::uint64_t synaptic_events = 0;
  /// The pairs whose input is analog, a multiply-accumulate each ...
  std::uint64_t macs = 0;
  /// ... and those whose input is a spike, an accumulate for each time that it fired: |n|.
  std::uint64_t acs = 0;
  /// Those of the synaptic events whose step had an input that is not -1, 0 or 1 (of spikes: a
  /// count): what NeuroBench calls MACs at a batch size of 1. The others are its ACs.
  std::uint64_t graded_events = 0;
  /// Pairs of any input and any weight: what a dense product does.
  std::uint64_t dense_operations = 0;

  // Memory, in bytes as the engine's arrays hold them, padding included.
  /// Of weights read.
  std::uint64_t weight_bytes = 0;
  /// Of voltages and filters' states, read and written. A pass over several steps in registers
  /// touches them once, in its first step.
  std::uint64_t state_bytes = 0;

  /// Calls work(name, count) for each, in this order.
  template <class Counts, class Work>
  static void for_each(Counts& counts, Work&& work) {
    work("spikes", counts.spikes);
    work("silent", counts.silent);
    work("outputs", counts.outputs);
    work("membrane_updates", counts.membrane_updates);
    work("clocked_updates", counts.clocked_updates);
    work("membrane_changes", counts.membrane_changes);
    work("events", counts.events);
    work("inputs", counts.inputs);
    work("synaptic_events", counts.synaptic_events);
    work("macs", counts.macs);
    work("acs", counts.acs);
    work("graded_events", counts.graded_events);
    work("dense_operations", counts.dense_operations);
    work("weight_bytes", counts.weight_bytes);
    work("state_bytes", counts.state_bytes);
  }

  StepCounts& operator+=(const StepCounts& more) {
    spikes += more.spikes;
    silent += more.silent;
    outputs += more.outputs;
    membrane_updates += more.membrane_updates;
    clocked_updates += more.clocked_updates;
    membrane_changes += more.membrane_changes;
    events += more.events;
    inputs += more.inputs;
    synaptic_events += more.synaptic_events;
    macs += more.macs;
    acs += more.acs;
    graded_events += more.graded_events;
    dense_operations += more.dense_operations;
    weight_bytes += more.weight_bytes;
    state_bytes += more.state_bytes;
    return *this;
  }
  friend bool operator==(const StepCounts&, const StepCounts&) = default;
};

/// What a layer is to those who read its counts.
struct CountedLayer {
  std::size_t index = 0;        // place in the network
  std::string label, kind;      // "hidden", "dense"
  std::size_t neurons = 0;      // that it updates: of Spiking, of an activation
  bool spiking = false;         // its neurons send spikes
  bool spikes_come_in = false;  // its inputs are spikes: accumulates, not multiply-accumulates
  // Memory of the net itself, as NeuroBench's footprint has it: every parameter and every state
  // once, zeros included, without padding.
  std::size_t weights = 0, zero_weights = 0;  // of synapses, without biases
  std::size_t parameter_bytes = 0;            // of weights and biases, as narrow as they run
  std::size_t state_bytes = 0;
};

/// Counts of a run: [layers][steps].
struct RunCounts {
  std::size_t steps = 0;
  std::vector<StepCounts> counts;

  std::span<StepCounts> of(std::size_t layer) { return {counts.data() + layer * steps, steps}; }
  std::span<const StepCounts> of(std::size_t layer) const {
    return {counts.data() + layer * steps, steps};
  }
  StepCounts total(std::size_t layer) const {
    StepCounts sum;
    for (const StepCounts& step : of(layer)) sum += step;
    return sum;
  }
  /// Of other samples of the same net.
  RunCounts& operator+=(const RunCounts& more) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += more.counts[i];
    return *this;
  }
};

/// Counts of many samples of a net.
struct Profile {
  std::vector<CountedLayer> layers;  // those with synapses, neurons or a state, in order
  std::size_t steps = 0;             // of a sample that does not stop early
  double dt = 0;                     // seconds
  RunCounts sums;                    // over all samples, step by step
  // Of each sample, in order.
  std::vector<StepCounts> samples;  // [samples][layers], summed over the steps
  std::vector<std::uint32_t> predicted, labels, steps_used;

  std::size_t size() const { return predicted.size(); }
  const StepCounts& of(std::size_t sample, std::size_t layer) const {
    return samples[sample * layers.size() + layer];
  }
  /// All layers of a sample together.
  StepCounts total(std::size_t sample) const {
    StepCounts sum;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) sum += of(sample, layer);
    return sum;
  }
  std::size_t correct() const {
    std::size_t right = 0;
    for (std::size_t i = 0; i < size(); ++i) right += predicted[i] == labels[i];
    return right;
  }

  double seconds = 0;           // wall time of all samples
  double microseconds_p50 = 0;  // of single samples of the engine without counts, one thread
};

/// Counts of one run as it went, for tables of single steps: called from several threads, each
/// sample once.
using RunCountsReader = void(std::size_t sample, const RunCounts& counts);

}  // namespace synfire
