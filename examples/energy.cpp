// What a network costs on every known device, and on one of our own: estimated from average rates,
// and counted from the spikes of each image.
#include <cstdlib>
#include <iostream>

#include <synfire/dataset.hpp>
#include <synfire/dsl.hpp>
#include <synfire/energy.hpp>
#include <synfire/kernels.hpp>

using namespace synfire;

// clang-format off
struct Classifier : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden", Dense<128>>,
    Spiking<Relu>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

int main() {
  const Dataset data = make_silhouettes(100, 100);
  const auto parameters = Parameters<Classifier>::initial(/*seed=*/7);
  const RunOptions options{.dt = 0.1f, .steps = 10};
  const ExampleRun run =
      run_examples(parameters, options, data.test.size(), [&data](std::size_t i, float* values) {
        const auto image = data.test.image(i);
        kernels::scale_pixels(image.data(), image.size(), values);
      });

  register_device({.name = "sketch",
                   .joules_per_synaptic_operation = 5e-12,
                   .joules_per_neuron_update = 20e-12,
                   .spiking = true});
  const ModelEnergy energy(energy_layers(describe<Classifier>(), run.rates));
  std::cout << energy.summary({.columns = {"name", "rate", "energy cpu", "energy sketch"},
                               .timesteps_per_inference = options.steps,
                               .dt = options.dt})
            << "\n\n";

  for (const Device& device : devices()) {
    const EnergySpread counted = energy.counted_spread(run.samples, device.name);
    std::cout << device.name << ": " << energy.total_energy(device.name, options.steps, options.dt)
              << " J estimated, " << counted.mean << " J counted an image (" << counted.min
              << " to " << counted.max << "), " << energy.nonspiking_energy(device.name)
              << " J without spikes\n";
    if (!(counted.min > 0 && counted.max >= counted.mean && counted.mean >= counted.min))
      return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
