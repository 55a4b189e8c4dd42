// What is sure about a mean over samples, and about a difference of two nets on the same samples.
// All of it is drawn by the counter-based generator: the same seed gives the same figures, whatever
// the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace synfire {

/// Throws InvalidSetting from validate() unless 0 < confidence < 1 and there are at least as many
/// draws as an end of the interval needs: 100, and 20 beyond each end.
struct Resampling {
  std::uint64_t seed = 0;
  std::size_t draws = 4000;
  double confidence = 0.95;
  std::size_t threads = 0;  // 0: every core; the figures are the same

  void validate() const;
};

/// A mean and an interval of it, in the unit of its values.
struct MeanInterval {
  double mean = 0, low = 0, high = 0;
  friend bool operator==(const MeanInterval&, const MeanInterval&) = default;
};

/// The mean of each column and its percentile bootstrap interval (Efron & Tibshirani 1993, "An
/// introduction to the bootstrap", chapter 13): means of as many samples drawn with replacement,
/// the same draws for all columns; of a column that does not vary its value. Columns are as long as
/// each other. Throws Error for columns that are empty, of unequal lengths, or hold NaN or an
/// infinity.
std::vector<MeanInterval> bootstrap_means(std::span<const std::vector<double>> columns,
                                          const Resampling& how = {});

/// The mean of a[i] - b[i] and its interval by the same bootstrap over pairs: both values of a
/// sample are drawn together. Throws Error as bootstrap_means.
MeanInterval bootstrap_difference(std::span<const double> a, std::span<const double> b,
                                  const Resampling& how = {});

/// Samples that only one of two nets has right, and the two-sided p of the exact test that it is as
/// often the one as the other (McNemar 1947, "Note on the sampling error of the difference between
/// correlated proportions or percentages", Psychometrika 12:153; exact: binomial).
struct McNemar {
  std::uint64_t only_a = 0, only_b = 0;
  double p = 1;
};

/// `a` and `b`: 0 where a sample's answer is wrong, another number where it is right. Throws Error
/// where they are empty or of unequal lengths.
McNemar mcnemar(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

/// Two-sided p of the paired permutation test that the mean of a[i] - b[i] is 0: each difference
/// has its sign flipped or not, at random. p = (beyond + 1) / (draws + 1), never 0 (Phipson & Smyth
/// 2010, "Permutation p-values should never be zero", Stat. Appl. Genet. Mol. Biol. 9:39). Draws
/// that are as far from 0 as what was found, to within rounding, count as beyond. Throws Error as
/// bootstrap_means.
double sign_flip_test(std::span<const double> a, std::span<const double> b,
                      const Resampling& how = {});

/// p values of several comparisons made at once, in their order, each adjusted so that the chance
/// of any false one among them stays below what it is compared to (Holm 1979, "A simple
/// sequentially rejective multiple test procedure", Scand. J. Stat. 6:65).
std::vector<double> holm(std::span<const double> p);

}  // namespace synfire
