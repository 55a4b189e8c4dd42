#include <synfire/percentile.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace synfire {

double percentile(std::vector<double>& values, double part) {
  // A part such as 0.999 lies beside its decimal figure: its rank may be off by a rounding.
  const double rank = std::ceil(part * static_cast<double>(values.size()) - 1e-9);
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

}  // namespace synfire
