// Joules of hand-made profiles, worked out on paper.
#include <synfire/energy_model.hpp>

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

using namespace synfire;
using Catch::Matchers::Contains;

namespace {

/// 4 analog inputs, dense to 3 neurons that spike for 5 steps, dense to 2 outputs at the end of
/// every step; two samples.
Profile small() {
  Profile profile;
  profile.layers = {
      {.index = 1, .label = "hidden", .kind = "dense", .weights = 12, .parameter_bytes = 60},
      {.index = 2,
       .label = "spiking_2",
       .kind = "spiking",
       .neurons = 3,
       .spiking = true,
       .state_bytes = 12},
      {.index = 3,
       .label = "out",
       .kind = "dense",
       .spikes_come_in = true,
       .weights = 6,
       .parameter_bytes = 32},
  };
  profile.steps = 5;
  profile.dt = 0.01;
  profile.predicted = {0, 1};
  profile.labels = {0, 0};
  profile.steps_used = {5, 3};
  profile.samples = SampleCounts(3, {{.events = 2,
                                      .inputs = 4,
                                      .synaptic_events = 6,
                                      .macs = 6,
                                      .graded_events = 6,
                                      .dense_operations = 12,
                                      .weight_bytes = 24},
                                     {.spikes = 4,
                                      .silent = 11,
                                      .outputs = 15,
                                      .membrane_updates = 15,
                                      .clocked_updates = 15,
                                      .state_bytes = 24},
                                     {.events = 3,
                                      .inputs = 15,
                                      .synaptic_events = 6,
                                      .acs = 8,
                                      .graded_events = 2,
                                      .dense_operations = 30,
                                      .weight_bytes = 24},
                                     {.events = 4,
                                      .inputs = 4,
                                      .synaptic_events = 12,
                                      .macs = 12,
                                      .graded_events = 12,
                                      .dense_operations = 12,
                                      .weight_bytes = 48},
                                     {.spikes = 2,
                                      .silent = 7,
                                      .outputs = 9,
                                      .membrane_updates = 9,
                                      .clocked_updates = 15,
                                      .state_bytes = 24},
                                     {.events = 2,
                                      .inputs = 9,
                                      .synaptic_events = 4,
                                      .acs = 4,
                                      .dense_operations = 18,
                                      .weight_bytes = 16}});
  return profile;
}

EnergyModel plain() {
  EnergyModel model;
  model.name = "plain";
  model.operations.push_back({"", {}, {}, Range{1, 2, 4}});
  model.neuron_update = Range{10, 20, 30};
  return model;
}

bool some(const std::vector<std::string>& sentences, const std::string& part) {
  for (const std::string& sentence : sentences)
    if (sentence.find(part) != std::string::npos) return true;
  return false;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("Ranges add and scale bound by bound", "[energy_model]") {
  const Range sum = Range{1, 2, 3} + 2.0 * Range{1, 1, 2};
  CHECK(sum == Range{3, 4, 7});
  CHECK(Range::exactly(2) == Range{2, 2, 2});
}

TEST_CASE("An estimate is the mean sample's counts at the model's prices", "[energy_model]") {
  const Profile profile = small();
  EnergyModel model = plain();
  const EnergyEstimate joules = estimate(model, profile);
  REQUIRE(joules.layers.size() == 3);
  CHECK(joules.layers[0].label == "hidden");
  CHECK(joules.layers[0].index == 1);
  CHECK(joules.layers[0].synaptic == 9.0 * Range{1, 2, 4});    // (6 + 12) / 2
  CHECK(joules.layers[1].neuron == 15.0 * Range{10, 20, 30});  // clocked
  CHECK(joules.layers[1].synaptic == Range{});
  CHECK(joules.layers[2].synaptic == 6.0 * Range{1, 2, 4});  // (8 + 4) / 2
  CHECK(joules.synaptic() == 15.0 * Range{1, 2, 4});
  CHECK(joules.memory() == Range{});
  CHECK(joules.total() == Range{15 + 150, 30 + 300, 60 + 450});
  CHECK(sample_joules(model, profile) == std::vector<double>{2 * 14 + 300, 2 * 16 + 300});

  model.updates = EnergyModel::Updates::Done;
  CHECK(estimate(model, profile).neuron() == 12.0 * Range{10, 20, 30});
  model.graded_spikes = true;
  CHECK(estimate(model, profile).layers[2].synaptic == 5.0 * Range{1, 2, 4});  // (6 + 4) / 2
  CHECK(mean(sample_joules(model, profile)) == Approx(estimate(model, profile).total().nominal));

  // Prices of their own for the two operations.
  model = plain();
  model.operations[0] = {"", Range::exactly(7), Range::exactly(3), {}};
  CHECK(estimate(model, profile).synaptic().nominal == 9 * 7 + 6 * 3);
  model.operations[0] = {"", Range::exactly(7), {}, Range::exactly(5)};
  CHECK(estimate(model, profile).synaptic().nominal == 9 * 7 + 6 * 5);
  model.operations[0] = {"", {}, Range::exactly(3), {}};
  CHECK(estimate(model, profile).synaptic().nominal == 15 * 3);
  model.operations.clear();
  CHECK(estimate(model, profile).synaptic() == Range{});

  const EnergyEstimate nothing = estimate(plain(), Profile{});
  CHECK(nothing.total() == Range{});
  CHECK(sample_joules(plain(), Profile{}).empty());
}

TEST_CASE("A device that does not spike does everything once", "[energy_model]") {
  EnergyModel model = plain();
  model.spiking = false;
  model.weight_byte = Range::exactly(1);
  model.state_byte = Range::exactly(100);
  const EnergyEstimate joules = estimate(model, small());
  CHECK(joules.layers[0].synaptic.nominal == 12 * 2);
  CHECK(joules.layers[2].synaptic.nominal == 6 * 2);
  CHECK(joules.neuron().nominal == 3 * 20);
  CHECK(joules.memory().nominal == 60 + 32 + 1200);
  CHECK(sample_joules(model, small())[1] == joules.total().nominal);
}

TEST_CASE("Memory traffic costs what the memory that holds the net costs", "[energy_model]") {
  const Profile profile = small();  // 104 bytes; an image reads 56 of weights, touches 24 of state
  EnergyModel model = plain();
  model.memories = {{"small", 103, Range::exactly(1)}, {"large", 104, Range{2, 3, 4}}};
  CHECK(estimate(model, profile).memory() == (56.0 + 24.0) * Range{2, 3, 4});
  model.memories[0].capacity = 104;
  CHECK(estimate(model, profile).memory() == Range::exactly(80));
  model.state_byte = Range::exactly(10);
  CHECK(estimate(model, profile).memory() == Range::exactly(56 + 240));
  CHECK_FALSE(some(warnings(model, profile), "largest memory"));
  model.memories = {{"tiny", 8, Range::exactly(5)}};
  CHECK(estimate(model, profile).memory() == Range::exactly(56 * 5 + 240));
  CHECK(some(warnings(model, profile), "The net takes 104 bytes and the largest memory of plain"));
}

TEST_CASE("The kind of weights chooses the row of prices", "[energy_model]") {
  Profile profile = small();
  EnergyModel model = plain();
  model.operations = {{"float32", {}, {}, Range::exactly(100)},
                      {"int8", {}, {}, Range::exactly(1)},
                      {"bfloat16", {}, {}, Range::exactly(10)}};
  CHECK(estimate(model, profile).synaptic().nominal == 9 * 100 + 6 * 100);
  profile.layers[0].parameter_bytes = 12 + 12;  // a byte a weight, 3 biases in float32
  CHECK(estimate(model, profile).synaptic().nominal == 9 * 1 + 6 * 100);
  profile.layers[0].parameter_bytes = 24 + 12;
  CHECK(estimate(model, profile).synaptic().nominal == 9 * 10 + 6 * 100);
  CHECK_FALSE(some(warnings(model, profile), "has no price"));
  model.operations.pop_back();
  CHECK(estimate(model, profile).synaptic().nominal == 15 * 100);
  CHECK(some(warnings(model, profile),
             "Layer 'hidden' has bfloat16 weights, for which plain has no price"));
  model.operations.push_back({"", {}, {}, Range::exactly(2)});
  CHECK(estimate(model, profile).synaptic().nominal == 9 * 2 + 6 * 100);
  CHECK_FALSE(some(warnings(model, profile), "has no price"));
}

TEST_CASE("What hardware takes at rest counts by the steps of a sample", "[energy_model]") {
  const Profile profile = small();  // 4 steps on average
  EnergyModel model = plain();
  model.idle_power = Range{1, 2, 3};
  CHECK(estimate(model, profile).idle == Range{});
  CHECK(some(warnings(model, profile), "plain draws 2 W at rest, which no figure holds"));
  model.step_time = 0.5;
  CHECK(estimate(model, profile).idle == 2.0 * Range{1, 2, 3});
  CHECK(mean(sample_joules(model, profile)) == Approx(estimate(model, profile).total().nominal));
  CHECK_FALSE(some(warnings(model, profile), "at rest"));
}

TEST_CASE("What a network does that a model does not cover is a sentence", "[energy_model]") {
  Profile profile = small();
  EnergyModel model = plain();
  model.notes = {"A note."};
  auto told = warnings(model, profile);
  CHECK(told.front() == "A note.");
  CHECK(some(told,
             "Layer 'hidden' multiplies analog inputs, 9.0 times an inference, and plain "
             "takes spikes only"));
  CHECK(some(told, "Layer 'out' receives 1.2 spikes a synaptic event"));
  CHECK(some(told,
             "Memory traffic is not covered by plain: 56 bytes of weights and 24 bytes of "
             "state an inference"));
  CHECK_FALSE(some(told, "Updates of neurons"));
  for (const std::string& sentence : told) CHECK(sentence.find('\n') == std::string::npos);

  model.analog_inputs = model.graded_spikes = model.covers_memory = true;
  model.notes.clear();
  CHECK(warnings(model, profile).empty());

  model.neuron_update.reset();
  CHECK(
      some(warnings(model, profile), "Updates of neurons, up to 15 an inference, are not covered"));
  model.covers_neurons = true;
  CHECK(warnings(model, profile).empty());

  model.operations = {{"", Range::exactly(1), {}, {}}};
  CHECK(some(warnings(model, profile),
             "Layer 'out' accumulates spikes, which plain prices as "
             "multiply-accumulates"));
  model.operations.clear();
  CHECK(some(warnings(model, profile), "Layer 'hidden' has no price"));

  // An activation and a filter.
  model = plain();
  model.covers_memory = true;
  profile.layers[1].spiking = false;
  profile.layers.push_back({.index = 4, .label = "lowpass_4", .kind = "lowpass", .state_bytes = 8});
  std::vector<StepCounts> counts;
  for (std::size_t sample = 0; sample < profile.size(); ++sample) {
    for (std::size_t layer = 0; layer < 3; ++layer) counts.push_back(profile.of(sample, layer));
    counts.push_back({});
  }
  profile.samples = SampleCounts(4, counts);
  told = warnings(model, profile);
  CHECK(some(told, "Layer 'spiking_2' sends analog values"));
  CHECK(some(told, "Layer 'lowpass_4' (lowpass) works at every step"));
  CHECK(estimate(model, profile).layers[1].neuron == 12.0 * Range{10, 20, 30});  // outputs
}

TEST_CASE("KerasSpiking's devices have its figures, and nothing else", "[energy_model]") {
  for (const Device& device : devices()) {
    INFO(device.name);
    const EnergyModel model = energy_model(device);
    CHECK(model.spiking == device.spiking);
    const Range once = Range::exactly(device.joules_per_synaptic_operation);
    const Range update = Range::exactly(device.joules_per_neuron_update);
    const EnergyEstimate joules = estimate(model, small());
    const double operations = device.spiking ? 15 : 18, updates = device.spiking ? 15 : 3;
    CHECK(joules.synaptic().nominal == Approx(operations * once.nominal));
    CHECK(joules.neuron().nominal == Approx(updates * update.nominal));
    CHECK(joules.total().low == Approx(joules.total().high));
    CHECK(some(warnings(model, small()), "Memory traffic is not covered"));
    CHECK(some(warnings(model, small()), "spikes only") == device.spiking);
  }
}

TEST_CASE("The table at 45 nm adds arithmetic and traffic", "[energy_model]") {
  const Profile profile = small();
  const EnergyModel table = find_energy_model("horowitz");
  const EnergyEstimate joules = estimate(table, profile);
  CHECK(joules.synaptic().nominal == Approx(9 * 4.6e-12 + 6 * 0.9e-12));
  CHECK(joules.neuron().nominal == Approx(12 * 5.5e-12));
  CHECK(joules.memory().nominal == Approx(80 * 1.25e-12));  // 104 bytes lie in 8 KiB
  CHECK(joules.total().low < joules.total().nominal);
  CHECK(joules.total().nominal < joules.total().high);
  CHECK_FALSE(some(warnings(table, profile), "not covered"));
  CHECK(some(warnings(find_energy_model("truenorth"), profile), "spikes only"));
  CHECK(some(warnings(find_energy_model("truenorth"), profile), "float32 weights"));
  CHECK_FALSE(some(warnings(find_energy_model("loihi2"), profile), "one by one"));
}

TEST_CASE("On random counts the mean of the samples is the estimate, between its bounds",
          "[energy_model]") {
  std::mt19937 random(3);
  Profile profile = small();
  for (int round = 0; round < 50; ++round) {
    std::vector<StepCounts> samples(6);
    for (StepCounts& counts : samples)
      StepCounts::for_each(counts,
                           [&](const char*, std::uint64_t& count) { count = random() % 1000; });
    profile.samples = SampleCounts(3, samples);
    for (const EnergyModel& model : energy_models()) {
      INFO(model.name);
      const Range total = estimate(model, profile).total();
      CHECK(mean(sample_joules(model, profile)) == Approx(total.nominal));
      CHECK(total.low <= total.nominal * (1 + 1e-12));
      CHECK(total.nominal <= total.high * (1 + 1e-12));
    }
  }
}
