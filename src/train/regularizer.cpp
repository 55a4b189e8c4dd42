#include <synfire/regularizer.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
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

/// The penalty of one value, and its slope.
struct Point {
  double value;
  float slope;
};
Point penalty_at(float x, const kernels::Penalty& p) {
  const float d = x - std::min(std::max(x, p.lo), p.hi);
  return {static_cast<double>(p.l1 * std::abs(d) + p.l2 * d * d),
          (d == 0 ? 0.0f : std::copysign(p.l1, d)) + 2 * p.l2 * d};
}

/// A percentile of n elements: between those of ranks `rank` and rank + 1 from the largest on, with
/// these weights.
struct Ranks {
  Ranks(double percentile, std::size_t n) {
    const double exact = static_cast<double>(n - 1) * (1.0 - percentile / 100.0);
    rank = static_cast<std::size_t>(exact);
    weight[1] = static_cast<float>(exact - std::floor(exact));
    weight[0] = 1 - weight[1];
    between = weight[1] != 0;
    maximum = percentile == 100;
  }
  float of(const float* values, std::size_t stride) const {
    return between ? values[stride] * weight[1] + values[0] * weight[0] : values[0];
  }

  std::size_t rank;
  float weight[2];
  bool between, maximum;
};

/// What the elements of one percentile are, and the percentiles that there are.
struct Cells {
  const RegularizedTensor& x;
  Axes kept, reduced;
  Ranks ranks;
  const kernels::Penalty& penalty;
  double repeats;
  float scale;

  Point at(float percentile) const {
    Point point = penalty_at(percentile / x.unit, penalty);
    point.value *= repeats;
    point.slope *= scale;
    return point;
  }

  /// The percentiles along columns [first, last) of the last kept axis, which lie side by side.
  double columns(std::size_t first, std::size_t last) const {
    const std::size_t rows = size_of(reduced), width = last - first;
    std::vector<std::size_t> offset, gradient_offset;
    for_each_index(std::span<const Axis>(reduced), [&](std::size_t from, std::size_t to) {
      offset.push_back(from);
      gradient_offset.push_back(to);
    });
    Buffer<std::int32_t> scratch(rows * kernels::kLanes);
    Buffer<float> value(2 * width), amount(width);
    Buffer<std::uint32_t> row(2 * width);
    const bool places = x.gradient != nullptr && !ranks.maximum;
    double sum = 0;
    for_each_index(std::span(kept).first(kept.size() - 1), [&](std::size_t from, std::size_t to) {
      const float* values = x.values + from + first;
      kernels::select_columns(values, offset.data(), rows, width, ranks.rank, scratch.data(),
                              value.data(), places || ranks.between ? row.data() : nullptr);
      for (std::size_t c = 0; c < width; ++c) {
        const Point point = at(ranks.of(value.data() + c, width));
        sum += point.value;
        amount[c] = point.slope;
      }
      if (x.gradient == nullptr) return;
      float* gradient = x.gradient + to + first;
      if (ranks.maximum)
        kernels::share_columns(values, offset.data(), rows, width, value.data(), amount.data(),
                               gradient, gradient_offset.data());
      else
        for (std::size_t k = 0; k < (ranks.between ? 2 : 1); ++k)
          for (std::size_t c = 0; c < width; ++c)
            gradient[gradient_offset[row[k * width + c]] + c] += amount[c] * ranks.weight[k];
    });
    return sum;
  }

  /// The percentiles at indices [first, last) of the first kept axis (of none: the only one), one
  /// after another.
  double one_by_one(std::size_t first, std::size_t last) const {
    const std::size_t n = size_of(reduced);
    Buffer<float> gathered(n);
    Buffer<std::int32_t> scratch(kernels::padded(n));
    double sum = 0;
    const auto add = [&](std::size_t from, std::size_t to) {
      float* next = gathered.data();
      const std::span<const Axis> all(reduced);
      const Axis inner = reduced.back();
      for_each_index(all.first(all.size() - 1), [&](std::size_t at, std::size_t) {
        const float* values = x.values + from + at;
        if (inner.stride == 1)
          next = std::copy_n(values, inner.extent, next);
        else
          for (std::size_t i = 0; i < inner.extent; ++i) *next++ = values[i * inner.stride];
      });
      float value[2];
      std::uint32_t row[2];
      const bool alone = ranks.maximum;
      kernels::select(gathered.data(), n, ranks.rank, scratch.data(), value, alone ? nullptr : row);
      const Point point = at(ranks.of(value, 1));
      sum += point.value;
      if (x.gradient == nullptr) return;
      float* gradient = x.gradient + to;
      if (ranks.maximum) {
        const auto equal = std::count(gathered.begin(), gathered.end(), value[0]);
        const float share = point.slope / static_cast<float>(equal);
        next = gathered.data();
        for_each_index(all, [&](std::size_t, std::size_t at) {
          if (*next++ == value[0]) gradient[at] += share;
        });
      } else {
        for (std::size_t k = 0; k < (ranks.between ? 2 : 1); ++k)
          gradient[gradient_offset(row[k])] += point.slope * ranks.weight[k];
      }
    };
    Axes piece = kept;
    std::size_t from = 0, to = 0;
    if (!piece.empty()) {
      from = first * piece[0].stride;
      to = first * piece[0].gradient_stride;
      piece[0].extent = last - first;
    }
    for_each_index(std::span<const Axis>(piece), add, from, to);
    return sum;
  }

  std::size_t gradient_offset(std::size_t place) const {
    std::size_t offset = 0;
    for (std::size_t i = reduced.size(); i-- != 0; place /= reduced[i].extent)
      offset += place % reduced[i].extent * reduced[i].gradient_stride;
    return offset;
  }
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
                           float scale, ThreadPool& pool) {
  Axes over, kept;
  for (const std::size_t axis : reduced) over.push_back(x.axes[axis]);
  for (std::size_t i = 0; i < x.axes.size(); ++i)
    if (std::find(reduced.begin(), reduced.end(), i) == reduced.end()) kept.push_back(x.axes[i]);
  const auto repeats = static_cast<double>(take_repeats(kept));
  const Cells cells{x,
                    kept,
                    over,
                    Ranks(percentile, size_of(over)),
                    penalty,
                    repeats,
                    scale * static_cast<float>(repeats)};
  if (!kept.empty() && side_by_side(kept.back()))
    return sum_of_pieces(pool, (kept.back().extent + kernels::kLanes - 1) / kernels::kLanes, 1,
                         [&](std::size_t first, std::size_t last) {
                           return cells.columns(
                               first * kernels::kLanes,
                               std::min(kept.back().extent, last * kernels::kLanes));
                         });
  // Pieces share no gradient: it is cut along an axis that has one, or not at all.
  const std::size_t n = kept.empty() ? 1 : kept[0].extent;
  const bool apart = kept.empty() || kept[0].gradient_stride != 0 || x.gradient == nullptr;
  return sum_of_pieces(
      pool, n, apart ? least_piece(size_of(over) * size_of(kept) / n) : n,
      [&](std::size_t first, std::size_t last) { return cells.one_by_one(first, last); });
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
