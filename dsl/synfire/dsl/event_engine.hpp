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
#include <vector>

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

  /// Copies the weights into the layout of the kernels: later changes to `parameters` do not count.
  /// Throws InvalidSetting for a dt or a number of steps that cannot be.
  EventEngine(const Parameters<Net>& parameters, const RunOptions& options)
      : options_((options.validate(), options)),
        layers_(make(parameters, options)),
        records_(make_records()),
        output_(Net::Out::size * (in_time<typename Net::Out> ? options.steps : 1)) {}

  /// Runs one sample: [input size] values in, or [steps][input size] where the input is a sequence;
  /// [output size] out, or [steps][output size] where the network's output changes from step to
  /// step; valid until the next run. `sample` addresses the initial voltages: the same number gives
  /// the same run, unless options.stateful lets it go on from the last. Throws ShapeMismatch.
  Values run(Values sample_values, std::size_t sample = 0) {
    begin(sample_values, sample);
    pass(sample_values, kBefore);
    return finish(sample_values);
  }

  /// run() of the samples first, first + 1, ..., each by its own of these engines, which are copies
  /// of one another: what is Held is computed layer by layer, for all of them where one reading of
  /// the weights serves several. At most kernels::kMostProducts. The same bits as one by one.
  static void run_together(std::span<EventEngine> engines, std::span<const Values> samples,
                           std::size_t first) {
    for (std::size_t k = 0; k < engines.size(); ++k) engines[k].begin(samples[k], first + k);
    before_together<0>(engines, samples.data());
    for (std::size_t k = 0; k < engines.size(); ++k) engines[k].finish(samples[k]);
  }
  /// Whether it can be faster than one by one.
  static constexpr bool gains_together() { return kGainsTogether; }

  /// Of the last run.
  Values output() const { return output_; }

  /// What Probe<name> kept of the last run.
  template <Name name>
  const Record& recorded() const {
    return records_[probe_index(name.view())];
  }

  /// Counts of all runs since construction or forget().
  Activity activity() const {
    Activity activity{samples_, options_.steps, options_.dt, {}};
    hana::for_each(layers_, [&](const auto& layer) {
      if constexpr (requires(LayerActivity & a) { layer.expansion.tally(a); }) {
        LayerActivity a;
        a.index = layer.index;
        a.label = layer.label;
        a.neurons = layer.size;
        activity.layers.push_back(std::move(a));
      }
    });
    read_activity(activity);
    return activity;
  }
  /// The same, into what activity() of such an engine returned before: nothing is allocated.
  void read_activity(Activity& activity) const {
    activity.samples = samples_;
    auto to = activity.layers.begin();
    hana::for_each(layers_, [&](const auto& layer) {
      if constexpr (requires(LayerActivity & a) { layer.expansion.tally(a); }) {
        to->spikes = to->synaptic_operations = to->neuron_updates = 0;
        to->weight_rows = to->weight_bytes = 0;
        to->most_spikes = 0;
        to->mean_rate = to->max_rate = 0;
        layer.expansion.tally(*to++);
      }
    });
    activity.update_rates();
  }
  void forget() {
    samples_ = 0;
    hana::for_each(layers_, [](auto& layer) {
      if constexpr (requires { layer.expansion.forget(); }) layer.expansion.forget();
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
  struct Layer : Running<typename Placed::Layer::template Event<typename Placed::Site>> {
    static constexpr std::size_t index = Placed::Node::index;
    static constexpr std::string_view label = Placed::Node::label.view();
    static constexpr std::size_t size = Placed::Node::Out::size;
    static constexpr std::size_t probe = probe_index(label);
    static constexpr bool in_steps = in_time<typename Placed::Node::Out>;
    /// Neurons that a held current drives to a mean do all their steps before.
    static constexpr bool works_in_steps =
        in_steps &&
        !(carried_by<typename Placed::Node::In, Held> && Placed::Site::wanted == Delivery::Mean);
  };

  static auto make(const ParameterSet& parameters, const RunOptions& options) {
    return hana::transform(Sites<Net, Probes<Probed...>>{}, [&](auto placed) {
      return Layer<typename decltype(placed)::type>{{{parameters, options}}};
    });
  }
  using Layers =
      decltype(make(std::declval<const ParameterSet&>(), std::declval<const RunOptions&>()));

  static constexpr bool has_steps =
      decltype(hana::unpack(std::declval<Layers>(), []<class... L>(const L&...) {
        return std::bool_constant<(L::works_in_steps || ...)>{};
      }))::value;

  static constexpr auto kBefore = [](auto& event, const auto& in) {
    if constexpr (requires { event.before(in); }) event.before(in);
  };

  void begin(Values sample_values, std::size_t sample) {
    if (sample_values.size() != sample_size())
      throw ShapeMismatch("the sample", sample_size(), sample_values.size());
    this->make_ready({.seed = options_.seed, .sample = static_cast<std::uint32_t>(sample)},
                     options_.stateful);
  }

  /// What comes after `before`.
  Values finish(Values sample_values) {
    if constexpr (has_steps) {
      for (std::size_t t = 0; t < options_.steps; ++t) {
        pass(sample_values, [](auto& event, const auto& in) {
          if constexpr (requires { event.step(in); }) event.step(in);
        });
        if constexpr (sizeof...(Probed) != 0) record(t);
        if constexpr (in_time<typename Net::Out>) keep_output(t);
      }
    }
    pass(sample_values, [](auto& event, const auto& in) {
      if constexpr (requires { event.after(in); }) event.after(in);
    });
    if constexpr (sizeof...(Probed) != 0) record_once();
    if constexpr (!in_time<typename Net::Out>) keep_output(0);
    ++samples_;
    return output_;
  }

  template <class Expansion>
  static constexpr bool together = requires(std::span<Expansion* const> all, const Values* in) {
    Expansion::before_together(all, in);
  };
  static constexpr bool kGainsTogether =
      decltype(hana::unpack(std::declval<Layers>(), []<class... L>(const L&...) {
        return std::bool_constant<(together<decltype(L::expansion)> || ...)>{};
      }))::value;

  /// `before` of the layers from `index` on, of which in[k] comes into that of engine k.
  template <std::size_t index, class In>
  static void before_together(std::span<EventEngine> engines, const In* in) {
    if constexpr (index < decltype(hana::size(std::declval<Layers>()))::value) {
      const auto expansion = [&](std::size_t k) -> auto& {
        return hana::at_c<index>(engines[k].layers_).expansion;
      };
      using Expansion = std::remove_reference_t<decltype(expansion(0))>;
      if constexpr (together<Expansion>) {
        std::array<Expansion*, kernels::kMostProducts> all{};
        for (std::size_t k = 0; k < engines.size(); ++k) all[k] = &expansion(k);
        Expansion::before_together({all.data(), engines.size()}, in);
      } else {
        for (std::size_t k = 0; k < engines.size(); ++k) kBefore(expansion(k), in[k]);
      }
      std::array<decltype(expansion(0).value()), kernels::kMostProducts> out{};
      for (std::size_t k = 0; k < engines.size(); ++k) out[k] = expansion(k).value();
      before_together<index + 1>(engines, out.data());
    }
  }

  /// Offers each layer the value of the one before.
  template <class Work>
  void pass(Values sample, Work work) {
    hana::fold_left(layers_, sample, [&work](const auto& in, auto& layer) {
      work(layer.expansion, in);
      return layer.expansion.value();
    });
  }

  std::vector<Record> make_records() const {
    std::vector<Record> records;
    (records.emplace_back(
         detail::labels<Net>::widths[detail::index_of<Net, Probed::name>],
         detail::labels<Net>::in_steps[detail::index_of<Net, Probed::name>] ? options_.steps : 1),
     ...);
    return records;
  }
  void record(std::size_t t) {
    hana::for_each(layers_, [&]<class L>(L& layer) {
      if constexpr (L::probe < sizeof...(Probed) && L::in_steps)
        records_[L::probe].keep(t, layer.expansion.value());
    });
  }
  void record_once() {
    hana::for_each(layers_, [&]<class L>(L& layer) {
      if constexpr (L::probe < sizeof...(Probed) && !L::in_steps)
        records_[L::probe].keep(0, layer.expansion.value());
    });
  }

  /// The last layer's value, in row t of the output.
  void keep_output(std::size_t t) {
    if constexpr (Net::sound) {
      float* row = output_.data() + t * Net::Out::size;
      const auto value = hana::back(layers_).expansion.value();
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
  Layers layers_;
  std::vector<Record> records_;
  Buffer<float> output_;
  std::uint64_t samples_ = 0;
};

}  // namespace synfire
