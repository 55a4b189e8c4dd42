// Weights of synapses as the engine keeps them.
//
// A kind of weights is a struct in weights/ or connectivity/ that says everything about itself. A
// file holds float32 whatever the kind is, and trainings do: a net of one kind takes the weights of
// another.
//   name                       "float32"
//   Clocked<inputs, width>     the definition: step(in, out) of a dense kernel [inputs][width]
//   Event<inputs, width>       the event-driven run: add(in, out) of values or of spikes, which
//                              returns what it read; `stride`: floats that out has room for;
//                              where it pays: add_together(several, in, out, read), static, add()
//                              of values by each of up to kernels::kMostProducts at once;
//                              prepare_together() and near_together(several, in, out, error, read),
//                              static: sums that are within `error` of those of add(), or false
//                              where that is not to be had
//                              For runs that stop when their class is certain, where it can:
//                              weight(i, j) and bias(j), what they stand for; input_error(most,
//                              unit, spikes), the most by which one of inputs, or of counts of
//                              spikes, of at most `most` is taken for another
//   most_inputs                where there is a limit
//   bytes(inputs, width)       of the weights and what comes with them, where they are not floats
//   group                      where only weights that are not 0 are synapses: how many neighbours
//                              of a row come and go together
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>

#include <synfire/buffer.hpp>
#include <synfire/dsl/run.hpp>
#include <synfire/dsl/signal.hpp>
#include <synfire/kernels.hpp>

namespace synfire {

struct AnyWeights {};

template <class W>
concept WeightKind = requires {
  W::name;
  typename W::template Clocked<1, 1>;
  typename W::template Event<1, 1>;
};

/// Whether these weights can sum up all of the signal.
template <class W, class In>
consteval bool few_enough() {
  if constexpr (requires { W::most_inputs, In::size; }) {
    return In::size <= W::most_inputs;
  } else {
    return true;
  }
}
template <class W>
consteval std::size_t most_inputs() {
  if constexpr (requires { W::most_inputs; }) {
    return W::most_inputs;
  } else {
    return std::numeric_limits<std::size_t>::max();
  }
}

template <class W>
consteval std::size_t bytes_of(std::size_t inputs, std::size_t width) {
  if constexpr (requires { W::bytes(inputs, width); }) {
    return W::bytes(inputs, width);
  } else {
    return inputs * width * sizeof(float);
  }
}

/// 0 where every weight is a synapse.
template <class W>
consteval std::size_t group_of() {
  if constexpr (requires { W::group; }) {
    return W::group;
  } else {
    return 0;
  }
}

/// What one product of inputs and weights did and read.
struct ReadWeights {
  std::uint64_t operations;  // see LayerActivity::synaptic_operations
  std::size_t rows;          // runs of neighbouring weights
  std::size_t bytes;         // of weights
  std::size_t inputs;        // that are not 0
  /// Of weights that do not say so.
  static constexpr auto untold = std::numeric_limits<std::size_t>::max();
};

/// What one product of rows reached and read.
struct ReadRows {
  std::uint64_t synapses;  // of the inputs, each once
  std::size_t bytes;       // of weights
};

/// A kernel [inputs][stride] as kernels::near_products takes it.
template <std::size_t inputs, std::size_t stride>
struct NearRows {
  static constexpr std::size_t size = kernels::digit_size(inputs, stride);
  static constexpr std::size_t blocks = (inputs + kernels::kNormInputs - 1) / kernels::kNormInputs;

  explicit NearRows(const std::vector<float>& kernel)
      : digit(3 * size), unit(stride), most(stride), norm(blocks * stride) {
    held = kernels::split_digits(kernel.data(), inputs, stride, digit.data(), unit.data(),
                                 most.data(), norm.data());
  }
  bool add(const float* bias, kernels::NearProduct* products, std::size_t count) const {
    return kernels::near_products(
        {stride, size, digit.data(), unit.data(), most.data(), norm.data()}, bias, inputs, products,
        count);
  }

  Buffer<std::int8_t> digit;
  Buffer<float> unit, most, norm;
  bool held;
};

/// The event-driven run of weights that lie in rows, one for each input: adds up the rows of those
/// that are not zero, ascending. Rows<inputs, width> is made of a kernel and a bias, and has
///   stride                       as Event has
///   synapses(index, count, n)    of so many inputs, each as often as it fired
///   add(index, x, n, out)        the product of the inputs x[index]; returns ReadRows
/// and, where it can do without indices, row_bytes: the bytes of a row, synapses(n): of n inputs,
/// and
///   add(nullptr, x, n, out)      the product of all inputs
///   add(x, dense_above, index, out)
///                                the product of values, as kernels::accumulate_values
///   add(products, count)         several products of values, where that pays
/// and, where it knows them, weight(i, j).
template <std::size_t inputs, class Rows>
class EventRows {
  static constexpr bool can_be_dense = requires { Rows::row_bytes; };

 public:
  static constexpr std::size_t stride = Rows::stride;
  /// The operations that it says are the synapses of all values that are not 0.
  static constexpr bool tells_all_operations = true;

  EventRows(const float* kernel, const float* bias, const RunOptions& options)
      : rows_(std::make_shared<const Rows>(kernel, bias)),
        dense_above_(options.dense_above),
        index_(inputs),
        amount_(inputs) {}

  ReadWeights add(Values in, float* out) {
    if constexpr (can_be_dense) {
      const auto [n, rows] = rows_->add(in.data(), dense_above_, index_.data(), out);
      return {rows_->synapses(n), rows, rows * Rows::row_bytes, n};
    } else {
      const std::size_t n = kernels::nonzeros(in.data(), inputs, index_.data());
      const ReadRows read = rows_->add(index_.data(), in.data(), n, out);
      return {read.synapses, n, read.bytes, n};
    }
  }
  ReadWeights add(SpikeView in, float* out) {
    const std::uint64_t operations = rows_->synapses(in.index, in.count, in.size);
    const bool all = can_be_dense && is_dense(in.size);
    if (all) std::fill(amount_.begin(), amount_.end(), 0.0f);
    for (std::size_t k = 0; k < in.size; ++k) amount_[in.index[k]] = in.count[k] / in.unit;
    if (all) return dense(amount_.data(), in.size, operations, out);
    return {operations, in.size, rows_->add(in.index, amount_.data(), in.size, out).bytes, in.size};
  }
  static void add_together(std::span<EventRows* const> all, const Values* in, float* const* out,
                           ReadWeights* read) requires
      requires(const Rows& rows, kernels::Product* products) {
    rows.add(products, 1);
  }
  {
    std::array<kernels::Product, kernels::kMostProducts> products{};
    for (std::size_t k = 0; k < all.size(); ++k) products[k] = {in[k].data(), out[k], 0};
    all[0]->rows_->add(products.data(), all.size());
    for (std::size_t k = 0; k < all.size(); ++k) read[k] = read_of(products[k].nonzero);
  }

  /// For near_together, of this one and those copied from it.
  void prepare_together() requires can_be_dense {
    if (near_ || !kernels::has_tiles()) return;
    std::vector<float> kernel(inputs * stride);
    for (std::size_t i = 0; i < inputs; ++i)
      for (std::size_t j = 0; j < stride; ++j) kernel[i * stride + j] = rows_->weight(i, j);
    auto near = std::make_shared<const Near>(kernel);
    if (near->held) near_ = std::move(near);
  }
  static bool near_together(std::span<EventRows* const> all, const Values* in, float* const* out,
                            float* const* error, ReadWeights* read) requires can_be_dense {
    const EventRows& first = *all[0];
    if (!first.near_) return false;
    std::array<kernels::NearProduct, kernels::kMostProducts> products{};
    for (std::size_t k = 0; k < all.size(); ++k) {
      if (all[k]->near_ != first.near_) return false;
      products[k] = {in[k].data(), out[k], error[k], 0};
    }
    if (!first.near_->add(first.rows_->bias.data(), products.data(), all.size())) return false;
    for (std::size_t k = 0; k < all.size(); ++k) read[k] = read_of(products[k].nonzero);
    return true;
  }

  float weight(std::size_t i, std::size_t j) const requires requires(const Rows& rows) {
    rows.weight(0, 0);
  }
  { return rows_->weight(i, j); }
  float bias(std::size_t j) const requires requires(const Rows& rows) { rows.weight(0, 0); }
  { return rows_->bias[j]; }
  double input_error(double, float, bool) const { return 0; }

 private:
  using Near = NearRows<inputs, stride>;

  static ReadWeights read_of(std::size_t n) {
    return {Rows::synapses(n), n, n * Rows::row_bytes, n};
  }
  bool is_dense(std::size_t n) const {
    return static_cast<double>(n) > dense_above_ * static_cast<double>(inputs);
  }
  ReadWeights dense(const float* x, std::size_t n, std::uint64_t operations, float* out) const {
    return {operations, inputs, rows_->add(nullptr, x, inputs, out).bytes, n};
  }

  std::shared_ptr<const Rows> rows_;  // one copy for all engines of a batch
  std::shared_ptr<const Near> near_;
  double dense_above_;
  Buffer<std::uint32_t> index_;
  Buffer<float> amount_;  // of the inputs that fire
};

/// Of rows in which every weight is a synapse.
template <std::size_t width>
struct FullRows {
  static std::uint64_t synapses(std::size_t n) { return n * width; }
  std::uint64_t synapses(const std::uint32_t*, const float* count, std::size_t n) const {
    return kernels::count_spikes(count, n).all * width;
  }
};

}  // namespace synfire
