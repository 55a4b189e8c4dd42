#include <synfire/regularizer.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include <synfire/buffer.hpp>
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

/// Where each index of some axes is.
struct Offsets {
  explicit Offsets(std::span<const Axis> axes) : value(size_of(axes)), gradient(value.size()) {
    const Axis inner = axes.empty() ? Axis{1, 0, 0} : axes.back();
    std::size_t next = 0;
    for_each_index(axes.first(axes.size() - !axes.empty()), [&](std::size_t at, std::size_t to) {
      for (std::size_t i = 0; i < inner.extent; ++i) value[next + i] = at + i * inner.stride;
      for (std::size_t i = 0; i < inner.extent; ++i)
        gradient[next + i] = to + i * inner.gradient_stride;
      next += inner.extent;
    });
  }
  std::vector<std::size_t> value, gradient;
};

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
    minimum = rank == n - 1;
  }
  std::size_t count() const { return between ? 2 : 1; }

  std::size_t rank;
  float weight[2];
  bool between, maximum, minimum;
};

/// Room for n values, which may be anything. What is given back waits in its thread for the next
/// one that asks: a training wants the same again with every batch.
template <class T>
class Room {
 public:
  explicit Room(std::size_t n) {
    auto& free = waiting();
    if (!free.empty()) {
      memory_ = std::move(free.back());
      free.pop_back();
    }
    if (memory_.size() < n) memory_ = Buffer<T>(n);
  }
  ~Room() { waiting().push_back(std::move(memory_)); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  T* begin() { return memory_.data(); }

 private:
  static std::vector<Buffer<T>>& waiting() {
    thread_local std::vector<Buffer<T>> buffers;
    return buffers;
  }

  Buffer<T> memory_;
};

/// What was found of some percentiles, and the elements that they are made of.
struct Found {
  Found(std::size_t cells, const Ranks& ranks)
      : count(cells),
        numbers((2 * ranks.count() + 2) * cells),
        places(ranks.count() * cells),
        value(numbers.begin()),
        slope(value + ranks.count() * cells),
        equal(slope + ranks.count() * cells),
        amount(equal + cells),
        place(places.begin()) {}

  kernels::Selected from(std::size_t cell, bool with_places = true) {
    return {value + cell, with_places ? place + cell : nullptr,
            with_places ? slope + cell : nullptr, count};
  }

  std::size_t count;
  Room<float> numbers;
  Room<std::uint32_t> places;
  float *value, *slope;  // of the elements, and then of the percentile
  float* equal;          // how many are a maximum
  float* amount;         // what their gradients are to have
  std::uint32_t* place;
};

/// What the elements of one percentile are, and the percentiles that there are.
struct Cells {
  Cells(const RegularizedTensor& tensor, double percentile, const kernels::Penalty& given,
        float scale_of_gradient, const Target* distances_to, Axes kept_axes, Axes reduced_axes)
      : x(tensor),
        how(given),
        distances(distances_to != nullptr),
        kept(std::move(kept_axes)),
        reduced(std::move(reduced_axes)),
        n(size_of(reduced)),
        ranks(percentile, n),
        repeats(static_cast<double>(take_repeats(kept))),
        scale(scale_of_gradient * static_cast<float>(repeats)) {
    merge(kept);
    // A maximum is that of any order.
    if (ranks.maximum)
      std::sort(reduced.begin(), reduced.end(),
                [](const Axis& a, const Axis& b) { return a.stride > b.stride; });
    merge(reduced);
    if (distances_to != nullptr)
      range = {kernels::in_units(distances_to->lo, x.unit),
               kernels::in_units(distances_to->hi, x.unit)};
    if (x.last == nullptr || ranks.maximum || ranks.minimum) return;
    last = x.last;
    if (last->value.size() == size_of(kept)) return;
    last->value.assign(size_of(kept), NAN);
    last->reach.assign(size_of(kept), 0.0f);
    last->place.assign(ranks.count() * size_of(kept), 0);
  }

  /// All of them, where the last kept axis is columns that lie side by side.
  double columns(ThreadPool& pool) const {
    const Offsets row(reduced);
    constexpr std::size_t block = 2 * kernels::kLanes;
    const std::size_t width = kept.back().extent;
    return sum_of_pieces(pool, (width + block - 1) / block, 1, [&](std::size_t a, std::size_t b) {
      return columns(a * block, std::min(width, b * block), row.value.data(), row.gradient.data());
    });
  }

  double columns(std::size_t first, std::size_t end, const std::size_t* offset,
                 const std::size_t* gradient_offset) const {
    const std::size_t width = end - first;
    const std::span outer = std::span(kept).first(kept.size() - 1);
    const bool one_gradient = std::all_of(
        reduced.begin(), reduced.end(), [](const Axis& axis) { return axis.gradient_stride == 0; });
    const bool places = x.gradient != nullptr && (distances || !one_gradient);
    Room<float> room(n * kernels::kLanes);
    const auto at = [&](std::size_t from) {
      return kernels::Columns{x.values + from + first, offset, n, width, range_or_null()};
    };
    Found found(size_of(outer) * width, ranks);
    std::size_t cell = 0, index = first;
    for_each_index(outer, [&](std::size_t from, std::size_t) {
      if (ranks.maximum) {
        kernels::maximum_columns(at(from), found.from(cell), found.equal + cell);
      } else if (ranks.minimum) {
        kernels::minimum_columns(at(from), found.from(cell));
      } else {
        const auto guess = guess_of(index);
        kernels::select_columns(at(from), ranks.rank, ranks.count(), guess ? &*guess : nullptr,
                                room.begin(), found.from(cell, places));
        settle(found, cell, width, index);
      }
      cell += width;
      index += kept.back().extent;
    });
    const double sum = penalize(found, 0, found.count);
    if (x.gradient == nullptr) return sum;
    cell = 0;
    for_each_index(outer, [&](std::size_t from, std::size_t to) {
      float* gradient = x.gradient + to + first;
      if (one_gradient)
        add_to_one(found, cell, width, gradient);
      else if (ranks.maximum)
        share_columns(found, cell, at(from), gradient, gradient_offset);
      else
        for (std::size_t k = 0; k < ranks.count(); ++k)
          for (std::size_t c = 0, i = k * found.count + cell; c < width; ++c, ++i)
            gradient[gradient_offset[found.place[i]] + c] +=
                found.amount[cell + c] * ranks.weight[k] * found.slope[i];
      cell += width;
    });
    return sum;
  }

  /// Where all elements of a column have the same gradient.
  void add_to_one(const Found& found, std::size_t cell, std::size_t width, float* gradient) const {
    const float* amount = found.amount + cell;
    if (!distances) {
      for (std::size_t c = 0; c < width; ++c) gradient[c] += amount[c];
    } else if (ranks.maximum) {
      for (std::size_t c = 0; c < width; ++c)
        gradient[c] += amount[c] / found.equal[cell + c] * found.slope[cell + c];
    } else {
      for (std::size_t k = 0; k < ranks.count(); ++k) {
        const float* slope = found.slope + k * found.count + cell;
        for (std::size_t c = 0; c < width; ++c)
          gradient[c] += amount[c] * ranks.weight[k] * slope[c];
      }
    }
  }

  static void share_columns(Found& found, std::size_t cell, const kernels::Columns& of,
                            float* gradient, const std::size_t* gradient_offset) {
    float* amount = found.amount + cell;
    for (std::size_t c = 0; c < of.columns; ++c) {
      const bool alone = found.equal[cell + c] == 1;
      if (alone)
        gradient[gradient_offset[found.place[cell + c]] + c] += amount[c] * found.slope[cell + c];
      amount[c] = alone ? 0 : amount[c] / found.equal[cell + c];
    }
    kernels::share_columns(of, found.value + cell, amount, gradient, gradient_offset);
  }

  /// All of them, one after another.
  double one_by_one(ThreadPool& pool) const {
    // Pieces share no gradient: it is cut along an axis that has one, or not at all.
    const std::size_t extent = kept.empty() ? 1 : kept[0].extent;
    const bool apart = kept.empty() || kept[0].gradient_stride != 0 || x.gradient == nullptr;
    const std::size_t cells = size_of(kept);
    const std::size_t least = apart ? least_piece(n * cells / extent) : extent;
    const Offsets offset(kept);
    Found found(cells, ranks);
    const double sum = sum_of_pieces(pool, extent, least, [&](std::size_t first, std::size_t end) {
      first *= cells / extent;
      end *= cells / extent;
      find_lines(offset.value, first, end, found);
      const double part = penalize(found, first, end);
      if (x.gradient != nullptr) add_lines(offset, first, end, found);
      return part;
    });
    if (last != nullptr) std::copy_n(found.place, last->place.size(), last->place.begin());
    return sum;
  }

  void find_lines(const std::vector<std::size_t>& offset, std::size_t first, std::size_t end,
                  Found& found) const {
    const bool in_place = reduced.size() == 1 && reduced[0].stride == 1;
    Room<float> copy(in_place ? 0 : n);
    float likely = element(x.values[offset[first]]);
    const auto find = [&](const kernels::Lines& lines, std::size_t cell) {
      const kernels::Selected to = found.from(cell);
      if (ranks.maximum) return kernels::maximum_lines(lines, to, found.equal + cell);
      if (ranks.minimum) return kernels::minimum_lines(lines, to);
      const auto guess = guess_of(cell);
      kernels::select_lines(lines, ranks.rank, ranks.count(), guess ? &*guess : nullptr, likely,
                            to);
      settle(found, cell, lines.count, cell);
    };
    if (in_place)
      return find({x.values, offset.data() + first, end - first, n, range_or_null()}, first);
    const std::size_t begin = 0;
    for (std::size_t cell = first; cell < end; ++cell) {
      float* next = copy.begin();
      for_each_run([&](std::size_t at, std::size_t, std::size_t extent) {
        next = std::copy_n(x.values + offset[cell] + at, extent, next);
      });
      find({copy.begin(), &begin, 1, n, range_or_null()}, cell);
    }
  }

  void add_lines(const Offsets& offset, std::size_t first, std::size_t end,
                 const Found& found) const {
    if (reduced.size() == 1)
      add_lines(offset, first, end, found, [axis = reduced[0]](std::size_t place) {
        return std::pair(place * axis.stride, place * axis.gradient_stride);
      });
    else
      add_lines(offset, first, end, found, [this](std::size_t place) { return place_of(place); });
  }

  template <class PlaceOf>
  void add_lines(const Offsets& offset, std::size_t first, std::size_t end, const Found& found,
                 const PlaceOf& at_place) const {
    const std::size_t count = ranks.count(), all = found.count;
    const float weight[] = {ranks.weight[0], ranks.weight[1]};
    const std::size_t *from = offset.value.data(), *into = offset.gradient.data();
    const std::uint32_t* place = found.place;
    const float *amount = found.amount, *values = x.values;
    float* const gradients = x.gradient;
    for (std::size_t cell = first; cell < end; ++cell) {
      if (amount[cell] == 0) continue;
      float* const gradient = gradients + into[cell];
      if (ranks.maximum && found.equal[cell] != 1) {
        share(values + from[cell], found, cell, gradient);
        continue;
      }
      for (std::size_t k = 0; k < count; ++k) {
        const auto [at, to] = at_place(place[k * all + cell]);
        const float part = amount[cell] * weight[k];
        gradient[to] += distances ? part * slope(values[from[cell] + at]) : part;
      }
    }
  }

  /// Where an element of a percentile and its gradient are, by its place.
  std::pair<std::size_t, std::size_t> place_of(std::size_t place) const {
    std::size_t at = 0, to = 0;
    for (std::size_t i = reduced.size(); --i != 0; place /= reduced[i].extent) {
      const std::size_t index = place % reduced[i].extent;
      at += index * reduced[i].stride;
      to += index * reduced[i].gradient_stride;
    }
    return {at + place * reduced[0].stride, to + place * reduced[0].gradient_stride};
  }

  void share(const float* values, const Found& found, std::size_t cell, float* gradient) const {
    const float share = found.amount[cell] / found.equal[cell];
    for_each_run([&](std::size_t at, std::size_t to, std::size_t extent) {
      kernels::share(values + at, extent, range_or_null(), found.value[cell], share, gradient + to);
    });
  }

  /// From the elements of some cells, whose indices begin with `index`: the percentiles, and where
  /// to look for the next ones.
  void settle(Found& found, std::size_t cell, std::size_t width, std::size_t index) const {
    float* value = found.value + cell;
    const float* second = ranks.between ? value + found.count : value;
    if (last != nullptr) {
      float *near = last->value.data() + index, *reach = last->reach.data() + index;
      for (std::size_t c = 0; c < width; ++c) {
        const float here = between(value[c], second[c]);
        // The first is NaN, and then this takes its first argument.
        reach[c] = value[c] - second[c] + std::max(0.75f * reach[c], 2 * std::abs(here - near[c]));
        near[c] = here;
      }
    }
    if (ranks.between)
      for (std::size_t c = 0; c < width; ++c) value[c] = between(value[c], second[c]);
  }

  // Between two elements lies a value of its own, and the gradient goes to both.
  float between(float first, float second) const {
    return ranks.between ? second * ranks.weight[1] + first * ranks.weight[0] : first;
  }

  /// None where there was no last time, or NaN.
  std::optional<kernels::Guess> guess_of(std::size_t index) const {
    if (last == nullptr || std::isnan(last->value[index])) return std::nullopt;
    return kernels::Guess{last->value.data() + index, last->reach.data() + index,
                          last->place.data() + index};
  }

  /// The penalties of percentiles, and what each adds to its elements' gradients.
  double penalize(Found& found, std::size_t first, std::size_t end) const {
    const std::size_t count = end - first;
    std::fill_n(found.amount + first, count, 0.0f);
    return repeats * kernels::penalty(found.value + first, count, x.unit, 1, count, how, scale,
                                      found.amount + first, 0);
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
  const kernels::Penalty& how;
  bool distances;          // elements are distances of values to
  kernels::Range range{};  // this, in units
  Axes kept, reduced;
  std::size_t n;  // elements of one percentile
  Ranks ranks;
  LastPercentiles* last = nullptr;
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
