#include <synfire/statistics.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include <synfire/error.hpp>
#include <synfire/kernels.hpp>
#include <synfire/parallel.hpp>
#include <synfire/random.hpp>

namespace synfire {
namespace {

// Layers of Stream::Resampling: tests share no numbers.
constexpr std::uint32_t kBootstrap = 0, kSignFlip = 1;

RandomAddress draw_address(const Resampling& how, std::uint32_t test, std::size_t draw) {
  return {how.seed, Stream::Resampling, 0, test, static_cast<std::uint32_t>(draw)};
}

void check(std::span<const double> values) {
  if (values.empty()) throw Error("there are no samples to take a mean of");
  if (values.size() > std::numeric_limits<std::uint32_t>::max())
    throw Error("there are more samples than 4294967295 to draw from");
  const auto bad =
      std::find_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  if (bad != values.end())
    throw Error(fmt::format("sample {} has the value {}: statistics need finite numbers",
                            bad - values.begin(), *bad));
}

void check_pairs(std::size_t a, std::size_t b) {
  if (a != b)
    throw Error(
        fmt::format("samples come in pairs, but there are {} of one and {} of the other", a, b));
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> differences(std::span<const double> a, std::span<const double> b) {
  check(a);
  check(b);
  check_pairs(a.size(), b.size());
  std::vector<double> found(a.size());
  std::transform(a.begin(), a.end(), b.begin(), found.begin(), std::minus<>());
  check(found);
  return found;
}

}  // namespace

void Resampling::validate() const {
  if (!(confidence > 0 && confidence < 1))
    throw InvalidSetting("the confidence", fmt::format("{:g}", confidence),
                         "above 0 and below 1, like 0.95");
  constexpr double kBeyond = 20;
  const double least = std::max(100.0, std::ceil(2 * kBeyond / (1 - confidence) - 1e-6));
  if (static_cast<double>(draws) < least || draws > std::numeric_limits<std::uint32_t>::max())
    throw InvalidSetting(
        "the number of draws", fmt::to_string(draws),
        fmt::format("from {} to 4294967295 at a confidence of {:g}", least, confidence));
}

std::vector<MeanInterval> bootstrap_means(std::span<const std::vector<double>> columns,
                                          const Resampling& how) {
  how.validate();
  std::vector<MeanInterval> found;
  std::vector<std::size_t> varied;  // the others are their means without rounding
  for (std::size_t c = 0; c < columns.size(); ++c) {
    check(columns[c]);
    check_pairs(columns[0].size(), columns[c].size());
    const double first = columns[c][0];
    found.push_back({first, first, first});
    if (std::count(columns[c].begin(), columns[c].end(), first) == std::ssize(columns[c])) continue;
    found[c].mean = mean_of(columns[c]);
    varied.push_back(c);
  }
  if (varied.empty()) return found;

  // A row of all columns for each sample, taken as often as it is drawn.
  constexpr std::size_t together = kernels::kMostSums, kRows = 1024;
  const std::size_t n = columns[0].size();
  const std::size_t stride =
      (varied.size() + kernels::kSumColumns - 1) / kernels::kSumColumns * kernels::kSumColumns;
  std::vector<double> rows(n * stride);
  for (std::size_t c = 0; c < varied.size(); ++c)
    for (std::size_t i = 0; i < n; ++i) rows[i * stride + c] = columns[varied[c]][i];
  std::vector<std::vector<double>> means(varied.size(), std::vector<double>(how.draws));

  struct Room {
    std::vector<std::uint32_t> drawn, times;
    std::vector<double> weights, sums;
  };
  ThreadPool pool(how.threads);
  std::vector<Room> rooms(pool.threads());
  pool.run((how.draws + together - 1) / together, [&](std::size_t slot, std::size_t piece) {
    Room& room = rooms[slot];
    room.drawn.resize(n);
    room.times.assign(together * n, 0);
    room.weights.resize(together * kRows);
    room.sums.assign(together * stride, 0.0);
    const std::size_t first = piece * together, draws = std::min(together, how.draws - first);
    for (std::size_t t = 0; t < draws; ++t) {
      indices(draw_address(how, kBootstrap, first + t), static_cast<std::uint32_t>(n),
              room.drawn.data(), n);
      for (const std::uint32_t i : room.drawn) ++room.times[t * n + i];
    }
    for (std::size_t i = 0; i < n; i += kRows) {
      const std::size_t some = std::min(kRows, n - i);
      for (std::size_t t = 0; t < together; ++t)
        std::copy_n(room.times.begin() + t * n + i, some, room.weights.begin() + t * kRows);
      kernels::add_resampled(rows.data() + i * stride, some, stride, room.weights.data(), kRows,
                             room.sums.data());
    }
    for (std::size_t t = 0; t < draws; ++t)
      for (std::size_t c = 0; c < varied.size(); ++c)
        means[c][first + t] = room.sums[t * stride + c] / static_cast<double>(n);
  });
  // As many draws lie below the interval as above it.
  const auto beyond =
      static_cast<std::size_t>((1 - how.confidence) / 2 * static_cast<double>(how.draws));
  for (std::size_t c = 0; c < varied.size(); ++c) {
    const auto low = means[c].begin() + static_cast<std::ptrdiff_t>(beyond);
    const auto high = means[c].end() - 1 - static_cast<std::ptrdiff_t>(beyond);
    std::nth_element(means[c].begin(), low, means[c].end());
    std::nth_element(low + 1, high, means[c].end());
    found[varied[c]].low = *low;
    found[varied[c]].high = *high;
  }
  return found;
}

MeanInterval bootstrap_difference(std::span<const double> a, std::span<const double> b,
                                  const Resampling& how) {
  const std::vector<std::vector<double>> column{differences(a, b)};
  return bootstrap_means(column, how)[0];
}

McNemar mcnemar(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  if (a.empty() && b.empty()) throw Error("there are no samples to compare");
  check_pairs(a.size(), b.size());
  McNemar found;
  for (std::size_t i = 0; i < a.size(); ++i) {
    found.only_a += a[i] != 0 && b[i] == 0;
    found.only_b += a[i] == 0 && b[i] != 0;
  }
  const auto n = static_cast<double>(found.only_a + found.only_b);
  const std::uint64_t fewer = std::min(found.only_a, found.only_b);
  if (2 * fewer == found.only_a + found.only_b) return found;  // in the very middle: p = 1
  // Twice the chance of so few or fewer of n tosses; each term from the one before, from the
  // largest on, relative to it.
  double relative = 1, sum = 1;
  for (std::uint64_t k = fewer; k > 0 && relative > 0; --k) {
    relative *= static_cast<double>(k) / (n - static_cast<double>(k) + 1);
    sum += relative;
  }
  const auto k = static_cast<double>(fewer);
  const double log_largest =
      std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) - n * std::log(2.0);
  found.p = std::min(1.0, 2 * sum * std::exp(log_largest));
  return found;
}

double sign_flip_test(std::span<const double> a, std::span<const double> b, const Resampling& how) {
  how.validate();
  const std::vector<double> d = differences(a, b);
  const double found = std::abs(std::accumulate(d.begin(), d.end(), 0.0));
  const double size = std::accumulate(
      d.begin(), d.end(), 0.0, [](double sum, double value) { return sum + std::abs(value); });
  const double least = found - 1e-12 * size;
  constexpr std::size_t kBits = 32;
  std::vector<std::uint32_t> signs((d.size() + kBits - 1) / kBits);
  std::size_t beyond = 0;
  for (std::size_t draw = 0; draw < how.draws; ++draw) {
    words(draw_address(how, kSignFlip, draw), signs.data(), signs.size());
    double sum = 0;
    for (std::size_t i = 0; i < d.size(); ++i) {
      const std::uint64_t flip = std::uint64_t{signs[i / kBits] >> i % kBits & 1u} << 63;
      sum += std::bit_cast<double>(std::bit_cast<std::uint64_t>(d[i]) ^ flip);
    }
    beyond += std::abs(sum) >= least;
  }
  return static_cast<double>(beyond + 1) / static_cast<double>(how.draws + 1);
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t k) { return p[i] < p[k]; });
  std::vector<double> adjusted(p.size());
  double most = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    most = std::max(most, std::min(1.0, static_cast<double>(p.size() - rank) * p[order[rank]]));
    adjusted[order[rank]] = most;
  }
  return adjusted;
}

}  // namespace synfire
