#include <synfire/pareto.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

#include <rapidcheck.h>

#include <synfire/error.hpp>

using namespace synfire;

namespace {

using Indices = std::vector<std::size_t>;
using Values = std::vector<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++found;
  return found;
}

/// By the definition, every pair.
Indices undominated(const Values& cost, const Values& gain) {
  Indices found;
  for (std::size_t i = 0; i < cost.size(); ++i) {
    bool beaten = std::isnan(cost[i]) || std::isnan(gain[i]);
    for (std::size_t k = 0; k < cost.size(); ++k)
      beaten |=
          cost[k] <= cost[i] && gain[k] >= gain[i] && (cost[k] < cost[i] || gain[k] > gain[i]);
    if (!beaten) found.push_back(i);
  }
  return found;
}

ParetoReport example() {
  ParetoReport report;
  report.title = "Few <spikes>";
  report.facts = {{"data", "silhouettes & more"}};
  report.settings = {"dt", "stop"};
  report.costs = {{"spikes", "spikes an image"}, {"energy", "J an image"}, {"nothing", "none"}};
  report.points = {{{"0.01", "never"}, {0.80, 0.79, 0.81}, {30, 2e-6, kNan}},
                   {{"0.02", "<exact>"}, {0.85, 0.84, 0.86}, {60, 3e-6, kNan}},
                   {{"0.03", "it's"}, {0.70, 0.69, 0.71}, {40, 1e-6, kNan}},
                   {{"0.04", "2"}, {0.10, 0.09, 0.11}, {0, kNan, kNan}}};
  report.notes = {"A note & more."};
  return report;
}

}  // namespace

TEST_CASE("a Pareto front by hand") {
  CHECK(pareto_front(Values{}, Values{}).empty());
  CHECK(pareto_front(Values{3}, Values{0.5}) == Indices{0});
  CHECK(pareto_front(Values{kNan}, Values{0.5}).empty());
  CHECK(pareto_front(Values{3, 1, 2}, Values{0.9, 0.5, 0.4}) == Indices{1, 0});
  // Equal points stay together; of equal costs the better alone, of equal gains the cheaper alone.
  CHECK(pareto_front(Values{1, 1, 1}, Values{0.5, 0.5, 0.5}) == Indices{0, 1, 2});
  CHECK(pareto_front(Values{1, 1}, Values{0.4, 0.5}) == Indices{1});
  CHECK(pareto_front(Values{2, 1}, Values{0.5, 0.5}) == Indices{1});
  CHECK(pareto_front(Values{1, kNan, 0, 2}, Values{0.5, 0.9, kNan, 0.6}) == Indices{0, 3});
  CHECK_THROWS_AS(pareto_front(Values{1}, Values{}), Error);
}

TEST_CASE("a Pareto front is what no point dominates") {
  CHECK(rc::check("front", [] {
    const auto n = static_cast<std::size_t>(*rc::gen::inRange(0, 40));
    Values cost, gain;
    for (std::size_t i = 0; i < n; ++i) {  // few values: many ties
      const int c = *rc::gen::inRange(0, 9), g = *rc::gen::inRange(0, 9);
      cost.push_back(c == 8 ? kNan : c);
      gain.push_back(g == 8 ? kNan : g);
    }
    Indices front = pareto_front(cost, gain);
    for (std::size_t rank = 1; rank < front.size(); ++rank)
      RC_ASSERT(cost[front[rank - 1]] <= cost[front[rank]]);
    for (const double budget : {-1.0, 0.0, 3.0, 100.0}) {
      const auto best = best_within(budget, cost, gain);
      const bool any =
          std::any_of(front.begin(), front.end(), [&](std::size_t i) { return cost[i] <= budget; });
      RC_ASSERT(best.has_value() == any);
      if (best) RC_ASSERT(std::find(front.begin(), front.end(), *best) != front.end());
    }
    std::sort(front.begin(), front.end());
    RC_ASSERT(front == undominated(cost, gain));
  }));
}

TEST_CASE("budgets reach from the first point to all of them") {
  CHECK(budgets(Values{}).empty());
  CHECK(budgets(Values{0, kNan}).empty());
  CHECK(budgets(Values{3, 0, 47, kNan}) == Values{5, 10, 20, 50});
  CHECK(budgets(Values{1}) == Values{1});
  CHECK(budgets(Values{0.0042}) == Values{0.005});
  CHECK(budgets(Values{2e-7, 1.5e-6}) == Values{2e-7, 5e-7, 1e-6, 2e-6});
}

TEST_CASE("the page shows the front of each cost") {
  const std::string page = render_pareto(example());
  CHECK(page.find("<!DOCTYPE html>\n<html lang=\"en\">") == 0);
  CHECK(page == render_pareto(example()));
  CHECK(count(page, "<svg") == 2);  // a cost that no point has is left out
  CHECK(count(page, "role=\"img\"") == 2);
  CHECK(count(page, "<desc ") == 2);
  CHECK_FALSE(holds(page, "<script"));
  CHECK_FALSE(holds(page, "nan"));
  // What was given is text, and nothing else.
  CHECK(holds(page, "Few &lt;spikes&gt;"));
  CHECK(holds(page, "silhouettes &amp; more"));
  CHECK(holds(page, "A note &amp; more."));
  CHECK(holds(page, "<td class=\"words\">&lt;exact&gt;</td>"));
  CHECK_FALSE(holds(page, "<exact>"));
  CHECK(holds(page, "Of 4 points, 3 are on the front"));
  CHECK(holds(page, "10.00% at 0; 80.00% at 30; 85.00% at 60"));
  CHECK(holds(page, "1 without figures are not drawn"));
  CHECK(holds(page, "<tr><th scope=\"row\">50</th><td>80.00% (79.00–81.00)</td><td>30</td>"));
  CHECK(holds(page, "4 in the order of the sweep"));
}

TEST_CASE("pages of one point, and of none") {
  ParetoReport report = example();
  report.points.resize(1);
  CHECK(holds(render_pareto(report), "Of 1 point, 1 is on the front"));
  report.points[0].costs = {0, 0, 0};
  CHECK(count(render_pareto(report), "<svg") == 3);
  report.points[0].costs = {kNan, kNan, kNan};
  CHECK(count(render_pareto(report), "<svg") == 0);
  report.points.clear();
  CHECK_THROWS_AS(render_pareto(report), Error);
}
