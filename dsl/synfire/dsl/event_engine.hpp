// EventEngine<Net>: runs a network by its spikes.
//
// The schedule, and why it is the same as the reference's:
//   before  what is Held is computed once: its inputs are the same at every step.
//   step    layers whose values change, in order; synapses are touched by events alone. A layer of
//           neurons driven by a held current, whose reader wants only means, has no step: its
//           neurons do not depend on each other, so each is integrated over all steps in a
//           register.
//   after   what is Final is computed once: only its last value is read.
// Sums run in ascending order of the presynaptic index, from the bias on, in both: leaving out
// terms that are zero does not change a sum, so spikes and outputs are the reference's to the last
// bit.
// A run that options.stop may end early is another schedule: see anytime.hpp.
#pragma once

#include <array>
#include <boost/hana/at.hpp>
#include <boost/hana/back.hpp>
#include <boost/hana/fold_left.hpp>
#include <boost/hana/for_each.hpp>
#include <boost/hana/size.hpp>
#include <boost/hana/transform.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/unpack.hpp>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <synfire/dsl/anytime.hpp>
#include <synfire/dsl/counting.hpp>
#include <synfire/dsl/parameters.hpp>
#include <synfire/dsl/probe.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/dsl/states.hpp>
#include <synfire/error.hpp>

namespace synfire {

/// One engine serves one thread; copies share the weights. Nothing is allocated after construction.
template <class Net, class... Probed>
class EventEngine : detail::check_probes<Net, Probed...>,
                    public States<Net, EventEngine<Net, Probed...>> {
 public:
  /// Values of the input: of a sample, or, where it is a sequence, of each step of one.
  static constexpr std::size_t input_size() { return detail::input_size<Net>(); }
  std::size_t sample_size() const { return detail::sample_size<Net>(options_.steps); }

  /// Whether runs may stop early: the output is several values that are known when the run ends,
  /// and no probe looks at all steps.
  static constexpr bool can_stop = decides<Net> && Probes<Probed...>::size == 0;
  /// Whether it counts what each layer does in each step: with Counted among the probes.
  static constexpr bool counts_steps = Probes<Probed...>::counted;

  /// Copies the weights into the layout of the kernels: later changes to `parameters` do not count.
  /// Throws InvalidSetting for a dt or a number of steps that cannot be, and for runs that are to
  /// stop early where they cannot.
  EventEngine(const Parameters<Net>& parameters, const RunOptions& options)
      : options_((options.validate(), options)),
        layers_(make_running(parameters, options)),
        records_(make_records()),
        output_(Net::Out::size * (in_time<typename Net::Out> ? options.steps : 1)) {}

  /// Runs one sample: [input size] values in, or [steps][input size] where the input is a sequence;
  /// [output size] out, or [steps][output size] where the network's output changes from step to
  /// step; valid until the next run. `sample` addresses the initial voltages: the same number gives
  /// the same run, unless options.stateful lets it go on from the last. A run that options.stop
  /// ends early gives the output as it is then. Throws ShapeMismatch.
  Values run(Values sample_values, std::size_t sample = 0) {
    begin(sample_values, sample);
    if constexpr (can_stop) {
      if (auto* anytime = std::get_if<Unhurried>(&layers_)) {
        steps_used_ = anytime->run(sample_values, options_);
        steps_saved_ += options_.steps - steps_used_;
        keep_output(anytime->layers, 0);
        return end();
      }
    }
    pass(whole(), sample_values, kBefore);
    return finish(sample_values);
  }

  /// run() of the samples first, first + 1, ..., each by its own of these engines, which are copies
  /// of one another: what is Held is computed layer by layer, for all of them where one reading of
  /// the weights serves several. At most kernels::kMostProducts. The same spikes and the same bits
  /// of outputs and counts as one by one, and without prepare_together() of states, too.
  static void run_together(std::span<EventEngine> engines, std::span<const Values> samples,
                           std::size_t first) {
    if (engines.empty()) return;
    if (engines[0].options_.stop.rule != Stop::Rule::Never) {
      for (std::size_t k = 0; k < engines.size(); ++k) engines[k].run(samples[k], first + k);
      return;
    }
    for (std::size_t k = 0; k < engines.size(); ++k) engines[k].begin(samples[k], first + k);
    before_together<0>(engines, samples.data());
    for (std::size_t k = 0; k < engines.size(); ++k) engines[k].finish(samples[k]);
  }
  /// Lets this engine, and copies made of it from now on, run together faster where the processor
  /// multiplies tiles (kernels::has_tiles): products of held pixels by neurons' weights are then
  /// made by sums of whole numbers, which lie so near to those of floats that no neuron can have
  /// fired at another step, or are made again. Takes three quarters of the weights' memory once
  /// more. Voltages of such runs are near, too; runs that are stateful do not take part.
  void prepare_together() {
    if (options_.stop.rule == Stop::Rule::Never && !options_.stateful) prepare_from<0>();
  }
  /// Whether it can be faster than one by one.
  static constexpr bool gains_together() {
    return []<std::size_t... index>(std::index_sequence<index...>) {
      return ((together<ExpansionAt<index>> || is_judged<index>()) || ...);
    }
    (std::make_index_sequence<layer_count()>{});
  }

  /// Of the last run.
  Values output() const { return output_; }
  /// Of the last run: options().steps, unless it stopped early.
  std::size_t steps_used() const { return steps_used_; }

  /// The layers that count, in the order of their counts.
  static std::vector<CountedLayer> counted_layers(const Parameters<Net>& parameters) requires
      counts_steps {
    std::vector<CountedLayer> counted;
    hana::for_each(Sites<Net, Probes<Probed...>>{}, [&](auto placed) {
      using Placed = typename decltype(placed)::type;
      if constexpr (CountsSteps<decltype(Layer<Placed>::expansion)>)
        counted.push_back(counted_layer<Placed>(parameters));
    });
    return counted;
  }
  /// Of the last run, [counted_layers][steps].
  RunCounts counts() const requires counts_steps {
    return collected(1, [](const auto& counts, std::size_t t) { return counts.last(t); });
  }
  /// The same of all runs since construction or forget().
  RunCounts sum_of_counts() const requires counts_steps {
    return collected(samples_, [](const auto& counts, std::size_t t) { return counts.sum(t); });
  }
  /// What a sample's record has of the layers that count.
  std::vector<SampleCounts::Layer> recorded_layers() const requires counts_steps {
    std::vector<SampleCounts::Layer> layers;
    for_each_counting([&](const auto& counts, std::size_t neurons) {
      layers.push_back(counts.in_record());
      layers.back().each_sample.clocked_updates = neurons * options_.steps;
    });
    return layers;
  }
  /// The last run counts as one of `to`, which is this engine or a copy of it, in sum_of_counts(),
  /// and no longer here: the sums of many engines side by side stay in a near cache. Its record,
  /// over its steps, is written where there is room for one.
  void move_counts(EventEngine& to, std::span<std::uint64_t> record = {}) requires counts_steps {
    std::uint64_t* at = record.data();
    with_layers(*this, [&]<class All>(All& layers) {
      with_layers(to, [&]<class Others>(Others& others) {
        if constexpr (std::is_same_v<All, Others>)
          [&]<std::size_t... i>(std::index_sequence<i...>) {
            ((at = move_counts_of(hana::at_c<i>(layers).expansion, hana::at_c<i>(others).expansion,
                                  at)),
             ...);
          }
        (std::make_index_sequence<decltype(hana::size(layers))::value>{});
      });
    });
  }

  /// What Probe<name> kept of the last run.
  template <Name name>
  const Record& recorded() const {
    return records_[probe_index(name.view())];
  }

  /// Counts of all runs since construction or forget().
  Activity activity() const {
    Activity activity{samples_, options_.steps, options_.dt, {}};
    with_layers(*this, [&](const auto& layers) {
      hana::for_each(layers, [&](const auto& layer) {
        if constexpr (requires(LayerActivity & a) { layer.expansion.tally(a); }) {
          LayerActivity a;
          a.index = layer.index;
          a.label = layer.label;
          a.neurons = layer.size;
          activity.layers.push_back(std::move(a));
        }
      });
    });
    read_activity(activity);
    return activity;
  }
  /// The same, into what activity() of such an engine returned before: nothing is allocated.
  void read_activity(Activity& activity) const {
    activity.samples = samples_;
    activity.steps_saved = steps_saved_;
    with_layers(*this, [&](const auto& layers) {
      auto to = activity.layers.begin();
      hana::for_each(layers, [&](const auto& layer) {
        if constexpr (requires(LayerActivity & a) { layer.expansion.tally(a); }) {
          to->spikes = to->synaptic_operations = to->neuron_updates = 0;
          to->weight_rows = to->weight_bytes = 0;
          to->most_a_step = 0;
          to->mean_rate = to->max_rate = 0;
          layer.expansion.tally(*to++);
        }
      });
    });
    activity.update_rates();
  }
  void forget() {
    samples_ = steps_saved_ = 0;
    with_layers(*this, [](auto& layers) {
      hana::for_each(layers, [](auto& layer) {
        if constexpr (requires { layer.expansion.forget(); }) layer.expansion.forget();
        if constexpr (CountsSteps<decltype(layer.expansion)>) layer.expansion.counts.forget();
      });
    });
  }

  const RunOptions& options() const { return options_; }

 private:
  friend class States<Net, EventEngine>;

  static constexpr std::size_t probe_index(std::string_view label) {
    constexpr auto names = Probes<Probed...>::names;
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), label) - names.begin());
  }

  template <class Placed>
  struct Layer : EventLayer<Placed> {
    static constexpr std::size_t probe = probe_index(Layer::label);
    static constexpr bool in_steps = in_time<typename Placed::Node::Out>;
    /// Neurons that a held current drives to a mean do all their steps before.
    static constexpr bool works_in_steps =
        in_steps &&
        !(carried_by<typename Placed::Node::In, Held> && Placed::Site::wanted == Delivery::Mean);
  };

  static auto make(const ParameterSet& parameters, const RunOptions& options) {
    return hana::transform(Sites<Net, Probes<Probed...>>{}, [&](auto placed) {
      return Layer<typename decltype(placed)::type>{{{{parameters, options}}}};
    });
  }
  using Layers =
      decltype(make(std::declval<const ParameterSet&>(), std::declval<const RunOptions&>()));

  static constexpr std::size_t layer_count() {
    return decltype(hana::size(std::declval<Layers>()))::value;
  }

  /// Runs that may stop early have layers of their own, which do everything step by step.
  using Unhurried = Anytime<Net, counts_steps>;
  static auto make_running(const ParameterSet& parameters, const RunOptions& options) {
    if constexpr (can_stop) {
      using Either = std::variant<Layers, Unhurried>;
      if (options.stop.rule == Stop::Rule::Never) return Either(make(parameters, options));
      return Either(std::in_place_type<Unhurried>, parameters, options);
    } else {
      if (options.stop.rule != Stop::Rule::Never)
        throw InvalidSetting(
            "stop", options.stop.text(),
            decides<Net>
                ? "never where layers are probed"
                : "never in a network whose output is not several values known at the end");
      return make(parameters, options);
    }
  }
  using RunningLayers = decltype(make_running(std::declval<const ParameterSet&>(),
                                              std::declval<const RunOptions&>()));

  /// Work on the layers of this engine's runs.
  template <class Engine, class Work>
  static decltype(auto) with_layers(Engine& engine, const Work& work) {
    if constexpr (can_stop) {
      if (auto* anytime = std::get_if<Unhurried>(&engine.layers_)) return work(anytime->layers);
      return work(*std::get_if<Layers>(&engine.layers_));
    } else {
      return work(engine.layers_);
    }
  }

  static constexpr bool has_steps =
      decltype(hana::unpack(std::declval<Layers>(), []<class... L>(const L&...) {
        return std::bool_constant<(L::works_in_steps || ...)>{};
      }))::value;

  /// The layers of runs that take every step.
  Layers& whole() {
    if constexpr (can_stop) {
      return *std::get_if<Layers>(&layers_);
    } else {
      return layers_;
    }
  }

  void begin(Values sample_values, std::size_t sample) {
    if (sample_values.size() != sample_size())
      throw ShapeMismatch("the sample", sample_size(), sample_values.size());
    this->make_ready({.seed = options_.seed, .sample = static_cast<std::uint32_t>(sample)},
                     options_.stateful);
    steps_used_ = options_.steps;
    if constexpr (counts_steps)
      with_layers(*this, [](auto& layers) {
        hana::for_each(layers, [](auto& layer) {
          if constexpr (CountsSteps<decltype(layer.expansion)>) layer.expansion.counts.begin();
        });
      });
  }

  template <class Expansion>
  static std::uint64_t* move_counts_of(Expansion& from, Expansion& to, std::uint64_t* record) {
    if constexpr (CountsSteps<Expansion>)
      return from.counts.move_last(to.counts, record);
    else
      return record;
  }

  /// Calls work(counts, neurons that a clock-driven machine updates at every step).
  template <class Work>
  void for_each_counting(const Work& work) const {
    with_layers(*this, [&work](const auto& layers) {
      hana::for_each(layers, [&work]<class L>(const L& layer) {
        if constexpr (CountsSteps<decltype(layer.expansion)>)
          work(layer.expansion.counts, L::is_spiking ? L::size : 0);
      });
    });
  }
  /// of(counts, step) of each layer. A clock-driven machine updates every neuron at every step,
  /// which no run needs to count.
  template <class Of>
  RunCounts collected(std::uint64_t samples, const Of& of) const {
    RunCounts all{options_.steps, {}};
    for_each_counting([&](const auto& counts, std::size_t neurons) {
      for (std::size_t t = 0; t < options_.steps; ++t) {
        StepCounts& step = all.counts.emplace_back(of(counts, t));
        step.clocked_updates = samples * neurons;
      }
    });
    return all;
  }

  static constexpr auto kBefore = [](auto& layer, const auto& in) {
    if constexpr (requires { layer.expansion.before(in); }) layer.expansion.before(in);
  };

  template <class Expansion>
  static constexpr bool together = requires(std::span<Expansion* const> all, const Values* in) {
    Expansion::before_together(all, in);
  };
  template <class Expansion>
  static constexpr bool can_be_near = requires(std::span<Expansion* const> all, const Values* in) {
    Expansion::near_together(all, in);
  };
  template <std::size_t index>
  using ExpansionAt = decltype(std::remove_reference_t<decltype(hana::at_c<index>(
                                   std::declval<Layers&>()))>::expansion);
  /// The layer has sums whose errors the next one can judge.
  template <std::size_t index>
  static consteval bool is_judged() {
    if constexpr (Probes<Probed...>::size != 0 || index + 1 >= layer_count()) {
      return false;
    } else {
      return can_be_near<ExpansionAt<index>> &&
             requires(const ExpansionAt<index + 1>& next, Values in, const float* error) {
        next.alike(in, error);
      };
    }
  }

  template <std::size_t index>
  void prepare_from() {
    if constexpr (index < layer_count()) {
      if constexpr (is_judged<index>()) hana::at_c<index>(whole()).expansion.prepare_together();
      prepare_from<index + 1>();
    }
  }

  /// `before` of layer `index` by sums that are near; false where that is not to be had.
  template <std::size_t index>
  static bool near_together(std::span<EventEngine> engines, const Values* in) {
    std::array<ExpansionAt<index>*, kernels::kMostProducts> all{};
    for (std::size_t k = 0; k < engines.size(); ++k)
      all[k] = &hana::at_c<index>(engines[k].whole()).expansion;
    if (!ExpansionAt<index>::near_together({all.data(), engines.size()}, in)) return false;
    // Those whose neurons might tell.
    std::array<Values, kernels::kMostProducts> again{};
    std::size_t n = 0;
    for (std::size_t k = 0; k < engines.size(); ++k) {
      ExpansionAt<index>& here = *all[k];
      const auto& next = hana::at_c<index + 1>(engines[k].whole()).expansion;
      if (next.alike(here.value(), here.error.data())) continue;
      all[n] = &here;
      again[n++] = in[k];
    }
    if (n != 0) ExpansionAt<index>::sum_again({all.data(), n}, again.data());
    return true;
  }

  /// `before` of the layers from `index` on, of which in[k] comes into that of engine k.
  template <std::size_t index, class In>
  static void before_together(std::span<EventEngine> engines, const In* in) {
    if constexpr (index < layer_count()) {
      const auto layer = [&](std::size_t k) -> auto& {
        return hana::at_c<index>(engines[k].whole());
      };
      using Expansion = ExpansionAt<index>;
      bool done = false;
      if constexpr (is_judged<index>()) done = near_together<index>(engines, in);
      if constexpr (together<Expansion>) {
        if (!done) {
          std::array<Expansion*, kernels::kMostProducts> all{};
          for (std::size_t k = 0; k < engines.size(); ++k) all[k] = &layer(k).expansion;
          Expansion::before_together({all.data(), engines.size()}, in);
        }
      } else if (!done) {
        for (std::size_t k = 0; k < engines.size(); ++k) kBefore(layer(k), in[k]);
      }
      std::array<decltype(layer(0).expansion.value()), kernels::kMostProducts> out{};
      for (std::size_t k = 0; k < engines.size(); ++k) out[k] = layer(k).expansion.value();
      before_together<index + 1>(engines, out.data());
    }
  }

  /// What comes after `before`.
  Values finish(Values sample) {
    Layers& layers = whole();
    if constexpr (has_steps) {
      for (std::size_t t = 0; t < options_.steps; ++t) {
        if constexpr (counts_steps) count_at(layers, t);
        pass(layers, sample, [](auto& layer, const auto& in) {
          if constexpr (requires { layer.expansion.step(in); }) layer.expansion.step(in);
        });
        if constexpr (Probes<Probed...>::size != 0) record(layers, t);
        if constexpr (in_time<typename Net::Out>) keep_output(layers, t);
      }
    }
    if constexpr (counts_steps) count_at(layers, options_.steps - 1);
    pass(layers, sample, [](auto& layer, const auto& in) {
      if constexpr (requires { layer.expansion.after(in); }) layer.expansion.after(in);
    });
    if constexpr (Probes<Probed...>::size != 0) record_once(layers);
    if constexpr (!in_time<typename Net::Out>) keep_output(layers, 0);
    return end();
  }

  Values end() {
    ++samples_;
    return output_;
  }

  std::vector<Record> make_records() const {
    std::vector<Record> records;
    (
        [&] {
          if constexpr (detail::looks_at_a_layer<Probed>) {
            constexpr std::size_t at = detail::index_of<Net, Probed::name>;
            records.emplace_back(detail::labels<Net>::widths[at],
                                 detail::labels<Net>::in_steps[at] ? options_.steps : 1);
          } else {
            records.emplace_back(0, 0);
          }
        }(),
        ...);
    return records;
  }
  void record(const Layers& layers, std::size_t t) {
    hana::for_each(layers, [&]<class L>(const L& layer) {
      if constexpr (L::probe < sizeof...(Probed) && L::in_steps)
        records_[L::probe].keep(t, layer.expansion.value());
    });
  }
  void record_once(const Layers& layers) {
    hana::for_each(layers, [&]<class L>(const L& layer) {
      if constexpr (L::probe < sizeof...(Probed) && !L::in_steps)
        records_[L::probe].keep(0, layer.expansion.value());
    });
  }

  /// The last layer's value, in row t of the output.
  template <class L>
  void keep_output(const L& layers, std::size_t t) {
    if constexpr (Net::sound) {
      float* row = output_.data() + t * Net::Out::size;
      const auto value = hana::back(layers).expansion.value();
      if constexpr (carried_by<typename Net::Out, Spikes>) {
        std::fill_n(row, Net::Out::size, 0.0f);
        for (std::size_t k = 0; k < value.size; ++k)
          row[value.index[k]] = value.count[k] / value.unit;
      } else {
        std::copy(value.begin(), value.end(), row);
      }
    }
  }

  RunOptions options_;
  RunningLayers layers_;
  std::vector<Record> records_;
  Buffer<float> output_;
  std::size_t steps_used_ = 0;
  std::uint64_t samples_ = 0, steps_saved_ = 0;
};

}  // namespace synfire
