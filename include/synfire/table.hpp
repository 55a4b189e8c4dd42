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

}  // namespace synfire
