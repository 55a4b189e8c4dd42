// Spiking<N>: a neuron on every value. N is a neuron model, or an activation, which stands for the
// rate neuron that integrates it (KerasSpiking's SpikingActivation).
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/counting.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/neuron.hpp>
#include <synfire/dsl/outlook.hpp>
#include <synfire/dsl/run.hpp>

namespace synfire {

/// From so many neurons on it pays to leave out those that rest (see bench/RESULTS.md).
inline constexpr std::size_t kRestFrom = 32;

template <class Declared>
struct Spiking {
  using Neuron = as_neuron<Declared>;
  static constexpr std::string_view kind = "spiking";
  static constexpr bool is_source = false;
  static constexpr bool is_neuron = Activation<Declared> || NeuronModel<Declared>;
  static constexpr Delivery needs = Delivery::EveryStep;
  static constexpr Delivery delivers(Delivery wanted) {
    return wanted == Delivery::Mean ? Delivery::Mean : Delivery::EveryStep;
  }

  template <class In>
  static constexpr bool accepts = is_neuron&& carried_by<In, Held, Stepped>;
  template <class In>
  using Out = Signal<typename In::Shape, Spikes>;
  template <class In>
  static constexpr auto tensors = Neuron::tensors;
  template <class In>
  static constexpr LayerStats stats{0, In::size, true};

  template <class Where, class In>
  struct Demand {
    static_assert(fits<Where, Spiking, Got<Declared>, Wanted<AnyNeuron>, is_neuron>,
                  "Spiking needs a neuron model or an activation");
    static_assert(fits < Where, Spiking, Got<In>, Wanted<Signal<typename In::Shape, Stepped>>,
                  !is_neuron || !carried_by < In, Spikes >>,
                  "Spiking takes currents, not spikes: put Dense before it");
    static_assert(fits < Where, Spiking, Got<In>, Wanted<Signal<typename In::Shape, Stepped>>,
                  !is_neuron || !carried_by < In, Final >>,
                  "Spiking cannot follow a value that is known only when the run has ended");
  };

  static constexpr std::size_t states(std::size_t n) { return n; }
  static std::string signature() { return "spiking(" + std::string(Neuron::name) + ")"; }

  /// Voltages at the start of a sample: given ones, or drawn for its address, or zero.
  struct Start {
    void into(Buffer<float>& voltage, const RandomAddress& of, std::size_t layer) const {
      if (given.size() != 0) {
        std::copy(given.begin(), given.end(), voltage.begin());
      } else if constexpr (Neuron::random_start) {
        uniform({.seed = of.seed,
                 .stream = Stream::InitialVoltage,
                 .epoch = of.epoch,
                 .layer = static_cast<std::uint32_t>(layer),
                 .sample = of.sample},
                voltage.data(), voltage.size());
      } else {
        std::fill(voltage.begin(), voltage.end(), 0.0f);
      }
    }
    Buffer<float> given;
  };

  template <class Site>
  struct Clocked {
    static constexpr std::size_t size = Site::In::size;
    Clocked(const ParameterSet& parameters, const RunOptions& options)
        : constants(parameters, Site::first_tensor, options.dt), voltage(size) {
      value.count.resize(size);
      value.unit = constants.unit;
    }

    void start(const RandomAddress& address) { initial.into(voltage, address, Site::index); }
    std::span<float> state() { return voltage; }
    void step(const std::vector<float>& in) {
      for (std::size_t i = 0; i < size; ++i)
        value.count[i] = Neuron::update(voltage[i], Neuron::drive(in[i], constants), constants);
    }

    typename Neuron::Constants constants;
    Start initial;
    Buffer<float> voltage;
    ClockedCounts value;
  };

  template <class Site>
  struct Event : NeuronCounting<Neuron, Site::In::size, Site::counted> {
    static constexpr std::size_t size = Site::In::size;
    static constexpr bool held = carried_by<typename Site::In, Held>;
    static constexpr bool stepped = !held;
    static constexpr bool as_mean = Site::wanted == Delivery::Mean;
    /// Spikes that have one sign in a run (from a voltage in [0, 1)) are as many as their sum.
    static constexpr bool sum_counts = as_mean && (held || is_nonnegative<Neuron>);
    static constexpr bool takes_inputs =
        (stepped || as_mean) && fires_inputs<Neuron> && (!Site::counted || takes_census<Neuron>);
    /// Under a held current those that rest are left out of the steps, where there are enough of
    /// them to pay for the search: exactly the same, and most of them rest in a trained net.
    static constexpr bool can_rest = held && !as_mean && size >= kRestFrom && has_rest<Neuron> &&
                                     (!Site::counted || takes_census<Neuron>);

    Event(const ParameterSet& parameters, const RunOptions& options)
        : NeuronCounting<Neuron, size, Site::counted>(options),
          constants(parameters, Site::first_tensor, options.dt),
          steps(options.steps),
          voltage(size),
          drive(size),
          total(as_mean ? size : 0),
          fired(sum_counts ? 0 : size),
          mean(as_mean ? size : 0),
          which(can_rest ? size : 0),
          awake_drive(can_rest ? size : 0),
          awake_voltage(can_rest ? size : 0),
          events(sum_counts ? 0 : size) {}

    void start(const RandomAddress& address) { initial.into(voltage, address, Site::index); }
    std::span<float> state() { return voltage; }
    void begin() requires(stepped || !as_mean) {
      std::fill(total.begin(), total.end(), 0.0f);
      if constexpr (!can_rest) std::fill(fired.begin(), fired.end(), 0.0f);
    }

    /// A held current drives every step alike: where nobody wants single steps, all of them are
    /// integrated while the neurons sit in registers.
    void before(Values in) requires held {
      if constexpr (!takes_inputs) drive_with(in);
      if constexpr (takes_inputs) {
        this->total_inputs(in.data(), voltage.data(), steps, constants, total.data());
        done = steps;
      } else if constexpr (as_mean) {
        this->fire_total(drive.data(), voltage.data(), steps, constants, total.data());
        done = steps;
      } else if constexpr (can_rest) {
        awake = Neuron::awake(drive.data(), voltage.data(), size, constants, which.data(),
                              awake_drive.data(), awake_voltage.data());
        this->begin_awake(awake_drive.data(), awake_voltage.data(), awake);
        std::fill_n(fired.begin(), awake, 0.0f);
      }
    }

    /// Whether inputs that are off by `error` give the same means and counts.
    bool alike(Values in, const float* error) const requires(held&& as_mean&& takes_inputs) {
      return Neuron::inputs_alike(in.data(), error, voltage.data(), size, steps, constants);
    }

    template <class In>
    void step(const In& in) requires(stepped || !as_mean) {
      ++done;
      if constexpr (stepped && !(takes_inputs && (sum_counts || !as_mean))) drive_with(in);
      float* count = events.count.data();
      if constexpr (sum_counts && takes_inputs) {
        this->add_inputs(in.data(), voltage.data(), constants, total.data());
      } else if constexpr (sum_counts) {
        this->fire_add(drive.data(), voltage.data(), constants, total.data());
      } else if constexpr (as_mean) {
        this->fire_total(drive.data(), voltage.data(), 1, constants, count);
        for (std::size_t i = 0; i < size; ++i) {
          total[i] += count[i];
          fired[i] += std::abs(count[i]);
        }
      } else if constexpr (can_rest) {
        events.size = this->fire_awake(awake_drive.data(), awake_voltage.data(), awake, constants,
                                       which.data(), events.index.data(), count, fired.data());
      } else {
        if constexpr (takes_inputs)
          events.size =
              this->fire_inputs(in.data(), voltage.data(), constants, events.index.data(), count);
        else
          events.size =
              this->fire(drive.data(), voltage.data(), constants, events.index.data(), count);
        for (std::size_t k = 0; k < events.size; ++k) fired[events.index[k]] += std::abs(count[k]);
      }
    }

    template <class In>
    void after(const In&) {
      kernels::SpikeCount counted{};
      if constexpr (as_mean) {
        const float seconds = static_cast<float>(steps) * constants.unit;
        counted = kernels::mean_rates(total.data(), size, seconds, mean.data());
      }
      if constexpr (!sum_counts)
        counted = kernels::count_spikes(fired.data(), can_rest ? awake : size);
      if constexpr (can_rest)
        for (std::size_t k = 0; k < awake; ++k) voltage[which[k]] = awake_voltage[k];
      const auto run = static_cast<double>(done);
      if (counted.most > most_a_step * run) most_a_step = counted.most / run;
      spikes += counted.all;
      updates += done * size;
      done = 0;
    }

    auto value() const {
      if constexpr (as_mean) {
        return Values(mean);
      } else {
        return events.view(constants.unit);
      }
    }

    void tally(LayerActivity& activity) const {
      activity.spiking = true;
      activity.spikes += spikes;
      activity.neuron_updates += updates;
      activity.most_a_step = std::max(activity.most_a_step, most_a_step);
    }
    void forget() {
      spikes = updates = 0;
      most_a_step = 0;
    }

    static constexpr bool has_outlook = requires(const typename Neuron::Constants& c) {
      Neuron::each_ahead(0, 0, 0, c);
    };
    void foresee(const Outlook& in, Outlook& to) const requires has_outlook {
      to.unit = constants.unit;
      for_each_voltage([&](std::size_t i, float v) {
        const auto [low, high] = drives(in, i);
        const SpikeBounds each = Neuron::each_ahead(v, low, high, constants);
        to.least[i] = each.least;
        to.most[i] = each.most;
      });
      to.settle();
    }
    void foresee_sum(const Outlook& in, std::size_t left, Outlook& to) const requires has_outlook {
      for_each_voltage([&](std::size_t i, float v) {
        const auto [low, high] = drives(in, i);
        const SpikeBounds sum = Neuron::sum_ahead(v, low, high, left, constants);
        to.least_sum[i] = sum.least;
        to.most_sum[i] = sum.most;
      });
    }
    /// Of the run so far.
    template <class Each>
    void for_each_voltage(const Each& each) const {
      for (std::size_t i = 0; i < size; ++i) each(i, voltage[i]);
      if constexpr (can_rest)
        for (std::size_t k = 0; k < awake; ++k) each(which[k], awake_voltage[k]);
    }
    /// Of all later steps: a held one is known.
    std::pair<float, float> drives(const Outlook& in, std::size_t i) const {
      if constexpr (held) {
        return {drive[i], drive[i]};
      } else if constexpr (is_monotone<Neuron>) {
        if (in.known)
          return {Neuron::drive(float_below(in.least[i]), constants),
                  Neuron::drive(float_above(in.most[i]), constants)};
      }
      return {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity()};
    }

    void drive_with(Values in) {
      for (std::size_t i = 0; i < size; ++i) drive[i] = Neuron::drive(in[i], constants);
    }

    typename Neuron::Constants constants;
    Start initial;
    std::size_t steps;
    Buffer<float> voltage, drive;
    Buffer<float> total, fired, mean;  // sums of count and |count| over the run, and the rate
    Buffer<std::uint32_t> which;       // neurons that do not rest, whose |counts| are `fired` then
    Buffer<float> awake_drive, awake_voltage;
    std::size_t awake = 0;
    EventBuffer events;
    std::uint64_t spikes = 0, updates = 0;
    std::size_t done = 0;    // steps of the run so far
    double most_a_step = 0;  // spikes of one neuron in one sample
  };

  /// Forward with spikes, or, where training is not spiking-aware, with the activation itself.
  /// A held current keeps one row a sample for all steps, in both directions.
  template <class Site>
  struct Batch {
    static constexpr std::size_t size = Site::In::size;
    static constexpr bool held = carried_by<typename Site::In, Held>;
    static constexpr bool as_mean = Site::wanted == Delivery::Mean;
    static constexpr bool remembers = !Neuron::integrates_rate;  // its gradient goes through time

    explicit Batch(const Learning& learning)
        : parameters(learning.parameters),
          constants(*parameters, Site::first_tensor, learning.dt),
          spiking(learning.spiking || remembers),
          voltage(learning.batch, size),
          drive(learning.batch, size),
          values(as_mean ? learning.batch : learning.batch * learning.steps, size),
          rows(learning.batch * learning.steps) {
      if constexpr (remembers) history = OwnedMatrix(learning.batch * learning.steps, size);
      if constexpr (Site::learns_before)
        in_gradients = OwnedMatrix(held ? learning.batch : learning.batch * learning.steps, size);
      out = values.view();
      in_gradient = in_gradients.view();
    }

    /// Every step's output behind the means. Of rates themselves, a held one is its mean.
    void keep_steps() requires as_mean {
      kept = OwnedMatrix(rows, size);
      steps = kept.view();
      if constexpr (!held || remembers) {
        kept_gradients = OwnedMatrix(rows, size);
        step_gradient = kept_gradients.view();
      }
    }
    float step_unit() const { return spiking ? constants.unit : 1.0f; }
    bool keeps_steps() const { return steps.data != nullptr && (spiking || !held); }

    void forward(Matrix given, const BatchRun& run) {
      in = given;
      constants = typename Neuron::Constants(*parameters, Site::first_tensor, run.dt);
      std::fill(kept_gradients.values.begin(), kept_gradients.values.end(), 0.0f);
      in_pieces(*run.pool, run.count, 4, [&](std::size_t first, std::size_t last) {
        for (std::size_t s = first; s < last; ++s) spiking ? spike(s, run) : activate(s, run);
      });
    }

    void backward(Matrix gradient, const BatchRun& run) {
      if constexpr (Site::learns_before)
        in_pieces(*run.pool, run.count, 4, [&](std::size_t first, std::size_t last) {
          for (std::size_t s = first; s < last; ++s) back(s, gradient, run);
        });
    }

   private:
    void activate(std::size_t s, const BatchRun& run) {
      if constexpr (!remembers) {
        const std::size_t in_rows = held ? 1 : run.steps;
        for (std::size_t t = 0; t < in_rows; ++t) {
          const float* x = in.row(t * run.count + s);
          if constexpr (as_mean) {
            float* y = out.row(s);
            if (t == 0) std::fill_n(y, size, 0.0f);
            for (std::size_t i = 0; i < size; ++i) y[i] += Neuron::rate(x[i]);
            if (keeps_steps())
              std::transform(x, x + size, steps.row(t * run.count + s), Neuron::rate);
          } else {
            std::transform(x, x + size, out.row(t * run.count + s), Neuron::rate);
          }
        }
        if constexpr (as_mean) {
          for (std::size_t i = 0; i < size; ++i) out.row(s)[i] /= static_cast<float>(in_rows);
        } else if constexpr (held) {
          for (std::size_t t = 1; t < run.steps; ++t)
            std::copy_n(out.row(s), size, out.row(t * run.count + s));
        }
      }
    }

    void spike(std::size_t s, const BatchRun& run) {
      float* v = voltage.row(s);
      start(s, run, v);
      const bool keeps = keeps_steps();
      if constexpr (held && as_mean && !remembers) {
        drive_with(in.row(s), drive.row(s));
        if (keeps)
          Neuron::fire_steps(drive.row(s), v, size, run.steps, constants, steps.row(s),
                             run.count * steps.stride, out.row(s));
        else
          Neuron::fire_total(drive.row(s), v, size, run.steps, constants, out.row(s));
      } else {
        if constexpr (as_mean) std::fill_n(out.row(s), size, 0.0f);
        for (std::size_t t = 0; t < run.steps; ++t) {
          const std::size_t r = t * run.count + s;
          if (!held || t == 0) drive_with(in.row(held ? s : r), drive.row(s));
          if (as_mean && !keeps) {
            Neuron::fire_add(drive.row(s), v, size, constants, out.row(s));
          } else {
            float* y = as_mean ? steps.row(r) : out.row(r);
            Neuron::fire_total(drive.row(s), v, size, 1, constants, y);
            if constexpr (as_mean)
              for (std::size_t i = 0; i < size; ++i) out.row(s)[i] += y[i];
            else
              divide(y, constants.unit);
          }
          if constexpr (remembers) std::copy_n(v, size, history.row(r));
        }
      }
      if constexpr (as_mean) divide(out.row(s), static_cast<float>(run.steps) * constants.unit);
    }

    void start(std::size_t s, const BatchRun& run, float* v) const {
      if (initial_voltage.size() != 0) {
        std::copy_n(initial_voltage.data() + s * size, size, v);
      } else if constexpr (Neuron::random_start) {
        uniform({run.seed, Stream::InitialVoltage, run.epoch, Site::index, run.samples[s]}, v,
                size);
      } else {
        std::fill_n(v, size, 0.0f);
      }
    }

    void back(std::size_t s, Matrix gradient, const BatchRun& run) {
      const float share = as_mean ? 1.0f / static_cast<float>(run.steps)
                                  : 1.0f;  // of a step in what was handed out
      float* carry = voltage.row(s);       // the voltages have done their work
      std::fill_n(carry, size, 0.0f);
      if constexpr (held) std::fill_n(in_gradient.row(s), size, 0.0f);
      if constexpr (held && as_mean && !remembers) {
        for (std::size_t i = 0; i < size; ++i)
          in_gradient.row(s)[i] =
              Neuron::input_gradient(gradient.row(s)[i], in.row(s)[i], 0, carry[i], constants);
      } else {
        for (std::size_t t = run.steps; t-- != 0;) {
          const std::size_t r = t * run.count + s;
          const float* g = gradient.row(as_mean ? s : r);
          const float* x = in.row(held ? s : r);
          const float* v = remembers ? history.row(r) : x;
          const float* more = step_gradient.data == nullptr ? nullptr : step_gradient.row(r);
          float* to = in_gradient.row(held ? s : r);
          for (std::size_t i = 0; i < size; ++i) {
            const float of_step = g[i] * share + (more == nullptr ? 0.0f : more[i]);
            const float d = Neuron::input_gradient(of_step, x[i], v[i], carry[i], constants);
            to[i] = held ? to[i] + d : d;
          }
        }
      }
    }

    void drive_with(const float* x, float* to) const {
      for (std::size_t i = 0; i < size; ++i) to[i] = Neuron::drive(x[i], constants);
    }
    static void divide(float* y, float by) {
      for (std::size_t i = 0; i < size; ++i) y[i] /= by;
    }

   public:
    const ParameterSet* parameters;
    typename Neuron::Constants constants;  // of the batch under way
    bool spiking;
    OwnedMatrix voltage, drive, values, history, in_gradients, kept, kept_gradients;
    std::size_t rows;
    Buffer<float> initial_voltage;  // [batch][size] for every batch, where it is given
    Matrix in{}, out{}, in_gradient{}, steps{}, step_gradient{};
  };
};

}  // namespace synfire
