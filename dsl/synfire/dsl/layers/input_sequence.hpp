// InputSequence<Extents...>: another input at each step. A sample is [steps][size] values.
#pragma once

#include <string>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/run.hpp>

namespace synfire {

template <std::size_t... Extents>
struct InputSequence {
  static constexpr std::string_view kind = "input_sequence";
  static constexpr bool is_source = true;
  static constexpr bool has_extent = sizeof...(Extents) != 0 && ((Extents != 0) && ...);
  static constexpr Delivery needs = Delivery::EveryStep;

  template <class In>
  static constexpr bool accepts = std::same_as<In, Nothing>&& has_extent;
  template <class In>
  using Out = Signal<Shape<Extents...>, Stepped>;
  template <class In>
  static constexpr auto tensors = no_tensors;
  template <class In>
  static constexpr LayerStats stats{};

  template <class Where, class In>
  struct Demand {
    static_assert(fits<Where, InputSequence, Got<Shape<Extents...>>, Wanted<Shape<1>>, has_extent>,
                  "InputSequence needs at least one extent, and each of them at least 1");
    static_assert(fits < Where, InputSequence, Got<In>, Wanted<Nothing>,
                  !has_extent || std::same_as < In, Nothing >>,
                  "InputSequence stands first, and once: a sample enters a network in one place");
  };

  static std::string signature() { return "input_sequence(" + Shape<Extents...>::text() + ")"; }

  template <class Site>
  struct Clocked {
    Clocked(const ParameterSet&, const RunOptions&) {}
    void begin() { next = 0; }
    void step(Values sample) {
      const Values now = sample.subspan(next++ * Site::Out::size, Site::Out::size);
      value.assign(now.begin(), now.end());
    }

    std::size_t next = 0;
    std::vector<float> value;
  };

  /// A window that moves along the sample: nothing is copied.
  template <class Site>
  struct Event {
    Event(const ParameterSet&, const RunOptions&) {}
    void begin() {
      next = 0;
      now = {};
    }
    void step(Values sample) { now = sample.subspan(next++ * Site::Out::size, Site::Out::size); }
    Values value() const { return now; }

    std::size_t next = 0;
    Values now;
  };

  /// In come samples of [steps][size], out go steps of [samples][size].
  template <class Site>
  struct Batch {
    static constexpr std::size_t size = Site::Out::size;
    static constexpr bool remembers = true;  // no step is like another: all must be trained

    explicit Batch(const Learning& learning) : values(learning.batch * learning.steps, size) {
      out = values.view();
    }
    void forward(Matrix in, const BatchRun& run) {
      for (std::size_t s = 0; s < run.count; ++s)
        for (std::size_t t = 0; t < run.steps; ++t)
          std::copy_n(in.row(s) + t * size, size, out.row(t * run.count + s));
    }
    void backward(Matrix gradient, const BatchRun&) { in_gradient = gradient; }

    OwnedMatrix values;
    Matrix out{}, in_gradient{};
  };
};

}  // namespace synfire
