// synfire profile --sweep: a grid of settings, point by point, each kept as soon as it is done.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "profiling.hpp"

namespace synfire::cli {

/// --sweep, --output, --epochs.
struct SweepOptions {
  std::vector<std::string> sweep;
  std::optional<std::string> output;
  std::optional<std::size_t> epochs;
  CLI::Option* option = nullptr;

  void declare(CLI::App& command);
  bool wanted() const { return option->count() > 0; }
};

/// Runs the points that the journal in the output folder does not hold yet, prints the front, and
/// writes what `output` wants. Ctrl-C ends it behind the point under way, or within a training.
/// Throws InvalidSetting, FileError, Interrupted.
void run_sweep(const SweepOptions& options, const NetSetting& base, bool stop_given,
               const DataOptions& data_options, const std::vector<EnergyModel>& models,
               const Resampling& resampling, const OutputOptions& output, std::size_t threads);

}  // namespace synfire::cli
