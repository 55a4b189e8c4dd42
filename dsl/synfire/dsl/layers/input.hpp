// Input<Extents...>: one sample, held for the whole run.
#pragma once

#include <string>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/run.hpp>

namespace synfire {

template <std::size_t... Extents>
struct Input {
  static constexpr std::string_view kind = "input";
  static constexpr bool is_source = true;
  static constexpr bool has_extent = sizeof...(Extents) != 0 && ((Extents != 0) && ...);
  static constexpr Delivery needs = Delivery::EveryStep;

  template <class In>
  static constexpr bool accepts = std::same_as<In, Nothing>&& has_extent;
  template <class In>
  using Out = Signal<Shape<Extents...>, Held>;
  template <class In>
  static constexpr auto tensors = no_tensors;
  template <class In>
  static constexpr LayerStats stats{};

  template <class Where, class In>
  struct Demand {
    static_assert(fits<Where, Input, Got<Shape<Extents...>>, Wanted<Shape<1>>, has_extent>,
                  "Input needs at least one extent, and each of them at least 1");
    static_assert(fits < Where, Input, Got<In>, Wanted<Nothing>, !has_extent || std::same_as < In,
                  Nothing >>,
                  "Input stands first, and once: a sample enters a network in one place");
  };

  static std::string signature() { return "input(" + Shape<Extents...>::text() + ")"; }

  template <class Site>
  struct Clocked {
    Clocked(const ParameterSet&, const RunOptions&) {}
    void step(Values sample) { value.assign(sample.begin(), sample.end()); }

    std::vector<float> value;
  };

  /// Nothing is copied: the sample stays the caller's.
  template <class Site>
  struct Event {
    Event(const ParameterSet&, const RunOptions&) {}
    void before(Values sample) { values = sample; }
    Values value() const { return values; }

    Values values;
  };

  template <class Site>
  struct Batch {
    explicit Batch(const Learning&) {}
    void forward(Matrix in, const BatchRun&) { out = in; }
    void backward(Matrix gradient, const BatchRun&) { in_gradient = gradient; }

    Matrix out{}, in_gradient{};
  };
};

}  // namespace synfire
