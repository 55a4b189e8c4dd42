#include <synfire/table.hpp>

#include <algorithm>
#include <ostream>
#include <string_view>

namespace synfire {
namespace {

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += c;
    quoted += c;
  }
  return quoted + '"';
}

std::string latex_cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\textbackslash{}";
        break;
      case '~':
        out += "\\textasciitilde{}";
        break;
      case '^':
        out += "\\textasciicircum{}";
        break;
      case '<':
        out += "\\textless{}";
        break;
      case '>':
        out += "\\textgreater{}";
        break;
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        out += '\\';
        [[fallthrough]];
      default:
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return out;
}

/// Calls line(cells) for the titles and for each row, filled up to the number of columns.
template <class Line>
void each_line(const Table& table, const Line& line) {
  std::vector<std::string> cells;
  for (const auto& column : table.columns) cells.push_back(column.title);
  line(cells);
  for (const auto& row : table.rows) {
    cells = row;
    cells.resize(table.columns.size());
    line(cells);
  }
}

std::string joined(const std::vector<std::string>& cells, std::string_view by,
                   std::string (*written)(const std::string&)) {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) text += by;
    text += written(cells[i]);
  }
  return text;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Table& table) {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const auto& column : table.columns) {
    titles.push_back(column.title);
    widths.push_back(width_of(column.title));
  }
  for (const auto& row : table.rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));

  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string space(widths[i] - width_of(cells[i]), ' ');
      if (i > 0) text += "  ";
      text += table.columns[i].figures ? space + cells[i] : cells[i] + space;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  };
  line(titles);
  std::vector<std::string> rule;
  for (const std::size_t width : widths) rule.emplace_back(width, '-');
  line(rule);
  for (const auto& row : table.rows) line(row);
  return out;
}

std::string to_csv(const Table& table) {
  std::string text;
  each_line(table, [&](const auto& cells) { text += joined(cells, ",", csv_cell) + '\n'; });
  return text;
}

std::string to_latex(const Table& table, const std::string& comment) {
  std::string columns, text;
  for (const auto& column : table.columns) columns += column.figures ? 'r' : 'l';
  for (std::size_t at = 0; at < comment.size();) {
    const std::size_t end = std::min(comment.find('\n', at), comment.size());
    text += "% " + comment.substr(at, end - at) + '\n';
    at = end + 1;
  }
  text += "\\begin{tabular}{" + columns + "}\n";
  std::size_t lines = 0;
  each_line(table, [&](const auto& cells) {
    text += lines == 0 ? "\\toprule\n" : lines == 1 ? "\\midrule\n" : "";
    text += joined(cells, " & ", latex_cell) + " \\\\\n";
    ++lines;
  });
  return text + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace synfire
