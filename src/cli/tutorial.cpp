// synfire tutorial: KerasSpiking's "Classifying Fashion MNIST with spiking activations", row by
// row.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <numeric>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <synfire/energy.hpp>
#include <synfire/kernels.hpp>
#include <synfire/report.hpp>
#include <synfire/table.hpp>
#include <synfire/weights.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {
namespace fs = std::filesystem;

struct Tutorial {
  DataOptions data;
  JsonOption json;
  std::string output = "tutorial";
  std::size_t epochs = 10, threads = 0;
  std::uint64_t seed = 0;
  bool quick = false, resume = false, no_report = false;
  std::optional<std::string> report;

  std::string report_path() const {
    return report.value_or((fs::path(output) / "report.html").string());
  }
};

struct Run {
  std::string row;
  float dt;
  std::size_t steps;
  /// https://www.nengo.ai/keras-spiking/examples/spiking-fashion-mnist.html
  std::optional<PublishedRow> published;
};

struct Training {
  std::string name;  // of its files
  std::string net;
  float dt;  // in training
  std::size_t steps;
  bool spiking_aware;
  std::vector<Run> runs;
  std::string regularizer = {};  // of the hidden neurons' rates
  bool energy_table = false;     // of the net, as the tutorial prints one
};

const std::vector<Training>& trainings() {
  static const std::vector<Training> kTrainings{
      {"nonspiking", "nonspiking", 1, 1, false, {{"non-spiking", 1, 1, {{88.53, {}, {}}}}}},
      // Behind a constant image the rates of one step are those of all.
      {"rate",
       "spiking",
       1,
       1,
       false,
       {{"rate-trained, dt 0.001", 0.001f, 10, {{19.74, 0.54, 100}}},
        {"rate-trained, dt 0.01", 0.01f, 10, {{65.61, 0.56, 20}}},
        {"rate-trained, dt 0.1", 0.1f, 10, {{88.29, 0.56, 15}}},
        {"rate-trained, dt 1", 1, 10, {{88.56, 0.56, 15.6}}}}},
      {"aware",
       "spiking",
       0.01f,
       10,
       true,
       {{"spiking-aware, dt 0.01", 0.01f, 10, {{84.28, 2.74, 50}}}}},
      // As KerasSpiking has it, on the output of every single step: 0 or 100 Hz and more, never
      // within the range.
      {"l2",
       "spiking",
       0.01f,
       10,
       true,
       {{"L2 of steps, dt 0.01", 0.01f, 10, {{75.79, 9.91, 30}}}},
       "l2:l2=0.0001,target=10/20"},
      {"l2_over_time",
       "spiking",
       0.01f,
       10,
       true,
       {{"L2 of mean rates, dt 0.01", 0.01f, 10, {}}},
       "l2:l2=0.0001,target=10/20,over_time=true"},
      // The page's row was made with 0.001, its text and its energies are of 0.01.
      {"lowpass_0.001",
       "lowpass",
       0.001f,
       10,
       true,
       {{"lowpass, dt 0.001", 0.001f, 10, {{78.75, 58.18, 400}}}}},
      {"lowpass",
       "lowpass",
       0.01f,
       10,
       true,
       {{"lowpass, dt 0.01", 0.01f, 10, {{84.88, 5.82, 100, true}}}},
       {},
       true},
  };
  return kTrainings;
}

void declare(CLI::App& command, Tutorial& t) {
  t.data.declare(command);
  add_count(command, "--epochs", t.epochs, "Passes over the data, for each training")
      ->capture_default_str();
  add_count(command, "--seed", t.seed, "Of weights, shuffling and initial voltages")
      ->capture_default_str();
  command.add_flag("--quick", t.quick, "A fifth of the data, 2 epochs");
  add_count(command, "--threads", t.threads, "0: every core; the results are the same")
      ->capture_default_str();
  command.add_option("--output", t.output, "Folder for weights, checkpoints and page")
      ->capture_default_str();
  command.add_flag("--resume", t.resume, "Go on from the checkpoints in the output folder");
  CLI::Option* const report =
      command.add_option("--report", t.report, "Page with a picture of everything; needs gnuplot");
  report->type_name("FILE")->default_str("OUTPUT/report.html");
  command.add_flag("--no-report", t.no_report, "No page")->excludes(report);
  t.json.declare(command);
}

std::string path_in(const Tutorial& t, const std::string& name) {
  return (fs::path(t.output) / name).string();
}

/// Throws FileError, before long work, where a file cannot be written, PlotError without gnuplot.
void prepare_output(const Tutorial& t) {
  std::error_code error;
  fs::create_directories(t.output, error);
  if (error) throw FileError(t.output, 0, "no such folder can be made: " + error.message());
  for (const Training& training : trainings())
    require_writable(path_in(t, training.name + ".safetensors"));
  t.json.check();
  if (t.no_report) return;
  require_writable(t.report_path());
  draw({});
}

std::string text(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "";
}

struct Figures {
  bool with_published;  // figures of the tutorial beside ours
  Table table{{{"row", false}, {"accuracy"}}, {}};
  Json rows = Json::array();
  bool marked = false;  // by kAgainNote's mark

  explicit Figures(bool published) : with_published(published) {
    const auto column = [this](const char* title) { table.columns.push_back({title}); };
    if (with_published) column("tutorial");
    column("mean Hz");
    if (with_published) column("tutorial");
    column("max Hz");
    if (with_published) column("tutorial");
    column("spikes");
    column("synaptic ops");
    column("us p50");
    column("s/epoch");
  }

  void add(const Training& training, const Run& run, const Evaluation& result, double epoch,
           const std::vector<DeviceEnergy>& energy) {
    const Activity& activity = result.activity;
    const bool spikes = activity.neuron_updates() > 0;
    const auto samples = static_cast<double>(result.samples);
    const auto rate = [&](double hertz) {
      return spikes ? std::optional<double>(hertz) : std::nullopt;
    };
    std::vector<std::string> cells{run.row, fmt::format("{:.2f}%", 100 * result.accuracy)};
    const auto published = [&](const std::string& cell) {
      if (with_published) cells.push_back(cell);
    };
    const PublishedRow theirs = run.published.value_or(PublishedRow{});
    marked |= theirs.again;
    published(run.published ? published_text(theirs, fmt::format("{:.2f}%", theirs.accuracy)) : "");
    cells.push_back(text(rate(activity.mean_rate()), 2));
    published(published_text(theirs, text(theirs.mean_rate, 2)));
    cells.push_back(text(rate(activity.max_rate()), 1));
    published(published_text(theirs, text(theirs.max_rate, 1)));
    cells.push_back(text(rate(static_cast<double>(activity.spikes()) / samples), 1));
    cells.push_back(
        fmt::format("{:.0f}", static_cast<double>(activity.synaptic_operations()) / samples));
    cells.push_back(fmt::format("{:.2f}", result.microseconds_p50));
    cells.push_back(fmt::format("{:.2f}", epoch));
    table.rows.push_back(std::move(cells));

    Json row{{"row", run.row},     {"net", training.net},       {"dt", run.dt},
             {"steps", run.steps}, {"seconds_an_epoch", epoch}, {"test", to_json(result)}};
    for (const auto& [device, counted, estimate] : energy)
      row["joules_an_image"][device] = {{"counted", counted}, {"estimate", *estimate}};
    if (with_published && run.published) {
      Json& published_row = row[run.published->again ? "keras_spiking" : "tutorial"];
      published_row = {{"accuracy", run.published->accuracy / 100}};
      if (run.published->mean_rate) {
        published_row["mean_rate_hz"] = *run.published->mean_rate;
        published_row["max_rate_hz"] = *run.published->max_rate;
      }
    }
    rows.push_back(std::move(row));
  }
};

double seconds_an_epoch(const TrainResult& result) {
  const double sum =
      std::accumulate(result.epochs.begin(), result.epochs.end(), 0.0,
                      [](double s, const EpochResult& epoch) { return s + epoch.seconds; });
  return sum / static_cast<double>(result.epochs.size());
}

std::vector<DeviceEnergy> energies(const ModelEnergy& energy, const ExampleRun& run,
                                   const RunOptions& how) {
  std::vector<DeviceEnergy> made;
  for (const Device& device : devices())
    made.push_back({device.name, energy.counted_spread(run.samples, device.name).mean,
                    energy.total_energy(device.name, how.steps, static_cast<double>(how.dt))});
  return made;
}

/// KerasSpiking's estimate as the tutorial has it: of a CPU and a spiking device.
std::string energy_table(const ModelEnergy& energy, const RunOptions& how) {
  return energy.summary({.columns = {"name", "rate", "synop_energy cpu", "synop_energy loihi",
                                     "neuron_energy cpu", "neuron_energy loihi"},
                         .timesteps_per_inference = how.steps,
                         .dt = static_cast<double>(how.dt),
                         .line_length = 110,
                         .print_warnings = false});
}

std::vector<float> pixels_of(const ImageSet& set, std::size_t i) {
  std::vector<float> values(set.pixels_per_image());
  kernels::scale_pixels(set.image(i).data(), values.size(), values.data());
  return values;
}

/// The page before its rows; its pictures of single runs are of the first test image.
Report blank_page(const Tutorial& t, const TrainOptions& options, const Dataset& data) {
  Report page;
  page.title = "Spiking activations on " + data.name;
  const Json from = provenance(t.threads);
  const auto threads = from["threads"].get<std::size_t>();
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  page.facts = {{"data", describe(data)},
                {"data, SHA-256", data.fingerprint},
                {"training", fmt::format("{} epoch{}, batch {}, {} at {}", options.epochs,
                                         options.epochs == 1 ? "" : "s", options.batch,
                                         name_of(options.optimizer), options.learning_rate.text())},
                {"seed", fmt::to_string(options.seed)},
                {"made by", "synfire " SYNFIRE_VERSION},
                {"run on", fmt::format("{} thread{}, {} kernels", threads, threads == 1 ? "" : "s",
                                       from["target"].get<std::string>())},
                {"date", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(now))}};
  page.classes = data.classes;
  page.height = data.test.height;
  page.width = data.test.width;
  const auto pixels = data.test.image(page.image);
  page.pixels.assign(pixels.begin(), pixels.end());
  page.label = data.test.labels[page.image];
  return page;
}

void act(const Tutorial& t) {
  TrainOptions options;
  options.epochs = t.quick ? 2 : t.epochs;
  options.seed = t.seed;
  options.threads = t.threads;
  options.validate();
  prepare_output(t);
  Dataset data = t.data.load();
  if (t.quick) {
    keep_first(data.train, std::max<std::size_t>(data.train.size() / 5, 1));
    keep_first(data.test, std::max<std::size_t>(data.test.size() / 5, 1));
  }
  fmt::print("{}\n", describe(data));

  Figures figures(data.is_fashion_mnist);
  Report page = t.no_report ? Report{} : blank_page(t, options, data);
  Json trained = Json::array();
  for (const Training& training : trainings()) {
    const auto model = make_model(training.net);
    options.dt = training.dt;
    options.steps = training.steps;
    options.spiking_aware = training.spiking_aware;
    options.activity_regularizers.clear();
    if (!training.regularizer.empty())
      options.activity_regularizers.push_back(
          {"spiking_3", parse_regularizer(training.regularizer)});
    model->initialize(options.seed);
    FitFiles files{.checkpoint = path_in(t, training.name + ".checkpoint"), .resume = {}};
    if (t.resume && fs::exists(*files.checkpoint)) files.resume = files.checkpoint;
    const TrainResult result =
        train_with_progress(*model, data.train, options, files, training.name, "--resume");
    const double epoch = seconds_an_epoch(result);
    model->save(path_in(t, training.name + ".safetensors"),
                weights_metadata(training.net, data, options));
    for (const Run& run : training.runs) {
      const RunOptions how{run.dt, run.steps, options.seed};
      const Evaluation test = model->evaluate(data.test, how, t.threads);
      const ExampleRun examples = model->run_examples(data.test, how, t.threads);
      const ModelEnergy energy(energy_layers(model->info().layers, examples.rates));
      const auto joules = energies(energy, examples, how);
      figures.add(training, run, test, epoch, joules);
      if (training.energy_table) {
        page.energy_row = run.row;
        page.energy_table = energy_table(energy, how);
      }
      if (t.no_report) continue;
      page.rows.push_back({run.row,
                           data.is_fashion_mnist ? run.published : std::nullopt,
                           test,
                           model->spike_histogram(data.test, how, t.threads),
                           model->trace(pixels_of(data.test, page.image), how, page.image),
                           result.epochs,
                           {}});
      // Of six devices one that computes densely and two that work by spikes.
      for (const DeviceEnergy& of : joules)
        if (of.device == "cpu" || of.device == "loihi" || of.device == "spinnaker2")
          page.rows.back().energy.push_back(of);
    }
    Json entry{{"name", training.name}, {"net", training.net}, {"options", to_json(options)}};
    entry.update(to_json(result));
    trained.push_back(std::move(entry));
  }

  fmt::print(
      "\n{}{}; {} epochs, seed {}. An image: {} steps, spikes and synaptic operations are "
      "means.\n\n",
      data.name,
      t.quick || t.data.limit
          ? fmt::format(", {} training and {} test images", data.train.size(), data.test.size())
          : "",
      options.epochs, options.seed, 10);
  std::cout << figures.table;
  if (figures.with_published)
    fmt::print("\ntutorial: what KerasSpiking's page shows for 10 epochs on all images\n");
  if (figures.with_published && figures.marked) fmt::print("{}\n", kAgainNote);
  fmt::print("\nEnergy of the row {}, as KerasSpiking estimates it from average rates:\n{}\n\n",
             page.energy_row, page.energy_table);
  fmt::print("weights in {}\n", t.output);
  if (!t.no_report) {
    write_file(t.report_path(), render_page(page));
    fmt::print("page in {}\n", t.report_path());
  }
  t.json.write({{"command", "tutorial"},
                {"data", to_json(data)},
                {"provenance", provenance(t.threads)},
                {"epochs", options.epochs},
                {"seed", options.seed},
                {"quick", t.quick},
                {"trainings", trained},
                {"rows", figures.rows}});
}

}  // namespace

void add_tutorial(CLI::App& app) {
  subcommand<Tutorial>(app, "tutorial",
                       "Train and run the nets of KerasSpiking's Fashion-MNIST tutorial", declare,
                       act);
}

}  // namespace synfire::cli
