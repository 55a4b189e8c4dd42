// States: the state of an engine's layers between runs.
#pragma once

#include <algorithm>
#include <boost/hana/at.hpp>
#include <boost/hana/for_each.hpp>
#include <cstddef>
#include <span>
#include <utility>

#include <synfire/dsl/probe.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/error.hpp>

namespace synfire {

/// A layer's expansion in an engine.
template <class Expansion>
struct Running {
  Expansion expansion;
  bool goes_on = false;  // the next run starts from the state as it is
};

/// Base of the engines: reads and sets the states of layers, which are called by their labels.
/// Neurons have their voltages as state: [neurons].
template <class Net, class Engine>
class States {
 public:
  /// Start every sample from these voltages ([neurons] of the layer of that label) instead of drawn
  /// ones. Throws ShapeMismatch.
  template <Name label>
  void set_initial_voltage(Values voltage) {
    constexpr bool has_voltage = requires(ExpansionOf<label> & expansion) {
      expansion.initial.given;
    };
    static_assert(!known<label> || has_voltage, "the layer of that label has no voltage");
    if constexpr (has_voltage)
      with_layer<label>([voltage](auto& layer) {
        auto& expansion = layer.expansion;
        if (voltage.size() != expansion.voltage.size())
          throw ShapeMismatch("the initial voltage", expansion.voltage.size(), voltage.size());
        expansion.initial.given = Buffer<float>(voltage.size());
        std::copy(voltage.begin(), voltage.end(), expansion.initial.given.begin());
      });
  }

  /// What the last run left; zeros before the first.
  template <Name label>
  Values state() const {
    // An expansion hands out its state to be changed; here it is only read.
    return const_cast<States*>(this)->template mutable_state<label>();
  }

  /// Start the next run from this state: the following ones too where options.stateful says so.
  /// Throws ShapeMismatch.
  template <Name label>
  void set_state(Values values) {
    const std::span<float> state = mutable_state<label>();
    if (values.size() != state.size())
      throw ShapeMismatch("the state", state.size(), values.size());
    std::copy(values.begin(), values.end(), state.begin());
    with_layer<label>([](auto& layer) { layer.goes_on = true; });
  }

  /// Forgets all states: the next run starts as a new engine's first.
  void reset() {
    for_each_running([](auto& layer) { layer.goes_on = false; });
  }

 protected:
  /// Readies every layer for a run.
  void make_ready(const RandomAddress& address, bool stateful) {
    for_each_running([&](auto& layer) {
      auto& expansion = layer.expansion;
      if constexpr (requires { expansion.start(address); })
        if (!layer.goes_on) expansion.start(address);
      if constexpr (requires { expansion.begin(); }) expansion.begin();
      layer.goes_on = stateful;
    });
  }

 private:
  template <Name label>
  static constexpr bool known = detail::known_label<Net, label>;

  template <Name label>
  static constexpr std::size_t place() {
    static_assert(known<label>, "no layer of this network has that label");
    return known<label> ? detail::index_of<Net, label> : 0;
  }

  /// The layer's expansion where every step is run: another has the same state.
  template <Name label, class Whole = Engine>
  using ExpansionOf =
      decltype(boost::hana::at_c<place<label>()>(std::declval<typename Whole::Layers&>())
                   .expansion);

  /// An engine's layers are tuples of one order; it says which of them run.
  template <class Work>
  void for_each_running(const Work& work) {
    auto& engine = static_cast<Engine&>(*this);
    Engine::with_layers(engine, [&work](auto& layers) { boost::hana::for_each(layers, work); });
  }

  template <Name label, class Work>
  decltype(auto) with_layer(const Work& work) {
    auto& engine = static_cast<Engine&>(*this);
    return Engine::with_layers(
        engine, [&work](auto& layers) { return work(boost::hana::at_c<place<label>()>(layers)); });
  }

  template <Name label>
  std::span<float> mutable_state() {
    constexpr bool has_state = requires(ExpansionOf<label> & expansion) {
      expansion.state();
    };
    static_assert(!known<label> || has_state, "the layer of that label has no state");
    if constexpr (has_state) {
      return with_layer<label>(
          [](auto& layer) -> std::span<float> { return layer.expansion.state(); });
    } else {
      return {};
    }
  }
};

}  // namespace synfire
