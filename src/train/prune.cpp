#include <synfire/prune.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <tuple>

#include <fmt/format.h>

#include <synfire/error.hpp>

namespace synfire {
namespace {

template <class Numbers>
void check_finite(const char* what, const Numbers& numbers) {
  for (const auto x : numbers)
    if (!std::isfinite(x)) throw InvalidSetting(what, fmt::to_string(x), "a finite number");
}

void check(std::span<const float> values, double sparsity, const Power& power) {
  require_sparsity(sparsity);
  check_finite("a weight to prune", values);
  check_finite("the power of a presynaptic neuron", power);
}

}  // namespace

void require_sparsity(double sparsity) {
  if (!(sparsity >= 0 && sparsity < 1))
    throw InvalidSetting("sparsity", fmt::to_string(sparsity), "at least 0 and below 1");
}

void require_exponent(double exponent) {
  if (!(exponent >= 0 && exponent <= 1))
    throw InvalidSetting("the exponent of the power", fmt::to_string(exponent), "from 0 to 1");
}

void prune(float* values, std::size_t n, std::size_t width, std::size_t group, double sparsity,
           const Power& power) {
  check({values, n}, sparsity, power);
  struct Group {
    float *first, *last;
    double worth = 0, norm = 0;  // norm squared
  };
  std::vector<Group> groups;
  for (std::size_t i = 0; i < n / width; ++i)
    for (std::size_t j = 0; j < width; j += group) {
      float* const row = values + i * width;
      Group& g = groups.emplace_back(Group{row + j, row + std::min(j + group, width)});
      for (const float* x = g.first; x != g.last; ++x) g.norm += static_cast<double>(*x) * *x;
      g.worth = power.empty() ? g.norm : g.norm * power[i];
    }
  const auto pruned = static_cast<std::ptrdiff_t>(sparsity * static_cast<double>(groups.size()));
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return std::tie(a.worth, a.norm) < std::tie(b.worth, b.norm);
  });
  std::for_each(groups.begin(), groups.begin() + pruned,
                [](const Group& g) { std::fill(g.first, g.last, 0.0f); });
}

std::vector<Pruned> prune(ParameterSet& parameters, double sparsity,
                          const std::vector<Power>& power) {
  const Power none;
  const auto power_of = [&](std::size_t i) -> const Power& {
    return power.empty() ? none : power[i];
  };
  std::vector<std::size_t> tensors;
  for (std::size_t i = 0; i < parameters.count(); ++i) {
    if (parameters.placed(i).spec.group == 0) continue;
    check(parameters.tensor(i), sparsity, power_of(i));
    tensors.push_back(i);
  }
  std::vector<Pruned> done;
  for (const std::size_t i : tensors) {
    Buffer<float>& values = parameters.tensor(i);
    const auto& [layer, spec] = parameters.placed(i);
    prune(values.data(), values.size(), spec.extents[1], spec.group, sparsity, power_of(i));
    const auto zeros = static_cast<std::size_t>(std::count(values.begin(), values.end(), 0.0f));
    done.push_back({layer, values.size(), values.size() - zeros});
  }
  return done;
}

}  // namespace synfire
