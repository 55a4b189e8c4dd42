#include <synfire/regularizer.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include <synfire/error.hpp>

namespace synfire {
namespace {

using Axes = std::vector<Axis>;

std::size_t size_of(std::span<const Axis> axes) {
  return std::accumulate(axes.begin(), axes.end(), std::size_t{1},
                         [](std::size_t n, const Axis& axis) { return n * axis.extent; });
}

/// Takes away the axes along which every element and gradient is the same one; returns how many
/// there are.
std::size_t take_repeats(Axes& axes) {
  std::size_t repeats = 1;
  std::erase_if(axes, [&](const Axis& axis) {
    const bool same = axis.stride == 0 && axis.gradient_stride == 0;
    if (same) repeats *= axis.extent;
    return same;
  });
  return repeats;
}

/// Neighbours that lie in memory as one axis become one.
void merge(Axes& axes) {
  for (std::size_t i = axes.size(); i-- > 1;) {
    const Axis& inner = axes[i];
    Axis& outer = axes[i - 1];
    if (outer.stride != inner.stride * inner.extent ||
        outer.gradient_stride != inner.gradient_stride * inner.extent)
      continue;
    outer = {outer.extent * inner.extent, inner.stride, inner.gradient_stride};
    axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

bool side_by_side(const Axis& axis) {
  return axis.stride == 1 && axis.gradient_stride == 1;
}

/// The sum of work(first, last) over pieces of [0, n), side by side; the pieces and the order of
/// the sum depend on n and `least` alone.
double sum_of_pieces(ThreadPool& pool, std::size_t n, std::size_t least,
                     const std::function<double(std::size_t, std::size_t)>& work) {
  constexpr std::size_t most_pieces = 8;
  const std::size_t piece = std::max(least, (n + most_pieces - 1) / most_pieces);
  std::vector<double> sums((n + piece - 1) / piece);
  pool.run(sums.size(), [&](std::size_t, std::size_t i) {
    sums[i] = work(i * piece, std::min(n, (i + 1) * piece));
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// Pieces of no less than some thousand elements, where one of n holds `elements`.
std::size_t least_piece(std::size_t elements) {
  return std::max<std::size_t>(1, 4096 / std::max<std::size_t>(elements, 1));
}

/// A percentile of n elements: between those of ranks `rank` and rank + 1 from the largest on, with
/// these weights.
struct Ranks {
  Ranks(double percentile, std::size_t n) {
    // TensorFlow takes the percentile as a float first.
    const double share = static_cast<double>(static_cast<float>(percentile)) / 100.0;
    const double exact = static_cast<double>(n - 1) * share;
    const double above = std::ceil(exact);
    rank = n - 1 - static_cast<std::size_t>(above);
    weight[1] = static_cast<float>(above - exact);
    weight[0] = 1 - weight[1];
    between = weight[1] != 0;
    maximum = percentile == 100;
  }

  std::size_t rank;
  float weight[2];
  bool between, maximum;
};

/// What the elements of one percentile are, and the percentiles that there are.
struct Cells {
  Cells(const RegularizedTensor& tensor, double percentile, const kernels::Penalty& how,
        float scale_of_gradient, const Target* distances_to, Axes kept_axes, Axes reduced_axes)
      : x(tensor),
        penalty(how),
        distances(distances_to != nullptr),
        kept(std::move(kept_axes)),
        reduced(std::move(reduced_axes)),
        n(size_of(reduced)),
        ranks(percentile, n),
        repeats(static_cast<double>(take_repeats(kept))),
        scale(scale_of_gradient * static_cast<float>(repeats)) {
    if (distances_to != nullptr)
      range = {kernels::in_units(distances_to->lo, x.unit),
               kernels::in_units(distances_to->hi, x.unit)};
  }

  /// The penalties of `count` percentiles, and what each adds to its elements' gradients.
  double of(const float* percentiles, std::size_t count, float* amount) const {
    std::fill_n(amount, count, 0.0f);
    return repeats *
           kernels::penalty(percentiles, count, x.unit, 1, count, penalty, scale, amount, 0);
  }

  /// All of them, where the last kept axis is columns that lie side by side.
  double columns(ThreadPool& pool) const {
    std::vector<std::size_t> offset, gradient_offset;
    for_each_index(std::span<const Axis>(reduced), [&](std::size_t from, std::size_t to) {
      offset.push_back(from);
      gradient_offset.push_back(to);
    });
    constexpr std::size_t block = 2 * kernels::kLanes;
    const std::size_t width = kept.back().extent;
    return sum_of_pieces(pool, (width + block - 1) / block, 1, [&](std::size_t a, std::size_t b) {
      return columns(a * block, std::min(width, b * block), offset.data(), gradient_offset.data());
    });
  }

  double columns(std::size_t first, std::size_t last, const std::size_t* offset,
                 const std::size_t* gradient_offset) const {
    const std::size_t width = last - first;
    Buffer<std::int32_t> scratch(n * kernels::kLanes);
    Buffer<float> value(2 * width), amount(width);
    Buffer<std::uint32_t> row(2 * width);
    const bool one_gradient = !distances && std::all_of(gradient_offset, gradient_offset + n,
                                                        [](std::size_t to) { return to == 0; });
    const bool alone = !ranks.between && (ranks.maximum || one_gradient || x.gradient == nullptr);
    double sum = 0;
    for_each_index(std::span(kept).first(kept.size() - 1), [&](std::size_t from, std::size_t to) {
      const float* values = x.values + from + first;
      kernels::select_columns(values, offset, n, width, ranks.rank, range_or_null(), scratch.data(),
                              value.data(), alone ? nullptr : row.data());
      // Between two ranks lies a value of its own, and the gradient goes to both.
      if (ranks.between)
        for (std::size_t c = 0; c < width; ++c)
          value[c] = value[width + c] * ranks.weight[1] + value[c] * ranks.weight[0];
      sum += of(value.data(), width, amount.data());
      if (x.gradient == nullptr) return;
      float* gradient = x.gradient + to + first;
      if (one_gradient) {
        for (std::size_t c = 0; c < width; ++c) gradient[c] += amount[c];
        return;
      }
      if (ranks.maximum)
        return kernels::share_columns(values, offset, n, width, range_or_null(), value.data(),
                                      amount.data(), gradient, gradient_offset);
      for (std::size_t k = 0; k < (ranks.between ? 2 : 1); ++k) {
        const std::uint32_t* at = row.data() + k * width;
        const float weight = ranks.weight[k];
        if (distances)
          for (std::size_t c = 0; c < width; ++c)
            gradient[gradient_offset[at[c]] + c] +=
                amount[c] * weight * slope(values[offset[at[c]] + c]);
        else
          for (std::size_t c = 0; c < width; ++c)
            gradient[gradient_offset[at[c]] + c] += amount[c] * weight;
      }
    });
    return sum;
  }

  /// All of them, one after another.
  double one_by_one(ThreadPool& pool) const {
    // Pieces share no gradient: it is cut along an axis that has one, or not at all.
    const std::size_t extent = kept.empty() ? 1 : kept[0].extent;
    const bool apart = kept.empty() || kept[0].gradient_stride != 0 || x.gradient == nullptr;
    const std::size_t least = apart ? least_piece(n * size_of(kept) / extent) : extent;
    return sum_of_pieces(pool, extent, least, [&](std::size_t first, std::size_t last) {
      Axes piece = kept;
      std::size_t from = 0, to = 0;
      if (!piece.empty()) {
        from = first * piece[0].stride;
        to = first * piece[0].gradient_stride;
        piece[0].extent = last - first;
      }
      // Found first, all of them, then penalized, then followed by gradients.
      const std::size_t cells = size_of(piece);
      std::vector<float> value(cells), amount(cells);
      std::vector<std::uint32_t> place(2 * cells);
      const auto scratch = std::make_unique_for_overwrite<float[]>(n);
      std::size_t cell = 0;
      float guess = 0;  // the cell before is often alike
      for_each_index(
          std::span<const Axis>(piece),
          [&](std::size_t at, std::size_t) {
            if (cell == 0) guess = element(x.values[at]);
            value[cell] = find_one(x.values + at, scratch.get(), guess, &place[2 * cell]);
            ++cell;
          },
          from, to);
      const double sum = of(value.data(), cells, amount.data());
      if (x.gradient == nullptr) return sum;
      cell = 0;
      for_each_index(
          std::span<const Axis>(piece),
          [&](std::size_t at, std::size_t gradient_at) {
            if (amount[cell] != 0)
              add_one(x.values + at, value[cell], amount[cell], &place[2 * cell],
                      x.gradient + gradient_at);
            ++cell;
          },
          from, to);
      return sum;
    });
  }

  float find_one(const float* values, float* scratch, float& guess, std::uint32_t* place) const {
    const float* side_by_side = values;
    if (reduced.size() > 1 || reduced[0].stride != 1) {
      float* next = scratch;
      for_each_run([&](std::size_t at, std::size_t, std::size_t extent) {
        std::copy_n(values + at, extent, next);
        next += extent;
      });
      side_by_side = scratch;
    }
    float found[2];
    kernels::select(side_by_side, n, ranks.rank, range_or_null(), guess, found,
                    ranks.maximum ? nullptr : place);
    guess = found[0];
    return ranks.between ? found[1] * ranks.weight[1] + found[0] * ranks.weight[0] : found[0];
  }

  void add_one(const float* values, float value, float amount, const std::uint32_t* place,
               float* gradient) const {
    if (ranks.maximum) {
      std::size_t equal = 0;
      for_each_run([&](std::size_t at, std::size_t, std::size_t extent) {
        equal += kernels::count_equal(values + at, extent, range_or_null(), value);
      });
      const float share = amount / static_cast<float>(equal);
      for_each_run([&](std::size_t at, std::size_t to, std::size_t extent) {
        kernels::share(values + at, extent, range_or_null(), value, share, gradient + to);
      });
    } else {
      for (std::size_t k = 0; k < (ranks.between ? 2 : 1); ++k) {
        std::size_t at = 0, to = 0;
        for (std::size_t i = reduced.size(), rest = place[k]; i-- != 0; rest /= reduced[i].extent) {
          const std::size_t index = rest % reduced[i].extent;
          at += index * reduced[i].stride;
          to += index * reduced[i].gradient_stride;
        }
        gradient[to] += amount * ranks.weight[k] * slope(values[at]);
      }
    }
  }

  /// Calls f(offset, gradient offset, extent) for one percentile's elements in their order, as many
  /// at a time as lie side by side.
  template <class F>
  void for_each_run(const F& f) const {
    const Axis& inner = reduced.back();
    const bool whole = inner.stride == 1 && (x.gradient == nullptr || inner.gradient_stride == 1);
    for_each_index(std::span(reduced).first(reduced.size() - whole),
                   [&](std::size_t at, std::size_t to) { f(at, to, whole ? inner.extent : 1); });
  }

  const kernels::Range* range_or_null() const { return distances ? &range : nullptr; }

  float element(float value) const {
    return distances ? std::abs(value - std::min(std::max(value, range.lo), range.hi)) : value;
  }
  /// Of an element by its value.
  float slope(float value) const {
    if (!distances) return 1;
    return static_cast<float>(value > range.hi) - static_cast<float>(value < range.lo);
  }

  const RegularizedTensor& x;
  const kernels::Penalty& penalty;
  bool distances;          // elements are distances of values to
  kernels::Range range{};  // this, in units
  Axes kept, reduced;
  std::size_t n;  // elements of one percentile
  Ranks ranks;
  double repeats;
  float scale;
};

}  // namespace

void Target::check() const {
  const bool sound = lo <= hi && lo < INFINITY && hi > -INFINITY;
  if (!sound)
    throw InvalidSetting("the target of a regularizer", text(),
                         "a number, or a range whose first end is not above its second");
}

std::string Target::text() const {
  return lo == hi ? text_of(lo) : fmt::format("({},{})", lo, hi);
}

void check_strengths(float l1, float l2) {
  for (const float strength : {l1, l2})
    if (!(std::isfinite(strength) && strength >= 0))
      throw InvalidSetting("the strength of a regularizer", text_of(strength),
                           "a finite number from 0 on");
}

std::string text_of(float number) {
  return fmt::to_string(number);
}

std::string text_of(double number) {
  return fmt::to_string(number);
}

std::vector<std::size_t> axes_below(std::span<const int> axes, std::size_t rank) {
  if (axes.empty()) throw InvalidSetting("the number of axes of a percentile", "0", "at least 1");
  std::vector<std::size_t> found;
  const int n = static_cast<int>(rank);
  for (const int axis : axes) {
    if (axis < -n || axis >= n)
      throw InvalidSetting("an axis of a percentile", std::to_string(axis),
                           fmt::format("from {} to {}, for the tensor has {} axes", -n, n - 1, n));
    const auto at = static_cast<std::size_t>(axis < 0 ? axis + n : axis);
    if (std::find(found.begin(), found.end(), at) != found.end())
      throw InvalidSetting("an axis of a percentile", std::to_string(axis),
                           "another one than those before it");
    found.push_back(at);
  }
  return found;
}

double penalize(const RegularizedTensor& x, const kernels::Penalty& penalty, float scale,
                ThreadPool& pool) {
  Axes axes = x.axes;
  const auto repeats = static_cast<double>(take_repeats(axes));
  scale *= static_cast<float>(repeats);
  merge(axes);
  if (axes.empty() || !side_by_side(axes.back())) axes.push_back({1, 1, 1});
  const std::size_t n = axes[0].extent;
  const double sum = sum_of_pieces(
      pool, n, least_piece(size_of(axes) / n), [&](std::size_t first, std::size_t last) {
        Axes outer = axes;
        outer[0].extent = last - first;
        const std::size_t from = first * outer[0].stride;
        const std::size_t to = first * outer[0].gradient_stride;
        const Axis column = outer.back();
        outer.pop_back();
        Axis row{1, 0, 0};
        if (!outer.empty()) {
          row = outer.back();
          outer.pop_back();
        }
        double part = 0;
        const auto add = [&](std::size_t at, std::size_t gradient_at) {
          float* gradient = x.gradient == nullptr ? nullptr : x.gradient + gradient_at;
          part += kernels::penalty(x.values + at, row.stride, x.unit, row.extent, column.extent,
                                   penalty, scale, gradient, row.gradient_stride);
        };
        for_each_index(std::span<const Axis>(outer), add, from, to);
        return part;
      });
  return repeats * sum;
}

double penalize_percentile(const RegularizedTensor& x, double percentile,
                           std::span<const std::size_t> reduced, const kernels::Penalty& penalty,
                           float scale, ThreadPool& pool, const Target* distances_to) {
  Axes over, kept;
  for (const std::size_t axis : reduced) over.push_back(x.axes[axis]);
  for (std::size_t i = 0; i < x.axes.size(); ++i)
    if (std::find(reduced.begin(), reduced.end(), i) == reduced.end()) kept.push_back(x.axes[i]);
  const Cells cells(x, percentile, penalty, scale, distances_to, std::move(kept), std::move(over));
  const bool in_columns = !cells.kept.empty() && side_by_side(cells.kept.back());
  return in_columns ? cells.columns(pool) : cells.one_by_one(pool);
}

OwnedTensor::OwnedTensor(std::span<const Axis> axes)
    : values(size_of(axes)),
      gradient(size_of(axes)),
      view{values.data(), 1, gradient.data(), Axes(axes.begin(), axes.end())} {
  std::size_t stride = 1;
  for (std::size_t i = view.axes.size(); i-- != 0;) {
    view.axes[i].stride = view.axes[i].gradient_stride = stride;
    stride *= view.axes[i].extent;
  }
}

}  // namespace synfire
