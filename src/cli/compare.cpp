// synfire compare
#include <cctype>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iostream>
#include <set>

#include <fmt/format.h>

#include <synfire/weights.hpp>

#include "profiling.hpp"

namespace synfire::cli {
namespace {

struct Compare {
  std::vector<std::string> specs;
  DataOptions data;
  EnergyOptions energy;
  ConfidenceOption confidence;
  OutputOptions output;
  std::uint64_t seed = 0;
  std::size_t threads = 0;
};

void declare(CLI::App& command, Compare& c) {
  command
      .add_option("NET", c.specs,
                  "Two or more, each a ready-made net or a file of weights, with settings of its "
                  "own: NET[:weights=FILE,dt=0.01,steps=10,stop=exact,threshold=2,seed=1,"
                  "device=loihi]; the first is what the others are tested against")
      ->required();
  c.data.declare(command);
  c.energy.declare(command, {"horowitz", "loihi2"});
  c.confidence.declare(command);
  add_count(command, "--seed", c.seed,
            "Of initial voltages, where a net has none of its own, and "
            "of bootstrap and permutations")
      ->capture_default_str();
  add_count(command, "--threads", c.threads, "0: every core; the figures are the same")
      ->capture_default_str();
  c.output.declare(command);
}

struct Spec {
  std::string label;
  NetSetting net;
  std::optional<std::string> device;
};

template <class Number>
Number number(const std::string& key, const std::string& text, const char* wanted) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw InvalidSetting(key, "'" + text + "'", wanted);
  return value;
}

/// Throws InvalidSetting.
Spec parse_spec(const std::string& text, std::uint64_t seed) {
  Spec spec{text, {}, {}};
  spec.net.seed = seed;
  // A file's name may hold colons: settings are behind the last one, where they have a '='.
  const std::size_t colon = text.rfind(':');
  const bool settings = colon != std::string::npos && text.find('=', colon) != std::string::npos;
  spec.net.net = settings ? text.substr(0, colon) : text;
  std::set<std::string> seen;
  for (std::size_t at = settings ? colon + 1 : text.size() + 1; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string setting = text.substr(at, end - at);
    at = end + 1;
    const std::size_t equals = setting.find('=');
    const std::string key = setting.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : setting.substr(equals + 1);
    const std::string name = key + " of " + spec.net.net;
    if (!seen.insert(key).second) throw InvalidSetting(name, "'" + value + "'", "given once");
    if (key == "weights")
      spec.net.weights = value;
    else if (key == "dt")
      spec.net.dt = number<float>(name, value, "a number of seconds");
    else if (key == "steps")
      spec.net.steps = number<std::size_t>(name, value, "a whole number of steps");
    else if (key == "stop")
      spec.net.stop = Stop::parse(name, value);
    else if (key == "threshold")
      spec.net.threshold = number<float>(name, value, "a number");
    else if (key == "seed")
      spec.net.seed = number<std::uint64_t>(name, value, "a whole number");
    else if (key == "device")
      spec.device = value;
    else
      throw InvalidSetting("the setting of " + spec.net.net, "'" + setting + "'",
                           "KEY=VALUE with weights, dt, steps, stop, threshold, seed or device");
  }
  return spec;
}

/// Of equal labels all but the first get a number.
void number_labels(std::vector<Spec>& specs) {
  std::map<std::string, std::size_t> seen;
  for (Spec& spec : specs)
    if (const std::size_t n = ++seen[spec.label]; n > 1) spec.label += fmt::format(" ({})", n);
}

/// Models of each net, as many for each: those of the command, or one where some net names its own.
std::vector<std::vector<EnergyModel>> models_of(const std::vector<Spec>& specs,
                                                const EnergyOptions& energy) {
  const std::vector<EnergyModel> common = energy.models();
  std::vector<std::vector<EnergyModel>> all;
  const bool own = std::any_of(specs.begin(), specs.end(),
                               [](const Spec& spec) { return spec.device.has_value(); });
  for (const Spec& spec : specs) {
    if (!own) {
      all.push_back(common);
    } else if (spec.device) {
      // A file's device is known by its name, too.
      const auto named = std::find_if(common.begin(), common.end(), [&](const EnergyModel& model) {
        return model.name == *spec.device;
      });
      all.push_back({named != common.end() ? *named : find_energy_model(*spec.device)});
    } else if (common.empty()) {
      throw InvalidSetting("the device of " + spec.label, "not said",
                           "said where another net's is");
    } else {
      all.push_back({common.front()});
    }
  }
  return all;
}

struct Entry {
  Spec spec;
  LoadedNet net;
  Measured measured;
};

/// A figure that is tested, of one net against the first.
struct Difference {
  std::string name;
  MeanInterval difference;  // this net's less the first's
  double p = 1, adjusted = 1;
  std::optional<McNemar> counts;  // of accuracy
};

/// What is tested: a title, and the figure of an entry.
struct Tested {
  std::string title;
  std::function<const Figure&(const Entry&)> figure;
  bool accuracy = false;
};

std::vector<Tested> tested(std::size_t devices, const std::vector<Entry>& entries) {
  std::vector<Tested> all{
      {"accuracy", [](const Entry& e) -> const Figure& { return e.measured.figure("accuracy"); },
       true},
      {"spikes", [](const Entry& e) -> const Figure& { return e.measured.figure("spikes"); }},
      {"synaptic events",
       [](const Entry& e) -> const Figure& { return e.measured.figure("synaptic_events"); }}};
  for (std::size_t d = 0; d < devices; ++d) {
    const std::string& name = entries[0].measured.models[d].name;
    const bool same = std::all_of(entries.begin(), entries.end(), [&](const Entry& e) {
      return e.measured.models[d].name == name;
    });
    all.push_back(
        {same ? "J on " + name : "J, each on its own device", [d](const Entry& e) -> const Figure& {
           return e.measured.figure("joules " + e.measured.models[d].name);
         }});
  }
  return all;
}

std::vector<Difference> differences(const Entry& first, const Entry& other,
                                    const std::vector<Tested>& figures, const Resampling& how) {
  std::vector<std::vector<double>> columns;
  std::vector<Difference> found;
  Resampling flips = how;
  flips.draws = std::max<std::size_t>(how.draws, 9999);
  for (const Tested& figure : figures) {
    const std::vector<double>&a = figure.figure(other).values, &b = figure.figure(first).values;
    std::vector<double> column(a.size());
    std::transform(a.begin(), a.end(), b.begin(), column.begin(), std::minus<>());
    columns.push_back(std::move(column));
    Difference difference{figure.title, {}, 1, 1, {}};
    if (figure.accuracy) {
      difference.counts = mcnemar(other.measured.right(), first.measured.right());
      difference.p = difference.counts->p;
    } else {
      difference.p = sign_flip_test(a, b, flips);
    }
    found.push_back(std::move(difference));
  }
  const auto means = bootstrap_means(columns, how);
  for (std::size_t f = 0; f < found.size(); ++f) found[f].difference = means[f];
  return found;
}

std::string text_of(const Difference& difference) {
  const MeanInterval& d = difference.difference;
  if (!difference.counts) return mean_text(d);
  return fmt::format("{:+.2f} ({:+.2f} to {:+.2f}) points", 100 * d.mean, 100 * d.low,
                     100 * d.high);
}

std::string p_text(double p) {
  return p < 0.0001 ? fmt::format("{:.1e}", p) : fmt::format("{:.4f}", p);
}

void act(const Compare& c) {
  const auto begin = std::chrono::steady_clock::now();
  const Resampling resampling = c.confidence.resampling(c.seed, c.threads);
  if (c.specs.size() < 2)
    throw InvalidSetting("the number of nets", fmt::to_string(c.specs.size()),
                         "at least 2 to compare");
  std::vector<Spec> specs;
  for (const std::string& text : c.specs) specs.push_back(parse_spec(text, c.seed));
  number_labels(specs);
  const auto models = models_of(specs, c.energy);
  c.output.check();
  std::vector<LoadedNet> nets;
  for (const Spec& spec : specs) nets.push_back(load_net(spec.net));
  const Dataset data = c.data.load();
  fmt::print("{}\n", describe(data));

  std::vector<Entry> entries;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    Measured measured = measure(nets[i], data.test, models[i], c.threads, resampling);
    entries.push_back({specs[i], std::move(nets[i]), std::move(measured)});
    fmt::print("{}: {}\n", specs[i].label, describe(entries[i].net, data.test.size()));
  }
  const std::vector<Tested> figures = tested(models[0].size(), entries);
  const std::string confidence = fmt::format("{:g}%", 100 * resampling.confidence);

  Table table{{{"net", false}}, {}}, csv{{{"net"}}, {}};
  for (const Tested& figure : figures) {
    table.columns.push_back({figure.title});
    csv.columns.insert(csv.columns.end(),
                       {{figure.title}, {figure.title + " low"}, {figure.title + " high"}});
  }
  table.columns.push_back({"steps"});
  table.columns.push_back({"us p50"});
  csv.columns.push_back({"steps"});
  for (const Tested& figure : figures)
    csv.columns.insert(csv.columns.end(), {{figure.title + ", less the first's"},
                                           {figure.title + ", p"},
                                           {figure.title + ", p adjusted"}});
  std::vector<std::vector<Difference>> all(entries.size());
  for (std::size_t i = 1; i < entries.size(); ++i)
    all[i] = differences(entries[0], entries[i], figures, resampling);
  for (std::size_t f = 0; f < figures.size(); ++f) {
    std::vector<double> p;
    for (std::size_t i = 1; i < entries.size(); ++i) p.push_back(all[i][f].p);
    const std::vector<double> adjusted = holm(p);
    for (std::size_t i = 1; i < entries.size(); ++i) all[i][f].adjusted = adjusted[i - 1];
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    std::vector<std::string> row{entry.spec.label}, full{entry.spec.label};
    for (const Tested& figure : figures) {
      const MeanInterval& mean = figure.figure(entry).mean;
      row.push_back(figure.accuracy ? share_text(mean) : mean_text(mean));
      for (const double value : {mean.mean, mean.low, mean.high})
        full.push_back(fmt::to_string(value));
    }
    row.push_back(fmt::format("{:.2f}", entry.measured.figure("steps").mean.mean));
    full.push_back(fmt::to_string(entry.measured.figure("steps").mean.mean));
    row.push_back(fmt::format("{:.2f}", entry.measured.profile.microseconds_p50));
    for (const Difference& d : all[i])
      for (const double value : {d.difference.mean, d.p, d.adjusted})
        full.push_back(fmt::to_string(value));
    table.rows.push_back(std::move(row));
    csv.rows.push_back(std::move(full));
  }
  fmt::print("\nMeans an image, {} of bootstrap over images:\n", confidence);
  std::cout << table;

  Table tests{{{"net", false},
               {"figure", false},
               {"less the first's"},
               {"p"},
               {"p adjusted"},
               {"only it right"},
               {"only the first right"}},
              {}};
  for (std::size_t i = 1; i < entries.size(); ++i)
    for (const Difference& d : all[i])
      tests.rows.push_back({entries[i].spec.label, d.name, text_of(d), p_text(d.p),
                            p_text(d.adjusted), d.counts ? fmt::to_string(d.counts->only_a) : "",
                            d.counts ? fmt::to_string(d.counts->only_b) : ""});
  const std::string note =
      "Paired over images: McNemar's exact test of accuracy, sign-flip permutations of the others; "
      "adjusted by Holm for all nets.";
  fmt::print("\nEach against {}. {}\n", entries[0].spec.label, note);
  std::cout << tests;
  // What differs in its counts alone is said once.
  std::vector<std::string> warnings;
  std::set<std::string> said;
  for (const Entry& entry : entries)
    for (const std::string& sentence : warnings_of(entry.net, entry.measured)) {
      std::string words = sentence;
      std::erase_if(words, [](unsigned char c) { return std::isdigit(c) != 0; });
      if (said.insert(words).second) warnings.push_back(sentence);
    }
  for (const std::string& sentence : warnings) fmt::print("* {}\n", sentence);

  if (c.output.page) {
    ParetoReport page;
    page.title = fmt::format("{} nets side by side", entries.size());
    page.facts = page_facts(data, c.threads);
    for (const Entry& entry : entries)
      page.facts.emplace_back(entry.spec.label, describe(entry.net, data.test.size()));
    page.notes = warnings;
    page.tables = {
        {"Side by side", "Means an image, in brackets " + confidence + " of bootstrap over images.",
         table},
        {"Against " + entries[0].spec.label, note, tests}};
    page.settings = {"net"};
    page.costs = {{"spikes", "spikes an image"}, {"synaptic events", "synaptic events an image"}};
    for (std::size_t f = 3; f < figures.size(); ++f)
      page.costs.push_back({"energy, " + figures[f].title, figures[f].title});
    page.costs.push_back({"latency in simulated time", "simulated seconds an image"});
    page.costs.push_back({"latency as measured", "microseconds an image"});
    for (const Entry& entry : entries) {
      ParetoPoint point{{entry.spec.label}, entry.measured.figure("accuracy").mean, {}};
      for (std::size_t f = 1; f < figures.size(); ++f)
        point.costs.push_back(figures[f].figure(entry).mean.mean);
      point.costs.push_back(entry.measured.figure("seconds").mean.mean);
      point.costs.push_back(entry.measured.profile.microseconds_p50);
      page.points.push_back(std::move(point));
    }
    write_file(*c.output.page, render_pareto(page));
  }

  Json compared = Json::array(), times = Json::array();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    Json against = Json::object();
    for (const Difference& d : all[i]) {
      against[d.name] = {{"difference", to_json(d.difference)},
                         {"test", d.counts ? "McNemar, exact" : "sign-flip permutations"},
                         {"p", d.p},
                         {"p_adjusted", d.adjusted}};
      if (d.counts)
        against[d.name].update(
            {{"only_this_right", d.counts->only_a}, {"only_first_right", d.counts->only_b}});
    }
    compared.push_back({{"label", entry.spec.label},
                        {"net", net_json(entry.net)},
                        {"images", entry.measured.profile.size()},
                        {"correct", entry.measured.profile.correct()},
                        {"figures", figures_json(entry.measured.figures)},
                        {"neurobench", to_json(entry.measured.neurobench)},
                        {"energy", energy_json(entry.measured)},
                        {"layers", layers_json(entry.measured.profile)},
                        {"against_first", i == 0 ? Json() : against}});
    times.push_back({{"seconds_counting", entry.measured.profile.seconds},
                     {"microseconds_p50", entry.measured.profile.microseconds_p50}});
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  Json time = run_time(seconds.count(), c.threads);
  time["nets"] = times;
  c.output.write({{"command", "compare"},
                  {"provenance", lasting_provenance(c.seed)},
                  {"data", to_json(data)},
                  {"confidence", resampling.confidence},
                  {"nets", compared},
                  {"warnings", warnings},
                  {"time", time}},
                 csv, table);
}

}  // namespace

void add_compare(CLI::App& app) {
  subcommand<Compare>(app, "compare",
                      "Nets, settings or devices side by side, with paired tests over images",
                      declare, act);
}

}  // namespace synfire::cli
