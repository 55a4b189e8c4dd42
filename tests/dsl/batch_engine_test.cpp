#include <catch2/catch.hpp>

#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

TEMPLATE_TEST_CASE("a batch gives each sample's own bits, for any number of threads", "", TwoLayers,
                   Narrow<bfloat16>, Narrow<int8>, Mixed) {
  using Engine = EventEngine<TestType>;
  std::mt19937 random(11);
  const RunOptions options{.dt = 0.01f, .steps = 12, .seed = 5};
  const auto parameters = random_parameters<TestType>(random, options.dt);
  constexpr std::size_t outputs = TestType::Out::size;
  constexpr std::size_t count = 150, first = 7;
  std::vector<std::vector<float>> samples(first + count);
  for (auto& sample : samples) sample = random_sample(random, Engine::input_size());

  Engine single(parameters, options);
  std::vector<float> wanted;
  for (std::size_t i = first; i < first + count; ++i)
    for (const float logit : single.run(samples[i], i)) wanted.push_back(logit);
  const Activity counted = single.activity();

  for (const std::size_t threads : {1u, 2u, 3u, 5u}) {
    BatchEngine<TestType> batch(parameters, options, threads);
    std::vector<float> found(count * outputs);
    batch.run(
        first, count,
        [&](std::size_t i, float* values) {
          std::copy(samples[i].begin(), samples[i].end(), values);
        },
        [&](std::size_t i, const auto&, Values output) {
          std::copy(output.begin(), output.end(), found.data() + (i - first) * outputs);
        });
    CHECK(found == wanted);
    const Activity activity = batch.activity();
    CHECK(activity.samples == count);
    for (std::size_t l = 0; l < counted.layers.size(); ++l) {
      CHECK(activity.layers[l].spikes == counted.layers[l].spikes);
      CHECK(activity.layers[l].synaptic_operations == counted.layers[l].synaptic_operations);
      CHECK(activity.layers[l].weight_rows == counted.layers[l].weight_rows);
      CHECK(activity.layers[l].weight_bytes == counted.layers[l].weight_bytes);
      CHECK(activity.layers[l].mean_rate == counted.layers[l].mean_rate);
      CHECK(activity.layers[l].max_rate == counted.layers[l].max_rate);
    }
  }
}
