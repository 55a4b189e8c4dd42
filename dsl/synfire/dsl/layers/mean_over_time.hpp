// MeanOverTime: the mean of a signal over the steps of the run. Of spikes: (number of spikes) /
// (steps * unit), so that exact counts decide; of analog values: sum / steps.
#pragma once

#include <string>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/outlook.hpp>
#include <synfire/dsl/run.hpp>

namespace synfire {

struct MeanOverTime {
  static constexpr std::string_view kind = "mean_over_time";
  static constexpr bool is_source = false;
  static constexpr Delivery needs = Delivery::Mean;

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
        fits<Where, MeanOverTime, Got<In>, Wanted<Signal<typename In::Shape, Spikes>>, in_time<In>>,
        "MeanOverTime takes what changes from step to step: put Spiking before it");
  };

  static std::string signature() { return "mean_over_time"; }

  /// The mean so far, at every step: the last is the layer's output.
  template <class Site>
  struct Clocked {
    static constexpr std::size_t size = Site::In::size;
    Clocked(const ParameterSet&, const RunOptions&) : sum(size), value(size) {}

    void begin() {
      sum.assign(size, 0.0f);
      steps = 0;
    }
    void step(const ClockedValue<typename Site::In>& in) {
      ++steps;
      for (std::size_t i = 0; i < size; ++i) {
        if constexpr (carried_by<typename Site::In, Spikes>) {
          sum[i] += in.count[i];
          value[i] = sum[i] / (static_cast<float>(steps) * in.unit);
        } else {
          sum[i] += in[i];
          value[i] = sum[i] / static_cast<float>(steps);
        }
      }
    }

    std::vector<float> sum, value;
    std::size_t steps = 0;
  };

  /// Means are handed on as they are.
  template <class Site>
  struct Event {
    static constexpr std::size_t size = Site::In::size;
    static constexpr bool given_mean = Site::given_mean;

    Event(const ParameterSet&, const RunOptions&)
        : sum(given_mean ? 0 : size), mean(given_mean ? 0 : size) {}

    void begin() requires(!given_mean) {
      std::fill(sum.begin(), sum.end(), 0.0f);
      steps = 0;
    }

    void step(SpikeView in) requires(!given_mean) {
      ++steps;
      for (std::size_t k = 0; k < in.size; ++k) sum[in.index[k]] += in.count[k];
      unit = in.unit;
    }
    void step(Values in) requires(!given_mean) {
      ++steps;
      for (std::size_t i = 0; i < size; ++i) sum[i] += in[i];
    }

    void after(Values in) requires given_mean { given = in; }
    template <class In>
    void after(const In&) requires(!given_mean) {
      const float seconds = static_cast<float>(steps) * unit;
      for (std::size_t i = 0; i < size; ++i) mean[i] = sum[i] / seconds;
    }

    Values value() const {
      if constexpr (given_mean) {
        return given;
      } else {
        return mean;
      }
    }

    /// Counts are whole: as long as floats hold each of them, sums are exact, and the quotient
    /// keeps their order. Other values are rounded at each addition.
    void foresee_end(const Outlook& in, std::size_t left, Outlook& to) const requires(!given_mean) {
      constexpr bool spikes = carried_by<typename Site::In, Spikes>;
      to.known = false;
      if (!in.known) return;
      const auto n = static_cast<double>(left);
      const float seconds = static_cast<float>(steps + left) * unit;
      for (std::size_t i = 0; i < size; ++i) {
        const double so_far = sum[i];
        const double reach =
            std::abs(so_far) + n * std::max(std::abs(in.least[i]), std::abs(in.most[i]));
        if (!(reach <= (spikes ? 0x1p24 : Outlook::kMost))) return;
        const double error = spikes ? 0 : sum_error(left, reach);
        to.least[i] = float_below(so_far + in.least_sum[i] - error) / seconds;
        to.most[i] = float_above(so_far + in.most_sum[i] + error) / seconds;
      }
      to.settle();
    }

    Buffer<float> sum, mean;
    Values given{};
    std::size_t steps = 0;
    float unit = 1;
  };

  template <class Site>
  struct Batch {
    static constexpr std::size_t size = Site::In::size;
    static constexpr bool given_mean = Site::given_mean;

    explicit Batch(const Learning& learning) {
      if constexpr (!given_mean) {
        mean = OwnedMatrix(learning.batch, size);
        if constexpr (Site::learns_before)
          in_gradients = OwnedMatrix(learning.batch * learning.steps, size);
        out = mean.view();
        in_gradient = in_gradients.view();
      }
    }

    void forward(Matrix in, const BatchRun& run) {
      if constexpr (given_mean) {
        out = in;
      } else {
        const float share = 1.0f / static_cast<float>(run.steps);
        in_pieces(*run.pool, run.count, 4, [&](std::size_t first, std::size_t last) {
          for (std::size_t s = first; s < last; ++s) {
            std::fill_n(out.row(s), size, 0.0f);
            for (std::size_t t = 0; t < run.steps; ++t)
              for (std::size_t i = 0; i < size; ++i) out.row(s)[i] += in.row(t * run.count + s)[i];
            for (std::size_t i = 0; i < size; ++i) out.row(s)[i] *= share;
          }
        });
      }
    }

    void backward(Matrix gradient, const BatchRun& run) {
      if constexpr (given_mean) {
        in_gradient = gradient;
      } else if constexpr (Site::learns_before) {
        const float share = 1.0f / static_cast<float>(run.steps);
        in_pieces(*run.pool, run.count, 4, [&](std::size_t first, std::size_t last) {
          for (std::size_t s = first; s < last; ++s)
            for (std::size_t t = 0; t < run.steps; ++t)
              for (std::size_t i = 0; i < size; ++i)
                in_gradient.row(t * run.count + s)[i] = gradient.row(s)[i] * share;
        });
      }
    }

    OwnedMatrix mean, in_gradients;
    Matrix out{}, in_gradient{};
  };
};

}  // namespace synfire
