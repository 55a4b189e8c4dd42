// What the subcommands share. Each subcommand is one file with one add_...(): it declares its
// options and what is done when it is chosen.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <synfire/dataset.hpp>
#include <synfire/error.hpp>
#include <synfire/model.hpp>

namespace synfire::cli {

using Json = nlohmann::ordered_json;

void add_tutorial(CLI::App& app);
void add_train(CLI::App& app);
void add_prune(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_profile(CLI::App& app);
void add_compare(CLI::App& app);
void add_run(CLI::App& app);
void add_energy(CLI::App& app);
void add_bench(CLI::App& app);
void add_calibrate(CLI::App& app);
void add_info(CLI::App& app);
void add_nets(CLI::App& app);
void add_data(CLI::App& app);

/// A subcommand whose options live as long as it does, and what it does with them.
template <class Options>
void subcommand(CLI::App& app, const std::string& name, const std::string& description,
                void (*declare)(CLI::App&, Options&), void (*act)(const Options&)) {
  CLI::App* command = app.add_subcommand(name, description);
  const auto options = std::make_shared<Options>();
  declare(*command, *options);
  command->final_callback([options, act] { act(*options); });
}

/// An option that takes a whole number of 64 bits. CLI11 itself would wrap a negative one around.
template <class Number>
CLI::Option* add_count(CLI::App& command, const std::string& name, Number& value,
                       const std::string& description) {
  return command.add_option(name, value, description)
      ->check(CLI::Validator(
          [](const std::string& text) {
            std::uint64_t number = 0;
            const char* const end = text.data() + text.size();
            const auto [behind, error] = std::from_chars(text.data(), end, number);
            return error == std::errc{} && behind == end
                       ? std::string()
                       : text + " is not a whole number from 0 to 18446744073709551615";
          },
          ""));
}

/// --data, --limit.
struct DataOptions {
  std::optional<std::string> data;
  std::optional<std::size_t> limit;

  void declare(CLI::App& command);
  /// Throws DataNotFound, FileError, InvalidSetting.
  Dataset load() const;
};

/// The first `count` images, or all where there are fewer.
void keep_first(ImageSet& set, std::size_t count);

/// --net, --weights, and --dt, --steps, --seed where a net is run. What is not given is taken from
/// the weights' metadata, then from the net itself.
struct ModelOptions {
  std::optional<std::string> net, weights;
  std::optional<float> dt;
  std::optional<std::size_t> steps;
  std::uint64_t seed = 0;

  enum class Weights { Trained, OrFresh };
  /// With OrFresh, a net without --weights has those that training starts from.
  void declare(CLI::App& command, Weights wanted = Weights::Trained);
  struct Loaded {
    std::unique_ptr<Model> model;
    RunOptions run;
  };
  /// Throws FileError, SignatureMismatch, InvalidSetting.
  Loaded load() const;
};

/// --epochs, --batch, --optimizer, --learning-rate, --spiking-aware or --rate, --threads, where a
/// command trains. Defaults may be set in `options` before.
struct DescentOptions {
  TrainOptions options;
  std::string optimizer = "adam";
  std::optional<std::string> learning_rate;
  std::optional<bool> spiking_aware;

  void declare(CLI::App& command);
  /// `options` with these for that net. Throws InvalidSetting.
  TrainOptions read(const ModelInfo& info) const;
};

/// --stop exact or --stop MARGIN.
struct StopOption {
  std::optional<std::string> text;

  void declare(CLI::App& command);
  /// Throws InvalidSetting.
  Stop value() const;
};

/// --json FILE: every figure, with what it was made from.
struct JsonOption {
  std::optional<std::string> path;

  void declare(CLI::App& command);
  /// Before long work: throws FileError where the file cannot be written.
  void check() const;
  void write(const Json& json) const;
};

/// Before anything else: what command_line() and command_again() tell.
void keep_command_line(int argc, char** argv);
/// As it was given, fit for a shell.
std::string command_line();
/// The same without what changes no figure: --threads, and the files that figures are written to.
std::string command_again();

/// Version, compiler, processor, its target and threads: what figures depend on.
Json provenance(std::size_t threads);
Json to_json(const Dataset& data);
Json to_json(const RunOptions& options);
Json to_json(const TrainOptions& options);
Json to_json(const TrainResult& result);
Json to_json(const Activity& activity);
Json to_json(const Evaluation& evaluation);

/// "Fashion-MNIST (60000 + 10000 images from /usr/share/...)".
std::string describe(const Dataset& data);

/// Throws FileError, before long work, where `path` cannot be written.
void require_writable(const std::string& path);

/// The metadata that training stores with weights.
std::map<std::string, std::string> weights_metadata(const std::string& net, const Dataset& data,
                                                    const TrainOptions& options);

/// RunOptions::dense_above as `synfire calibrate` found it on this processor; nothing where it
/// never ran here. Throws FileError for a file that it did not write.
std::optional<double> calibrated_dense_above();

/// Called first: from here on a thread of its own takes SIGINT and SIGTERM, and every other thread
/// has them blocked. With a handler that could run in any thread, a training that Ctrl-C stopped
/// ended now and then in a corrupted heap inside oneDNN; why is not known.
/// Outside trainings a signal that the program was started to ignore is ignored.
void wait_for_signals();

/// While it lives, the first Ctrl-C (or termination) is noted; the second ends the program. One
/// inside another notes for both.
class Watch {
 public:
  Watch();
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool interrupted() const;
};

/// Long work that Ctrl-C ended.
struct Interrupted : Error {
  using Error::Error;
};

/// Trains with a progress bar on a terminal, a line an epoch elsewhere. Ctrl-C stops it at the end
/// of a batch, keeps the checkpoint, and throws Interrupted, which says that `resume` goes on.
TrainResult train_with_progress(Model& model, const ImageSet& data, const TrainOptions& options,
                                const FitFiles& files, const std::string& title,
                                const std::string& resume,
                                const std::vector<Callback*>& callbacks = {});

}  // namespace synfire::cli
