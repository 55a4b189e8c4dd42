#include <synfire/tables_page.hpp>

#include <fmt/format.h>

#include "html.hpp"

namespace synfire {

std::string render_tables(const TablesReport& report) {
  std::string html = report::header(report.title, report.facts) + "<main>\n";
  html += report::notes(report.notes);
  for (const PageTable& table : report.tables) html += report::section(table);
  if (!report.plots.empty()) {
    html += "<section id=\"pictures\">\n<h2>In pictures</h2>\n<div class=\"figures\">\n";
    const std::vector<std::string> drawn = draw(report.plots);
    for (std::size_t i = 0; i < drawn.size(); ++i)
      html += report::figure(report.plots[i].title, report.plots[i].description, drawn[i]);
    html += "</div>\n</section>\n";
  }
  return report::document(report.title, html + "</main>\n");
}

}  // namespace synfire
