// ClockedReference<Net>: the definition of what a network computes. Dense, scalar, obvious: every
// neuron and every synapse at every step. Not a fast path.
#pragma once

#include <boost/hana/fold_left.hpp>
#include <boost/hana/transform.hpp>
#include <boost/hana/tuple.hpp>
#include <cstddef>
#include <vector>

#include <synfire/dsl/parameters.hpp>
#include <synfire/dsl/probe.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/dsl/states.hpp>
#include <synfire/error.hpp>

namespace synfire {

template <class Net, class... Probed>
class ClockedReference : detail::check_probes<Net, Probed...>,
                         public States<Net, ClockedReference<Net, Probed...>> {
 public:
  /// Throws InvalidSetting for a dt or a number of steps that cannot be.
  ClockedReference(const Parameters<Net>& parameters, const RunOptions& options)
      : options_((options.validate(), options)), layers_(make(parameters, options)) {}

  /// Runs sample number `sample` (the address of its initial voltages): sample_size() values in,
  /// output size values out, or steps * output size where the network's output changes from step to
  /// step. Throws ShapeMismatch.
  const std::vector<float>& run(Values sample_values, std::size_t sample = 0) {
    if (sample_values.size() != sample_size())
      throw ShapeMismatch("the sample", sample_size(), sample_values.size());
    records_ = make_records();
    this->make_ready({.seed = options_.seed, .sample = static_cast<std::uint32_t>(sample)},
                     options_.stateful);
    output_.clear();
    for (std::size_t t = 0; t < options_.steps; ++t) {
      const auto& last = hana::fold_left(
          layers_, sample_values, [&]<class L>(const auto& in, L& layer) -> const auto& {
            layer.expansion.step(in);
            if constexpr (L::probe < sizeof...(Probed))
              records_[L::probe].keep(t, layer.expansion.value);
            return layer.expansion.value;
          });
      if (!in_time<typename Net::Out>) output_.clear();
      for (std::size_t i = 0; i < last.size(); ++i) output_.push_back(last[i]);
    }
    return output_;
  }

  /// What Probe<name> kept, a row a step, of every carrier.
  template <Name name>
  const Record& recorded() const {
    return records_[probe_index(name.view())];
  }

  static constexpr std::size_t input_size() { return detail::input_size<Net>(); }
  std::size_t sample_size() const { return detail::sample_size<Net>(options_.steps); }

 private:
  friend class States<Net, ClockedReference>;

  static constexpr std::size_t probe_index(std::string_view label) {
    constexpr auto names = Probes<Probed...>::names;
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), label) - names.begin());
  }

  template <class Placed>
  struct Layer : Running<typename Placed::Layer::template Clocked<typename Placed::Site>> {
    static constexpr std::size_t probe = probe_index(Placed::Node::label.view());
  };

  static auto make(const ParameterSet& parameters, const RunOptions& options) {
    return hana::transform(Sites<Net>{}, [&](auto placed) {
      return Layer<typename decltype(placed)::type>{{{parameters, options}}};
    });
  }

  using Layers =
      decltype(make(std::declval<const ParameterSet&>(), std::declval<const RunOptions&>()));

  template <class Engine, class Work>
  static decltype(auto) with_layers(Engine& engine, const Work& work) {
    return work(engine.layers_);
  }

  std::vector<Record> make_records() const {
    std::vector<Record> records;
    (records.emplace_back(detail::labels<Net>::widths[detail::index_of<Net, Probed::name>],
                          options_.steps),
     ...);
    return records;
  }

  RunOptions options_;
  Layers layers_;
  std::vector<Record> records_;
  std::vector<float> output_;
};

}  // namespace synfire
