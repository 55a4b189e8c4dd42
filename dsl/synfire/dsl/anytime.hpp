// Anytime<Net>: a run that is read after every step, and may end there (see Stop).
//
// Every layer hands on every step, so that what is Final can be read at any of them: as the
// reference would, were it the last.
//
// Exactness: bounds of what the steps to come can bring are carried through the layers (see
// outlook.hpp). Those of single steps hold for the rest of a run, and are made once; the sums of
// what is left, and all that is Final, once a step. The run ends where the class that is read now
// is that of the whole run for everything within the bounds.
#pragma once

#include <algorithm>
#include <array>
#include <boost/hana/back.hpp>
#include <boost/hana/fold_left.hpp>
#include <boost/hana/for_each.hpp>
#include <boost/hana/transform.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <utility>

#include <synfire/dsl/counting.hpp>
#include <synfire/dsl/network.hpp>
#include <synfire/dsl/outlook.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/dsl/states.hpp>

namespace synfire {

/// A layer of an engine, and where it stands.
template <class Placed>
struct EventLayer : Running<typename Placed::Layer::template Event<typename Placed::Site>> {
  using Out = typename Placed::Node::Out;
  static constexpr std::size_t index = Placed::Node::index;
  static constexpr std::string_view label = Placed::Node::label.view();
  static constexpr std::size_t size = Out::size;
  static constexpr bool is_spiking =
      requires(const typename Placed::Layer::template Event<typename Placed::Site>& event) {
    event.voltage;
  };
};

/// Offers each layer the value of the one before: work(layer, in).
template <class Layers, class Work>
void pass(Layers& layers, Values sample, Work work) {
  hana::fold_left(layers, sample, [&work](const auto& in, auto& layer) {
    work(layer, in);
    return layer.expansion.value();
  });
}

/// What the layers that count do next is of that step.
template <class Layers>
void count_at(Layers& layers, std::size_t step) {
  hana::for_each(layers, [step](auto& layer) {
    if constexpr (CountsSteps<decltype(layer.expansion)>) layer.expansion.counts.at(step);
  });
}

/// Whether a network decides between classes when its run ends.
template <class Net>
inline constexpr bool decides = false;
template <class Net>
requires(Net::sound) inline constexpr bool decides<Net> =
    carried_by<typename Net::Out, Final> && Net::Out::size > 1;

template <class Net, bool counts>
class Anytime {
  struct EveryLayer {
    static constexpr bool counted = counts;
    static consteval bool contains(std::string_view) { return true; }
  };
  static auto make(const ParameterSet& parameters, const RunOptions& options) {
    return hana::transform(Sites<Net, EveryLayer>{}, [&](auto placed) {
      return EventLayer<typename decltype(placed)::type>{{{parameters, options}}};
    });
  }
  using Layers =
      decltype(make(std::declval<const ParameterSet&>(), std::declval<const RunOptions&>()));

 public:
  Anytime(const ParameterSet& parameters, const RunOptions& options)
      : layers(make(parameters, options)) {
    if (options.stop.rule == Stop::Rule::Exact)
      hana::for_each(layers, [this]<class L>(const L&) { outlooks_[L::index] = Outlook(L::size); });
  }

  /// A run of ready layers. Returns the number of steps that it took.
  std::size_t run(Values sample, const RunOptions& options) {
    pass(layers, sample, [](auto& layer, const auto& in) {
      if constexpr (requires { layer.expansion.before(in); }) layer.expansion.before(in);
    });
    const bool exact = options.stop.rule == Stop::Rule::Exact;
    std::size_t used = 0;
    for (bool going = true, hopeless = false; going;) {
      if constexpr (counts) count_at(layers, used);
      pass(layers, sample, [](auto& layer, const auto& in) {
        if constexpr (requires { layer.expansion.step(in); }) layer.expansion.step(in);
      });
      ++used;
      const std::size_t left = options.steps - used;
      if (exact && used == 1) hopeless = left != 0 && !foresee();
      if (left != 0 && hopeless) continue;
      read(sample);
      going = left != 0 && !(exact ? is_certain(left) : lead() >= options.stop.margin);
    }
    pass(layers, sample, []<class L>(L& layer, const auto& in) {
      if constexpr (in_time<typename L::Out> && requires { layer.expansion.after(in); })
        layer.expansion.after(in);
    });
    return used;
  }

  Layers layers;

 private:
  /// What is Final, were this the last step.
  void read(Values sample) {
    pass(layers, sample, []<class L>(L& layer, const auto& in) {
      if constexpr (carried_by<typename L::Out, Final>) layer.expansion.after(in);
    });
  }

  Values output() const { return hana::back(layers).expansion.value(); }
  std::size_t best() const {
    const Values y = output();
    return static_cast<std::size_t>(std::max_element(y.begin(), y.end()) - y.begin());
  }

  /// By which the largest value leads the second; NaN where one of them all is.
  double lead() const {
    const Values y = output();
    const std::size_t c = best();
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < y.size(); ++j) {
      if (j == c) continue;
      const double ahead = static_cast<double>(y[c]) - static_cast<double>(y[j]);
      if (std::isnan(ahead)) return ahead;
      least = std::min(least, ahead);
    }
    return least;
  }

  /// Behind the first step: bounds of every later one. False where there are none.
  bool foresee() {
    const Outlook nothing;
    const Outlook* last =
        hana::fold_left(layers, &nothing, [this]<class L>(const Outlook* in, const L& layer) {
          if constexpr (!in_time<typename L::Out>) {
            return in;
          } else {
            Outlook& to = outlooks_[L::index];
            if constexpr (requires { layer.expansion.foresee(*in, to); })
              layer.expansion.foresee(*in, to);
            return static_cast<const Outlook*>(&to);
          }
        });
    return last->known;
  }

  /// Whether the class that is read now is the whole run's.
  bool is_certain(std::size_t left) {
    bool certain = false;
    const std::size_t c = best();
    const Outlook nothing;
    hana::fold_left(layers, &nothing, [&]<class L>(const Outlook* in, const L& layer) {
      Outlook& to = outlooks_[L::index];
      if constexpr (carried_by<typename L::Out, Held>) {
        return in;
      } else {
        const auto& event = layer.expansion;
        constexpr bool is_last = L::index + 1 == Net::Walk::size;
        if constexpr (is_last && requires { event.leads(*in, c, to); }) {
          certain = event.leads(*in, c, to);
        } else {
          if constexpr (in_time<typename L::Out>) {
            if constexpr (requires { event.foresee_sum(*in, left, to); })
              event.foresee_sum(*in, left, to);
            else
              to.sum_up(left);
          } else if constexpr (requires { event.foresee_end(*in, left, to); }) {
            event.foresee_end(*in, left, to);
          } else if constexpr (requires { event.foresee(*in, to); }) {
            event.foresee(*in, to);
          }
          if constexpr (is_last) certain = leads(to, c);
        }
        return static_cast<const Outlook*>(&to);
      }
    });
    return certain;
  }

  std::array<Outlook, Net::Walk::size> outlooks_;  // empty but for exact stops
};

}  // namespace synfire
