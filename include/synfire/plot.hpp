// Plots: gnuplot's, as SVG that lives inside an HTML page.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <synfire/error.hpp>

namespace synfire {

/// gnuplot is missing, failed, or did not come to an end.
struct PlotError : Error {
  using Error::Error;
};

/// A picture and what it says in words. `commands` are gnuplot's, their data in $blocks. Linetypes
/// 1 to 10 are the page's colours, 11 its grid's, 12 its muted text's; black is the text's colour.
struct Plot {
  std::string title;        // what is plotted: "Softmax output over time"
  std::string description;  // what it shows, in figures
  std::string commands;
  std::size_t width = 480, height = 320;  // of its viewBox; the page scales it
};

/// A text for gnuplot's commands: in quotes, on one line, with nothing in it expanded.
std::string plot_text(std::string_view text);

/// One <svg> a plot, drawn by one process. Ids and references begin with `prefix` and the plot's
/// number, colours are CSS variables (--c1 ... --c10, --grid, --muted) and currentColor, there is
/// no background; role="img", <title> and <desc> hold title and description. Throws PlotError, also
/// when gnuplot needs longer than `patience`.
std::vector<std::string> draw(const std::vector<Plot>& plots, std::string_view prefix = "plot-",
                              std::chrono::milliseconds patience = std::chrono::seconds(30));

}  // namespace synfire
