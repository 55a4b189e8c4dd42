// Percentiles of measurements.
#pragma once

#include <vector>

namespace synfire {

/// The nearest rank: the least of the values that at least `part` of them do not exceed; 0.5 is the
/// median, 1 the largest. 0 < part <= 1; reorders the values, of which there is at least one.
double percentile(std::vector<double>& values, double part);

}  // namespace synfire
