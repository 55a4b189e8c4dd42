// Plain-text tables.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace synfire {

/// Columns of text, each as wide as its widest cell.
struct Table {
  struct Column {
    std::string title;
    bool figures = true;  // aligned right; words are aligned left
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // at most a cell for each column
};

/// A line of titles, a line of dashes, a line for each row; UTF-8 counts by code points.
std::ostream& operator<<(std::ostream& out, const Table& table);

/// RFC 4180 with line feeds: a line of titles, a line for each row; cells with commas, quotes or
/// line breaks in quotes.
std::string to_csv(const Table& table);

/// A LaTeX tabular by booktabs: words left, figures right. `comment` stands before it.
std::string to_latex(const Table& table, const std::string& comment);

}  // namespace synfire
