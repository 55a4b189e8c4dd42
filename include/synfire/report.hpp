// The tutorial's page: what every row of its table did, in pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <synfire/model.hpp>
#include <synfire/plot.hpp>

namespace synfire {

/// KerasSpiking's figures for a row.
struct PublishedRow {
  double accuracy;                            // percent
  std::optional<double> mean_rate, max_rate;  // hertz
  bool again = false;  // of its code run again, where the tutorial's page has no such row
};

/// A figure of such a row as tables show it: marked where the code was run again.
std::string published_text(const PublishedRow& row, const std::string& figure);
/// What the mark means.
inline constexpr std::string_view kAgainNote =
    "* KerasSpiking 0.3.0 run again: the tutorial shows no such row";

/// Joules an image.
struct DeviceEnergy {
  std::string device;
  double counted;                  // of what the run counted
  std::optional<double> estimate;  // KerasSpiking's, from average rates
};

struct ReportRow {
  std::string name;  // "rate-trained, dt 0.01"
  std::optional<PublishedRow> published;
  Evaluation test{};
  SpikeHistogram histogram;          // of the whole test set
  Trace trace{};                     // of the report's image
  std::vector<EpochResult> epochs;   // of the training behind it
  std::vector<DeviceEnergy> energy;  // empty where it is not known
};

struct Report {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  // what was run: data, seed, version ...
  std::vector<std::string> classes;                        // names, by label

  /// The test image that the rows' traces are of: [height][width] grey values, row-major.
  std::size_t image = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;
  std::size_t label = 0;

  std::vector<ReportRow> rows;

  /// The estimate of a row's net, as text; empty for none.
  std::string energy_row, energy_table;
};

/// One HTML page that needs nothing else: pictures are inline SVG with a text alternative each, no
/// script, nothing loaded. The same report gives the same page. Throws PlotError.
std::string render_page(const Report& report);

}  // namespace synfire
