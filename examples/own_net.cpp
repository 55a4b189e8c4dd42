// Declare a network, train it with spikes, and run it by its events and by the reference.
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include <synfire/dataset.hpp>
#include <synfire/dsl.hpp>
#include <synfire/kernels.hpp>

using namespace synfire;

// clang-format off
struct TwoHidden : Network<
    Input<28, 28>,
    Flatten,
    Dense<64>,
    Spiking<Relu>,
    Dense<32>,
    Spiking<Relu>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

int main() {
  const Dataset data = make_silhouettes(2000, 200);

  auto parameters = Parameters<TwoHidden>::initial(/*seed=*/7);
  const TrainOptions how{.dt = 0.1f, .steps = 5, .seed = 7, .epochs = 5};
  DenseTrainer<TwoHidden> trainer(parameters, how);
  fit(trainer, data.train, how, {}, [](const TrainProgress& progress) {
    if (progress.epoch_ended)
      std::cout << "epoch " << progress.epoch << ": loss " << progress.loss << '\n';
    return true;  // go on
  });

  EventEngine<TwoHidden> engine(parameters, {.dt = 0.1f, .steps = 5});
  ClockedReference<TwoHidden> reference(parameters, {.dt = 0.1f, .steps = 5});
  Buffer<float> image(data.test.pixels_per_image());
  int correct = 0;
  for (std::size_t i = 0; i < data.test.size(); ++i) {
    kernels::scale_pixels(data.test.image(i).data(), image.size(), image.data());
    const auto logits = engine.run(image, i);
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    correct += best == data.test.labels[i] ? 1 : 0;
    const auto expected = reference.run(image, i);
    if (!std::equal(logits.begin(), logits.end(), expected.begin())) return EXIT_FAILURE;
  }
  std::cout << correct << " of " << data.test.size() << " are right\n" << engine.activity();
  return correct > 100 ? EXIT_SUCCESS : EXIT_FAILURE;
}
