// The way from KerasSpiking's estimate to the counts: on paper, and on real nets.
#include <synfire/energy_gap.hpp>

#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include <synfire/dsl.hpp>
#include <synfire/error.hpp>

using namespace synfire;
using Catch::Matchers::Contains;

namespace {

/// estimate times all factors.
double walked(const WorkGap& gap) {
  double place = gap.estimate;
  for (const WorkGap::Reason& reason : gap.reasons) {
    CHECK_FALSE(reason.sentence.empty());
    CHECK(reason.sentence.find('\n') == std::string::npos);
    place *= reason.factor;
  }
  return place;
}

/// 4 analog inputs, dense to 3 neurons over 5 steps of 0.01 s, dense to 2 outputs at each step.
struct Small {
  Small() {
    profile.layers = {
        {.index = 0, .label = "in", .kind = "dense", .weights = 12, .parameter_bytes = 60},
        {.index = 1, .label = "neurons", .kind = "spiking", .neurons = 3, .spiking = true},
        {.index = 2,
         .label = "out",
         .kind = "dense",
         .spikes_come_in = true,
         .weights = 6,
         .zero_weights = 1,
         .parameter_bytes = 32}};
    profile.steps = 5;
    profile.dt = 0.01;
    profile.predicted = profile.labels = {0};
    profile.steps_used = {5};
    profile.samples = SampleCounts(
        3, {{.events = 2, .inputs = 4, .synaptic_events = 6, .macs = 6, .dense_operations = 12},
            {.spikes = 4, .outputs = 15, .membrane_updates = 15, .clocked_updates = 15},
            {.events = 3, .inputs = 15, .synaptic_events = 5, .acs = 7, .dense_operations = 30}});
    // The mean of the inputs is 0.3; 4 spikes of 3 neurons in 0.05 s.
    layers = {{.name = "in",
               .kind = "dense",
               .output_shape = "3",
               .stats = LayerStats{12, 0, true},
               .rate = 0.3,
               .every_step = false},
              {.name = "neurons",
               .kind = "spiking",
               .output_shape = "3",
               .stats = LayerStats{0, 3, true},
               .rate = 1.0},
              {.name = "out",
               .kind = "dense",
               .output_shape = "2",
               .stats = LayerStats{6, 0, true},
               .rate = 4 / 3.0 / 0.05}};
  }

  Profile profile;
  std::vector<EnergyLayer> layers;
};

// clang-format off
struct Seed : Network<
    Input<20>, Named<"hidden", Dense<16>>, Spiking<Relu>, MeanOverTime, Dense<5>> {};
struct Deep : Network<
    Input<20>, Dense<16>, Spiking<Relu>, Dense<12>, Spiking<Relu>, MeanOverTime, Dense<5>> {};
struct Analog : Network<Input<20>, Dense<16>, Activate<Relu>, Dense<5>> {};
struct Smoothed : Network<
    Input<20>, Dense<16>, Spiking<Relu>, Lowpass<>, Dense<7>, LastOverTime> {};
// clang-format on

template <class Net>
void check_net(bool with_zeros) {
  Parameters<Net> parameters;
  parameters.initialize(3);
  if (with_zeros)
    for (std::size_t i = 0; i < parameters.count(); ++i)
      for (std::size_t k = 0; k < parameters.tensor(i).size(); k += 3)
        if (parameters.placed(i).spec.name == "kernel") parameters.tensor(i)[k] = 0;
  const RunOptions options{.dt = 0.05f, .steps = 7};
  constexpr std::size_t kSamples = 12;
  const auto load = [](std::size_t i, float* values) {
    for (std::size_t k = 0; k < 20; ++k)
      values[k] = (i + k) % 3 == 0 ? 0.0f : static_cast<float>((7 * i + 5 * k) % 11) * 3;
  };
  const ExampleRun run = run_examples(parameters, options, kSamples, load, 2);
  using Counting = BatchEngine<Net, Counted>;
  Profile profile;
  profile.layers = Counting::Engine::counted_layers(parameters);
  profile.steps = options.steps;
  profile.dt = options.dt;
  profile.predicted.resize(kSamples);
  profile.labels.resize(kSamples);
  profile.steps_used.resize(kSamples);
  Counting engine(parameters, options, 2);
  profile.samples = SampleCounts(engine.recorded_layers(), kSamples);
  engine.run(
      0, kSamples, load,
      [&](std::size_t i, const auto& one, Values) {
        profile.steps_used[i] = static_cast<std::uint32_t>(one.steps_used());
      },
      [&](std::size_t i) { return profile.samples.record(i); });

  const auto info = describe<Net>();
  const ModelEnergy energy(energy_layers(info, run.rates));
  for (const bool spiking : {false, true}) {
    const std::string device = spiking ? "loihi" : "cpu";
    for (const std::size_t timesteps : {1, 7, 20}) {
      const auto gaps = energy_gaps(energy, profile, spiking, timesteps, 0.01);
      REQUIRE(gaps.size() == energy.layers().size());
      for (std::size_t i = 0; i < gaps.size(); ++i) {
        INFO(gaps[i].layer << ", " << device << ", " << timesteps);
        const LayerEnergy estimate = energy.layer_energy(i, device, timesteps, 0.01);
        const Device prices = find_device(device);
        CHECK(gaps[i].synaptic.estimate * prices.joules_per_synaptic_operation ==
              Approx(estimate.synaptic));
        CHECK(gaps[i].neuron.estimate * prices.joules_per_neuron_update == Approx(estimate.neuron));
        // Without zero weights these are the operations that the activity counts.
        const LayerEnergy counted = energy.counted_energy(run.activity, device)[i];
        if (!with_zeros)
          CHECK(gaps[i].synaptic.counted * prices.joules_per_synaptic_operation ==
                Approx(counted.synaptic));
        CHECK(gaps[i].neuron.counted * prices.joules_per_neuron_update == Approx(counted.neuron));
        CHECK(walked(gaps[i].synaptic) == Approx(gaps[i].synaptic.counted).epsilon(1e-5));
        CHECK(walked(gaps[i].neuron) == Approx(gaps[i].neuron.counted).epsilon(1e-5));
        for (const auto& reason : gaps[i].synaptic.reasons) {
          CHECK_THAT(reason.sentence, !Contains("another run") && !Contains("Nothing counts"));
          if (!with_zeros) CHECK_THAT(reason.sentence, !Contains("weights are 0"));
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("An estimate becomes the counts by factors with reasons", "[energy_gap]") {
  const Small small;
  const ModelEnergy energy(small.layers);

  // As the run: 5 timesteps of 0.01 s.
  auto gaps = energy_gaps(energy, small.profile, true, 5, 0.01);
  REQUIRE(gaps.size() == 3);
  CHECK(gaps[0].synaptic.estimate == Approx(12 * 0.3 * 0.05));
  CHECK(gaps[0].synaptic.counted == 6);
  REQUIRE(gaps[0].synaptic.reasons.size() == 1);
  CHECK(gaps[0].synaptic.reasons[0].factor == Approx(6 / 0.18));
  CHECK_THAT(gaps[0].synaptic.reasons[0].sentence,
             Contains("analog") && Contains("0.3 for a rate") && Contains("50% that are not 0"));
  CHECK(gaps[1].neuron.estimate == 15);
  CHECK(gaps[1].neuron.reasons.empty());
  CHECK(gaps[1].neuron.ratio() == 1);
  CHECK(gaps[2].synaptic.estimate == Approx(8));  // 4 spikes to 2 outputs
  REQUIRE(gaps[2].synaptic.reasons.size() == 1);  // dt and steps agree
  CHECK(gaps[2].synaptic.reasons[0].factor == Approx(7.0 / 8));
  CHECK_THAT(gaps[2].synaptic.reasons[0].sentence, Contains("16.7% of the weights are 0"));
  CHECK(gaps[2].synaptic.ratio() == Approx(7.0 / 8));

  // A device of another dt and more timesteps.
  gaps = energy_gaps(energy, small.profile, true, 20, 0.001);
  CHECK(gaps[2].synaptic.estimate == Approx(8 * 20 * 0.001 / 0.05));
  REQUIRE(gaps[2].synaptic.reasons.size() == 2);
  CHECK(gaps[2].synaptic.reasons[0].factor == Approx(0.05 / 0.02));
  CHECK_THAT(gaps[2].synaptic.reasons[0].sentence,
             Contains("20 timesteps of 0.001 s") && Contains("5 steps of 0.01 s"));
  REQUIRE(gaps[1].neuron.reasons.size() == 1);
  CHECK(gaps[1].neuron.reasons[0].factor == Approx(15.0 / 60));
  CHECK_THAT(gaps[1].neuron.reasons[0].sentence, Contains("20 timesteps, the run 5 steps"));

  // A device that does everything once.
  gaps = energy_gaps(energy, small.profile, false, 5, 0.01);
  CHECK(gaps[0].synaptic.estimate == 12);
  REQUIRE(gaps[0].synaptic.reasons.size() == 1);
  CHECK_THAT(gaps[0].synaptic.reasons[0].sentence, Contains("50% of the inputs are not 0"));
  CHECK(gaps[1].neuron.estimate == 3);
  CHECK(gaps[1].neuron.reasons.at(0).factor == Approx(5));
  REQUIRE(gaps[2].synaptic.reasons.size() == 3);
  CHECK(gaps[2].synaptic.reasons[0].factor == Approx(5));
  CHECK(gaps[2].synaptic.reasons[1].factor == Approx(4 / 15.0));
  CHECK_THAT(gaps[2].synaptic.reasons[1].sentence, Contains("multiple spike"));
  CHECK(walked(gaps[2].synaptic) == Approx(7));
}

TEST_CASE("What makes no estimate or no comparison is refused", "[energy_gap]") {
  Small small;
  CHECK_THROWS_AS(energy_gaps(ModelEnergy(small.layers), small.profile, true, 0, 0.01),
                  InvalidSetting);
  CHECK_THROWS_AS(energy_gaps(ModelEnergy(small.layers), small.profile, true, 1, std::nan("")),
                  InvalidSetting);
  small.layers[2].rate.reset();
  CHECK_THROWS_AS(energy_gaps(ModelEnergy(small.layers), small.profile, true, 1, 0.01),
                  InvalidSetting);
  CHECK_NOTHROW(energy_gaps(ModelEnergy(small.layers), small.profile, false, 1, 0.01));
  small.layers.pop_back();
  CHECK_THROWS_AS(energy_gaps(ModelEnergy(small.layers), small.profile, false, 1, 0.01),
                  ShapeMismatch);
  // A rate of another run is told.
  Small other;
  other.layers[2].rate = 1;
  other.profile.layers[2].zero_weights = 0;
  const auto gaps = energy_gaps(ModelEnergy(other.layers), other.profile, true, 5, 0.01);
  CHECK_THAT(gaps[2].synaptic.reasons.back().sentence, Contains("another run"));
}

TEST_CASE("On real nets the factors lead from KerasSpiking's figure to the counts",
          "[energy_gap]") {
  check_net<Seed>(false);
  check_net<Seed>(true);
  check_net<Deep>(false);
  check_net<Deep>(true);
  check_net<Analog>(false);
  check_net<Smoothed>(false);
}
