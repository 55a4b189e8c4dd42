// Dense<Width>: every input to every neuron, y = x W + b. Dense<Width, int8>: the same with weights
// of that kind (weights/) where the net runs; files and trainings hold float32 for all kinds.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>

#include <synfire/dsl/batch.hpp>
#include <synfire/dsl/check.hpp>
#include <synfire/dsl/counting.hpp>
#include <synfire/dsl/layer.hpp>
#include <synfire/dsl/outlook.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/dsl/weights/float32.hpp>
#include <synfire/gemm.hpp>

namespace synfire {

template <std::size_t Width, class Weight_ = float32>
struct Dense {
  using Weight = Weight_;
  static constexpr std::string_view kind = "dense";
  static constexpr bool is_source = false;
  static constexpr Delivery needs = Delivery::EveryStep;
  static constexpr bool has_weights = WeightKind<Weight>;

  template <class In>
  static constexpr bool accepts = flat<In>&& Width != 0 && has_weights&& few_enough<Weight, In>();
  template <class In>
  using Out = Signal<Shape<Width>,
                     std::conditional_t<carried_by<In, Spikes>, Stepped, typename In::Carrier>>;
  /// kernel [inputs][Width], bias [Width].
  template <class In>
  static constexpr std::array<TensorSpec, 2> tensors{TensorSpec{"kernel",
                                                                {In::size, Width},
                                                                {Initializer::Kind::GlorotUniform},
                                                                true,
                                                                nullptr,
                                                                group_of<Weight>()},
                                                     TensorSpec{"bias", {Width, 0}, {}}};
  template <class In>
  static constexpr LayerStats stats{In::size * Width, 0, true};

  template <class Where, class In>
  struct Demand {
    static_assert(fits<Where, Dense, Got<Shape<Width>>, Wanted<Shape<1>>, Width != 0>,
                  "Dense needs a width of at least 1");
    static_assert(fits < Where, Dense, Got<In>,
                  Wanted<Signal<Shape<In::size>, typename In::Carrier>>, Width == 0 || flat < In >>,
                  "Dense takes a flat signal: put Flatten before it");
    static_assert(fits < Where, Dense, Got<Weight>, Wanted<AnyWeights>, Width == 0 || has_weights >,
                  "Dense needs a kind of weights: float32, bfloat16 or int8");
    static_assert(fits < Where, Dense, Got<In>, Wanted<Shape<most_inputs<Weight>()>>,
                  !has_weights || few_enough<Weight, In>() >,
                  "these weights sum no more inputs than that");
  };

  /// The kind of weights is no part of it: one file serves all of them.
  static std::string signature() { return "dense(" + std::to_string(Width) + ")"; }

  template <class Site>
  struct Clocked {
    Clocked(const ParameterSet& parameters, const RunOptions&)
        : synapses(parameters.tensor(Site::first_tensor).data(),
                   parameters.tensor(Site::first_tensor + 1).data()) {}

    void step(const ClockedValue<typename Site::In>& in) { synapses.step(in, value); }

    typename Weight::template Clocked<Site::In::size, Width> synapses;
    std::vector<float> value;
  };

  template <class Site>
  struct Event : SynapseCounting<Site, Width, Weight> {
    using Synapses = typename Weight::template Event<Site::In::size, Width>;
    static constexpr bool adds_together =
        requires(std::span<Synapses* const> all, const Values* in, ReadWeights* read) {
      Synapses::add_together(all, in, nullptr, read);
    };
    static constexpr bool can_be_near =
        carried_by<typename Site::In, Held> && requires(Synapses & s) {
      s.prepare_together();
    };
    static constexpr bool knows_weights = requires(const Synapses& s) { s.weight(0, 0); };

    Event(const ParameterSet& parameters, const RunOptions& options)
        : SynapseCounting<Site, Width, Weight>(parameters, options),
          synapses(parameters.tensor(Site::first_tensor).data(),
                   parameters.tensor(Site::first_tensor + 1).data(), options),
          sum(Synapses::stride) {}

    void before(Values in) requires carried_by<typename Site::In, Held> { add(in); }
    /// before() of each with its own input.
    static void before_together(std::span<Event* const> all, const Values* in) requires(
        carried_by<typename Site::In, Held>&& adds_together) {
      const Together of(all);
      std::array<ReadWeights, kernels::kMostProducts> read{};
      Synapses::add_together(of.synapses(), in, of.out.data(), read.data());
      for (std::size_t k = 0; k < all.size(); ++k) all[k]->note(in[k], read[k]);
    }

    void prepare_together() requires can_be_near {
      synapses.prepare_together();
      error = Buffer<float>(sum.size());
    }
    /// The same by sums that are within error[j] of what they should be; false where that is not to
    /// be had. sum_again() makes them what they should be.
    static bool near_together(std::span<Event* const> all, const Values* in) requires can_be_near {
      const Together of(all);
      std::array<ReadWeights, kernels::kMostProducts> read{};
      if (!Synapses::near_together(of.synapses(), in, of.out.data(), of.error.data(), read.data()))
        return false;
      for (std::size_t k = 0; k < all.size(); ++k) all[k]->note(in[k], read[k]);
      return true;
    }
    static void sum_again(std::span<Event* const> all, const Values* in) requires can_be_near {
      if constexpr (adds_together) {
        const Together of(all);
        std::array<ReadWeights, kernels::kMostProducts> read{};
        Synapses::add_together(of.synapses(), in, of.out.data(), read.data());
      } else {
        for (std::size_t k = 0; k < all.size(); ++k)
          all[k]->synapses.add(in[k], all[k]->sum.data());
      }
    }

    void step(Values in) requires carried_by<typename Site::In, Stepped> { add(in); }
    void after(Values in) requires carried_by<typename Site::In, Final> { add(in); }
    void step(SpikeView in) { add(in); }

    Values value() const { return {sum.data(), Width}; }

    /// Inputs within `reach` of `middle`, of a magnitude up to `most`.
    struct Box {
      double middle, reach, most;
    };
    template <class Term>
    void for_each_box(const Outlook& in, const Term& term) const {
      double top = 0;
      for (std::size_t i = 0; i < Site::In::size; ++i)
        top = std::max({top, std::abs(in.least[i]), std::abs(in.most[i])});
      const double error =
          synapses.input_error(top, in.unit, carried_by<typename Site::In, Spikes>);
      for (std::size_t i = 0; i < Site::In::size; ++i) {
        const double most = std::max(std::abs(in.least[i]), std::abs(in.most[i]));
        if (most == 0) continue;  // a silent input is left out of the sums
        const double unit = in.unit;
        term(i, Box{(in.least[i] + in.most[i]) / 2 / unit,
                    ((in.most[i] - in.least[i]) / 2 + error) / unit, (most + error) / unit});
      }
    }

    void foresee(const Outlook& in, Outlook& to) const requires knows_weights {
      to.known = false;
      if (!in.known) return;
      double* const middle = to.least.data();
      double* const reach = to.most.data();
      double* const terms = to.most_sum.data();
      for (std::size_t j = 0; j < Width; ++j) {
        middle[j] = synapses.bias(j);
        reach[j] = 0;
        terms[j] = std::abs(middle[j]);
      }
      for_each_box(in, [&](std::size_t i, const Box& x) {
        for (std::size_t j = 0; j < Width; ++j) {
          const double w = synapses.weight(i, j);
          middle[j] += w * x.middle;
          reach[j] += std::abs(w) * x.reach;
          terms[j] += std::abs(w) * x.most;
        }
      });
      for (std::size_t j = 0; j < Width; ++j) {
        const double centre = middle[j];
        const double far = terms[j] <= Outlook::kMost
                               ? reach[j] + sum_error(Site::In::size, terms[j])
                               : std::numeric_limits<double>::infinity();
        to.least[j] = centre - far;
        to.most[j] = centre + far;
      }
      to.settle();
    }

    /// By the weights' differences: what all classes have in common does not count.
    bool leads(const Outlook& in, std::size_t c, Outlook& work) const requires knows_weights {
      if (!in.known) return false;
      double* const lead = work.least.data();
      double* const terms = work.most.data();
      for (std::size_t j = 0; j < Width; ++j) {
        lead[j] = static_cast<double>(synapses.bias(c)) - synapses.bias(j);
        terms[j] = std::abs(static_cast<double>(synapses.bias(j)));
      }
      for_each_box(in, [&](std::size_t i, const Box& x) {
        const double best = synapses.weight(i, c);
        for (std::size_t j = 0; j < Width; ++j) {
          const double w = synapses.weight(i, j);
          lead[j] += (best - w) * x.middle - std::abs(best - w) * x.reach;
          terms[j] += std::abs(w) * x.most;
        }
      });
      bool ahead = true;
      for (std::size_t j = 0; j < Width; ++j) {
        const double least = lead[j] - sum_error(Site::In::size, terms[c] + terms[j]);
        const bool finite = terms[c] <= Outlook::kMost && terms[j] <= Outlook::kMost;
        ahead = ahead && (j == c || (finite && least > 0));
      }
      return ahead;
    }

    void tally(LayerActivity& activity) const {
      activity.synaptic_operations += operations;
      activity.weight_rows += rows;
      activity.weight_bytes += bytes;
    }
    void forget() { operations = rows = bytes = 0; }

    template <class In>
    void add(In in) {
      note(in, synapses.add(in, sum.data()));
    }
    template <class In>
    void note(const In& in, const ReadWeights& read) {
      if constexpr (Site::counted) this->count(in, read);
      operations += read.operations;
      rows += read.rows;
      bytes += read.bytes;
    }

    /// What add_together and near_together take.
    struct Together {
      explicit Together(std::span<Event* const> all) : count(all.size()) {
        for (std::size_t k = 0; k < count; ++k) {
          synapses_[k] = &all[k]->synapses;
          out[k] = all[k]->sum.data();
          error[k] = all[k]->error.data();
        }
      }
      std::span<Synapses* const> synapses() const { return {synapses_.data(), count}; }

      std::size_t count;
      std::array<Synapses*, kernels::kMostProducts> synapses_{};
      std::array<float*, kernels::kMostProducts> out{}, error{};
    };

    Synapses synapses;
    Buffer<float> sum, error;
    std::uint64_t operations = 0, rows = 0, bytes = 0;  // done, and of weights read
  };

  template <class Site>
  struct Batch {
    static constexpr std::size_t inputs = Site::In::size;

    explicit Batch(const Learning& learning)
        : kernel(&learning.tensor(Site::first_tensor)),
          bias(&learning.tensor(Site::first_tensor + 1)),
          kernel_gradient(&learning.gradient(Site::first_tensor)),
          bias_gradient(&learning.gradient(Site::first_tensor + 1)) {
      const std::size_t rows =
          in_time<typename Site::In> ? learning.batch * learning.steps : learning.batch;
      sums = OwnedMatrix(rows, Width);
      if constexpr (Site::learns_before) in_gradients = OwnedMatrix(rows, inputs);
      out = sums.view();
      in_gradient = in_gradients.view();
    }

    void forward(Matrix given, const BatchRun& run) {
      in = given;
      in_pieces(*run.pool, run.rows<typename Site::In>(), 16,
                [&](std::size_t first, std::size_t last) {
                  for (std::size_t r = first; r < last; ++r)
                    std::copy_n(bias->data(), Width, out.row(r));
                  gemm(false, false, last - first, Width, inputs, in.row(first), in.stride,
                       kernel->data(), Width, 1, out.row(first), out.stride);
                });
    }

    void backward(Matrix gradient, const BatchRun& run) {
      const std::size_t rows = run.rows<typename Site::In>();
      in_pieces(*run.pool, inputs, 128, [&](std::size_t first, std::size_t last) {
        gemm(true, false, last - first, Width, rows, in.data + first, in.stride, gradient.data,
             gradient.stride, 0, kernel_gradient->data() + first * Width, Width);
      });
      std::fill(bias_gradient->begin(), bias_gradient->end(), 0.0f);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t j = 0; j < Width; ++j) (*bias_gradient)[j] += gradient.row(r)[j];
      if constexpr (Site::learns_before)
        in_pieces(*run.pool, rows, 16, [&](std::size_t first, std::size_t last) {
          gemm(false, true, last - first, inputs, Width, gradient.row(first), gradient.stride,
               kernel->data(), Width, 0, in_gradient.row(first), in_gradient.stride);
        });
    }

    const Buffer<float>*kernel, *bias;
    Buffer<float>*kernel_gradient, *bias_gradient;
    OwnedMatrix sums, in_gradients;
    Matrix in{}, out{}, in_gradient{};
  };
};

}  // namespace synfire
