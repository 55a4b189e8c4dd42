// Where the product of all of a layer's inputs becomes faster than that of the active ones.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace synfire {

/// Of a layer [inputs][width] with weights of that kind.
struct MeasuredLayer {
  std::string weights;
  std::size_t inputs, width;
  double dense_us;              // the product of all inputs
  std::vector<double> rows_us;  // of the shares in Crossover::kShares that are active
  double dense_above;           // the last share at which rows are faster; 1 where they always are
};

struct Crossover {
  static const std::vector<double> kShares;
  std::vector<MeasuredLayer> layers;
  double dense_above;  // what RunOptions takes: the least bad one for all of them
};

/// Measures for a second or so, on this thread.
Crossover measure_crossover();

}  // namespace synfire
