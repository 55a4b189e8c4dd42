// Counting: what an engine counts step by step, layer by layer (counts.hpp), where it does:
// EventEngine<Net, Counted>. Any other engine has none of it, neither code nor memory.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <numeric>
#include <vector>

#include <synfire/counts.hpp>
#include <synfire/dsl/network.hpp>
#include <synfire/dsl/neuron.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/dsl/weight.hpp>

namespace synfire {

/// The counts of a layer's last run, and of those before. The engine says which step it is. A Kind
/// has a Row of what a step counts, as little to move as can be, for every step of a run has its
/// own: add(row, to) adds it to another, and read(row, runs, first, to) gives what is `counted` of
/// a sum over so many steps of runs, of which `first` is the part of runs' first steps. All else is
/// each_step times the number of steps.
template <class Kind>
class LayerCounts {
 public:
  using Row = typename Kind::Row;

  explicit LayerCounts(std::size_t steps) : last_(steps), before_(steps), runs_(steps + 1) {}

  /// A new run.
  void begin() {
    if (first_ != behind_) move_last(*this, nullptr);
    now_ = 0;
  }
  /// The last run becomes one of those before of `to`. Its part of the sample's record is written,
  /// where there is one; returns what lies behind it.
  std::uint64_t* move_last(LayerCounts& to, std::uint64_t* record) {
    const Row first = last_[first_];
    Row all{};
    for (std::size_t t = first_; t < behind_; ++t) {
      Kind::add(last_[t], all);
      Kind::add(last_[t], to.before_[t]);
      last_[t] = {};
    }
    ++to.runs_[first_];
    --to.runs_[behind_];
    if (record != nullptr) {
      kind_.read(all, behind_ - first_, first, record);
      record += std::size(Kind::counted);
      *record++ = behind_ - first_;
    }
    to.kind_ = kind_;
    first_ = behind_ = now_ = 0;
    return record;
  }
  void at(std::size_t step) { now_ = step; }
  /// The step's, to be added to.
  Row& here() { return *from_here(1); }
  /// Those of `count` steps from it on, in one pass over them.
  Row* from_here(std::size_t count) {
    first_ = first_ == behind_ ? now_ : std::min(first_, now_);
    behind_ = std::max(behind_, now_ + count);
    if constexpr (requires { kind_.in_registers; })
      kind_.in_registers = kind_.in_registers || count > 1;
    return last_.data() + now_;
  }

  StepCounts last(std::size_t step) const {
    return counts(last_[step], step >= first_ && step < behind_, first_of(last_, step));
  }
  /// Of all runs, in a step.
  StepCounts sum(std::size_t step) const {
    const std::uint64_t runs =
        std::accumulate(runs_.begin(), runs_.begin() + 1 + step, std::uint64_t{0});
    StepCounts sum = counts(before_[step], runs, first_of(before_, step));
    return sum += last(step);
  }
  static SampleCounts::Layer in_record() {
    return {{std::begin(Kind::counted), std::end(Kind::counted)}, Kind::each_step, {}};
  }
  void forget() {
    begin();
    std::fill(before_.begin(), before_.end(), Row{});
    std::fill(runs_.begin(), runs_.end(), 0);
  }

 private:
  static Row first_of(const std::vector<Row>& rows, std::size_t step) {
    return step == 0 ? rows[0] : Row{};
  }
  StepCounts counts(const Row& of, std::uint64_t runs, const Row& first) const {
    std::uint64_t counted[std::size(Kind::counted)];
    kind_.read(of, runs, first, counted);
    StepCounts counts = Kind::each_step * runs;
    for (std::size_t k = 0; k < std::size(counted); ++k) counts.*Kind::counted[k] = counted[k];
    return counts;
  }

  [[no_unique_address]] Kind kind_;
  std::vector<Row> last_, before_;
  std::vector<std::uint64_t> runs_;  // before the last: that began with a step, less that ended
  std::size_t now_ = 0, first_ = 0, behind_ = 0;  // counts outside of [first, behind) are 0
};

/// These counts.
template <std::uint64_t StepCounts::*... some>
struct SomeCounts {
  using Row = std::array<std::uint64_t, sizeof...(some)>;
  static constexpr std::uint64_t StepCounts::*counted[] = {some...};
  static constexpr StepCounts each_step{};
  static void add(const Row& more, Row& to) {
    for (std::size_t k = 0; k < to.size(); ++k) to[k] += more[k];
  }
  static void read(const Row& of, std::uint64_t, const Row&, std::uint64_t* to) {
    std::copy(of.begin(), of.end(), to);
  }
};

/// Of n spiking neurons.
template <std::size_t n>
struct NeuronCounts {
  using Row = kernels::Census;
  static void add(const Row& more, Row& to) {
    to.spikes += more.spikes;
    to.silent += more.silent;
    to.changed += more.changed;
    to.neurons += more.neurons;
  }
  static constexpr std::uint64_t StepCounts::*counted[] = {
      &StepCounts::spikes, &StepCounts::silent, &StepCounts::membrane_updates,
      &StepCounts::membrane_changes, &StepCounts::state_bytes};
  static constexpr StepCounts each_step{.outputs = n};
  /// Those that rest are silent, and nothing of them is updated or touched.
  void read(const Row& of, std::uint64_t runs, const Row& first, std::uint64_t* to) const {
    to[0] = of.spikes;
    to[1] = of.silent + runs * n - of.neurons;
    to[2] = of.neurons;
    to[3] = of.changed;
    to[4] = 2 * (in_registers ? first : of).neurons * sizeof(float);
  }

  bool in_registers = false;  // all steps in one pass
};

/// Of a layer of synapses [n][width]. Its operations: accumulates where spikes come in, else
/// multiply-accumulates.
template <std::size_t n, std::size_t width, bool spikes_come_in>
struct SynapseCounts {
  struct Row {
    std::uint64_t events = 0, synapses = 0, operations = 0, graded = 0, bytes = 0;
  };
  static void add(const Row& more, Row& to) {
    to.events += more.events;
    to.synapses += more.synapses;
    to.operations += more.operations;
    to.graded += more.graded;
    to.bytes += more.bytes;
  }
  static constexpr std::uint64_t StepCounts::*counted[] = {
      &StepCounts::events, &StepCounts::synaptic_events,
      spikes_come_in ? &StepCounts::acs : &StepCounts::macs, &StepCounts::graded_events,
      &StepCounts::weight_bytes};
  static constexpr StepCounts each_step{.inputs = n, .dense_operations = n * width};
  static void read(const Row& of, std::uint64_t, const Row&, std::uint64_t* to) {
    to[0] = of.events;
    to[1] = of.synapses;
    to[2] = of.operations;
    to[3] = of.graded;
    to[4] = of.bytes;
  }
};

/// Base of a layer's event-driven run, that counts by its `counts`; nothing where no one does.
template <bool counted, std::uint64_t StepCounts::*... some>
struct Counting {
  explicit Counting(const RunOptions&) {}
};
template <std::uint64_t StepCounts::*... some>
struct Counting<true, some...> {
  explicit Counting(const RunOptions& options) : counts(options.steps) {}
  /// In this step, beside what it counted already.
  void count(const typename SomeCounts<some...>::Row& more) {
    SomeCounts<some...>::add(more, counts.here());
  }
  LayerCounts<SomeCounts<some...>> counts;
};

/// The same of a layer of spiking neurons, with a neuron model's fire..., counted.
template <class Neuron, std::size_t n, bool counted>
struct NeuronCounting {
  using Constants = typename Neuron::Constants;
  explicit NeuronCounting(const RunOptions&) {}

  std::size_t fire(const float* drive, float* voltage, const Constants& c, std::uint32_t* index,
                   float* count) {
    return Neuron::fire(drive, voltage, n, c, index, count);
  }
  void fire_total(const float* drive, float* voltage, std::size_t steps, const Constants& c,
                  float* total) {
    Neuron::fire_total(drive, voltage, n, steps, c, total);
  }
  void fire_add(const float* drive, float* voltage, const Constants& c, float* total) {
    Neuron::fire_add(drive, voltage, n, c, total);
  }
  std::size_t fire_inputs(const float* x, float* voltage, const Constants& c, std::uint32_t* index,
                          float* count) {
    return Neuron::fire_inputs(x, voltage, n, c, index, count);
  }
  void total_inputs(const float* x, float* voltage, std::size_t steps, const Constants& c,
                    float* total) {
    Neuron::total_inputs(x, voltage, n, steps, c, total);
  }
  void add_inputs(const float* x, float* voltage, const Constants& c, float* total) {
    Neuron::add_inputs(x, voltage, n, c, total);
  }
  void begin_awake(const float*, const float*, std::size_t) {}
  std::size_t fire_awake(const float* drive, float* voltage, std::size_t awake, const Constants& c,
                         const std::uint32_t* which, std::uint32_t* index, float* count,
                         float* fired) {
    return Neuron::fire_awake(drive, voltage, awake, c, which, index, count, fired);
  }
};
template <class Neuron, std::size_t n>
struct NeuronCounting<Neuron, n, true> {
  using Constants = typename Neuron::Constants;
  explicit NeuronCounting(const RunOptions& options)
      : counts(options.steps), step_count(n), before(n) {}

  std::size_t fire(const float* drive, float* voltage, const Constants& c, std::uint32_t* index,
                   float* count) {
    kernels::Census* const census = counts.from_here(1);
    if constexpr (takes_census<Neuron>) {
      return Neuron::fire_counted(drive, voltage, n, c, index, count, census);
    } else {
      std::copy_n(voltage, n, before.begin());
      const std::size_t events = Neuron::fire(drive, voltage, n, c, index, count);
      compare(voltage, count, events, *census);
      return events;
    }
  }
  void fire_total(const float* drive, float* voltage, std::size_t steps, const Constants& c,
                  float* total) {
    kernels::Census* const census = counts.from_here(steps);
    if constexpr (takes_census<Neuron>) {
      Neuron::fire_total_counted(drive, voltage, n, steps, c, total, census);
    } else {
      std::fill_n(total, n, 0.0f);
      for (std::size_t t = 0; t < steps; ++t) {
        compared_step(drive, voltage, c, census[t]);
        add_to(total);
      }
    }
  }
  void fire_add(const float* drive, float* voltage, const Constants& c, float* total) {
    if constexpr (takes_census<Neuron>)
      Neuron::fire_total_counted(drive, voltage, n, 1, c, step_count.data(), counts.from_here(1));
    else
      compared_step(drive, voltage, c, *counts.from_here(1));
    add_to(total);
  }
  std::size_t fire_inputs(const float* x, float* voltage, const Constants& c, std::uint32_t* index,
                          float* count) {
    return Neuron::fire_inputs_counted(x, voltage, n, c, index, count, counts.from_here(1));
  }
  void total_inputs(const float* x, float* voltage, std::size_t steps, const Constants& c,
                    float* total) {
    Neuron::total_inputs_counted(x, voltage, n, steps, c, total, counts.from_here(steps));
  }
  void add_inputs(const float* x, float* voltage, const Constants& c, float* total) {
    Neuron::add_inputs_counted(x, voltage, n, c, total, counts.from_here(1));
  }
  /// Before the steps of fire_awake.
  void begin_awake(const float* drive, const float* voltage, std::size_t awake) {
    once = Neuron::fires_once(drive, voltage, awake);
  }
  std::size_t fire_awake(const float* drive, float* voltage, std::size_t awake, const Constants& c,
                         const std::uint32_t* which, std::uint32_t* index, float* count,
                         float* fired) {
    kernels::Census* const census = counts.from_here(1);
    if (!once)
      return Neuron::fire_awake_counted(drive, voltage, awake, c, which, index, count, fired,
                                        census);
    const std::size_t events =
        Neuron::fire_awake(drive, voltage, awake, c, which, index, count, fired);
    census->spikes += events;
    census->silent += awake - events;
    census->changed += once.driven;
    census->neurons += awake;
    return events;
  }

  LayerCounts<NeuronCounts<n>> counts;

 private:
  /// One step into step_count.
  void compared_step(const float* drive, float* voltage, const Constants& c, kernels::Census& of) {
    std::copy_n(voltage, n, before.begin());
    Neuron::fire_total(drive, voltage, n, 1, c, step_count.data());
    compare(voltage, step_count.data(), n, of);
  }
  void add_to(float* total) const {
    for (std::size_t i = 0; i < n; ++i) total[i] += step_count[i];
  }
  void compare(const float* voltage, const float* count, std::size_t size,
               kernels::Census& of) const {
    of.spikes += kernels::count_spikes(count, size).all;
    of.silent += n - (size - static_cast<std::size_t>(std::count(count, count + size, 0.0f)));
    for (std::size_t i = 0; i < n; ++i) of.changed += voltage[i] != before[i];
    of.neurons += n;
  }

  Buffer<float> step_count, before;
  kernels::Once once{};  // of the neurons that are awake
};

/// The same of a layer of synapses [inputs][width] of a layer that counts.
template <class Site, std::size_t width, class Weight>
struct SynapseCounting {
  SynapseCounting(const ParameterSet&, const RunOptions&) {}
};
template <class Site, std::size_t width, class Weight>
requires(Site::counted) struct SynapseCounting<Site, width, Weight> {
  static constexpr bool tells_all_operations = requires {
    requires Weight::template Event<Site::In::size, width>::tells_all_operations;
  };
  static constexpr std::size_t inputs = Site::In::size;

  SynapseCounting(const ParameterSet& parameters, const RunOptions& options)
      : counts(options.steps) {
    const Buffer<float>& kernel = parameters.tensor(Site::first_tensor);
    auto made = std::make_shared<Buffer<std::uint32_t>>(inputs);
    for (std::size_t i = 0; i < inputs; ++i) {
      (*made)[i] = static_cast<std::uint32_t>(
          width - static_cast<std::size_t>(std::count(kernel.begin() + i * width,
                                                      kernel.begin() + (i + 1) * width, 0.0f)));
      full = full && (*made)[i] == width;
    }
    degree = std::move(made);
  }

  void count(Values in, const ReadWeights& read) {
    std::uint64_t events = read.inputs, synapses = read.operations;
    bool graded;
    if (!tells_all_operations && full) {
      if (read.inputs == ReadWeights::untold) {
        const kernels::InputCount all = kernels::count_inputs(in.data(), inputs);
        events = all.nonzero;
        graded = all.graded;
      } else {
        graded = kernels::any_graded(in.data(), inputs);
      }
      synapses = events * width;
    } else {
      if (!tells_synapses()) {
        const kernels::Reached all = kernels::reached(in.data(), inputs, degree->data());
        synapses = all.worth;
        events = all.inputs;
      }
      graded = kernels::any_graded(in.data(), inputs);
    }
    note({events, synapses, synapses, graded ? synapses : 0, read.bytes});
  }

  void count(SpikeView in, const ReadWeights& read) {
    std::uint64_t synapses = 0, times = 0;
    bool graded = false;
    if (full) {  // each spike does as many operations
      synapses = in.size * width;
      times = read.operations;
      graded = times != synapses;
    } else if (tells_synapses() && !kernels::any_graded(in.count, in.size)) {
      synapses = times = read.operations;
    } else {
      for (std::size_t k = 0; k < in.size; ++k) {
        const std::uint64_t reached = (*degree)[in.index[k]];
        const float n = std::abs(in.count[k]);
        synapses += reached;
        if (n < 0x1p63f) times += reached * static_cast<std::uint64_t>(n);
        graded = graded || n != 1;
      }
    }
    note({in.size, synapses, times, graded ? synapses : 0, read.bytes});
  }

  /// Whether the operations of inputs that count once are the weights that are not 0. Those of
  /// dense rows are all weights.
  bool tells_synapses() const { return tells_all_operations && (full || group_of<Weight>() != 0); }

  using Kind = SynapseCounts<inputs, width, carried_by<typename Site::In, Spikes>>;
  void note(const typename Kind::Row& row) { counts.here() = row; }  // once a step

  LayerCounts<Kind> counts;
  std::shared_ptr<const Buffer<std::uint32_t>> degree;  // weights of an input that are not 0
  bool full = true;                                     // all of them
};

template <class Expansion>
concept CountsSteps = requires(Expansion& expansion) {
  expansion.counts.last(std::size_t{});
};

/// What a layer is to those who read its counts.
template <class Placed>
CountedLayer counted_layer(const ParameterSet& parameters) {
  using Node = typename Placed::Node;
  using Layer = typename Node::Layer;
  constexpr std::size_t first = Placed::Site::first_tensor;
  CountedLayer layer;
  layer.index = Node::index;
  layer.label = Node::label.view();
  layer.kind = Layer::kind;
  layer.neurons = detail::stats_of<Node>().value_or(LayerStats{}).neurons;
  layer.spiking = carried_by<typename Node::Out, Spikes>;
  layer.spikes_come_in = carried_by<typename Node::In, Spikes>;
  for (std::size_t i = first; i < first + detail::tensor_count<Node>; ++i)
    layer.parameter_bytes += parameters.tensor(i).size() * sizeof(float);
  if constexpr (requires { typename Layer::Weight; }) {
    const Buffer<float>& kernel = parameters.tensor(first);
    layer.weights = kernel.size();
    layer.zero_weights = static_cast<std::size_t>(std::count(kernel.begin(), kernel.end(), 0.0f));
    layer.parameter_bytes -= layer.weights * sizeof(float);
    layer.parameter_bytes += bytes_of<typename Layer::Weight>(Node::In::size, Node::Out::size);
  }
  if constexpr (requires { Layer::states(Node::In::size); })
    layer.state_bytes = Layer::states(Node::In::size) * sizeof(float);
  return layer;
}

}  // namespace synfire
