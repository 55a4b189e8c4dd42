#include "figures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "html.hpp"

namespace synfire::report {
namespace {

std::string percent(double share) {
  return fmt::format("{:.2f}%", 100 * share);
}

/// Few digits, none of them wasted: "97.3%", "0.0021%".
std::string share_of(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{:.3g}%", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string count_of(std::uint64_t n, const std::string& thing) {
  return fmt::format("{} {}{}", grouped(n), thing, n == 1 ? "" : "s");
}

// ------------------------------------------------------------------ a row's

Plot softmax_plot(const Report& report, const Trace& trace) {
  const auto at = [&](std::size_t t, std::size_t c) {
    return trace.softmax[t * trace.classes + c];
  };
  const auto best = [&](std::size_t t) {
    const auto row = trace.softmax.begin() + static_cast<std::ptrdiff_t>(t * trace.classes);
    return static_cast<std::size_t>(
        std::max_element(row, row + static_cast<std::ptrdiff_t>(trace.classes)) - row);
  };
  constexpr double kVisible = 0.05;  // classes that stay below share one muted line style
  std::string data, lines;
  bool others = false;
  for (std::size_t t = 0; t < trace.steps; ++t) {
    data += fmt::format("{}", t + 1);
    for (std::size_t c = 0; c < trace.classes; ++c) data += fmt::format(" {:.6f}", at(t, c));
    data += '\n';
  }
  for (std::size_t c = 0; c < trace.classes; ++c) {
    double most = 0;
    for (std::size_t t = 0; t < trace.steps; ++t) most = std::max(most, at(t, c));
    lines += lines.empty() ? "plot " : ", ";
    if (most >= kVisible) {
      lines += fmt::format("$softmax using 1:{} with linespoints lt {} pt {} ps 0.7 title {}",
                           c + 2, c % 10 + 1, c % 10 + 4, plot_text(report.classes[c]));
    } else {
      lines += fmt::format("$softmax using 1:{} with lines lt 12 lw 1{}", c + 2,
                           others ? "" : " title 'the others'");
      others = true;
    }
  }
  const auto says = [&](std::size_t t) {
    return fmt::format("after step {} {} leads with {:.3f}", t + 1, report.classes[best(t)],
                       at(t, best(t)));
  };
  const std::size_t last = trace.steps - 1;
  return {"Softmax output over time",
          fmt::format("Test image {}, labelled {}: {}{}; its own class ends at {:.3f}.",
                      report.image, report.classes[report.label], last > 0 ? says(0) + ", " : "",
                      says(last), at(last, report.label)),
          fmt::format("$softmax << EOD\n{}EOD\n"
                      "set xrange [0.5:{}.5]\nset yrange [0:1]\n{}"
                      "set xlabel 'step'\nset ylabel 'softmax'\n"
                      "set key outside below Left reverse maxcols 2 samplen 2 height 0.5\n{}\n",
                      data, trace.steps, trace.steps <= 12 ? "set xtics 1\n" : "", lines),
          480, 380};
}

Plot histogram_plot(const SpikeHistogram& histogram, double dt) {
  const std::uint64_t all =
      std::accumulate(histogram.begin(), histogram.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const auto& bin) { return sum + bin.second; });
  const auto share = [all](std::uint64_t n) {
    return 100 * static_cast<double>(n) / static_cast<double>(all);
  };
  const long first = histogram.begin()->first, last = histogram.rbegin()->first;
  std::string data, said;
  double least = 100;
  constexpr std::size_t kSaid = 6;
  std::size_t bins = 0;
  for (const auto& [spikes, n] : histogram) {
    data += fmt::format("{} {:.8g}\n", spikes, share(n));
    least = std::min(least, share(n));
    if (bins++ < kSaid)
      said += fmt::format("{}{} had {}", said.empty() ? "" : ", ", share_of(n, all),
                          spikes == 0 ? "none" : fmt::to_string(spikes));
  }
  if (bins > kSaid) said += fmt::format("; the most was {}", last);
  return {"Spikes of a neuron in a step",
          fmt::format("Of {} neuron-steps in the whole test set, {}. One spike in a step is a rate "
                      "of {:g} Hz.",
                      grouped(all), said, 1 / dt),
          fmt::format("$histogram << EOD\n{}EOD\n"
                      "set logscale y\nset yrange [{:g}:100]\nset format y '%g%%'\n"
                      "set xrange [{}:{}]\n{}"
                      "set xlabel 'spikes in a step'\nset ylabel 'share of neuron-steps'\n"
                      "set boxwidth 0.8\nset style fill solid\n"
                      "plot $histogram using 1:2 with boxes lt 1\n",
                      data, std::pow(10, std::floor(std::log10(least) - 0.01)),
                      static_cast<double>(first) - 0.7, static_cast<double>(last) + 0.7,
                      last - first <= 12 ? "set xtics 1\n" : "")};
}

Plot raster_plot(const Trace& trace) {
  std::string data;
  double spikes = 0, most = 1;
  std::vector<bool> fired(trace.neurons);
  for (const float count : trace.counts) most = std::max(most, std::abs(double{count}));
  for (std::size_t t = 0; t < trace.steps; ++t)
    for (std::size_t i = 0; i < trace.neurons; ++i) {
      const double count = trace.counts[t * trace.neurons + i];
      if (count == 0) continue;
      spikes += std::abs(count);
      fired[i] = true;
      data += fmt::format("{} {} {:.3f}\n", t + 1, i, 0.3 + 0.4 * std::abs(count) / most);
    }
  const auto active = static_cast<std::uint64_t>(std::count(fired.begin(), fired.end(), true));
  std::string sizes;
  if (most > 1) sizes = fmt::format(" Larger dots are more spikes in a step, {} at most.", most);
  return {
      "Raster of " + trace.layer,
      fmt::format("{} by {} of {} neurons in {}.{}",
                  count_of(static_cast<std::uint64_t>(spikes), "spike"), active, trace.neurons,
                  count_of(trace.steps, "step"), sizes),
      fmt::format("$raster << EOD\n{}EOD\n"
                  "set xrange [0.5:{}.5]\nset yrange [-1:{}]\n{}"
                  "set xlabel 'step'\nset ylabel 'neuron'\n"
                  "plot {}\n",
                  data, trace.steps, trace.neurons, trace.steps <= 12 ? "set xtics 1\n" : "",
                  // gnuplot refuses a block without data.
                  data.empty() ? "1/0" : "$raster using 1:2:3 with points lt 1 pt 7 ps variable"),
      480, 380};
}

Plot training_plot(const std::vector<EpochResult>& epochs) {
  std::string data;
  double most = 0, least = 100;
  for (std::size_t e = 0; e < epochs.size(); ++e) {
    data += fmt::format("{} {:.6g} {:.6g}\n", e + 1, epochs[e].loss, 100 * epochs[e].accuracy);
    if (epochs[e].loss > most) most = epochs[e].loss;
    least = std::min(least, 100 * epochs[e].accuracy);
  }
  const double bottom = std::max(0.0, std::floor((least - 2) / 10) * 10);
  const auto change = [](const std::string& from, const std::string& to) {
    return from == to ? "was " + to : fmt::format("went from {} to {}", from, to);
  };
  const EpochResult &first = epochs.front(), &last = epochs.back();
  return {"Loss and accuracy in training",
          fmt::format("In {} the loss {}; the accuracy on the training images {}.",
                      count_of(epochs.size(), "epoch"),
                      change(fmt::format("{:.4f}", first.loss), fmt::format("{:.4f}", last.loss)),
                      change(percent(first.accuracy), percent(last.accuracy))),
          fmt::format(
              "$training << EOD\n{}EOD\n"
              "set xrange [0.5:{}.5]\n{}set lmargin 9\n"
              "set multiplot layout 2,1\n"
              "set ylabel 'loss'\nset yrange [0:{:g}]\n"
              "plot $training using 1:2 with linespoints lt 2 pt 7 ps 0.5\n"
              "set ylabel 'accuracy'\nset yrange [{:g}:100]\nset ytics {}\nset format y '%g%%'\n"
              "set xlabel 'epoch'\n"
              "plot $training using 1:3 with linespoints lt 1 pt 7 ps 0.5\n"
              "unset multiplot\n",
              data, epochs.size(), epochs.size() <= 12 ? "set xtics 1\n" : "",
              most > 0 ? 1.05 * most : 1, bottom, bottom < 50 ? 25 : 10),
          480, 440};
}

// ------------------------------------------------------------------ all rows

struct Place {
  double x, accuracy;  // percent
};

struct Point {
  std::size_t row;  // gives colour and shape
  std::string name;
  Place place;
  std::optional<Place> other;  // a hollow shape
};

/// `other` says what the hollow shapes are. A row that has no x above 0 is drawn as a level: the
/// axis is logarithmic where it spans a decade.
Plot against(const std::string& title, const std::string& axis, const std::string& other,
             const std::vector<Point>& points) {
  std::string blocks, lines, said;
  double least = std::numeric_limits<double>::max(), most = 0;
  const auto add = [&](const std::string& line) {
    lines += (lines.empty() ? "plot " : ", ") + line;
  };
  const auto mark = [&](const std::string& block, const Place& place, const std::string& style) {
    blocks += fmt::format("${} << EOD\n{:g} {:g}\nEOD\n", block, place.x, place.accuracy);
    add(fmt::format("${} with points {}", block, style));
    least = std::min(least, place.x);
    most = std::max(most, place.x);
  };
  bool any_other = false;
  for (const Point& p : points) {
    const std::size_t colour = p.row % 10 + 1;
    const std::size_t filled = p.row % 6 * 2 + 5;  // the hollow shape is the one before
    said += fmt::format("{}{}: {:.2f}%", said.empty() ? "" : "; ", p.name, p.place.accuracy);
    if (p.place.x > 0) {
      mark(fmt::format("row{}", p.row), p.place,
           fmt::format("lt {} pt {} ps 1.3 title {}", colour, filled, plot_text(p.name)));
      said += fmt::format(" at {:.3g}", p.place.x);
    } else {
      add(fmt::format("{:g} with lines lt {} dt 2 title {}", p.place.accuracy, colour,
                      plot_text(p.name)));
    }
    if (p.other) {
      mark(fmt::format("other{}", p.row), *p.other,
           fmt::format("lt {} lw 1.5 pt {} ps 1.8", colour, filled - 1));
      said += p.other->accuracy == p.place.accuracy
                  ? fmt::format(" ({} at {:.3g})", other, p.other->x)
                  : fmt::format(" ({} {:.2f}% at {:.3g})", other, p.other->accuracy, p.other->x);
      any_other = true;
    }
  }
  if (any_other)
    add("keyentry with points lt 12 lw 1.5 pt 6 ps 1.8 title " + plot_text("hollow: " + other));
  const bool decade = most >= 10 * least;
  return {title, fmt::format("Accuracy by {}: {}.", axis, said),
          fmt::format("{}{}set xrange [{:g}:{:g}]\nset yrange [0:100]\n"
                      "set format y '%g%%'\nset format x '%g'\n"
                      "set xlabel {}\nset ylabel 'accuracy'\n"
                      "set key outside below Left reverse maxcols 1 samplen 2 height 0.5\n{}\n",
                      blocks, decade ? "set logscale x\n" : "", decade ? least / 2 : 0,
                      most * (decade ? 2 : 1.2), plot_text(axis), lines),
          480, 340 + 22 * points.size()};
}

std::size_t neurons_of(const Activity& activity) {
  std::size_t neurons = 0;
  for (const LayerActivity& layer : activity.layers) neurons += layer.spiking ? layer.neurons : 0;
  return neurons;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = fmt::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string input_image(const Report& report, const std::string& id) {
  std::string cells;
  std::size_t lit = 0;
  for (std::size_t y = 0; y < report.height; ++y)
    for (std::size_t x = 0; x < report.width;) {
      const std::size_t begin = x;
      const unsigned grey = report.pixels[y * report.width + x];
      while (x < report.width && report.pixels[y * report.width + x] == grey) ++x;
      if (grey == 0) continue;
      lit += x - begin;
      cells += fmt::format(
          "<rect x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"1\" "
          "fill=\"#{3:02x}{3:02x}{3:02x}\"/>\n",
          begin, y, x - begin, grey);
    }
  return fmt::format(
      "<svg class=\"pixels\" viewBox=\"0 0 {0} {1}\" role=\"img\" shape-rendering=\"crispEdges\" "
      "aria-labelledby=\"{2}-title {2}-desc\">\n<title id=\"{2}-title\">Input image</title>\n"
      "<desc id=\"{2}-desc\">Test image {3}, labelled {4}: {0} by {1} grey pixels, {5} of them "
      "brighter than black.</desc>\n<rect width=\"{0}\" height=\"{1}\" "
      "fill=\"#000\"/>\n{6}</svg>\n",
      report.width, report.height, id, report.image, escaped(report.classes[report.label]), lit,
      cells);
}

std::vector<Plot> plots_of(const Report& report, const ReportRow& row) {
  std::vector<Plot> plots{softmax_plot(report, row.trace)};
  if (!row.histogram.empty()) plots.push_back(histogram_plot(row.histogram, row.test.activity.dt));
  if (row.trace.neurons > 0) plots.push_back(raster_plot(row.trace));
  if (!row.epochs.empty()) plots.push_back(training_plot(row.epochs));
  return plots;
}

std::vector<Plot> comparisons(const Report& report) {
  std::vector<Point> spikes;
  std::vector<std::pair<std::string, std::vector<Point>>> devices;
  for (std::size_t r = 0; r < report.rows.size(); ++r) {
    const ReportRow& row = report.rows[r];
    const Activity& activity = row.test.activity;
    const auto samples = static_cast<double>(row.test.samples);
    const double accuracy = 100 * row.test.accuracy;
    spikes.push_back(
        {r, row.name, {static_cast<double>(activity.spikes()) / samples, accuracy}, {}});
    if (row.published && row.published->mean_rate)
      spikes.back().other =
          Place{*row.published->mean_rate * static_cast<double>(neurons_of(activity)) *
                    static_cast<double>(activity.steps) * activity.dt,
                row.published->accuracy};
    for (const DeviceEnergy& energy : row.energy) {
      auto device = std::find_if(devices.begin(), devices.end(),
                                 [&](const auto& known) { return known.first == energy.device; });
      if (device == devices.end()) device = devices.insert(device, {energy.device, {}});
      device->second.push_back({r, row.name, {1e6 * energy.counted, accuracy}, {}});
      if (energy.estimate) device->second.back().other = Place{1e6 * *energy.estimate, accuracy};
    }
  }

  std::vector<Plot> plots;
  if (std::any_of(spikes.begin(), spikes.end(), [](const Point& p) { return p.place.x > 0; }))
    plots.push_back(against("Accuracy against spikes", "spikes an image", "published", spikes));
  for (const auto& [device, points] : devices)
    if (points.size() >= 2)
      plots.push_back(against("Accuracy against energy on " + device, "microjoules an image",
                              "estimated from rates", points));
  return plots;
}

}  // namespace synfire::report
