// What profile, compare and sweeps share: a net by name or file, run by an engine that counts, and
// what its counts come to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <synfire/energy_model.hpp>
#include <synfire/neurobench.hpp>
#include <synfire/pareto.hpp>
#include <synfire/statistics.hpp>
#include <synfire/table.hpp>

#include "cli.hpp"

namespace synfire::cli {

/// A net and how it is run. What is left out is taken from the weights, then from the net.
struct NetSetting {
  std::string net;  // a ready-made net's name, or a file of weights that says which net they are of
  std::optional<std::string> weights;
  std::optional<float> dt;
  std::optional<std::size_t> steps;
  Stop stop = {};
  float threshold = 1;  // Model::scale_thresholds
  std::uint64_t seed = 0;
};

struct LoadedNet {
  std::unique_ptr<Model> model;
  ModelInfo info;
  RunOptions run;
  float threshold = 1;
  std::optional<std::string> weights, weights_sha256;  // none: untrained, made from the seed

  /// "trained weights spiking.safetensors", or that they are not trained.
  std::string describe_weights() const;
};

/// Weights: those of the setting; NET.safetensors in the current folder where that is there;
/// otherwise those that training starts from. Throws FileError, SignatureMismatch, InvalidSetting.
LoadedNet load_net(const NetSetting& setting);

/// The label of the last layer of neurons that spike; empty where there is none.
std::string last_spiking(const ModelInfo& info);

/// SHA-256 of a file's bytes. Throws FileError.
std::string sha256_of(const std::string& path);

/// A number's shortest text that reads back to it, as a number: 0.01, not 0.00999999978.
double exact(float number);

/// --device and --device-file.
struct EnergyOptions {
  std::vector<std::string> names, files;

  /// `usual`: the names that are taken where none are given.
  void declare(CLI::App& command, std::vector<std::string> usual);
  /// Each once. Throws InvalidSetting for an unknown name, DeviceFileError, FileError.
  std::vector<EnergyModel> models() const;
};

/// --confidence.
struct ConfidenceOption {
  double value = 0.95;

  void declare(CLI::App& command);
  /// Throws InvalidSetting.
  Resampling resampling(std::uint64_t seed, std::size_t threads) const;
};

/// --csv, --latex and --page beside --json.
struct OutputOptions {
  JsonOption json;
  std::optional<std::string> csv, latex, page;

  void declare(CLI::App& command);
  /// Before long work: throws FileError where a file cannot be written, PlotError without gnuplot.
  void check() const;
  /// `latex`'s comment is the command.
  void write(const Json& json, const Table& csv, const Table& latex) const;
};

/// A figure of each sample.
struct Figure {
  std::string name;  // "synaptic_events"
  std::string unit;  // of an image: "" for shares
  std::vector<double> values;
  MeanInterval mean = {};
};

/// What the counts of a run come to.
struct Measured {
  Profile profile;
  NeuroBench neurobench;
  /// accuracy, spikes, synaptic_events, macs, acs, membrane_updates, steps, seconds (simulated),
  /// then "joules NAME" of each model.
  std::vector<Figure> figures;
  std::vector<EnergyModel> models;
  std::vector<EnergyEstimate> estimates;

  const Figure& figure(std::string_view name) const;
  const MeanInterval& joules(std::size_t model) const;
  std::vector<std::uint8_t> right() const;  // 1 for each sample whose class is the right one
};

Measured measure(const LoadedNet& net, const ImageSet& data, const std::vector<EnergyModel>& models,
                 std::size_t threads, const Resampling& resampling,
                 const std::function<RunCountsReader>& each = nullptr);

/// "spiking", its weights, how it is run.
std::string describe(const LoadedNet& net, std::size_t samples);

/// What a reader must know of the figures, a sentence each.
std::vector<std::string> warnings_of(const LoadedNet& net, const Measured& measured);

/// "84.21% (83.50 to 84.92)".
std::string share_text(const MeanInterval& share);
/// "35.2 (34.9 to 35.5)".
std::string mean_text(const MeanInterval& mean);

Json to_json(const MeanInterval& mean);
Json to_json(const Range& range);
/// By name; NaN and infinities as null.
Json figures_json(const std::vector<Figure>& figures);
Json to_json(const NeuroBench& figures);
Json net_json(const LoadedNet& net);
Json layers_json(const Profile& profile);
Json energy_json(const Measured& measured);

/// provenance() without what differs from run to run on one machine, and the command that makes the
/// figures again.
Json lasting_provenance(std::uint64_t seed);
/// Date, duration, threads and the command as it was given: whatever two runs of the same figures
/// may differ in.
Json run_time(double seconds, std::size_t threads);

/// For pages: data, version, date.
std::vector<std::pair<std::string, std::string>> page_facts(const Dataset& data,
                                                            std::size_t threads);

}  // namespace synfire::cli
