// Outlook: bounds of what a signal's values can be in the rest of a run, for runs that stop as soon
// as their class is certain (anytime.hpp).
//
// A layer's Event<Site> may say what it knows; behind one that does not, nothing is known.
//   foresee(in, to)            of a value in time, once a run, behind its first step: bounds of the
//                              values of every later step; of a Final one: of its value
//   foresee_sum(in, left, to)  bounds of a value in time, summed over the `left` steps to come,
//                              where they are closer than the sum of the steps' bounds
//   foresee_end(in, left, to)  of the layer that makes a Final value of one in time: its bounds
//   leads(in, c, work)         of the last layer: whether its value c is the first of its largest;
//                              where it can tell more than its values' bounds. `work` is scratch
// `in` is the outlook of the layer before; of what is held there is none, and a layer that reads it
// knows its value.
//
// All bounds hold for the floats that the engine will compute, not just for real numbers: sums are
// widened by what rounding can do to them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <synfire/buffer.hpp>

namespace synfire {

struct Outlook {
  Outlook() = default;
  explicit Outlook(std::size_t n) : least(n), most(n), least_sum(n), most_sum(n) {}

  /// Known are bounds that are numbers, and so small that no float overflows beside them.
  void settle() {
    known = true;
    for (std::size_t i = 0; i < least.size(); ++i)
      known = known && std::abs(least[i]) <= kMost && std::abs(most[i]) <= kMost;
  }
  /// Sums of `left` steps, each within its bounds.
  void sum_up(std::size_t left) {
    const auto n = static_cast<double>(left);
    for (std::size_t i = 0; i < least.size(); ++i) {
      least_sum[i] = n * least[i];
      most_sum[i] = n * most[i];
    }
  }
  /// The same, of as many values.
  void copy(const Outlook& of) {
    known = of.known;
    unit = of.unit;
    for (const auto part :
         {&Outlook::least, &Outlook::most, &Outlook::least_sum, &Outlook::most_sum})
      std::copy((of.*part).begin(), (of.*part).end(), (this->*part).begin());
  }

  static constexpr double kMost = 0x1p126;

  bool known = false;
  float unit = 1;                      // of spikes, whose bounds are those of their counts
  Buffer<double> least, most;          // of the value of each later step, or of the Final one
  Buffer<double> least_sum, most_sum;  // of a value in time: of the sum over all later steps
};

/// The nearest floats of a known bound that are not above, or not below, it.
inline float float_below(double x) {
  const auto nearest = static_cast<float>(x);
  return nearest > x ? std::nextafter(nearest, -std::numeric_limits<float>::infinity()) : nearest;
}
inline float float_above(double x) {
  return -float_below(-x);
}

/// The most by which y = b + x W, as any kind of weights computes it in floats, is off for n inputs
/// whose terms' magnitudes, |b| among them, add up to `terms`. A term goes through at most n
/// additions and ten other operations, each of which takes or adds at most 2^-24 of it: in all
/// m / (1 - m) with m = (n + 10) 2^-24 (Higham, "Accuracy and Stability of Numerical Algorithms",
/// lemma 3.1). Six more pay for the bounds themselves, which are sums in double; the constant, for
/// what underflows.
inline double sum_error(std::size_t n, double terms) {
  const double m = static_cast<double>(n + 16) * 0x1p-24;
  if (m > 0.5) return std::numeric_limits<double>::infinity();
  return m / (1 - m) * terms + static_cast<double>(n + 16) * 1e-30;
}

/// Whether value c is the first of the largest ones, whatever they will be within their bounds.
inline bool leads(const Outlook& of, std::size_t c) {
  for (std::size_t j = 0; j < of.least.size(); ++j)
    if (j != c && !(of.least[c] > of.most[j] || (c < j && of.least[c] == of.most[j]))) return false;
  return of.known;
}

}  // namespace synfire
