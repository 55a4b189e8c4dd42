#include <synfire/neurobench.hpp>

#include <catch2/catch.hpp>
#include <sstream>

#include <synfire/error.hpp>

using namespace synfire;

namespace {

/// One sample of a net of two layers: 20 inputs to 5 neurons that spike, 10 steps, everything on.
Profile ones() {
  Profile profile;
  profile.steps = 10;
  profile.layers = {
      {.index = 1, .label = "dense_1", .kind = "dense", .spikes_come_in = true, .weights = 100},
      {.index = 2, .label = "spiking_2", .kind = "spiking", .neurons = 5, .spiking = true}};
  profile.layers[0].parameter_bytes = 420;
  profile.layers[1].state_bytes = 20;
  profile.sums = {10, std::vector<StepCounts>(20)};
  for (StepCounts& step : profile.sums.of(0)) {
    step.events = step.inputs = 20;
    step.synaptic_events = step.acs = step.dense_operations = 100;
  }
  for (StepCounts& step : profile.sums.of(1)) {
    step.spikes = step.outputs = 5;
    step.membrane_updates = step.clocked_updates = step.membrane_changes = 5;
  }
  profile.samples = SampleCounts(2, {profile.sums.total(0), profile.sums.total(1)});
  profile.predicted = profile.labels = {3};
  profile.steps_used = {10};
  return profile;
}

/// y = W x with NeuroBench's W = [[1.3, 0, -3.2], [0, 1.2, -5.1], [-1.1, 2.7, 0]], x = [0, 1.3,
/// -1].
Profile product() {
  Profile profile;
  profile.steps = 1;
  profile.layers = {
      {.index = 1, .label = "dense_1", .kind = "dense", .weights = 9, .zero_weights = 3}};
  profile.sums = {1, std::vector<StepCounts>(1)};
  StepCounts& counts = profile.sums.counts.front();
  counts.events = 2;
  counts.inputs = 3;
  counts.synaptic_events = counts.graded_events = counts.macs = 4;
  counts.dense_operations = 9;
  profile.samples = SampleCounts(1, {counts});
  profile.predicted = {1};
  profile.labels = {2};
  profile.steps_used = {1};
  return profile;
}

}  // namespace

TEST_CASE("spikes that are all there are accumulates, and each membrane is updated at each step") {
  const NeuroBench figures = neurobench(ones());
  CHECK(figures.footprint_bytes == 440);
  CHECK(figures.connection_sparsity == 0);
  CHECK(figures.activation_sparsity == 0);
  CHECK(figures.effective_macs == 0);
  CHECK(figures.effective_acs == 1000);
  CHECK(figures.dense_operations == 1000);
  CHECK(figures.membrane_updates == 50);
  CHECK(figures.accuracy == 1);
  REQUIRE(figures.layers.size() == 1);
  CHECK(figures.layers[0].label == "spiking_2");
  CHECK(figures.layers[0].activation_sparsity == 0);
}

TEST_CASE("an input that is not a spike makes a step's operations multiply-accumulates") {
  const NeuroBench figures = neurobench(product());
  CHECK(figures.effective_macs == 4);
  CHECK(figures.effective_acs == 0);
  CHECK(figures.dense_operations == 9);
  CHECK(figures.connection_sparsity == 0.3333);
  CHECK(figures.exact_connection_sparsity == 3.0 / 9.0);
  CHECK(figures.activation_sparsity == 0);  // no layer has outputs
  CHECK(figures.layers.empty());
  CHECK(figures.membrane_updates == 0);
  CHECK(figures.accuracy == 0);
}

TEST_CASE("a first step updates every membrane, a later one those that it changed") {
  Profile profile = ones();
  for (StepCounts& step : profile.sums.of(1)) step.membrane_changes = 2;
  CHECK(neurobench(profile).membrane_updates == 5 + 9 * 2);
  profile.sums.of(1)[0].membrane_changes = 0;
  CHECK(neurobench(profile).membrane_updates == 5 + 9 * 2);
  profile.layers[1].spiking = false;  // an activation has no membrane
  CHECK(neurobench(profile).membrane_updates == 0);
}

TEST_CASE("NeuroBench's figures are of the mean sample") {
  Profile profile = ones();
  profile.predicted = {3, 4, 5, 6};
  profile.labels = {3, 4, 5, 0};
  profile.sums.of(0)[3].graded_events = 60;
  profile.sums.of(1)[0].silent = 3;
  const NeuroBench figures = neurobench(profile);
  CHECK(figures.effective_macs == 60 / 4.0);
  CHECK(figures.effective_acs == 940 / 4.0);
  CHECK(figures.dense_operations == 250);
  CHECK(figures.membrane_updates == (4 * 5 + 9 * 5) / 4.0);
  CHECK(figures.activation_sparsity == 3 / 50.0);
  CHECK(figures.accuracy == 0.75);
}

TEST_CASE("connection sparsity is rounded as the harness rounds it") {
  Profile profile = product();
  const auto rounded = [&](std::size_t zeros, std::size_t weights) {
    profile.layers[0].weights = weights;
    profile.layers[0].zero_weights = zeros;
    return neurobench(profile).connection_sparsity;
  };
  CHECK(rounded(1, 1) == 1);
  CHECK(rounded(0, 0) == 0);
  CHECK(rounded(2, 3) == 0.6667);
  CHECK(rounded(1, 20000) == 0.0);  // 5e-5 lies below its single-precision neighbour's half
  CHECK(rounded(3, 20000) == 0.0002);
}

TEST_CASE("a profile that is no whole run is refused") {
  CHECK_THROWS_AS(neurobench(Profile{}), InvalidSetting);
  const auto refused = [](auto&& spoil, auto wanted) {
    Profile profile = ones();
    spoil(profile);
    CHECK_THROWS_AS(neurobench(profile), decltype(wanted));
  };
  const InvalidSetting setting("", "", "");
  const ShapeMismatch shape("", 0, 0);
  refused([](Profile& p) { p.steps = 0; }, setting);
  refused([](Profile& p) { p.layers[0].zero_weights = 101; }, setting);
  refused([](Profile& p) { p.sums.of(1)[2].silent = 51; }, setting);
  refused([](Profile& p) { p.sums.of(0)[2].graded_events = 1001; }, setting);
  refused([](Profile& p) { p.labels.push_back(1); }, shape);
  refused([](Profile& p) { p.sums.steps = 9; }, shape);
  refused([](Profile& p) { p.sums.counts.pop_back(); }, shape);
  refused([](Profile& p) { p.layers.pop_back(); }, shape);
}

TEST_CASE("NeuroBench's figures stand side by side") {
  std::ostringstream text;
  text << neurobench_table({{"ones", neurobench(ones())}, {"product", neurobench(product())}});
  CHECK(text.str() ==
        "NeuroBench                            ones   product\n"
        "--------------------------------  --------  --------\n"
        "footprint [bytes]                      440         0\n"
        "connection sparsity                 0.0000    0.3333\n"
        "activation sparsity               0.000000  0.000000\n"
        "effective MACs a sample              0.000     4.000\n"
        "effective ACs a sample            1000.000     0.000\n"
        "dense operations a sample         1000.000     9.000\n"
        "membrane updates a sample           50.000     0.000\n"
        "accuracy                            1.0000    0.0000\n"
        "activation sparsity of spiking_2  0.000000\n");
}
