#include <synfire/pareto.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include <synfire/error.hpp>

#include "html.hpp"

namespace synfire {
namespace {

using report::escaped;

void check_sizes(std::span<const double> cost, std::span<const double> gain) {
  if (cost.size() != gain.size())
    throw Error(fmt::format("points have a cost and a gain each, but there are {} and {}",
                            cost.size(), gain.size()));
}

std::string percent(double share) {
  return fmt::format("{:.2f}%", 100 * share);
}

std::string percent(const MeanInterval& share) {
  return fmt::format("{} ({:.2f}–{:.2f})", percent(share.mean), 100 * share.low, 100 * share.high);
}

std::string amount(double value) {
  return std::isnan(value) ? "–" : fmt::format("{:.4g}", value);
}

/// Columns of figures, then one of words for each setting.
Table with_settings(const std::vector<std::string>& titles, const ParetoReport& report) {
  Table table;
  for (const std::string& title : titles) table.columns.push_back({title});
  for (const std::string& setting : report.settings) table.columns.push_back({setting, false});
  return table;
}

void add_row(Table& table, std::vector<std::string> cells, const ParetoPoint& point) {
  cells.insert(cells.end(), point.settings.begin(), point.settings.end());
  table.rows.push_back(std::move(cells));
}

Plot plot_of(const ParetoReport& report, std::size_t cost, const std::vector<std::size_t>& front) {
  const std::vector<double> costs = report.costs_of(cost), gains = report.accuracies();
  double least = std::numeric_limits<double>::max(), most = 0, lowest = 1, highest = 0;
  std::size_t free = 0, unknown = 0;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (std::isnan(costs[i]) || std::isnan(gains[i])) {
      ++unknown;
      continue;
    }
    lowest = std::min(lowest, gains[i]);
    highest = std::max(highest, gains[i]);
    most = std::max(most, costs[i]);
    if (costs[i] > 0)
      least = std::min(least, costs[i]);
    else
      ++free;
  }
  const bool decade = most >= 10 * least;
  std::string all, marked, said;
  std::size_t drawn = 0, drawn_front = 0;
  const auto line = [&](std::size_t i) {
    return fmt::format("{:g} {:.6g}\n", costs[i], 100 * gains[i]);
  };
  const auto can_be_drawn = [&](std::size_t i) {
    return !std::isnan(gains[i]) && (decade ? costs[i] > 0 : costs[i] >= 0);
  };
  for (std::size_t i = 0; i < costs.size(); ++i)
    if (can_be_drawn(i) && std::find(front.begin(), front.end(), i) == front.end()) {
      all += line(i);
      ++drawn;
    }
  constexpr std::size_t kSaid = 12;  // a table below the plot has the others
  const std::size_t stride = (front.size() + kSaid - 1) / kSaid;
  for (std::size_t rank = 0; rank < front.size(); ++rank) {
    const std::size_t i = front[rank];
    if (can_be_drawn(i)) {
      marked += line(i);
      ++drawn_front;
    }
    if (rank % stride == 0 || rank + 1 == front.size())
      said += fmt::format("{}{} at {:.3g}", said.empty() ? "" : "; ", percent(gains[i]), costs[i]);
  }
  std::string description = fmt::format(
      "Of {} point{}, {} {} on the front, where no other is as accurate for less. From the "
      "cheapest: {}.",
      costs.size(), costs.size() == 1 ? "" : "s", front.size(), front.size() == 1 ? "is" : "are",
      said);
  if (decade && free > 0)
    description += fmt::format(" {} at 0 {} left of the axis.", free, free == 1 ? "lies" : "lie");
  if (unknown > 0) description += fmt::format(" {} without figures are not drawn.", unknown);

  std::string blocks, lines;
  const auto add = [&](const std::string& name, const std::string& data, const std::string& style) {
    if (data.empty()) return;  // gnuplot refuses a block without data
    blocks += fmt::format("${} << EOD\n{}EOD\n", name, data);
    lines += fmt::format("{}${} using 1:2 with {}", lines.empty() ? "plot " : ", ", name, style);
  };
  add("others", all, fmt::format("points lt 8 lw 1 pt 6 ps 0.6 title 'others ({})'", drawn));
  add("front", marked,
      fmt::format("linespoints lt 1 pt 7 ps 0.8 title 'Pareto front ({})'", drawn_front));
  if (lines.empty()) lines = "plot 1/0";
  const double bottom = std::max(0.0, std::floor(10 * lowest - 0.2) * 10);
  const double top = std::min(100.0, std::ceil(10 * highest + 0.2) * 10);
  return {"Accuracy against " + report.costs[cost].name, description,
          fmt::format("{}{}set xrange [{:g}:{:g}]\nset yrange [{:g}:{:g}]\n"
                      "set format y '%g%%'\nset format x '%g'\n"
                      "set xlabel {}\nset ylabel 'accuracy'\n"
                      "set key outside below Left reverse maxcols 2 samplen 2 height 0.5\n{}\n",
                      blocks, decade ? "set logscale x\n" : "", decade ? least / 1.5 : 0,
                      most > 0 ? most * (decade ? 1.5 : 1.1) : 1, bottom, top,
                      plot_text(report.costs[cost].unit), lines),
          640, 420};
}

std::string section_of(const ParetoReport& report, std::size_t cost,
                       const std::vector<std::size_t>& front, const Plot& plot,
                       const std::string& svg) {
  const auto& [name, unit] = report.costs[cost];
  const std::vector<double> costs = report.costs_of(cost), gains = report.accuracies();
  std::string html =
      fmt::format("<section id=\"cost-{0}\">\n<h2>Accuracy against {1}</h2>\n{2}", cost + 1,
                  escaped(name), report::figure(plot.title, plot.description, svg));

  const Table best = best_for_budgets(report, cost);
  if (!best.rows.empty())
    html += fmt::format("<h3>Best accuracy for at most so many {}</h3>\n", escaped(unit)) +
            report::scrolled(best, "Best accuracy within a budget of " + name);
  Table table = with_settings({"accuracy", unit}, report);
  for (const std::size_t i : front)
    add_row(table, {percent(report.points[i].accuracy), amount(report.points[i].costs[cost])},
            report.points[i]);
  return html + "<h3>The front</h3>\n" + report::scrolled(table, "Pareto front of " + name) +
         "</section>\n";
}

}  // namespace

std::vector<std::size_t> pareto_front(std::span<const double> cost, std::span<const double> gain) {
  check_sizes(cost, gain);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < cost.size(); ++i)
    if (!std::isnan(cost[i]) && !std::isnan(gain[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t k) {
    return cost[i] != cost[k] ? cost[i] < cost[k] : gain[i] > gain[k];
  });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    const bool equal =
        !front.empty() && cost[i] == cost[front.back()] && gain[i] == gain[front.back()];
    if (front.empty() || equal || gain[i] > gain[front.back()]) front.push_back(i);
  }
  return front;
}

std::optional<std::size_t> best_within(double budget, std::span<const double> cost,
                                       std::span<const double> gain) {
  check_sizes(cost, gain);
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < cost.size(); ++i) {
    if (!(cost[i] <= budget) || std::isnan(gain[i])) continue;
    if (!best || gain[i] > gain[*best] || (gain[i] == gain[*best] && cost[i] < cost[*best]))
      best = i;
  }
  return best;
}

std::vector<double> budgets(std::span<const double> cost) {
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const double c : cost)
    if (c > 0 && std::isfinite(c)) {
      least = std::min(least, c);
      most = std::max(most, c);
    }
  std::vector<double> found;
  if (most == 0) return found;
  for (int power = static_cast<int>(std::floor(std::log10(least)));; ++power)
    for (const double digit : {1.0, 2.0, 5.0}) {
      // Read from text: 5 * 10^-3 is not the number 0.005.
      const double budget = std::stod(fmt::format("{:g}e{}", digit, power));
      if (budget >= least) found.push_back(budget);
      if (budget >= most) return found;
    }
}

std::vector<double> ParetoReport::accuracies() const {
  std::vector<double> found;
  for (const ParetoPoint& point : points) found.push_back(point.accuracy.mean);
  return found;
}

std::vector<double> ParetoReport::costs_of(std::size_t cost) const {
  std::vector<double> found;
  for (const ParetoPoint& point : points) found.push_back(point.costs.at(cost));
  return found;
}

Table best_for_budgets(const ParetoReport& report, std::size_t cost) {
  const std::vector<double> costs = report.costs_of(cost), gains = report.accuracies();
  Table table = with_settings({"at most", "accuracy", report.costs[cost].unit}, report);
  std::optional<std::size_t> before;
  for (const double budget : budgets(costs)) {
    const auto best = best_within(budget, costs, gains);
    if (!best || best == before) continue;  // no more for more
    before = best;
    const ParetoPoint& point = report.points[*best];
    add_row(table, {fmt::format("{:g}", budget), percent(point.accuracy), amount(costs[*best])},
            point);
  }
  return table;
}

std::string render_pareto(const ParetoReport& report) {
  if (report.points.empty()) throw Error("there are no points to draw a Pareto front of");
  std::vector<std::size_t> shown;  // costs
  std::vector<std::vector<std::size_t>> fronts;
  std::vector<Plot> plots;
  for (std::size_t cost = 0; cost < report.costs.size(); ++cost) {
    auto front = pareto_front(report.costs_of(cost), report.accuracies());
    if (front.empty()) continue;
    shown.push_back(cost);
    plots.push_back(plot_of(report, cost, front));
    fronts.push_back(std::move(front));
  }
  const std::vector<std::string> drawn = draw(plots);

  std::string html = report::header(report.title, report.facts) + "<main>\n";
  html += report::notes(report.notes);
  for (const PageTable& table : report.tables) html += report::section(table);
  for (std::size_t i = 0; i < shown.size(); ++i)
    html += section_of(report, shown[i], fronts[i], plots[i], drawn[i]);

  std::vector<std::string> titles{"accuracy"};
  for (const std::size_t cost : shown) titles.push_back(report.costs[cost].unit);
  Table all = with_settings(titles, report);
  for (const ParetoPoint& point : report.points) {
    std::vector<std::string> cells{percent(point.accuracy)};
    for (const std::size_t cost : shown) cells.push_back(amount(point.costs[cost]));
    add_row(all, std::move(cells), point);
  }
  html += fmt::format(
      "<section id=\"points\">\n<h2>All points</h2>\n<details>\n<summary>{} in the order of the "
      "sweep</summary>\n{}</details>\n</section>\n",
      report.points.size(), report::scrolled(all, "All points"));
  return report::document(report.title, html + "</main>\n");
}

}  // namespace synfire
