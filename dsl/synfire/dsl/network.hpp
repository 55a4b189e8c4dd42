// A network is a type: a list of layers. Hana folds a signal through the list; what comes out is
// the list of nodes that every expansion (engine, reference, trainer, description) walks.
#pragma once

#include <array>
#include <boost/hana/fold_left.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/type.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <synfire/dsl/check.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/model.hpp>

namespace synfire {

namespace hana = boost::hana;

/// A label as it is known to the compiler: the user's name, or kind and index ("spiking_3").
struct Label {
  std::array<char, 64> text{};
  std::size_t size = 0;

  constexpr Label() = default;
  constexpr Label(std::string_view kind, std::size_t index) {
    append(kind);
    append("_");
    std::array<char, 20> digits{};
    std::size_t n = 0;
    do digits[n++] = static_cast<char>('0' + index % 10);
    while ((index /= 10) != 0);
    while (n != 0) append({&digits[--n], 1});
  }
  constexpr explicit Label(std::string_view name) { append(name); }
  constexpr std::string_view view() const { return {text.data(), size}; }

 private:
  constexpr void append(std::string_view more) {
    for (const char c : more) text[size++] = c;
  }
};

namespace detail {

template <class L>
struct Unnamed {
  using type = L;
  static constexpr Name name{""};
};
template <Name label, class L>
struct Unnamed<Named<label, L>> {
  using type = L;
  static constexpr Name name = label;
};

template <class L>
consteval std::string_view kind_of() {
  if constexpr (LayerType<L>) {
    return L::kind;
  } else {
    return "?";
  }
}

}  // namespace detail

/// A layer in its place.
template <std::size_t index_, class Declared, class In_>
struct Node {
  using Layer = typename detail::Unnamed<Declared>::type;
  using In = In_;
  using Out = std::remove_pointer_t<decltype(signal_behind<Layer, In>())>;
  static constexpr std::size_t index = index_;
  static constexpr auto name = detail::Unnamed<Declared>::name;
  static constexpr Label label =
      name.view().empty() ? Label(detail::kind_of<Layer>(), index) : Label(name.view());
  using Where = At<index, name>;
};

namespace detail {

/// The state of the fold: the signal so far, and the nodes behind it.
template <class Signal, class... Nodes>
struct Walk {
  using Out = Signal;
  using NodesTuple = hana::tuple<hana::type<Nodes>...>;
  static constexpr std::size_t size = sizeof...(Nodes);
};

struct Advance {
  template <class Signal, class... Nodes, class L>
  constexpr auto operator()(hana::basic_type<Walk<Signal, Nodes...>>, hana::basic_type<L>) const {
    using Next = Node<sizeof...(Nodes), L, Signal>;
    return hana::type_c<Walk<typename Next::Out, Nodes..., Next>>;
  }
};

template <class... Layers>
using walk = typename std::remove_cvref_t<decltype(hana::fold_left(
    hana::tuple_t<Layers...>, hana::type_c<Walk<Nothing>>, Advance{}))>::type;

template <class N, class... Nodes>
consteval bool label_taken() {
  return ((Nodes::index < N::index && Nodes::label.view() == N::label.view()) || ...);
}

template <class Walk>
struct check_nodes;
template <class Signal, class... Nodes>
struct check_nodes<Walk<Signal, Nodes...>>
    : check_layer<typename Nodes::Where, typename Nodes::Layer, typename Nodes::In>...,
      check_name<typename Nodes::Where, typename Nodes::Layer, label_taken<Nodes, Nodes...>()>... {
};

template <class... Layers>
consteval auto checked_network() {
  if constexpr (sizeof...(Layers) == 0) {
    return static_cast<DemandInput<At<sizeof...(Layers), "">, NoSignal>*>(nullptr);
  } else {
    return static_cast<check_nodes<walk<Layers...>>*>(nullptr);
  }
}

template <class... Layers>
struct check_network : std::remove_pointer_t<decltype(checked_network<Layers...>())> {};

}  // namespace detail

template <class... Layers>
struct Network : detail::check_network<Layers...> {
  using Walk = detail::walk<Layers...>;
  using Out = std::conditional_t<sizeof...(Layers) == 0, NoSignal, typename Walk::Out>;
  /// False behind a refused layer: then the expansions are empty, and add no errors of their own.
  static constexpr bool sound = !std::is_same_v<Out, NoSignal>;
};

// ------------------------------------------------------------------ walking a network

namespace detail {

template <class Node>
inline constexpr std::size_t tensor_count = Node::Layer::template tensors<typename Node::In>.size();

template <class Node>
consteval bool learns() {
  for (const TensorSpec& spec : Node::Layer::template tensors<typename Node::In>)
    if (spec.trainable) return true;
  return false;
}

/// What a layer says of its own energy.
template <class Node>
std::optional<LayerStats> stats_of() {
  if constexpr (requires { Node::Layer::template stats<typename Node::In>; }) {
    return Node::Layer::template stats<typename Node::In>;
  } else {
    return std::nullopt;
  }
}

/// The kind of a layer's weights.
template <class Node>
std::string weights_of() {
  if constexpr (requires { typename Node::Layer::Weight; }) {
    return std::string(Node::Layer::Weight::name);
  } else {
    return {};
  }
}

/// A layer that hands on what it is given, spikes as they are delivered to it (Flatten).
template <class Layer>
consteval bool relays() {
  return requires {
    Layer::relays;
  };
}

/// How a layer hands on to a reader with that wish.
template <class Layer>
constexpr Delivery delivered(Delivery wanted) {
  if constexpr (requires { Layer::delivers(wanted); }) {
    return Layer::delivers(wanted);
  } else {
    return Delivery::EveryStep;
  }
}

template <class Node, class... Nodes>
struct SiteOf {
  static constexpr std::size_t first_tensor =
      ((Nodes::index < Node::index ? tensor_count<Nodes> : 0) + ... + 0);
  static constexpr bool learns_before = ((Nodes::index < Node::index && learns<Nodes>()) || ...);
};

}  // namespace detail

/// The sites of a network's layers, with the labels in `Probed` delivered step by step.
/// Value: hana::tuple<hana::type<Placed<Node, Site>>...>, empty for an unsound network.
template <class Node_, class Site_>
struct Placed {
  using Node = Node_;
  using Layer = typename Node_::Layer;
  using Site = Site_;
};

namespace detail {

template <class Probes, class Walk>
struct sites;

template <class Probes, class Signal, class... Nodes>
struct sites<Probes, Walk<Signal, Nodes...>> {
  static constexpr std::size_t size = sizeof...(Nodes);

  /// As the next layer that does not relay says; step by step where a probe looks before it.
  static consteval Delivery wanted(std::size_t node) {
    constexpr std::array<Delivery, size + 1> needs{Nodes::Layer::needs..., Delivery::EveryStep};
    constexpr std::array<bool, size + 1> relay{relays<typename Nodes::Layer>()..., false};
    constexpr std::array<bool, size> probed{Probes::contains(Nodes::label.view())...};
    if (probed[node]) return Delivery::EveryStep;
    return relay[node + 1] ? wanted(node + 1) : needs[node + 1];
  }
  static consteval Delivery given(std::size_t node) {
    constexpr std::array<bool, size> relay{relays<typename Nodes::Layer>()...};
    constexpr std::array<Delivery, size> made{
        delivered<typename Nodes::Layer>(wanted(Nodes::index))...};
    if (node == 0) return Delivery::EveryStep;
    return relay[node - 1] ? given(node - 1) : made[node - 1];
  }

  template <class N>
  using site =
      Site<N::index, typename N::In, typename N::Out, SiteOf<N, Nodes...>::first_tensor,
           given(N::index), wanted(N::index), SiteOf<N, Nodes...>::learns_before, Probes::counted>;

  using type = hana::tuple<hana::type<Placed<Nodes, site<Nodes>>>...>;
};

template <class Probes, class Net, bool sound = Net::sound>
struct sites_of : sites<Probes, typename Net::Walk> {};
template <class Probes, class Net>
struct sites_of<Probes, Net, false> {
  using type = hana::tuple<>;
};

}  // namespace detail

struct NoProbes {
  static constexpr bool counted = false;
  static consteval bool contains(std::string_view) { return false; }
};

template <class Net, class Probes = NoProbes>
using Sites = typename detail::sites_of<Probes, Net>::type;

/// Calls f(hana::type<Placed<Node, Site>>) for each layer in order.
template <class Net, class F>
constexpr void for_each_layer(F&& f) {
  hana::fold_left(Sites<Net>{}, 0, [&f](int, auto placed) {
    f(placed);
    return 0;
  });
}

template <class Net>
std::vector<LayerInfo> describe() {
  std::vector<LayerInfo> layers;
  for_each_layer<Net>([&layers](auto placed) {
    using Node = typename decltype(placed)::type::Node;
    using Shape = typename Node::Out::Shape;
    std::size_t parameters = 0;
    for (const TensorSpec& spec : Node::Layer::template tensors<typename Node::In>)
      parameters += spec.size();
    layers.push_back({Node::index, std::string(Node::label.view()), Node::Layer::signature(),
                      std::vector<std::size_t>(Shape::extents.begin(), Shape::extents.end()),
                      std::string(Node::Out::Carrier::name), parameters,
                      std::string(Node::Layer::kind),
                      layers.empty() ? std::vector<std::size_t>{} : layers.back().shape,
                      detail::stats_of<Node>(), detail::weights_of<Node>()});
  });
  return layers;
}

}  // namespace synfire
