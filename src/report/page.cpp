#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include <synfire/report.hpp>

#include "figures.hpp"
#include "html.hpp"

namespace synfire {
namespace {

using report::escaped;
using report::figure;
using report::grouped;

/// Of the table.
struct Cell {
  std::string text;
  bool published = false;
};

std::string maybe(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "–";
}

std::vector<Cell> cells(const ReportRow& row, bool published) {
  const Activity& activity = row.test.activity;
  const bool spikes = activity.neuron_updates() > 0;
  const auto samples = static_cast<double>(row.test.samples);
  const PublishedRow page = row.published.value_or(PublishedRow{});
  const auto rate = [spikes](double hertz) {
    return spikes ? std::optional<double>(hertz) : std::nullopt;
  };
  const double epoch_seconds =
      std::accumulate(row.epochs.begin(), row.epochs.end(), 0.0,
                      [](double sum, const EpochResult& epoch) { return sum + epoch.seconds; });

  std::vector<Cell> line;
  const auto add = [&](const std::string& ours, const std::string& theirs) {
    line.push_back({ours});
    if (published) line.push_back({theirs, true});
  };
  add(fmt::format("{:.2f}%", 100 * row.test.accuracy),
      row.published ? published_text(page, fmt::format("{:.2f}%", page.accuracy)) : "–");
  add(maybe(rate(activity.mean_rate()), 2), published_text(page, maybe(page.mean_rate, 2)));
  add(maybe(rate(activity.max_rate()), 1), published_text(page, maybe(page.max_rate, 1)));
  line.push_back({maybe(rate(static_cast<double>(activity.spikes()) / samples), 1)});
  line.push_back({grouped(static_cast<std::uint64_t>(
      static_cast<double>(activity.synaptic_operations()) / samples + 0.5))});
  line.push_back({fmt::format("{:.1f}", row.test.microseconds_p50)});
  line.push_back(
      {row.epochs.empty()
           ? "–"
           : fmt::format("{:.2f}", epoch_seconds / static_cast<double>(row.epochs.size()))});
  return line;
}

std::string table(const Report& report, bool published) {
  std::string html =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figures of "
      "all rows\">\n<table>\n<thead><tr><th scope=\"col\">row</th>";
  const auto column = [&](std::string_view title, bool beside) {
    html += fmt::format("<th scope=\"col\">{}</th>", title);
    if (published && beside) html += "<th scope=\"col\" class=\"page\">published</th>";
  };
  column("accuracy", true);
  column("mean Hz", true);
  column("max Hz", true);
  column("spikes", false);
  column("synaptic ops", false);
  column("µs (p50)", false);
  column("s an epoch", false);
  html += "</tr></thead>\n<tbody>\n";
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    html += fmt::format("<tr><th scope=\"row\"><a href=\"#row-{}\">{}</a></th>", i + 1,
                        escaped(report.rows[i].name));
    for (const Cell& cell : cells(report.rows[i], published))
      html += fmt::format("<td{}>{}</td>", cell.published ? " class=\"page\"" : "", cell.text);
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n</div>\n";
}

std::string sentence_of(const ReportRow& row) {
  const Activity& activity = row.test.activity;
  std::string text = fmt::format("{} of {} test images right ({:.2f}%)", grouped(row.test.correct),
                                 grouped(row.test.samples), 100 * row.test.accuracy);
  if (activity.neuron_updates() == 0) return text + "; no neuron spikes.";
  return text + fmt::format(
                    "; {} step{} of {:g} s, {:.1f} spikes an image, neurons fire at {:.2f} Hz "
                    "on average and {:.1f} Hz at most.",
                    activity.steps, activity.steps == 1 ? "" : "s", activity.dt,
                    static_cast<double>(activity.spikes()) / static_cast<double>(row.test.samples),
                    activity.mean_rate(), activity.max_rate());
}

}  // namespace

std::string published_text(const PublishedRow& row, const std::string& figure) {
  return row.again ? figure + "*" : figure;
}

std::string render_page(const Report& report) {
  std::vector<std::vector<Plot>> groups;  // a row's each, then those of all rows
  for (const ReportRow& row : report.rows) groups.push_back(report::plots_of(report, row));
  groups.push_back(report::comparisons(report));
  std::vector<Plot> plots;
  for (const auto& group : groups) plots.insert(plots.end(), group.begin(), group.end());
  const std::vector<std::string> drawn = draw(plots);

  std::size_t next = 0;
  const auto figures = [&](const std::vector<Plot>& group) {
    std::string html;
    for (const Plot& plot : group) html += figure(plot.title, plot.description, drawn[next++]);
    return html;
  };
  const bool published =
      std::any_of(report.rows.begin(), report.rows.end(),
                  [](const ReportRow& row) { return row.published.has_value(); });

  std::string html =
      report::header(report.title, report.facts) + "<main>\n" + table(report, published);
  html += fmt::format(
      "<p class=\"quiet\">Spikes and synaptic operations are means over the test "
      "images; µs is the median time of one image on one thread.{}</p>\n",
      published ? " Published: what KerasSpiking&#39;s page shows for 10 epochs on "
                  "all images."
                : "");
  if (std::any_of(report.rows.begin(), report.rows.end(), [](const ReportRow& row) {
        return row.published.has_value() && row.published->again;
      }))
    html += fmt::format("<p class=\"quiet\">{}.</p>\n", escaped(kAgainNote));
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    const ReportRow& row = report.rows[i];
    html += fmt::format(
        "<section id=\"row-{0}\">\n<h2>{1}</h2>\n<div class=\"lead\">\n{2}<p>{3}</p>\n</div>\n"
        "<div class=\"figures\">\n",
        i + 1, escaped(row.name),
        figure(
            "Input image",
            fmt::format("Test image {}, labelled {}", report.image, report.classes[report.label]),
            report::input_image(report, fmt::format("image-{}", i + 1))),
        sentence_of(row));
    html += figures(groups[i]) + "</div>\n</section>\n";
  }
  if (!groups.back().empty())
    html += "<section id=\"all\">\n<h2>All rows</h2>\n<div class=\"figures\">\n" +
            figures(groups.back()) + "</div>\n</section>\n";
  if (!report.energy_table.empty())
    html += fmt::format(
        "<section id=\"energy\">\n<h2>Energy of the row {}</h2>\n<p class=\"quiet\">As "
        "KerasSpiking "
        "estimates it from average rates, in joules an image; the plots above are of the spikes "
        "that were counted.</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Estimated energy\"><pre>{}</pre></div>\n</section>\n",
        escaped(report.energy_row), escaped(report.energy_table));
  return report::document(report.title, html + "</main>\n");
}

}  // namespace synfire
