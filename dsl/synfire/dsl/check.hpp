// A wrong network does not compile, and one error says why: the sentence of a static_assert in the
// refusing layer's Demand, with At<INDEX, NAME>, Got<...> and Wanted<...> in the same diagnostic.
// Checks are base classes: whoever names a network's type instantiates them.
#pragma once

#include <concepts>
#include <cstddef>

#include <synfire/dsl/name.hpp>
#include <synfire/dsl/signal.hpp>

namespace synfire {

template <std::size_t Index, Name label>
struct At {};
template <class>
struct Got {};
template <class>
struct Wanted {};

/// The condition of every check: both compilers print its arguments when it is false.
template <class Where, class Layer, class Got, class Wanted, bool ok>
inline constexpr bool fits = ok;

template <class L>
concept LayerType = requires {
  { L::kind } -> std::convertible_to<std::string_view>;
  { L::template accepts<Nothing> } -> std::convertible_to<bool>;
};

struct AnyInput {};
struct AnyLayer {};
struct AnyFreeName {};

template <class Where, class Got>
struct DemandInput {
  static_assert(fits<Where, Got, synfire::Got<Nothing>, Wanted<AnyInput>, false>,
                "a network starts with an Input, which says the shape of a sample");
};

template <class Where, class Got>
struct DemandLayer {
  static_assert(fits<Where, Got, synfire::Got<Got>, Wanted<AnyLayer>, false>,
                "this type is not a layer: it has no kind and no accepts<In>");
};

template <class Where, class Got>
struct DemandFreeName {
  static_assert(fits<Where, Got, synfire::Got<Got>, Wanted<AnyFreeName>, false>,
                "this name is taken by an earlier layer");
};

struct Sound {};

/// The base class that lets a layer pass or refuses it.
template <class Where, class Layer, class In>
consteval auto checked() {
  if constexpr (std::same_as<In, NoSignal>) {
    return static_cast<Sound*>(nullptr);
  } else if constexpr (!LayerType<Layer>) {
    return static_cast<DemandLayer<Where, Layer>*>(nullptr);
  } else if constexpr (Layer::template accepts<In>) {
    return static_cast<Sound*>(nullptr);
  } else if constexpr (std::same_as<In, Nothing> && !Layer::is_source) {
    return static_cast<DemandInput<Where, Layer>*>(nullptr);
  } else {
    return static_cast<typename Layer::template Demand<Where, In>*>(nullptr);
  }
}

template <class Where, class Layer, class In>
struct check_layer : std::remove_pointer_t<decltype(checked<Where, Layer, In>())> {};

template <class Where, class Label, bool taken>
struct check_name {};
template <class Where, class Label>
struct check_name<Where, Label, true> : DemandFreeName<Where, Label> {};

/// The signal behind a layer; NoSignal behind a refused one.
template <class Layer, class In>
consteval auto signal_behind() {
  if constexpr (std::same_as<In, NoSignal> || !LayerType<Layer>) {
    return static_cast<NoSignal*>(nullptr);
  } else if constexpr (Layer::template accepts<In>) {
    return static_cast<typename Layer::template Out<In>*>(nullptr);
  } else {
    return static_cast<NoSignal*>(nullptr);
  }
}

}  // namespace synfire
