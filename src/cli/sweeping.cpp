#include "sweeping.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include <synfire/journal.hpp>
#include <synfire/sweep.hpp>
#include <synfire/weights.hpp>

namespace synfire::cli {
namespace {
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kUsualEpochs = 10;
// Of a rate: the number of spikes itself. At few spikes it leaves more accuracy than l2 does.
constexpr const char* kUsualPenalty = "l1";

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// ------------------------------------------------------------------ what is swept

/// A point with all its settings said.
struct Setting {
  std::optional<float> regularize;  // none: with the weights that there are
  float dt;
  std::size_t steps;
  float threshold;
  Stop stop;

  Json json() const {
    return {{"regularize", regularize ? Json(exact(*regularize)) : Json()},
            {"dt", exact(dt)},
            {"steps", steps},
            {"threshold", exact(threshold)},
            {"stop", stop.text()}};
  }
  std::string text() const {
    return fmt::format("{}dt {}, steps {}, threshold {}, stop {}",
                       regularize ? fmt::format("regularize {}, ", *regularize) : "", dt, steps,
                       threshold, stop.text());
  }
};

/// Throws InvalidSetting where an option and the grid both say a setting.
void check_not_both(const SweepGrid& grid, const NetSetting& base, bool stop_given) {
  for (const auto& [option, given, swept] :
       {std::tuple{"--dt", base.dt.has_value(), !grid.dt.empty()},
        {"--steps", base.steps.has_value(), !grid.steps.empty()},
        {"--threshold", base.threshold != 1, !grid.threshold.empty()},
        {"--stop", stop_given, !grid.stop.empty()},
        {"--weights", base.weights.has_value(), !grid.regularize.empty()}})
    if (given && swept)
      throw InvalidSetting(option, "given", "left out where --sweep has values in its place");
}

std::vector<Setting> settings_of(const SweepGrid& grid, const NetSetting& base,
                                 const RunOptions& run) {
  std::vector<Setting> all;
  for (const SweepPoint& point : grid.points())
    all.push_back({point.regularize, point.dt.value_or(run.dt), point.steps.value_or(run.steps),
                   point.threshold.value_or(base.threshold), point.stop.value_or(base.stop)});
  return all;
}

// ------------------------------------------------------------------ trainings

/// Weights trained for a point: with its dt and steps, and its regularizer.
class Trainings {
 public:
  Trainings(const NetSetting& base, const Dataset& data, std::string folder,
            const SweepOptions& options, std::size_t threads)
      : base_(base),
        data_(data),
        folder_(std::move(folder)),
        penalty_(options.penalty.value_or(kUsualPenalty)),
        threads_(threads) {
    options_.epochs = options.epochs.value_or(kUsualEpochs);
    options_.seed = base.seed;
    options_.validate();
  }

  TrainOptions options(const ModelInfo& info, const Setting& setting) const {
    TrainOptions options = options_;
    options.spiking_aware = info.spiking_aware;
    options.threads = threads_;
    options.dt = setting.dt;
    options.steps = setting.steps;
    if (*setting.regularize > 0)
      options.activity_regularizers.push_back(
          {last_spiking(info), parse_regularizer(regularizer(*setting.regularize))});
    options.validate();
    return options;
  }

  /// On the mean rates over a run: what is driven down is the number of spikes.
  std::string regularizer(float strength) const {
    return fmt::format("{0}:{0}={1},over_time=true", penalty_, strength);
  }

  std::size_t epochs() const { return options_.epochs; }
  const std::string& penalty() const { return penalty_; }

  /// The file of such weights, trained now unless it is there already.
  std::string weights(const Setting& setting) const {
    const auto model = make_model(base_.net);
    const ModelInfo info = model->info();
    const TrainOptions how = options(info, setting);
    const std::string path =
        (fs::path(folder_) / fmt::format("regularize_{}_dt_{}_steps_{}.safetensors",
                                         *setting.regularize, setting.dt, setting.steps))
            .string();
    auto metadata = weights_metadata(base_.net, data_, how);
    metadata["training_images"] = fmt::to_string(data_.train.size());
    if (is_done(path, metadata)) return path;
    FitFiles files{.checkpoint = path + ".checkpoint", .resume = {}};
    if (fs::exists(*files.checkpoint)) files.resume = files.checkpoint;
    model->initialize(how.seed);
    train_with_progress(*model, data_.train, how, files,
                        fmt::format("regularize {}, dt {}, steps {}", *setting.regularize,
                                    setting.dt, setting.steps),
                        "the same command");
    model->save(path, metadata);
    std::error_code ignored;
    fs::remove(*files.checkpoint, ignored);
    return path;
  }

 private:
  /// The file holds what this training gives, as its metadata say.
  bool is_done(const std::string& path, const std::map<std::string, std::string>& wanted) const {
    if (!fs::exists(path)) return false;
    const auto found = read_safetensors(path).metadata;
    return std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
      const auto same = found.find(entry.first);
      return same != found.end() && same->second == entry.second;
    });
  }

  const NetSetting& base_;
  const Dataset& data_;
  std::string folder_, penalty_;
  std::size_t threads_;
  TrainOptions options_;
};

// ------------------------------------------------------------------ the journal

constexpr const char* kFormat = "synfire sweep 1";

/// Journal of a sweep: a line that says of what it is, then a line a point.
class Points {
 public:
  /// Throws FileError for a journal that is of another sweep, or of none.
  Points(const std::string& path, const Json& key) : path_(path), journal_(path) {
    const Json header{{"journal", kFormat}, {"of", key}};
    if (journal_.lines().empty()) {
      journal_.append(header.dump());
      return;
    }
    const Json found = parsed(0);
    if (!found.is_object() || found.value("journal", Json()) != kFormat || !found.contains("of"))
      throw FileError(path_, 0, "is no journal of a sweep: give another --output folder");
    for (const auto& [name, value] : key.items())
      if (const Json old = found["of"].value(name, Json()); old != value)
        throw FileError(path_, 0,
                        fmt::format("is of another sweep, with {} {} where this one has {}: give "
                                    "another --output folder",
                                    name, short_text(old), short_text(value)));
    for (std::size_t line = 1; line < journal_.lines().size(); ++line) {
      const Json entry = parsed(line);
      if (!entry.is_object() || !entry.contains("point") || !entry.contains("result") ||
          !entry.contains("time"))
        throw FileError(path_, 0, fmt::format("line {} is no point of a sweep", line + 1));
      done_[entry["point"].dump()] = entry;
    }
  }

  const Json* find(const Json& point) const {
    const auto found = done_.find(point.dump());
    return found == done_.end() ? nullptr : &found->second;
  }

  void add(const Json& entry) {
    journal_.append(entry.dump());
    done_[entry["point"].dump()] = entry;
  }

 private:
  Json parsed(std::size_t line) const {
    try {
      return Json::parse(journal_.lines()[line]);
    } catch (const Json::exception&) {
      throw FileError(path_, 0, fmt::format("line {} is not JSON", line + 1));
    }
  }

  static std::string short_text(const Json& value) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    return text.size() > 24 ? text.substr(0, 21) + "..." : text;
  }

  std::string path_;
  Journal journal_;
  std::map<std::string, Json> done_;
};

/// A digest of whatever of the models decides joules.
std::string digest(const std::vector<EnergyModel>& models, const Profile& profile) {
  Json figures = Json::array();
  for (const EnergyModel& model : models)
    figures.push_back({model.name, to_json(estimate(model, profile).total())});
  const std::string text = figures.dump();
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  return sha256(bytes);
}

Json result_of(const LoadedNet& net, const Measured& measured) {
  Json joules = Json::object();
  for (std::size_t m = 0; m < measured.models.size(); ++m)
    joules[measured.models[m].name] = to_json(measured.estimates[m].total());
  return {{"weights_sha256", net.weights_sha256 ? Json(*net.weights_sha256) : Json()},
          {"images", measured.profile.size()},
          {"correct", measured.profile.correct()},
          {"figures", figures_json(measured.figures)},
          {"neurobench", to_json(measured.neurobench)},
          {"joules_an_image", joules}};
}

// ------------------------------------------------------------------ its report

double number_in(const Json& json) {
  return json.is_number() ? json.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

MeanInterval interval_in(const Json& json) {
  return {number_in(json.at("mean")), number_in(json.at("low")), number_in(json.at("high"))};
}

const char* const kFields[] = {"regularize", "dt", "steps", "threshold", "stop"};

std::string text_of_field(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? fmt::to_string(value.get<double>())
         : value.is_null()       ? ""
                                 : value.dump();
}

ParetoReport pareto_of(const std::vector<Json>& entries, const std::vector<EnergyModel>& models,
                       bool trains) {
  ParetoReport report;
  for (const char* const field : kFields)
    if (trains || field != kFields[0]) report.settings.emplace_back(field);
  report.costs = {{"spikes", "spikes an image"}, {"synaptic events", "synaptic events an image"}};
  for (const EnergyModel& model : models)
    report.costs.push_back({"energy, " + model.name, "J an image, " + model.name});
  report.costs.push_back({"latency in simulated time", "simulated seconds an image"});
  report.costs.push_back({"latency as measured", "microseconds an image"});
  for (const Json& entry : entries) {
    const Json& figures = entry.at("result").at("figures");
    ParetoPoint point{{}, interval_in(figures.at("accuracy")), {}};
    for (const std::string& field : report.settings)
      point.settings.push_back(text_of_field(entry.at("point").at(field)));
    const auto cost = [&](const std::string& name) {
      point.costs.push_back(number_in(figures.at(name).at("mean")));
    };
    cost("spikes");
    cost("synaptic_events");
    for (const EnergyModel& model : models) cost("joules " + model.name);
    cost("seconds");
    point.costs.push_back(number_in(entry.at("time").at("microseconds_p50")));
    report.points.push_back(std::move(point));
  }
  return report;
}

/// A row a point. With `all`, every figure in full; without, those that a paper shows.
Table point_table(const std::vector<Json>& entries, bool all) {
  Table table;
  for (const char* const field : kFields) table.columns.push_back({field});
  const Json& figures = entries.front().at("result").at("figures");
  const auto shown = [&](const std::string& name) {
    return all || name == "accuracy" || name == "spikes" || name == "synaptic_events" ||
           name.rfind("joules ", 0) == 0;
  };
  for (const auto& [name, value] : figures.items()) {
    if (!shown(name)) continue;
    table.columns.push_back({name});
    if (all) table.columns.insert(table.columns.end(), {{name + "_low"}, {name + "_high"}});
  }
  for (const Json& entry : entries) {
    std::vector<std::string> row;
    for (const char* const field : kFields)
      row.push_back(text_of_field(entry.at("point").at(field)));
    for (const auto& [name, value] : entry.at("result").at("figures").items()) {
      if (!shown(name)) continue;
      const MeanInterval mean = interval_in(value);
      row.push_back(all ? fmt::to_string(mean.mean) : fmt::format("{:.4g}", mean.mean));
      if (all) row.insert(row.end(), {fmt::to_string(mean.low), fmt::to_string(mean.high)});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Json front_json(const ParetoReport& report, std::size_t cost) {
  Json front = Json::array();
  for (const std::size_t i : pareto_front(report.costs_of(cost), report.accuracies()))
    front.push_back(i);
  return front;
}

}  // namespace

void SweepOptions::declare(CLI::App& command) {
  option = command.add_option(
      "--sweep", sweep,
      "Run every combination of these: dt=1e-3..1 (7 values in equal ratios; ../N: N of them), "
      "steps=1..100, threshold=1..8, stop=never,exact,2, regularize=0,1e-3: trained for each dt "
      "and steps with a penalty of that strength on the last neurons' mean rates");
  command.add_option("--output", output,
                     "Folder for a sweep's journal and weights: the same command goes on from it; "
                     "sweep");
  add_count(command, "--epochs", epochs, "Of a sweep's trainings; 10");
  command.add_option("--penalty", penalty, "Of a sweep's trainings: l1 or l2; l1")
      ->check(CLI::IsMember({"l1", "l2"}));
}

void run_sweep(const SweepOptions& options, const NetSetting& base, bool stop_given,
               const DataOptions& data_options, const std::vector<EnergyModel>& models,
               const Resampling& resampling, const OutputOptions& output, std::size_t threads) {
  const auto begin = Clock::now();
  const SweepGrid grid = SweepGrid::parse(options.sweep);
  const bool trains = !grid.regularize.empty();
  if ((options.epochs || options.penalty) && !trains)
    throw InvalidSetting(options.epochs ? "--epochs" : "--penalty", "given",
                         "left out where --sweep does not regularize");
  check_not_both(grid, base, stop_given);
  NetSetting plain = base;
  plain.threshold = 1;
  const LoadedNet net = load_net(plain);
  if (trains && net.info.name != base.net)
    throw InvalidSetting("the net", "'" + base.net + "'",
                         "a ready-made net's name where --sweep regularize trains it");
  if (trains && last_spiking(net.info).empty())
    throw InvalidSetting("--sweep regularize", "given for " + net.info.name,
                         "left out where no neuron spikes");
  const std::vector<Setting> settings = settings_of(grid, base, net.run);
  // Whatever the net refuses, before anything is run.
  for (const Setting& setting : settings)
    if (setting.threshold != 1) {
      make_model(net.info.name)->scale_thresholds(setting.threshold);
      break;
    }
  const Dataset data = data_options.load();
  const std::string folder = options.output.value_or("sweep");
  const Trainings trainings(base, data, folder, options, threads);
  if (trains)
    for (const Setting& setting : settings) trainings.options(net.info, setting);

  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError(folder, 0, "no such folder can be made: " + error.message());
  const Json from = provenance(1);
  Json key{{"version", from["version"]},          {"net", net.info.name},
           {"signature", net.info.signature},     {"data", data.fingerprint},
           {"test images", data.test.size()},     {"seed", base.seed},
           {"confidence", resampling.confidence}, {"dense_above", net.run.dense_above}};
  if (trains) {
    key["weights"] = "trained for each point";
    key["epochs"] = trainings.epochs();
    key["training images"] = data.train.size();
    key["regularizer"] = trainings.regularizer(1);
  } else {
    key["weights"] = net.weights_sha256 ? Json(*net.weights_sha256) : Json("untrained");
  }
  ImageSet first = data.test;
  keep_first(first, 1);
  Json names = Json::array();
  for (const EnergyModel& model : models) names.push_back(model.name);
  key["devices"] = names;
  key["device figures"] = digest(models, net.model->profile(first, net.run, 1));
  const Watch watch;
  Points points((fs::path(folder) / "journal.jsonl").string(), key);

  fmt::print("{}\nnet {}, {} points, journal and weights in {}\n", describe(data), net.info.name,
             settings.size(), folder);
  std::vector<Json> entries;
  std::size_t known = 0;
  double spent = 0;
  for (const Setting& setting : settings) {
    const Json point = setting.json();
    if (const Json* const done = points.find(point)) {
      entries.push_back(*done);
      ++known;
      continue;
    }
    const auto started = Clock::now();
    NetSetting run = base;
    run.dt = setting.dt;
    run.steps = setting.steps;
    run.stop = setting.stop;
    run.threshold = setting.threshold;
    if (trains) run.weights = trainings.weights(setting);
    const LoadedNet loaded = load_net(run);
    const Measured measured = measure(loaded, data.test, models, threads, resampling);
    entries.push_back(
        {{"point", point},
         {"result", result_of(loaded, measured)},
         {"time",
          {{"seconds", since(started)}, {"microseconds_p50", measured.profile.microseconds_p50}}}});
    points.add(entries.back());
    fmt::print("{}/{} {}: accuracy {:.2f}%, {:.4g} spikes, {:.4g} synaptic events an image\n",
               entries.size(), settings.size(), setting.text(),
               100 * measured.figure("accuracy").mean.mean, measured.figure("spikes").mean.mean,
               measured.figure("synaptic_events").mean.mean);
    std::fflush(stdout);
    if (watch.interrupted() && entries.size() < settings.size())
      throw Interrupted(fmt::format("stopped after point {} of {}; go on with the same command",
                                    entries.size(), settings.size()));
  }
  for (const Json& entry : entries) spent += entry.at("time").at("seconds").get<double>();
  if (known > 0) fmt::print("{} of {} points were in the journal\n", known, settings.size());

  ParetoReport report = pareto_of(entries, models, trains);
  report.title = fmt::format("Accuracy of {} on {} against spikes, energy and latency",
                             net.info.name, data.name);
  report.facts = page_facts(data, threads);
  report.facts.insert(
      report.facts.begin(),
      {"net", trains
                  ? fmt::format("{}, trained for each strength, dt and steps in {} epochs, seed {}",
                                net.info.signature, trainings.epochs(), base.seed)
                  : net.info.signature + ", " + net.describe_weights()});
  report.notes = {fmt::format(
      "Each point is a run of {} test images; in brackets the {:g}% interval of bootstrap over "
      "images. Points are chosen by the accuracy that they are shown with: of many points of equal "
      "worth the luckiest is on the front.",
      data.test.size(), 100 * resampling.confidence)};
  if (trains)
    report.notes.push_back(fmt::format(
        "regularize: strength of an {} penalty on the mean rates, in hertz, of the last "
        "neurons that spike, summed over neurons.",
        trainings.penalty()));
  else if (!net.weights)
    report.notes.push_back("The weights are untrained: accuracy is what chance gives.");
  if (std::any_of(settings.begin(), settings.end(),
                  [](const Setting& s) { return s.stop.rule == Stop::Rule::Exact; }))
    report.notes.push_back(
        "stop exact ends a run by what membranes hold and what is still to come in, not by the "
        "spikes alone: they are as many as were sent, but the class rests on more.");
  fmt::print("\nBest accuracy for at most so many spikes an image:\n");
  std::cout << best_for_budgets(report, 0);
  if (output.page) {
    write_file(*output.page, render_pareto(report));
    fmt::print("\npage in {}\n", *output.page);
  }

  Json lasting = Json::array(), times = Json::array(), fronts = Json::object();
  for (const Json& entry : entries) {
    lasting.push_back({{"point", entry.at("point")}, {"result", entry.at("result")}});
    times.push_back(entry.at("time"));
  }
  // Of measured time no front is the same twice: it is not among these.
  for (std::size_t cost = 0; cost + 1 < report.costs.size(); ++cost)
    fronts[report.costs[cost].name] = front_json(report, cost);
  Json time = run_time(since(begin), threads);
  time["seconds_of_points"] = spent;
  time["points"] = times;
  output.write({{"command", "profile"},
                {"provenance", lasting_provenance(base.seed)},
                {"data", to_json(data)},
                {"sweep", options.sweep},
                {"of", key},
                {"points", lasting},
                {"fronts", fronts},
                {"time", time}},
               point_table(entries, true), point_table(entries, false));
}

}  // namespace synfire::cli
