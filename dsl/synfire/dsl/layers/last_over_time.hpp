// LastOverTime: a signal at the last step of the run (return_sequences=False in Keras). Of spikes:
// count / unit.
#pragma once

#include <algorithm>
#include <string>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/outlook.hpp>
#include <synfire/dsl/run.hpp>

namespace synfire {

struct LastOverTime {
  static constexpr std::string_view kind = "last_over_time";
  static constexpr bool is_source = false;
  static constexpr Delivery needs = Delivery::Last;

  template <class In>
  static constexpr bool accepts = in_time<In>;
  template <class In>
  using Out = Signal<typename In::Shape, Final>;
  template <class In>
  static constexpr auto tensors = no_tensors;
  template <class In>
  static constexpr LayerStats stats{};

  template <class Where, class In>
  struct Demand {
    static_assert(
        fits<Where, LastOverTime, Got<In>, Wanted<Signal<typename In::Shape, Spikes>>, in_time<In>>,
        "LastOverTime takes what changes from step to step: put Spiking before it");
  };

  static std::string signature() { return "last_over_time"; }

  /// The last so far, at every step.
  template <class Site>
  struct Clocked {
    Clocked(const ParameterSet&, const RunOptions&) : value(Site::Out::size) {}
    void step(const ClockedValue<typename Site::In>& in) {
      for (std::size_t i = 0; i < value.size(); ++i) value[i] = in[i];
    }

    std::vector<float> value;
  };

  /// Whatever delivers step by step still shows its last step when the run has ended.
  template <class Site>
  struct Event {
    Event(const ParameterSet&, const RunOptions&) : last(Site::Out::size) {}
    void after(Values in) { std::copy(in.begin(), in.end(), last.begin()); }
    void after(SpikeView in) {
      std::fill(last.begin(), last.end(), 0.0f);
      for (std::size_t k = 0; k < in.size; ++k) last[in.index[k]] = in.count[k] / in.unit;
    }
    Values value() const { return last; }

    void foresee_end(const Outlook& in, std::size_t, Outlook& to) const {
      to.known = false;
      if (!in.known) return;
      for (std::size_t i = 0; i < Site::Out::size; ++i) {
        to.least[i] = float_below(in.least[i]) / in.unit;
        to.most[i] = float_above(in.most[i]) / in.unit;
      }
      to.settle();
    }

    Buffer<float> last;
  };

  /// The rows of the last step; the others have no gradient.
  template <class Site>
  struct Batch {
    static constexpr std::size_t size = Site::In::size;
    static constexpr bool given_last = Site::given == Delivery::Last;

    explicit Batch(const Learning& learning) {
      if constexpr (!given_last && Site::learns_before)
        in_gradients = OwnedMatrix(learning.batch * learning.steps, size);
      in_gradient = in_gradients.view();
    }

    void forward(Matrix in, const BatchRun& run) {
      out = {given_last ? in.data : in.row((run.steps - 1) * run.count), in.stride};
    }

    void backward(Matrix gradient, const BatchRun& run) {
      if constexpr (given_last) {
        in_gradient = gradient;
      } else if constexpr (Site::learns_before) {
        const std::size_t before = (run.steps - 1) * run.count;
        for (std::size_t r = 0; r < before; ++r) std::fill_n(in_gradient.row(r), size, 0.0f);
        for (std::size_t s = 0; s < run.count; ++s)
          std::copy_n(gradient.row(s), size, in_gradient.row(before + s));
      }
    }

    OwnedMatrix in_gradients;
    Matrix out{}, in_gradient{};
  };
};

}  // namespace synfire
