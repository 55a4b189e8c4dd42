// Points of which none is better in everything: the most accuracy for the least cost.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <synfire/plot.hpp>
#include <synfire/statistics.hpp>
#include <synfire/tables_page.hpp>

namespace synfire {

/// Indices of the points that no other dominates, by rising cost, then as they come. A point
/// dominates another that it equals or betters in cost (less) and in gain (more), and betters in
/// one: equal points stay together. Points with a NaN are left out. Throws Error where there are
/// not as many costs as gains.
std::vector<std::size_t> pareto_front(std::span<const double> cost, std::span<const double> gain);

/// The point of the most gain, of these the least cost, of these the first, that costs no more than
/// `budget`; none where there is none. Throws Error as pareto_front.
std::optional<std::size_t> best_within(double budget, std::span<const double> cost,
                                       std::span<const double> gain);

/// 1, 2 and 5 times powers of ten from the first that some point can be had for to the first that
/// all can; only costs above 0 count.
std::vector<double> budgets(std::span<const double> cost);

struct ParetoCost {
  std::string name;  // "spikes"
  std::string unit;  // of an image's: "spikes an image"
};

struct ParetoPoint {
  std::vector<std::string> settings;  // one for each of the report's
  MeanInterval accuracy;              // shares of 1
  std::vector<double> costs;          // one for each of the report's; NaN where it is not known
};

struct ParetoReport {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  // what was run: data, seed, version ...
  std::vector<std::string> settings;                       // names: "dt", "steps"
  std::vector<ParetoCost> costs;
  std::vector<ParetoPoint> points;
  std::vector<std::string> notes;  // sentences for the reader
  std::vector<PageTable> tables;   // before the fronts

  std::vector<double> accuracies() const;
  std::vector<double> costs_of(std::size_t cost) const;
};

/// The best accuracy for budgets() of a cost, one row each where a larger budget gives more.
Table best_for_budgets(const ParetoReport& report, std::size_t cost);

/// One HTML page that needs nothing else: for each cost a plot of all points with the front marked,
/// a table of the front and one of the best accuracy within a budget; behind them all points. A
/// cost that no point has is left out. The same report gives the same page. Throws PlotError, Error
/// for a report without points.
std::string render_pareto(const ParetoReport& report);

}  // namespace synfire
