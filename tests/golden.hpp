// Golden values for tests: where they lie, and how their JSON arrays are read.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace synfire::test {

/// A file of tests/golden.
inline std::filesystem::path golden_path(const std::string& name) {
  return std::filesystem::path(SYNFIRE_GOLDEN) / name;
}

/// Reference data too large for the repository: $SYNFIRE_SHARED, or the folder `shared` beside the
/// source tree. Tests that want it skip, and say so, where there is none.
inline std::optional<std::filesystem::path> shared_path() {
  const char* given = std::getenv("SYNFIRE_SHARED");
  const std::filesystem::path folder =
      given != nullptr ? std::filesystem::path(given)
                       : std::filesystem::path(SYNFIRE_SOURCE_ROOT).parent_path() / "shared";
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

inline nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot open " + path.string());
  return nlohmann::json::parse(in);
}

/// An array in C order.
struct Array {
  std::vector<std::size_t> shape;
  std::vector<float> values;
};

/// Reads {"shape": [...], "data": [...]}, where "nan", "inf" and "-inf" stand for themselves.
inline Array array_from(const nlohmann::json& json) {
  Array array;
  std::size_t size = 1;
  for (const auto& extent : json.at("shape")) {
    array.shape.push_back(extent.get<std::size_t>());
    size *= array.shape.back();
  }
  using Limits = std::numeric_limits<float>;
  for (const auto& value : json.at("data")) {
    if (value == "nan")
      array.values.push_back(Limits::quiet_NaN());
    else if (value == "inf")
      array.values.push_back(Limits::infinity());
    else if (value == "-inf")
      array.values.push_back(-Limits::infinity());
    else
      array.values.push_back(value.get<float>());
  }
  if (array.values.size() != size) throw std::runtime_error("an array's data are not its shape's");
  return array;
}

}  // namespace synfire::test
