// The page's pictures: how each is drawn, and what it shows in words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <synfire/report.hpp>

namespace synfire::report {

/// 12345678 as "12,345,678".
std::string grouped(std::uint64_t number);

/// The report's image as SVG.
std::string input_image(const Report& report, const std::string& id);

/// Those of a row, in the page's order; pictures of spikes only where it has some layer that
/// spikes.
std::vector<Plot> plots_of(const Report& report, const ReportRow& row);

/// Accuracy of all rows against spikes, then against each device's energy where two rows have it.
std::vector<Plot> comparisons(const Report& report);

}  // namespace synfire::report
