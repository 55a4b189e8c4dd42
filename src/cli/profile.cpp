// synfire profile
#include <chrono>
#include <iostream>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include <synfire/tables_page.hpp>
#include <synfire/weights.hpp>

#include "profiling.hpp"
#include "sweeping.hpp"

namespace synfire::cli {
namespace {

struct ProfileCommand {
  NetSetting net;
  StopOption stop;
  DataOptions data;
  EnergyOptions energy;
  ConfidenceOption confidence;
  OutputOptions output;
  std::optional<std::string> counts;
  std::size_t threads = 0;
  SweepOptions sweep;
};

void declare(CLI::App& command, ProfileCommand& p) {
  command
      .add_option("NAME", p.net.net, "A ready-made net (see synfire nets), or a file of weights")
      ->required();
  command.add_option("--weights", p.net.weights,
                     "Trained weights; NAME.safetensors where that is there, else untrained ones");
  command.add_option("--dt", p.net.dt, "Seconds a step; those of the training");
  add_count(command, "--steps", p.net.steps, "Steps an image; those of the training");
  add_count(command, "--seed", p.net.seed, "Of the initial voltages and of the bootstrap")
      ->capture_default_str();
  command
      .add_option("--threshold", p.net.threshold,
                  "Neurons fire at so many times the voltage, and their spikes weigh as much more")
      ->capture_default_str();
  p.stop.declare(command);
  p.data.declare(command);
  p.energy.declare(command, {"all"});
  p.confidence.declare(command);
  add_count(command, "--threads", p.threads, "0: every core; the figures are the same")
      ->capture_default_str();
  p.output.declare(command);
  command.add_option("--counts", p.counts,
                     "Write every count of every image, layer and step to this file (CSV)");
  p.sweep.declare(command);
}

std::vector<std::string> count_names() {
  std::vector<std::string> names;
  const StepCounts none;
  StepCounts::for_each(none, [&](const char* name, std::uint64_t) { names.emplace_back(name); });
  return names;
}

/// The counts of each image in their order, whatever the order in which they come.
class CountsFile {
 public:
  CountsFile(const std::string& path, const std::vector<CountedLayer>& layers) : file_(path) {
    for (const CountedLayer& layer : layers) labels_.push_back(layer.label);
    std::string titles = "image,layer,step";
    for (const std::string& name : count_names()) titles += "," + name;
    file_.write(titles + "\n");
  }

  void take(std::size_t sample, const RunCounts& counts) {
    std::string rows;
    for (std::size_t l = 0; l < labels_.size(); ++l)
      for (std::size_t t = 0; t < counts.steps; ++t) {
        rows += fmt::format("{},{},{}", sample, labels_[l], t + 1);
        StepCounts::for_each(counts.of(l)[t], [&](const char*, std::uint64_t count) {
          rows += fmt::format(",{}", count);
        });
        rows += '\n';
      }
    const std::lock_guard lock(mutex_);
    waiting_.emplace(sample, std::move(rows));
    for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_; ++next_) {
      file_.write(first->second);
      first = waiting_.erase(first);
    }
  }

  void finish() { file_.finish(); }

 private:
  FileWriter file_;
  std::vector<std::string> labels_;
  std::mutex mutex_;
  std::map<std::size_t, std::string> waiting_;
  std::size_t next_ = 0;
};

std::string share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0
             ? ""
             : fmt::format("{:.2f}", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

/// Means an image, by layer.
Table layer_table(const Profile& profile) {
  Table table{{{"layer", false},
               {"spikes"},
               {"silent %"},
               {"synaptic events"},
               {"MACs"},
               {"ACs"},
               {"membrane updates"},
               {"clocked updates"},
               {"weight bytes"},
               {"state bytes"}},
              {}};
  const auto row = [&](const std::string& name, const StepCounts& counts) {
    const auto mean = [&](std::uint64_t count) {
      return fmt::format("{:.1f}",
                         static_cast<double>(count) / static_cast<double>(profile.size()));
    };
    table.rows.push_back({name, mean(counts.spikes), share_of(counts.silent, counts.outputs),
                          mean(counts.synaptic_events), mean(counts.macs), mean(counts.acs),
                          mean(counts.membrane_updates), mean(counts.clocked_updates),
                          mean(counts.weight_bytes), mean(counts.state_bytes)});
  };
  StepCounts all;
  for (std::size_t l = 0; l < profile.layers.size(); ++l) {
    row(profile.layers[l].label, profile.sums.total(l));
    all += profile.sums.total(l);
  }
  row("all", all);
  return table;
}

/// Totals, exactly.
Table layer_csv(const Profile& profile) {
  Table table{{{"layer"}, {"kind"}, {"neurons"}, {"weights"}, {"zero_weights"}, {"images"}}, {}};
  for (const std::string& name : count_names()) table.columns.push_back({name});
  for (std::size_t l = 0; l < profile.layers.size(); ++l) {
    const CountedLayer& layer = profile.layers[l];
    table.rows.push_back({layer.label, layer.kind, fmt::to_string(layer.neurons),
                          fmt::to_string(layer.weights), fmt::to_string(layer.zero_weights),
                          fmt::to_string(profile.size())});
    const StepCounts total = profile.sums.total(l);
    StepCounts::for_each(total, [&](const char*, std::uint64_t count) {
      table.rows.back().push_back(fmt::to_string(count));
    });
  }
  return table;
}

Table energy_table(const Measured& measured, double confidence) {
  Table table{{{"device", false},
               {"J an image"},
               {"low"},
               {"high"},
               {fmt::format("mean over images, {:g}%", 100 * confidence)},
               {"synaptic"},
               {"neuron"},
               {"memory"},
               {"idle"}},
              {}};
  for (std::size_t m = 0; m < measured.models.size(); ++m) {
    const EnergyEstimate& joules = measured.estimates[m];
    const auto text = [](double value) { return fmt::format("{:.3g}", value); };
    const Range total = joules.total();
    const MeanInterval& mean = measured.joules(m);
    table.rows.push_back({measured.models[m].name, text(total.nominal), text(total.low),
                          text(total.high), fmt::format("{:.4g} to {:.4g}", mean.low, mean.high),
                          text(joules.synaptic().nominal), text(joules.neuron().nominal),
                          text(joules.memory().nominal), text(joules.idle.nominal)});
  }
  return table;
}

Plot spikes_by_step(const Profile& profile) {
  std::string blocks, lines, said;
  std::size_t colour = 0;
  for (std::size_t l = 0; l < profile.layers.size(); ++l) {
    if (!profile.layers[l].spiking) continue;
    std::string data;
    const auto mean = [&](std::size_t t) {
      return static_cast<double>(profile.sums.of(l)[t].spikes) /
             static_cast<double>(profile.size());
    };
    for (std::size_t t = 0; t < profile.steps; ++t)
      data += fmt::format("{} {:.6g}\n", t + 1, mean(t));
    blocks += fmt::format("$layer{} << EOD\n{}EOD\n", l, data);
    lines += fmt::format("{}$layer{} using 1:2 with linespoints lt {} pt 7 ps 0.6 title {}",
                         lines.empty() ? "plot " : ", ", l, colour++ % 10 + 1,
                         plot_text(profile.layers[l].label));
    said += fmt::format("{}{} sends {:.3g} an image in the first step and {:.3g} in the last",
                        said.empty() ? "" : "; ", profile.layers[l].label, mean(0),
                        mean(profile.steps - 1));
  }
  return {"Spikes by step", said + ".",
          fmt::format("{}set xrange [0.5:{}.5]\nset yrange [0:*]\n{}set xlabel 'step'\n"
                      "set ylabel 'spikes an image'\n"
                      "set key outside below Left reverse maxcols 2 samplen 2 height 0.5\n{}\n",
                      blocks, profile.steps, profile.steps <= 12 ? "set xtics 1\n" : "", lines),
          480, 360};
}

Plot energy_by_device(const Measured& measured) {
  std::string data, ticks, said;
  std::size_t place = 0;
  for (std::size_t m = 0; m < measured.models.size(); ++m) {
    const Range joules = measured.estimates[m].total();
    if (!(joules.low > 0)) continue;  // has no place on a logarithmic axis
    data += fmt::format("{:g} {} {:g} {:g}\n", joules.nominal, place, joules.low, joules.high);
    ticks += fmt::format("{}{} {}", ticks.empty() ? "" : ", ", plot_text(measured.models[m].name),
                         place++);
    said += fmt::format("{}{} {:.3g}", said.empty() ? "" : ", ", measured.models[m].name,
                        joules.nominal);
  }
  return {
      "Energy by device",
      fmt::format("Joules an image, bars from the least to the most that the model's prices "
                  "allow: {}.",
                  said),
      fmt::format("$energy << EOD\n{}EOD\nset logscale x\nset format x '%.0e'\n"
                  "set yrange [-0.5:{}.5] reverse\nset ytics ({})\nset xlabel 'J an image'\n"
                  "set xtics rotate by -45\n"
                  "plot {}\n",
                  data, std::max<std::size_t>(place, 1) - 1, ticks,
                  data.empty() ? "1/0" : "$energy using 1:2:3:4 with xerrorbars lt 1 pt 7 ps 0.9"),
      480, 160 + 30 * measured.models.size()};
}

bool any_spikes(const Profile& profile) {
  return std::any_of(profile.layers.begin(), profile.layers.end(),
                     [](const CountedLayer& layer) { return layer.spiking; });
}

void act(const ProfileCommand& p) {
  const auto begin = std::chrono::steady_clock::now();
  NetSetting setting = p.net;
  setting.stop = p.stop.value();
  const Resampling resampling = p.confidence.resampling(setting.seed, p.threads);
  const std::vector<EnergyModel> models = p.energy.models();
  p.output.check();
  if (p.sweep.wanted()) {
    if (p.counts) throw InvalidSetting("--counts", "given", "left out where --sweep is");
    return run_sweep(p.sweep, setting, p.stop.text.has_value(), p.data, models, resampling,
                     p.output, p.threads);
  }
  for (const auto& [option, given] : {std::pair{"--output", p.sweep.output.has_value()},
                                      {"--epochs", p.sweep.epochs.has_value()},
                                      {"--penalty", p.sweep.penalty.has_value()}})
    if (given) throw InvalidSetting(option, "given", "left out where there is no --sweep");
  if (p.counts) require_writable(*p.counts);
  const LoadedNet net = load_net(setting);
  const Dataset data = p.data.load();
  fmt::print("{}\n{}\n", describe(data), describe(net, data.test.size()));

  std::optional<CountsFile> counts;
  std::function<RunCountsReader> each;
  if (p.counts) {
    // What is counted is known from a run of one image.
    ImageSet first = data.test;
    keep_first(first, 1);
    counts.emplace(*p.counts, net.model->profile(first, net.run, 1).layers);
    each = [&](std::size_t sample, const RunCounts& run) { counts->take(sample, run); };
  }
  const Measured measured = measure(net, data.test, models, p.threads, resampling, each);
  if (counts) counts->finish();
  const Profile& profile = measured.profile;
  const std::vector<std::string> warnings = warnings_of(net, measured);
  const std::string confidence = fmt::format("{:g}%", 100 * resampling.confidence);

  fmt::print("accuracy {}; {} spikes, {} synaptic events an image; {} of bootstrap over images\n",
             share_text(measured.figure("accuracy").mean),
             mean_text(measured.figure("spikes").mean),
             mean_text(measured.figure("synaptic_events").mean), confidence);
  fmt::print("{} of {} steps an image, {:.2f} us an image (p50, without counting)\n",
             mean_text(measured.figure("steps").mean), net.run.steps, profile.microseconds_p50);
  fmt::print("\nCounted, means an image:\n");
  const Table layers = layer_table(profile);
  std::cout << layers << '\n';
  const Table bench = neurobench_table({{net.info.name, measured.neurobench}});
  std::cout << bench << '\n';
  const Table energy = energy_table(measured, resampling.confidence);
  if (!models.empty())
    std::cout << "Energy by model, low and high of its prices:\n" << energy << '\n';
  for (const std::string& sentence : warnings) fmt::print("* {}\n", sentence);

  if (p.output.page) {
    TablesReport page;
    page.title = "Profile of " + net.info.name;
    page.facts = page_facts(data, p.threads);
    page.facts.insert(page.facts.begin(), {"net", describe(net, data.test.size())});
    page.facts.insert(
        page.facts.begin() + 1,
        {"accuracy", share_text(measured.figure("accuracy").mean) + ", " + confidence});
    page.notes = warnings;
    page.tables = {
        {"Counts", "Means an image, by layer.", layers},
        {"NeuroBench", "As its harness computes them at a batch size of 1.", bench},
        {"Energy", "By model; low and high are those of its prices, in joules.", energy}};
    if (any_spikes(profile)) page.plots.push_back(spikes_by_step(profile));
    if (!models.empty()) page.plots.push_back(energy_by_device(measured));
    write_file(*p.output.page, render_tables(page));
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  Json time = run_time(seconds.count(), p.threads);
  time["seconds_counting"] = profile.seconds;
  time["microseconds_p50"] = profile.microseconds_p50;
  p.output.write({{"command", "profile"},
                  {"provenance", lasting_provenance(setting.seed)},
                  {"data", to_json(data)},
                  {"net", net_json(net)},
                  {"images", profile.size()},
                  {"correct", profile.correct()},
                  {"confidence", resampling.confidence},
                  {"figures", figures_json(measured.figures)},
                  {"neurobench", to_json(measured.neurobench)},
                  {"energy", energy_json(measured)},
                  {"layers", layers_json(profile)},
                  {"warnings", warnings},
                  {"time", time}},
                 layer_csv(profile), layers);
}

}  // namespace

void add_profile(CLI::App& app) {
  subcommand<ProfileCommand>(app, "profile",
                             "Exact counts, NeuroBench's figures and energy of a net; sweeps",
                             declare, act);
}

}  // namespace synfire::cli
