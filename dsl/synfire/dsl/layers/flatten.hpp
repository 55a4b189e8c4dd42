// Flatten: the same values as one row.
#pragma once

#include <string>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/outlook.hpp>
#include <synfire/dsl/run.hpp>

namespace synfire {

struct Flatten {
  static constexpr std::string_view kind = "flatten";
  static constexpr bool is_source = false;
  static constexpr Delivery needs = Delivery::EveryStep;
  static constexpr bool relays = true;

  template <class In>
  static constexpr bool accepts = is_signal<In>;
  template <class In>
  using Out = Signal<Shape<In::size>, typename In::Carrier>;
  template <class In>
  static constexpr auto tensors = no_tensors;
  template <class In>
  static constexpr LayerStats stats{};
  template <class Where, class In>
  struct Demand {};

  static std::string signature() { return "flatten"; }

  template <class Site>
  struct Clocked {
    using Value = ClockedValue<typename Site::In>;
    Clocked(const ParameterSet&, const RunOptions&) {}
    void step(const Value& in) { value = in; }

    Value value;
  };

  /// Hands the view on: nothing is copied.
  template <class Site>
  struct Event {
    static constexpr bool at_end =
        carried_by<typename Site::In, Final> || Site::given != Delivery::EveryStep;
    using View =
        std::conditional_t<carried_by<typename Site::In, Spikes> && !at_end, SpikeView, Values>;
    Event(const ParameterSet&, const RunOptions&) {}
    void before(View in) requires carried_by<typename Site::In, Held> { view = in; }
    void step(View in) requires(in_time<typename Site::In> && !at_end) { view = in; }
    void after(View in) requires at_end { view = in; }
    View value() const { return view; }

    void foresee(const Outlook& in, Outlook& to) const { to.copy(in); }
    void foresee_sum(const Outlook& in, std::size_t, Outlook& to) const { to.copy(in); }

    View view{};
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
