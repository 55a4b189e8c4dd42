// Probe<"name">...: layers whose values a run keeps, step by step. A layer is called by its Named
// name, or by kind and index ("spiking_3").
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <synfire/buffer.hpp>
#include <synfire/dsl/network.hpp>
#include <synfire/dsl/run.hpp>

namespace synfire {

template <Name name_>
struct Probe {
  static constexpr auto name = name_;
};

/// Among an engine's probes: it counts what every layer does in each step (counting.hpp). Its
/// outputs are the same bits.
struct Counted {
  static constexpr Name name{""};
};

namespace detail {
template <class P>
inline constexpr bool looks_at_a_layer = !std::is_same_v<P, Counted>;
}  // namespace detail

template <class... Probed>
struct Probes {
  static constexpr bool counted = !(detail::looks_at_a_layer<Probed> && ...);
  /// Those that look at a layer. A place among them is one among all: Counted has no label.
  static constexpr std::size_t size = (std::size_t{detail::looks_at_a_layer<Probed>} + ... + 0);
  static constexpr std::array<std::string_view, sizeof...(Probed)> names{Probed::name.view()...};

  static consteval bool contains(std::string_view label) {
    for (const std::string_view name : names)
      if (name == label) return true;
    return false;
  }
};

struct AnyLabel {};

namespace detail {

template <class Walk>
struct Labels;
template <class Signal, class... Nodes>
struct Labels<Walk<Signal, Nodes...>> {
  static constexpr std::size_t size = sizeof...(Nodes);
  /// Index of the layer with that label; sizeof...(Nodes) when there is none.
  static consteval std::size_t find(std::string_view label) {
    std::size_t at = 0;
    (void)((Nodes::label.view() == label || (++at, false)) || ...);
    return at;
  }
  /// Index of the layer that makes what layer `at` hands on: itself, unless it relays.
  static consteval std::size_t maker(std::size_t at) {
    constexpr std::array<bool, size> relay{relays<typename Nodes::Layer>()...};
    return at != 0 && relay[at] ? maker(at - 1) : at;
  }
  static constexpr std::array<std::size_t, size> widths{Nodes::Out::size...};
  static constexpr std::array<bool, size> in_steps{in_time<typename Nodes::Out>...};
};

template <class Net>
using labels = Labels<typename Net::Walk>;

/// Index of a label that is known to be there (0 in a network that was refused).
template <class Net, Name name>
inline constexpr std::size_t index_of = Net::sound ? labels<Net>::find(name.view()) : 0;

template <class Net, Name name>
inline constexpr bool known_label = !Net::sound || index_of<Net, name> < labels<Net>::size;

template <class Net>
constexpr std::size_t input_size() {
  if constexpr (Net::sound) {
    return labels<Net>::widths[0];
  } else {
    return 0;
  }
}

/// Values of a sample: a sequence has its input at each step.
template <class Net>
constexpr std::size_t sample_size(std::size_t steps) {
  if constexpr (Net::sound) {
    return input_size<Net>() * (labels<Net>::in_steps[0] ? steps : 1);
  } else {
    return 0;
  }
}

template <class Net, class P>
struct check_probe {
  static_assert(
      fits < Net, P, Got<P>, Wanted<AnyLabel>, !looks_at_a_layer<P> || known_label < Net, P::name >>
      , "no layer of this network has that label: a Named name, or kind and index (spiking_3)");
};

template <class Net, class... Probed>
struct check_probes : check_probe<Net, Probed>... {};

}  // namespace detail

/// What a probe kept of the last sample: [steps][size], or [1][size] for what is Held or Final.
/// Of spikes: counts.
class Record {
 public:
  Record(std::size_t width, std::size_t rows) : width_(width), values_(width * rows) {}

  void keep(std::size_t row, Values values) {
    std::copy(values.begin(), values.end(), values_.begin() + row * width_);
  }
  void keep(std::size_t row, const SpikeView& spikes) {
    float* counts = values_.data() + row * width_;
    std::fill_n(counts, width_, 0.0f);
    for (std::size_t k = 0; k < spikes.size; ++k) counts[spikes.index[k]] = spikes.count[k];
  }
  void keep(std::size_t row, const ClockedCounts& spikes) { keep(row, Values(spikes.count)); }

  Values values() const { return values_; }
  Values step(std::size_t row) const { return values().subspan(row * width_, width_); }

 private:
  std::size_t width_;
  Buffer<float> values_;
};

}  // namespace synfire
