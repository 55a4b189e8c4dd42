// An activation of your own: a struct with a name, a value and a derivative. Spiking makes neurons
// of it, in the reference, the event engine and the trainer.
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include <synfire/dataset.hpp>
#include <synfire/dsl.hpp>
#include <synfire/kernels.hpp>

using namespace synfire;

/// x^2 above 0 (So et al. 2021, "Primer").
struct SquaredRelu {
  static constexpr std::string_view name = "squared_relu";
  static float value(float x) { return x > 0 ? x * x : 0; }
  static float derivative(float x) { return x > 0 ? 2 * x : 0; }
};

// clang-format off
struct Net : Network<
    Input<28, 28>,
    Flatten,
    Dense<64>,
    Spiking<SquaredRelu>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

int main() {
  const Dataset data = make_silhouettes(2000, 200);
  auto parameters = Parameters<Net>::initial(/*seed=*/1);
  const TrainOptions how{.dt = 0.1f, .steps = 10, .seed = 1, .epochs = 4};
  DenseTrainer<Net> trainer(parameters, how);
  fit(trainer, data.train, how, {}, [](const TrainProgress& progress) {
    if (progress.epoch_ended)
      std::cout << "epoch " << progress.epoch << ": loss " << progress.loss << '\n';
    return true;  // go on
  });

  EventEngine<Net> engine(parameters, {.dt = 0.1f, .steps = 10});
  Buffer<float> image(data.test.pixels_per_image());
  int correct = 0;
  for (std::size_t i = 0; i < data.test.size(); ++i) {
    kernels::scale_pixels(data.test.image(i).data(), image.size(), image.data());
    const auto logits = engine.run(image, i);
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    correct += best == data.test.labels[i] ? 1 : 0;
  }
  std::cout << parameters.signature() << '\n'
            << correct << " of " << data.test.size() << " are right\n"
            << engine.activity();
  return correct > 100 ? EXIT_SUCCESS : EXIT_FAILURE;
}
