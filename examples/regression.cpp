// Values instead of classes: the product of two numbers, told from half a second of spikes, with
// and without a regularizer that asks each neuron for rates that can be counted in that time.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>

#include <synfire/dsl.hpp>

using namespace synfire;

constexpr std::size_t kNeurons = 32, kSamples = 1000, kTrained = 800, kTested = 200;
constexpr RunOptions kRun{.dt = 0.01f, .steps = 50};

struct Product
    : Network<Input<2>, Dense<kNeurons>, Named<"neurons", Spiking<Relu>>, MeanOverTime, Dense<1>> {
};

/// Prints the 90th percentile of each neuron's rates, the mean of all neurons, and returns the mean
/// square error, both of the samples that are not trained with.
float test(const char* when, const Parameters<Product>& parameters, Values x, Values y) {
  EventEngine<Product, Probe<"neurons">> engine(parameters, kRun);
  std::vector<std::vector<float>> rates(kNeurons, std::vector<float>(kTested));
  float error = 0, percentile = 0;
  for (std::size_t i = 0; i < kTested; ++i) {
    const float e = engine.run(x.subspan(2 * (kTrained + i), 2), i)[0] - y[kTrained + i];
    error += e * e / kTested;
    for (std::size_t t = 0; t < kRun.steps; ++t)
      for (std::size_t n = 0; n < kNeurons; ++n)
        rates[n][i] += engine.recorded<"neurons">().step(t)[n] / (kRun.steps * kRun.dt);
  }
  for (auto& of : rates) {
    std::nth_element(of.begin(), of.begin() + kTested * 9 / 10, of.end());
    percentile += of[kTested * 9 / 10] / kNeurons;
  }
  std::cout << when << ": error " << error << ", rates of " << percentile << " Hz\n";
  return error;
}

int main() {
  std::mt19937 random(1);
  std::vector<float> x(2 * kSamples), y(kSamples), errors;
  for (float& value : x) value = static_cast<float>(random()) * 0x1p-31f - 1;
  for (std::size_t i = 0; i < kSamples; ++i) y[i] = x[2 * i] * x[2 * i + 1];
  TrainOptions how{.dt = kRun.dt, .steps = kRun.steps, .epochs = 200, .batch = 40};
  how.learning_rate = CosineDecay{0.02f, how.epochs * kTrained / how.batch};
  how.loss = Loss::MeanSquaredError;
  for (const char* when : {"trained", "trained with the regularizer"}) {
    auto parameters = Parameters<Product>::initial(/*seed=*/1);
    if (errors.empty()) test("untrained", parameters, x, y);
    DenseTrainer<Product> trainer(parameters, how);
    fit(trainer, Samples(kSamples, x, y).part(0, kTrained), how, {}, {});
    errors.push_back(test(when, parameters, x, y));
    // In each batch (axis 0), of each neuron's mean over time: it is to be 40 to 80 Hz.
    const Percentile busy{.percentile = 90, .axis = {0}, .target = {40, 80}, .l2 = 1e-3f};
    how.activity_regularizers = {{"neurons", regularizer(OverTime<Percentile>{busy})}};
  }
  std::cout << "One spike in half a second tells little: neurons that fire more often err less.\n";
  return errors[1] < 0.6f * errors[0] ? EXIT_SUCCESS : EXIT_FAILURE;
}
