// Activate<A>: an activation without spikes, y = A(x).
#pragma once

#include <string>

#include <synfire/dsl/activation.hpp>
#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/counting.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/outlook.hpp>
#include <synfire/dsl/run.hpp>

namespace synfire {

template <class A>
struct Activate {
  using Function = A;
  static constexpr std::string_view kind = "activate";
  static constexpr bool is_source = false;
  static constexpr Delivery needs = Delivery::EveryStep;

  template <class In>
  static constexpr bool accepts = Activation<A>&& carried_by<In, Held, Stepped, Final>;
  template <class In>
  using Out = In;
  template <class In>
  static constexpr auto tensors = no_tensors;
  /// The identity costs nothing, and spikes as well as analog values pass it.
  template <class In>
  static constexpr LayerStats stats =
      A::name == "linear" ? LayerStats{} : LayerStats{0, In::size, false};

  template <class Where, class In>
  struct Demand {
    static_assert(fits<Where, Activate, Got<A>, Wanted<AnyActivation>, Activation<A>>,
                  "Activate needs an activation: a type with name, value(x) and derivative(x)");
    static_assert(fits < Where, Activate, Got<In>, Wanted<Signal<typename In::Shape, Stepped>>,
                  !Activation<A> || carried_by < In, Held, Stepped, Final >>,
                  "Activate takes analog values, and spikes are none: put it before Spiking");
  };

  static std::string signature() { return "activate(" + std::string(A::name) + ")"; }

  template <class Site>
  struct Clocked {
    Clocked(const ParameterSet&, const RunOptions&) : value(Site::Out::size) {}
    void step(const std::vector<float>& in) {
      std::transform(in.begin(), in.end(), value.begin(), A::value);
    }

    std::vector<float> value;
  };

  template <class Site>
  using Count = Counting<Site::counted && stats<typename Site::In>.neurons != 0,
                         &StepCounts::outputs, &StepCounts::silent>;

  template <class Site>
  struct Event : Count<Site> {
    Event(const ParameterSet&, const RunOptions& options)
        : Count<Site>(options), values(Site::Out::size) {}
    void before(Values in) requires carried_by<typename Site::In, Held> { apply(in); }
    void step(Values in) requires carried_by<typename Site::In, Stepped> { apply(in); }
    void after(Values in) requires carried_by<typename Site::In, Final> { apply(in); }
    Values value() const { return values; }

    void foresee(const Outlook& in, Outlook& to) const requires is_monotone<A> {
      to.known = false;
      if (!in.known) return;
      for (std::size_t i = 0; i < Site::Out::size; ++i) {
        to.least[i] = A::value(float_below(in.least[i]));
        to.most[i] = A::value(float_above(in.most[i]));
      }
      to.settle();
    }

    void apply(Values in) {
      std::transform(in.begin(), in.end(), values.begin(), A::value);
      if constexpr (CountsSteps<Count<Site>>)
        this->count({values.size(),
                     static_cast<std::size_t>(std::count(values.begin(), values.end(), 0.0f))});
    }

    Buffer<float> values;
  };

  template <class Site>
  struct Batch {
    static constexpr std::size_t width = Site::Out::size;

    explicit Batch(const Learning& learning) {
      const std::size_t rows =
          in_time<typename Site::In> ? learning.batch * learning.steps : learning.batch;
      values = OwnedMatrix(rows, width);
      out = values.view();
      if constexpr (Site::learns_before) in_gradients = OwnedMatrix(rows, width);
      in_gradient = in_gradients.view();
    }

    void forward(Matrix given, const BatchRun& run) {
      in = given;
      for (std::size_t r = 0; r < run.rows<typename Site::In>(); ++r)
        std::transform(in.row(r), in.row(r) + width, out.row(r), A::value);
    }

    void backward(Matrix gradient, const BatchRun& run) {
      if constexpr (Site::learns_before)
        for (std::size_t r = 0; r < run.rows<typename Site::In>(); ++r)
          for (std::size_t i = 0; i < width; ++i)
            in_gradient.row(r)[i] = gradient.row(r)[i] * A::derivative(in.row(r)[i]);
    }

    OwnedMatrix values, in_gradients;
    Matrix in{}, out{}, in_gradient{};
  };
};

}  // namespace synfire
