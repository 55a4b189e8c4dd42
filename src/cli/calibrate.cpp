// synfire calibrate, and what it found.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include <synfire/crossover.hpp>
#include <synfire/dataset.hpp>
#include <synfire/table.hpp>
#include <synfire/weights.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {
namespace fs = std::filesystem;

struct Calibrate {
  JsonOption json;
};

void declare(CLI::App& command, Calibrate& c) {
  c.json.declare(command);
}

fs::path calibration_file() {
  return cache_folder() / "calibration.json";
}

void act(const Calibrate& c) {
  c.json.check();
  const fs::path path = calibration_file();
  std::error_code fault;
  fs::create_directories(path.parent_path(), fault);
  if (fault)
    throw FileError(path.parent_path(), 0, "cannot be made a folder (" + fault.message() + ")");
  require_writable(path);

  const Crossover found = measure_crossover();
  Table table{{{"layer", false}, {"weights", false}, {"all inputs, us"}}, {}};
  for (const double share : Crossover::kShares)
    table.columns.push_back({fmt::format("{:.0f}%", 100 * share)});
  table.columns.push_back({"all above"});
  Json layers = Json::array();
  for (const MeasuredLayer& layer : found.layers) {
    const auto share = [](double above) {
      return above < 1 ? fmt::format("{:.0f}%", 100 * above) : std::string("never");
    };
    table.rows.push_back({fmt::format("{}x{}", layer.inputs, layer.width), layer.weights,
                          fmt::format("{:.2f}", layer.dense_us)});
    for (const double us : layer.rows_us) table.rows.back().push_back(fmt::format("{:.2f}", us));
    table.rows.back().push_back(share(layer.dense_above));
    layers.push_back({{"weights", layer.weights},
                      {"inputs", layer.inputs},
                      {"width", layer.width},
                      {"dense_us", layer.dense_us},
                      {"shares", Crossover::kShares},
                      {"rows_us", layer.rows_us},
                      {"dense_above", layer.dense_above}});
  }
  const Json report{{"command", "calibrate"},
                    {"provenance", provenance(1)},
                    {"dense_above", found.dense_above},
                    {"layers", layers}};
  write_file(path, report.dump(2) + "\n");
  c.json.write(report);
  std::cout << table;
  fmt::print(
      "Rows of the active inputs are read one by one up to a share of {:.0f}%, and all rows above; "
      "written to {}\n",
      100 * found.dense_above, path.string());
}

}  // namespace

void add_calibrate(CLI::App& app) {
  subcommand<Calibrate>(app, "calibrate",
                        "Measure from which activity on a layer takes its whole product", declare,
                        act);
}

std::optional<double> calibrated_dense_above() {
  fs::path path;
  try {
    path = calibration_file();
  } catch (const Error&) {
    return std::nullopt;  // there is no cache folder
  }
  constexpr std::uintmax_t kMost = 1 << 20;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  const auto refuse = [&](const char* fault) {
    throw FileError(path, 0, fmt::format("{}; synfire calibrate writes it anew", fault));
  };
  if (fs::file_size(path, error) > kMost || error) refuse("is longer than 1 MB");
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse("cannot be read");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const Json found = Json::parse(text, nullptr, false);
  const Json here = provenance(1);
  double share = NAN;
  try {
    for (const char* part : {"processor", "target"})
      if (found.at("provenance").at(part) != here.at(part))
        return std::nullopt;  // another processor's
    share = found.at("dense_above").get<double>();
  } catch (const Json::exception&) {
    refuse("is not what synfire calibrate writes");
  }
  if (!(share >= 0 && share <= 1)) refuse("has no share from 0 to 1 as dense_above");
  return share;
}

}  // namespace synfire::cli
