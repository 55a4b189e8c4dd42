// What a run did, counted exactly: for each layer, in each step of each sample. One definition of
// each count, here; a brute-force count over the reference's values must give the same numbers
// (tests/dsl/counts_test.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
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

  struct Field {
    const char* name;
    std::uint64_t StepCounts::*count;
  };
  static constexpr Field fields[] = {
      {"spikes", &StepCounts::spikes},
      {"silent", &StepCounts::silent},
      {"outputs", &StepCounts::outputs},
      {"membrane_updates", &StepCounts::membrane_updates},
      {"clocked_updates", &StepCounts::clocked_updates},
      {"membrane_changes", &StepCounts::membrane_changes},
      {"events", &StepCounts::events},
      {"inputs", &StepCounts::inputs},
      {"synaptic_events", &StepCounts::synaptic_events},
      {"macs", &StepCounts::macs},
      {"acs", &StepCounts::acs},
      {"graded_events", &StepCounts::graded_events},
      {"dense_operations", &StepCounts::dense_operations},
      {"weight_bytes", &StepCounts::weight_bytes},
      {"state_bytes", &StepCounts::state_bytes},
  };
  /// Calls work(name, count) for each, in this order.
  template <class Counts, class Work>
  static void for_each(Counts& counts, Work&& work) {
    for (const Field& field : fields) work(field.name, counts.*field.count);
  }

  StepCounts& operator+=(const StepCounts& more) {
    for (const Field& field : fields) this->*field.count += more.*field.count;
    return *this;
  }
  /// Of so many steps that count alike.
  friend StepCounts operator*(StepCounts counts, std::uint64_t steps) {
    for (const Field& field : fields) counts.*field.count *= steps;
    return counts;
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

/// Counts of many samples, each summed over its steps: [samples][layers]. A sample's record has of
/// each layer those counts that can be any, and the number of steps that it worked in, from which
/// the others follow: what is written once a sample is a third of a StepCounts for each layer.
class SampleCounts {
 public:
  using Count = std::uint64_t StepCounts::*;
  struct Layer {
    std::vector<Count> counted;  // in the order of the record
    // The others: so many for each step that the layer worked in, and so many besides.
    StepCounts each_step, each_sample;
  };

  SampleCounts() = default;
  /// Records of zeros.
  SampleCounts(const std::vector<Layer>& layers, std::size_t samples);
  /// Any counts, [samples][layers]. Throws InvalidSetting where they are not whole samples.
  SampleCounts(std::size_t layers, const std::vector<StepCounts>& counts);

  StepCounts of(std::size_t sample, std::size_t layer) const;

  /// Of each layer what is counted, in order, then the number of steps.
  std::span<std::uint64_t> record(std::size_t sample) {
    return {words_.data() + sample * record_size_, record_size_};
  }
  friend bool operator==(const SampleCounts&, const SampleCounts&) = default;

 private:
  struct Form {
    std::size_t begin;  // in a record
    std::vector<Count> counted;
    std::vector<std::pair<Count, std::uint64_t>> each_step;  // those that are not 0
    StepCounts each_sample;
    friend bool operator==(const Form&, const Form&) = default;
  };
  std::vector<Form> layers_;
  std::size_t record_size_ = 0;
  std::vector<std::uint64_t> words_;
};

/// Counts of many samples of a net.
struct Profile {
  std::vector<CountedLayer> layers;  // those with synapses, neurons or a state, in order
  std::size_t steps = 0;             // of a sample that does not stop early
  double dt = 0;                     // seconds
  RunCounts sums;                    // over all samples, step by step
  // Of each sample, in order.
  SampleCounts samples;
  std::vector<std::uint32_t> predicted, labels, steps_used;

  std::size_t size() const { return predicted.size(); }
  StepCounts of(std::size_t sample, std::size_t layer) const { return samples.of(sample, layer); }
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
