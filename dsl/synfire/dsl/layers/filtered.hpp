// Filtered<Model, Settings...>: a linear filter over time on every value. Users write Lowpass<...>
// and Alpha<...> (filters/). Its time constants (tau, seconds) and initial levels are one for each
// value.
//
// To a reader of every step the filter is stepped, all units at once, by the operations of the
// definition in their order: the same bits. A reader of the last value alone, or of the mean, is
// owed a sum: the states are linear in what came in, so an input x at k steps before the end adds
// a^k b x to them, and to the mean what it adds to the last output after 0, 1, ..., k steps, summed
// and divided by the steps. These weights, made once by following the filter in double precision,
// make an event cost one product for each state, whatever the silence between events, and a unit
// without events one product a run: a third of stepping at 5% activity (bench/filters). Each weight
// is rounded once, where the definition rounds at every step, so both differ by a few roundings of
// the terms: far below 1e-5 of them. Spikes never hang on it, for what is read so is final.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/counting.hpp>
#include <synfire/dsl/filter.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/error.hpp>

namespace synfire {

struct AnySetting {};
struct PositiveTau {};
struct ConstraintsOfAVector {};

template <FilterModel Model, class... Settings>
struct Filtered {
  static constexpr bool are_settings = (FilterSetting<Settings> && ...);
  static constexpr bool are_fitting = (fitting<Settings> && ...);
  static constexpr FilterSettings settings = [] {
    FilterSettings made;
    if constexpr (are_settings) (Settings::set(made), ...);
    return made;
  }();

  static constexpr std::string_view kind = Model::name;
  static constexpr bool is_source = false;
  static constexpr Delivery needs = Delivery::EveryStep;
  static constexpr Delivery delivers(Delivery wanted) { return wanted; }

  template <class In>
  static constexpr bool accepts =
      are_settings&& are_fitting&& settings.tau > 0 && carried_by<In, Held, Spikes, Stepped>;
  template <class In>
  using Out = Signal<typename In::Shape, Stepped>;
  /// initial_level [units], tau [units], seconds.
  template <class In>
  static constexpr std::array<TensorSpec, 2> tensors{
      TensorSpec{"initial_level",
                 {In::size, 0},
                 {},
                 settings.trainable,
                 settings.initial_level_constraint},
      TensorSpec{"tau",
                 {In::size, 0},
                 {Initializer::Kind::Constant, settings.tau},
                 settings.trainable,
                 settings.tau_constraint}};

  template <class Where, class In>
  struct Demand {
    static_assert(fits<Where, Filtered, Got<Filtered>, Wanted<AnySetting>, are_settings>,
                  "a filter's settings are Tau, ApplyDuringTraining, Fixed, TauConstraint and "
                  "InitialLevelConstraint");
    static_assert(fits < Where, Filtered, Got<Filtered>, Wanted<ConstraintsOfAVector>,
                  !are_settings || are_fitting >,
                  "a filter's constraints are of a vector, whose only axis is 0 or -1");
    static_assert(fits < Where, Filtered, Got<Filtered>, Wanted<PositiveTau>,
                  !are_settings || !are_fitting || (settings.tau > 0) >,
                  "a filter's time constant starts above 0 seconds");
    static_assert(fits < Where, Filtered, Got<In>, Wanted<Signal<typename In::Shape, Spikes>>,
                  !are_settings || !are_fitting || !(settings.tau > 0) || carried_by < In, Held,
                  Spikes, Stepped >>,
                  "a filter takes what changes from step to step, or is held: not a value that is "
                  "known only when the run has ended");
  };

  static std::string signature() { return std::string(kind); }
  static constexpr std::size_t states(std::size_t n) { return order * n; }

  static constexpr std::size_t order = Model::order;
  using Unit = DiscreteFilter<order>;

  /// Each unit's filter. Throws InvalidSetting where a time constant is no number.
  static std::vector<Unit> units(const Buffer<float>& tau, float dt) {
    std::vector<Unit> made;
    for (const float t : tau) {
      if (std::isnan(t))
        throw InvalidSetting("tau of a " + std::string(kind), "nan", "a number of seconds");
      made.push_back(Model::discretise(t, dt));
    }
    return made;
  }

  /// The state of a run: [order][units].
  struct State {
    explicit State(const Buffer<float>& initial_level)
        : level(initial_level), values(order * level.size()) {}
    void start() {
      std::fill(values.begin(), values.end(), 0.0f);
      std::copy(level.begin(), level.end(), last());
    }
    float* row(std::size_t r) { return values.data() + r * level.size(); }
    float* last() { return row(order - 1); }

    Buffer<float> level, values;
  };

  template <class Site>
  struct Clocked {
    static constexpr std::size_t size = Site::In::size;

    Clocked(const ParameterSet& parameters, const RunOptions& options)
        : filters(units(parameters.tensor(Site::first_tensor + 1), options.dt)),
          memory(parameters.tensor(Site::first_tensor)),
          value(size) {}

    void start(const RandomAddress&) { memory.start(); }
    std::span<float> state() { return memory.values; }
    void step(const ClockedValue<typename Site::In>& in) {
      for (std::size_t i = 0; i < size; ++i) {
        typename Unit::Vector s;
        for (std::size_t r = 0; r < order; ++r) s[r] = memory.row(r)[i];
        s = filters[i].step(s, in[i]);
        for (std::size_t r = 0; r < order; ++r) memory.row(r)[i] = s[r];
        value[i] = s.back();
      }
    }

    std::vector<Unit> filters;
    State memory;
    std::vector<float> value;
  };

  /// Coefficients as the kernels want them, rows of `stride`.
  struct Bank {
    Bank() = default;
    Bank(std::size_t units, std::size_t row)
        : size(units),
          stride(row),
          coefficients((order * order + order) * row),
          derivatives((order * order + order) * row) {}

    void set(std::size_t i, const Unit& filter) {
      for (std::size_t r = 0; r < order; ++r) {
        for (std::size_t c = 0; c < order; ++c) {
          coefficients[(r * order + c) * stride + i] = filter.a[r][c];
          derivatives[(r * order + c) * stride + i] = filter.a_by_tau[r][c];
        }
        coefficients[(order * order + r) * stride + i] = filter.b[r];
        derivatives[(order * order + r) * stride + i] = filter.b_by_tau[r];
      }
    }
    kernels::FilterBank view() const { return {order, size, stride, coefficients.data()}; }

    std::size_t size = 0, stride = 0;
    Buffer<float> coefficients, derivatives;
  };

  template <class Site>
  struct Event : Counting<Site::counted, &StepCounts::state_bytes> {
    static constexpr std::size_t size = Site::In::size;
    static constexpr bool held = carried_by<typename Site::In, Held>;
    static constexpr bool every_step = Site::wanted == Delivery::EveryStep;
    static constexpr bool as_mean = Site::wanted == Delivery::Mean;
    static constexpr std::size_t rows = order + as_mean;  // the states, and the mean's part
    /// Weights are kept for so many steps: a longer run is folded into the states block by block.
    static constexpr std::size_t most_steps = 256;

    struct Weights {
      Bank bank;
      Buffer<float> impulse;              // [steps that follow][row][unit], of an input of 1
      std::array<Buffer<float>, 2> free;  // [row][state][unit], over the first block and others
    };

    Event(const ParameterSet& parameters, const RunOptions& options)
        : Counting<Site::counted, &StepCounts::state_bytes>(options),
          block(held ? options.steps : std::min(options.steps, most_steps)),
          first((options.steps - 1) % block + 1),
          left(first),
          memory(parameters.tensor(Site::first_tensor)),
          input(every_step ? size : 0),
          sum(every_step ? 0 : rows * size),
          mean(as_mean ? size : 0) {
      const auto filters = units(parameters.tensor(Site::first_tensor + 1), options.dt);
      auto made = std::make_shared<Weights>();
      if constexpr (every_step) {
        made->bank = Bank(size, size);
        for (std::size_t i = 0; i < size; ++i) made->bank.set(i, filters[i]);
      } else {
        made->impulse = Buffer<float>((held ? 1 : block) * rows * size);
        for (auto& free : made->free) free = Buffer<float>(rows * order * size);
        for (std::size_t i = 0; i < size; ++i)
          follow(filters[i], static_cast<double>(options.steps), i, *made);
      }
      weights = std::move(made);
    }

    void start(const RandomAddress&) { memory.start(); }
    std::span<float> state() { return memory.values; }

    template <class In>
    void step(const In& in) requires(every_step || !held) {
      if constexpr (every_step) {
        filter(in);
      } else {
        --left;
        add(in, weights->impulse.data() + left * rows * size);
        if (left == 0) fold();
      }
    }

    template <class In>
    void after(const In& in) requires(!every_step) {
      if constexpr (held) {
        add(in, weights->impulse.data());
        fold();
      }
      left = first;
      in_first = true;
    }

    Values value() const {
      if constexpr (as_mean) {
        return mean;
      } else {
        return Values(memory.values).last(size);
      }
    }

   private:
    void filter(Values in) {
      kernels::filter(weights->bank.view(),
                      {1, in.data(), 0, memory.values.data(), memory.values.data(), 0});
      touch(2 * order * size);
    }
    void filter(SpikeView in) {
      for (std::size_t k = 0; k < in.size; ++k) input[in.index[k]] = in.count[k] / in.unit;
      filter(Values(input));
      for (std::size_t k = 0; k < in.size; ++k) input[in.index[k]] = 0;
    }

    void add(Values in, const float* w) {
      for (std::size_t r = 0; r < rows; ++r)
        kernels::add_weighted_rows(w + r * size, 0, in.data(), 0, size, 1, sum.data() + r * size);
      touch(2 * rows * size);
    }
    void add(SpikeView in, const float* w) {
      for (std::size_t k = 0; k < in.size; ++k) {
        const std::size_t i = in.index[k];
        const float x = in.count[k] / in.unit;
        for (std::size_t r = 0; r < rows; ++r) sum[r * size + i] += x * w[r * size + i];
      }
      touch(2 * rows * in.size);
    }

    /// The states and the mean's part at the end of a block.
    void fold() {
      const float* free = weights->free[in_first ? 0 : 1].data();
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < order; ++c)
          kernels::add_weighted_rows(free + (r * order + c) * size, 0, memory.row(c), 0, size, 1,
                                     sum.data() + r * size);
      std::copy_n(sum.data(), order * size, memory.values.data());
      if constexpr (as_mean) {
        if (in_first) std::fill(mean.begin(), mean.end(), 0.0f);
        for (std::size_t i = 0; i < size; ++i) mean[i] += sum[order * size + i];
      }
      std::fill(sum.begin(), sum.end(), 0.0f);
      left = block;
      in_first = false;
      touch(2 * (order + rows) * size);
    }

    /// So many values of states, or of the sums that become states, are read or written.
    void touch(std::size_t values) {
      if constexpr (Site::counted) this->count({values * sizeof(float)});
    }

    /// Fills in the weights of unit i. A held input is one that comes at every step.
    void follow(const Unit& filter, double steps, std::size_t i, Weights& to) const {
      std::array<double, rows> row{}, total{};
      const auto store = [&](Buffer<float>& buffer, std::size_t first_row, std::size_t step) {
        for (std::size_t r = 0; r < rows; ++r)
          buffer[(first_row + r * step) * size + i] = static_cast<float>(total[r]);
      };
      const auto note = [&](const FreeRun<order>& run) {
        std::copy(run.state.begin(), run.state.end(), row.begin());
        if constexpr (as_mean) row.back() += run.state.back() / steps;
      };
      auto run = FreeRun<order>::impulse(filter);
      for (std::size_t k = 0; k < block; ++k, run.step()) {
        note(run);
        for (std::size_t r = 0; r < rows; ++r) total[r] = held ? total[r] + row[r] : row[r];
        store(to.impulse, held ? 0 : k * rows, 1);
      }
      for (const std::size_t b : {0u, 1u})
        for (std::size_t c = 0; c < order; ++c) {
          auto free = FreeRun<order>::from(filter, c);
          row = {};
          for (std::size_t k = 0; k < (b == 0 ? first : block); ++k) {
            free.step();
            note(free);
          }
          total = row;
          store(to.free[b], c, order);
        }
    }

    std::size_t block, first, left;  // steps: of a block, of the first one, to the end of this one
    bool in_first = true;
    State memory;
    std::shared_ptr<const Weights> weights;  // one copy for all engines of a batch
    Buffer<float> input, sum, mean;
  };

  /// To a reader of every step, or where every step is kept: forward and backward through time. To
  /// one of the last value or the mean: a weighted sum over the steps, and its gradient by tau
  /// likewise.
  template <class Site>
  struct Batch {
    static constexpr std::size_t size = Site::In::size;
    static constexpr std::size_t stride = kernels::padded(size);
    static constexpr bool held = carried_by<typename Site::In, Held>;
    static constexpr bool every_step = Site::wanted == Delivery::EveryStep;
    static constexpr bool as_mean = Site::wanted == Delivery::Mean;
    static constexpr bool remembers = settings.apply_during_training;

    explicit Batch(const Learning& learning)
        : level(&learning.tensor(Site::first_tensor)),
          tau(&learning.tensor(Site::first_tensor + 1)),
          level_gradient(&learning.gradient(Site::first_tensor)),
          tau_gradient(&learning.gradient(Site::first_tensor + 1)),
          level_gradients(learning.batch, size),
          tau_gradients(learning.batch, size),
          in_gradients(held ? learning.batch : learning.batch * learning.steps, size),
          rows(learning.batch * learning.steps) {
      (void)units(*tau, learning.dt);
      if constexpr (every_step) {
        follow_steps();
        out = steps;
      } else {
        weights = OwnedMatrix(held ? 1 : learning.steps, size);
        weights_by_tau = OwnedMatrix(held ? 1 : learning.steps, size);
        level_weight = Buffer<float>(size);
        level_weight_by_tau = Buffer<float>(size);
        values = OwnedMatrix(learning.batch, size);
        out = values.view();
      }
      in_gradient = in_gradients.view();
    }

    void keep_steps() requires(!every_step) {
      follow_steps();
      step_gradients = OwnedMatrix(rows, size);
      step_gradient = step_gradients.view();
    }
    float step_unit() const { return 1; }
    bool keeps_steps() const { return steps.data != nullptr; }

    void forward(Matrix given, const BatchRun& run) {
      in = given;
      std::fill(step_gradients.values.begin(), step_gradients.values.end(), 0.0f);
      for (std::size_t i = 0; i < size; ++i) {
        const Unit filter = remembers ? Model::discretise((*tau)[i], run.dt) : Unit::identity();
        if (keeps_steps()) {
          bank.set(i, filter);
          initial_state[(order - 1) * stride + i] = (*level)[i];
        } else {
          weigh(filter, run.steps, i);
        }
      }
      in_pieces(*run.pool, run.count, 4, [&](std::size_t first, std::size_t last) {
        for (std::size_t s = first; s < last; ++s) {
          if (keeps_steps()) {
            kernels::filter(bank.view(), steps_of(s, run));
            if constexpr (!every_step) condense(s, run);
          } else {
            sum(weights, level_weight, s, run, out.row(s));
            sum(weights_by_tau, level_weight_by_tau, s, run, tau_gradients.row(s));
          }
        }
      });
    }

    void backward(Matrix gradient, const BatchRun& run) {
      in_pieces(*run.pool, run.count, 4, [&](std::size_t first, std::size_t last) {
        for (std::size_t s = first; s < last; ++s) {
          const float* g = gradient.row(s);
          float* by_tau = tau_gradients.row(s);
          float* by_level = level_gradients.row(s);
          float* dx = in_gradient.row(s);
          const std::size_t dx_stride = held ? 0 : run.count * in_gradient.stride;
          if (keeps_steps()) {
            if constexpr (!every_step) spread(s, g, run);
            const Matrix of_steps = every_step ? gradient : step_gradient;
            kernels::filter_gradient(
                bank.view(), steps_of(s, run),
                {bank.derivatives.data(), of_steps.row(s), run.count * of_steps.stride, dx,
                 dx_stride, by_tau, by_level});
          } else {
            for (std::size_t i = 0; i < size; ++i) {
              by_tau[i] *= g[i];
              by_level[i] = level_weight[i] * g[i];
            }
            kernels::spread_rows(weights.row(0), stride, g, size, held ? 1 : run.steps, dx,
                                 dx_stride);
          }
        }
      });
      add_up(tau_gradients, run.count, *tau_gradient);
      add_up(level_gradients, run.count, *level_gradient);
    }

   private:
    void follow_steps() {
      bank = Bank(size, stride);
      initial_state = Buffer<float>(order * stride);
      states = OwnedMatrix(rows, order * stride);
      steps = {states.row(0) + (order - 1) * stride, states.stride};
    }

    /// From every step of sample s to what its reader wants, and back.
    void condense(std::size_t s, const BatchRun& run) const {
      float* to = out.row(s);
      std::copy_n(steps.row((run.steps - 1) * run.count + s), size, to);
      if constexpr (as_mean) {
        for (std::size_t t = run.steps - 1; t-- != 0;)
          for (std::size_t i = 0; i < size; ++i) to[i] += steps.row(t * run.count + s)[i];
        for (std::size_t i = 0; i < size; ++i) to[i] /= static_cast<float>(run.steps);
      }
    }
    void spread(std::size_t s, const float* g, const BatchRun& run) const {
      const float share = as_mean ? 1 / static_cast<float>(run.steps) : 1;
      for (std::size_t t = as_mean ? 0 : run.steps - 1; t < run.steps; ++t)
        for (std::size_t i = 0; i < size; ++i)
          step_gradient.row(t * run.count + s)[i] += share * g[i];
    }

    kernels::FilterRun steps_of(std::size_t s, const BatchRun& run) {
      return {run.steps,
              in.row(s),
              held ? 0 : run.count * in.stride,
              initial_state.data(),
              states.row(s),
              run.count * states.stride};
    }

    /// The weighted sum of sample s over the steps, and of the initial level.
    void sum(OwnedMatrix& w, const Buffer<float>& of_level, std::size_t s, const BatchRun& run,
             float* to) const {
      for (std::size_t i = 0; i < size; ++i) to[i] = of_level[i] * (*level)[i];
      kernels::add_weighted_rows(w.row(0), stride, in.row(s), run.count * in.stride, size,
                                 held ? 1 : run.steps, to);
    }

    /// The weights of unit i.
    void weigh(const Unit& filter, std::size_t steps, std::size_t i) {
      const double share = as_mean ? 1.0 / static_cast<double>(steps) : 1.0;
      double all = 0, all_by_tau = 0;
      const auto note = [&](double& sum, double x, bool adds) { sum = adds ? sum + x : x; };
      double w = 0, w_by_tau = 0;
      auto run = FreeRun<order>::impulse(filter);
      for (std::size_t t = steps; t-- != 0; run.step()) {
        note(w, run.state.back() * share, as_mean);
        note(w_by_tau, run.by_tau.back() * share, as_mean);
        note(all, w, held);
        note(all_by_tau, w_by_tau, held);
        weights.row(held ? 0 : t)[i] = static_cast<float>(all);
        weights_by_tau.row(held ? 0 : t)[i] = static_cast<float>(all_by_tau);
      }
      w = w_by_tau = 0;
      auto free = FreeRun<order>::from(filter, order - 1);
      for (std::size_t t = 0; t < steps; ++t) {
        free.step();
        note(w, free.state.back() * share, as_mean);
        note(w_by_tau, free.by_tau.back() * share, as_mean);
      }
      level_weight[i] = static_cast<float>(w);
      level_weight_by_tau[i] = static_cast<float>(w_by_tau);
    }

    static void add_up(OwnedMatrix& rows, std::size_t count, Buffer<float>& to) {
      std::fill(to.begin(), to.end(), 0.0f);
      for (std::size_t s = 0; s < count; ++s)
        for (std::size_t i = 0; i < size; ++i) to[i] += rows.row(s)[i];
    }

   public:
    const Buffer<float>*level, *tau;
    Buffer<float>*level_gradient, *tau_gradient;
    OwnedMatrix level_gradients, tau_gradients;  // of each sample
    OwnedMatrix in_gradients, values, weights, weights_by_tau, states, step_gradients;
    Buffer<float> level_weight, level_weight_by_tau, initial_state;
    Bank bank;
    std::size_t rows;
    Matrix in{}, out{}, in_gradient{}, steps{}, step_gradient{};
  };
};

}  // namespace synfire
