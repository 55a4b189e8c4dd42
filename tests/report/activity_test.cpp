#include <synfire/activity.hpp>

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

namespace {

synfire::Activity example() {
  synfire::LayerActivity dense{.index = 2, .label = "hidden", .neurons = 128};
  dense.synaptic_operations = 100352;
  dense.weight_bytes = 401408;
  synfire::LayerActivity first{.index = 3, .label = "spiking_3", .neurons = 128};
  first.spikes = 50;
  first.neuron_updates = 2560;
  first.mean_rate = 2;
  first.max_rate = 40;
  first.spiking = true;
  synfire::LayerActivity second{.index = 4, .label = "spiking_4", .neurons = 384};
  second.spikes = 7;
  second.synaptic_operations = 500;
  second.weight_bytes = 64;
  second.neuron_updates = 7680;
  second.mean_rate = 6;
  second.max_rate = 30;
  second.spiking = true;
  synfire::Activity activity;
  activity.samples = 2;
  activity.steps = 10;
  activity.dt = 0.01;
  activity.layers = {dense, first, second};
  return activity;
}

}  // namespace

TEST_CASE("activity adds its layers up, and weighs rates by neurons") {
  const auto activity = example();
  CHECK(activity.spikes() == 57);
  CHECK(activity.synaptic_operations() == 100852);
  CHECK(activity.weight_bytes() == 401472);
  CHECK(activity.neuron_updates() == 10240);
  CHECK(activity.mean_rate() == 5.0);  // (128*2 + 384*6) / 512: the dense layer does not count
  CHECK(activity.max_rate() == 40.0);
}

TEST_CASE("activity without spiking neurons has rate 0") {
  auto activity = example();
  activity.layers.resize(1);
  CHECK(activity.mean_rate() == 0);
  CHECK(activity.max_rate() == 0);
  CHECK(synfire::Activity{}.mean_rate() == 0);
}

TEST_CASE("activity's maximum may be below zero where every rate is") {
  auto activity = example();
  activity.layers[1].max_rate = -3;
  activity.layers[2].max_rate = -2;
  CHECK(activity.max_rate() == -2);
}

TEST_CASE("activity prints one line a layer and a sum, counts as means over the samples") {
  std::ostringstream out;
  out << example();
  const std::string want =
      "2 samples of 10 steps of 0.01 s; counts are means over the samples\n"
      "layer      neurons     spikes   synaptic ops neuron updates    mean Hz     max Hz\n"
      "hidden         128          -        50176.0              -          -          -\n"
      "spiking_3      128       25.0              -         1280.0       2.00      40.00\n"
      "spiking_4      384        3.5          250.0         3840.0       6.00      30.00\n"
      "all                      28.5        50426.0         5120.0       5.00      40.00\n";
  CHECK(out.str() == want);
}

TEST_CASE("activity of runs that stopped early says how many steps they took") {
  auto activity = example();
  CHECK(activity.steps_used() == 20);
  activity.steps_saved = 15;
  CHECK(activity.mean_steps() == 2.5);
  activity.layers[1].most_a_step = 0.5;
  auto sum = activity;
  sum += activity;
  CHECK(sum.steps_used() == 10);
  CHECK(sum.layers[1].mean_rate == Approx(100 / (10 * 128 * 0.01)));
  CHECK(sum.layers[1].max_rate == Approx(50));
  std::ostringstream out;
  out << activity;
  CHECK(out.str().find("2 samples of 2.50 of at most 10 steps of 0.01 s;") == 0);
}

TEST_CASE("activity of nothing prints") {
  std::ostringstream out;
  out << synfire::Activity{};
  CHECK(out.str().find("0 samples of 0 steps of 0 s") == 0);
  CHECK(out.str().find("nan") == std::string::npos);
}
