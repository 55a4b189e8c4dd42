// A page of tables and pictures: what one run, or a comparison of several, came to.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <synfire/plot.hpp>
#include <synfire/table.hpp>

namespace synfire {

struct PageTable {
  std::string title;
  std::string note;  // a sentence or more; may be empty
  Table table;
};

struct TablesReport {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  // what was run: data, seed, version ...
  std::vector<std::string> notes;                          // sentences for the reader
  std::vector<PageTable> tables;
  std::vector<Plot> plots;
};

/// One HTML page that needs nothing else, as render_page()'s. The same report gives the same page.
/// Throws PlotError.
std::string render_tables(const TablesReport& report);

}  // namespace synfire
