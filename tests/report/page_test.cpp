#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <regex>
#include <set>

#include <synfire/report.hpp>

using namespace synfire;

namespace {

ReportRow spiking_row(const std::string& name, double accuracy, float dt) {
  ReportRow row;
  row.name = name;
  row.test.samples = 400;
  row.test.correct = static_cast<std::size_t>(accuracy * 400);
  row.test.accuracy = accuracy;
  LayerActivity layer{.index = 3, .label = "spiking_3", .neurons = 8};
  layer.spikes = 4800;
  layer.neuron_updates = 16000;
  layer.synaptic_operations = 5000000;
  layer.most_a_step = 3.0 / 5;
  layer.spiking = true;
  row.test.activity = {400, 5, dt, {layer}};
  row.test.activity.update_rates();
  row.histogram = {{0, 12000}, {1, 3500}, {2, 400}, {3, 100}};
  row.trace = {"spiking_3", 5, 8, 3, std::vector<float>(40), {}};
  row.trace.counts[3] = 1;
  row.trace.counts[11] = 2;
  for (int t = 0; t < 5; ++t)
    row.trace.softmax.insert(row.trace.softmax.end(), {0.25, 0.15 * t, 0.75 - 0.15 * t});
  row.epochs = {{1.25, 0.5, 2, {}}, {0.75, 0.875, 4, {}}};
  return row;
}

ReportRow plain_row() {
  ReportRow row;
  row.name = "non-spiking";
  row.test.samples = 400;
  row.test.correct = 350;
  row.test.accuracy = 0.875;
  row.test.activity = {400, 1, 1, {{.index = 2, .label = "hidden", .neurons = 8}}};
  row.trace = {"", 1, 0, 3, {}, {0.1, 0.7, 0.2}};
  row.epochs = {{0.5, 0.75, 1, {}}};
  return row;
}

Report example() {
  Report report;
  report.title = "An example";
  report.facts = {{"seed", "7"}};
  report.classes = {"coat", "bag", "boot"};
  report.image = 5;
  report.height = 2;
  report.width = 3;
  report.pixels = {0, 0, 0, 255, 255, 17};
  report.label = 1;
  report.rows = {plain_row(), spiking_row("rate-trained, dt 0.01", 0.5, 0.01f),
                 spiking_row("spiking-aware, dt 0.01", 0.75, 0.01f)};
  return report;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::string> found(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  std::vector<std::string> all;
  for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it)
    all.push_back((*it)[1]);
  return all;
}

}  // namespace

TEST_CASE("the page has a section a row, and its pictures") {
  const std::string page = render_page(example());
  CHECK(page.find("<!DOCTYPE html>\n<html lang=\"en\">") == 0);
  CHECK(found(page, "<(section)").size() == 4);  // three rows, and all
  const std::vector<std::string> wanted{"Input image",
                                        "Softmax output over time",
                                        "Loss and accuracy in training",
                                        "Input image",
                                        "Softmax output over time",
                                        "Spikes of a neuron in a step",
                                        "Raster of spiking_3",
                                        "Loss and accuracy in training",
                                        "Input image",
                                        "Softmax output over time",
                                        "Spikes of a neuron in a step",
                                        "Raster of spiking_3",
                                        "Loss and accuracy in training",
                                        "Accuracy against spikes"};
  CHECK(found(page, "<figcaption><strong>([^<]*)</strong>") == wanted);
  CHECK(found(page, "<title id=\"[^\"]*\">([^<]*)</title>") == wanted);
  CHECK(found(page, "<(svg)").size() == wanted.size());
  CHECK(found(page, "<svg [^>]*(role=\"img\")").size() == wanted.size());
  CHECK(found(page, "<a href=\"#(row-\\d)\">") ==
        std::vector<std::string>{"row-1", "row-2", "row-3"});
  CHECK(holds(page, "<dt>seed</dt><dd>7</dd>"));
  CHECK(render_page(example()) == page);
}

TEST_CASE("each picture has its figures in words") {
  const std::string page = render_page(example());
  for (const char* words :
       {"Test image 5, labelled bag: 3 by 2 grey pixels, 3 of them brighter than black.",
        "Test image 5, labelled bag: after step 1 bag leads with 0.700; its own class ends at "
        "0.700.",
        "after step 1 boot leads with 0.750, after step 5 bag leads with 0.600; its own class ends "
        "at 0.600.",
        "Of 16,000 neuron-steps in the whole test set, 75% had none, 21.9% had 1, 2.5% had 2, "
        "0.625% had 3. One spike in a step is a rate of 100 Hz.",
        "3 spikes by 1 of 8 neurons in 5 steps. Larger dots are more spikes in a step, 2 at most.",
        "In 2 epochs the loss went from 1.2500 to 0.7500; the accuracy on the training images went "
        "from 50.00% to 87.50%.",
        "In 1 epoch the loss was 0.5000; the accuracy on the training images was 75.00%.",
        "Accuracy by spikes an image: non-spiking: 87.50%; rate-trained, dt 0.01: 50.00% at 12; "
        "spiking-aware, dt 0.01: 75.00% at 12."}) {
    INFO(words);
    CHECK(found(page, "<desc id=\"[^\"]*\">[^<]*(" +
                          std::regex_replace(std::string(words), std::regex("\\."), "\\.") +
                          ")</desc>")
              .size() >= 1);
  }
  CHECK(holds(page,
              "200 of 400 test images right (50.00%); 5 steps of 0.01 s, 12.0 spikes an image, "
              "neurons fire at 30.00 Hz on average and 60.0 Hz at most."));
  CHECK(holds(page, "350 of 400 test images right (87.50%); no neuron spikes."));
}

TEST_CASE("the page needs nothing but itself") {
  const std::string page = render_page(example());
  for (const char* part : {"http:", "https:", "//", "url(", "@import", " src=", "<script",
                           "<link rel=\"s", "<iframe", "rgb("})
    CHECK_FALSE(holds(page, part));
  CHECK(holds(page, "default-src 'none'"));
  CHECK(holds(page, "prefers-color-scheme: dark"));
  CHECK(holds(page, "name=\"viewport\""));

  const auto ids = found(page, " id=[\"']([^\"']*)[\"']");
  const std::set<std::string> unique(ids.begin(), ids.end());
  CHECK(unique.size() == ids.size());
  CHECK(ids.size() > 14);
  for (const auto& target : found(page, "href=[\"']([^\"']*)[\"']")) {
    INFO(target);
    CHECK((target == "data:," || unique.count(target.substr(1)) == 1));
  }
  for (const auto& labels : found(page, "aria-labelledby=\"([^\"]*)\""))
    for (const auto& label : found(labels, "(\\S+)")) CHECK(unique.count(label) == 1);
}

TEST_CASE("every text is escaped") {
  Report report = example();
  const std::string evil = "<script>alert('&\"')</script>";
  report.title = report.rows[1].name = report.rows[1].trace.layer = evil;
  report.facts = {{evil, evil}};
  report.classes = {evil, evil, evil};
  report.rows[0].energy = report.rows[1].energy = {{evil, 1e-6, {}}};
  const std::string page = render_page(report);
  CHECK_FALSE(holds(page, "<script"));
  CHECK_FALSE(holds(page, "</script"));
  CHECK(holds(page, "<h1>&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;</h1>"));
  CHECK(holds(page, "Accuracy against energy on &lt;script&gt;"));
}

TEST_CASE("published figures stand beside, where there are any") {
  Report report = example();
  CHECK_FALSE(holds(render_page(report), "ublished"));
  report.rows[0].published = PublishedRow{88.53, {}, {}};
  report.rows[1].published = PublishedRow{65.61, 0.56, 20};
  const std::string page = render_page(report);
  CHECK(found(page, "<th scope=\"col\" class=\"page\">(published)</th>").size() == 3);
  CHECK(found(page, "<td class=\"page\">([^<]*)</td>") ==
        std::vector<std::string>{"88.53%", "–", "–", "65.61%", "0.56", "20.0", "–", "–", "–"});
  // 0.56 Hz of 8 neurons over 5 steps of 0.01 s.
  CHECK(holds(page, "rate-trained, dt 0.01: 50.00% at 12 (published 65.61% at 0.224)"));
}

TEST_CASE("figures of code that was run again are marked, and the mark explained") {
  Report report = example();
  report.rows[1].published = PublishedRow{65.61, 0.56, 20};
  CHECK_FALSE(holds(render_page(report), "run again"));
  report.rows[1].published->again = true;
  const std::string page = render_page(report);
  for (const char* cell : {">65.61%*<", ">0.56*<", ">20.0*<"}) CHECK(holds(page, cell));
  CHECK(holds(page, "* KerasSpiking 0.3.0 run again"));
}

TEST_CASE("a table of energies stands as it is") {
  Report report = example();
  CHECK_FALSE(holds(render_page(report), "<pre>"));
  report.energy_row = "lowpass <1>";
  report.energy_table = "Layer|J/inf\n<dense>|1.1e-05";
  const std::string page = render_page(report);
  CHECK(holds(page, "<h2>Energy of the row lowpass &lt;1&gt;</h2>"));
  CHECK(holds(page, "<pre>Layer|J/inf\n&lt;dense&gt;|1.1e-05</pre>"));
}

TEST_CASE("energy is drawn for each device that two rows know") {
  Report report = example();
  report.rows[0].energy = {{"gpu", 2e-6, 5e-8}, {"loihi", 3e-6, {}}};
  CHECK_FALSE(holds(render_page(report), "energy"));
  report.rows[2].energy = {{"gpu", 4.5e-6, {}}};
  const std::string page = render_page(report);
  CHECK(holds(page, "Accuracy against energy on gpu"));
  CHECK(holds(page,
              "Accuracy by microjoules an image: non-spiking: 87.50% at 2 (estimated from rates at "
              "0.05); "
              "spiking-aware, dt 0.01: 75.00% at 4.5."));
  CHECK_FALSE(holds(page, "loihi"));
}

TEST_CASE("rows at the edges are drawn") {
  Report report = example();
  ReportRow& silent = report.rows[1];  // that never fires
  silent.test.activity.layers[0].spikes = 0;
  silent.histogram = {{0, 16000}};
  silent.trace.counts.assign(40, 0);
  ReportRow& odd = report.rows[2];  // fires below zero; its training diverged
  odd.histogram = {{-2, 1}, {0, 15000}, {70, 999}};
  odd.trace.counts[3] = -2;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  odd.epochs = {{nan, 0.1, 1, {}}, {nan, 0.1, 1, {}}};
  report.rows.push_back(spiking_row("untrained", 0, 0.001f));
  report.rows.back().epochs.clear();
  const std::string page = render_page(report);
  CHECK(holds(page, "0 spikes by 0 of 8 neurons in 5 steps."));
  CHECK(holds(page, "Of 16,000 neuron-steps in the whole test set, 100% had none."));
  CHECK(holds(page, "had -2"));
  CHECK(found(page, "<strong>(Loss and accuracy)").size() == 3);

  report.rows.resize(1);
  CHECK(found(render_page(report), "<(section)").size() == 1);
  report.rows.clear();
  CHECK(holds(render_page(report), "</table>"));
}
