#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include <synfire/error.hpp>
#include <synfire/kernels.hpp>
#include <synfire/model.hpp>

using namespace synfire;

namespace {

std::vector<float> pixels(const ImageSet& set, std::size_t i) {
  std::vector<float> values(set.pixels_per_image());
  kernels::scale_pixels(set.image(i).data(), values.size(), values.data());
  return values;
}

double spikes_of(const SpikeHistogram& histogram) {
  return std::accumulate(histogram.begin(), histogram.end(), 0.0, [](double sum, const auto& bin) {
    return sum + std::abs(static_cast<double>(bin.first)) * static_cast<double>(bin.second);
  });
}

}  // namespace

TEST_CASE("a trace is the run, step by step") {
  const ImageSet images = make_silhouettes(1, 3).test;
  for (const auto& name : model_names()) {
    const auto model = make_model(name);
    const ModelInfo info = model->info();
    INFO(name);
    model->initialize(3);
    const RunOptions options{.dt = name == "lif" ? 0.001f : 0.5f, .steps = 6, .seed = 4};
    const Trace trace = model->trace(pixels(images, 2), options, 2);
    REQUIRE(trace.steps == 6);
    REQUIRE(trace.classes == 10);
    REQUIRE(trace.softmax.size() == 60);
    for (std::size_t t = 0; t < 6; ++t) {
      RunOptions until = options;
      until.steps = t + 1;
      const auto wanted = softmax(model->run(pixels(images, 2), until, 2, 1).logits);
      for (std::size_t c = 0; c < 10; ++c)
        CHECK(trace.softmax[t * 10 + c] == Approx(wanted[c]).margin(1e-6));
    }
    const Activity activity = model->run(pixels(images, 2), options, 2, 1).activity;
    if (!info.spiking) {
      CHECK(trace.layer.empty());
      CHECK(trace.neurons == 0);
      CHECK(trace.counts.empty());
      continue;
    }
    const auto last = std::find_if(activity.layers.rbegin(), activity.layers.rend(),
                                   [](const LayerActivity& layer) { return layer.spiking; });
    CHECK(trace.layer == last->label);
    CHECK(trace.neurons == last->neurons);
    REQUIRE(trace.counts.size() == 6 * last->neurons);
    CHECK(std::accumulate(trace.counts.begin(), trace.counts.end(), 0.0) ==
          static_cast<double>(last->spikes));
  }
}

TEST_CASE("a histogram of spikes holds every neuron and step, and all the spikes") {
  const ImageSet images = make_silhouettes(1, 40).test;
  const RunOptions options{.dt = 0.5f, .steps = 6, .seed = 4};
  const auto model = make_model("spiking");
  model->initialize(3);
  const SpikeHistogram histogram = model->spike_histogram(images, options, 1);
  std::uint64_t neuron_steps = 0;
  for (const auto& [spikes, n] : histogram) neuron_steps += n;
  CHECK(neuron_steps == 40 * 6 * 128);
  const auto counted = model->evaluate(images, options, 1).activity.spikes();
  CHECK(counted > 0);
  CHECK(spikes_of(histogram) == static_cast<double>(counted));
  CHECK(model->spike_histogram(images, options, 3) == histogram);
  CHECK(make_model("nonspiking")->spike_histogram(images, options, 1).empty());
}

TEST_CASE("traces refuse what runs refuse") {
  const auto model = make_model("spiking");
  CHECK_THROWS_AS(model->trace(std::vector<float>(783), {.dt = 0.5f, .steps = 6}, 0),
                  ShapeMismatch);
  CHECK_THROWS_AS(model->trace(std::vector<float>(784), {.dt = 0.5f, .steps = 0}, 0),
                  InvalidSetting);
  CHECK_THROWS_AS(model->spike_histogram(ImageSet{}, {.dt = 0.5f, .steps = 6}, 1), InvalidSetting);
}
