#include <catch2/catch.hpp>
#include <numeric>

#include <synfire/prune.hpp>
#include <synfire/weights.hpp>

#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

struct Tiny : Network<Input<20>, Sparse<40, Blocked<8>>, Spiking<Relu>, Sparse<18, Csr>,
                      Named<"out", Spiking<Relu>>, MeanOverTime, Dense<3>> {};
struct Twin : Network<Input<20>, Dense<40>, Spiking<Relu>, Dense<18>, Named<"out", Spiking<Relu>>,
                      MeanOverTime, Dense<3>> {};

std::vector<bool> zeros(const ParameterSet& parameters) {
  std::vector<bool> all;
  for (std::size_t i = 0; i < parameters.count(); ++i)
    for (const float w : parameters.tensor(i))
      if (parameters.placed(i).spec.group != 0) all.push_back(w == 0);
  return all;
}

void train_a_batch(DenseTrainer<Tiny>& trainer, std::mt19937& random) {
  const auto x = random_sample(random, 20 * 8);
  std::vector<std::uint8_t> labels(8);
  for (auto& label : labels) label = static_cast<std::uint8_t>(random() % 3);
  std::vector<std::uint32_t> samples(8);
  std::iota(samples.begin(), samples.end(), 0u);
  trainer.train_batch(x.data(), labels.data(), samples.data(), 8, 0);
}

}  // namespace

TEST_CASE("a sparse layer has its dense twin's signature, weights and definition") {
  const auto layers = describe<Tiny>();
  CHECK(layers[1].signature == "dense(40)");
  CHECK(layers[1].label == "sparse_1");
  CHECK(layers[1].weights == "blocked(8)");
  CHECK(layers[3].weights == "csr");
  CHECK(layers[6].weights == "float32");
  CHECK(Parameters<Tiny>().signature() == Parameters<Twin>().signature());

  std::mt19937 random(1);
  auto parameters = random_parameters<Tiny>(random, 0.1f);
  prune(parameters, 0.6);
  Parameters<Twin> twin;
  for (std::size_t i = 0; i < twin.count(); ++i) twin.tensor(i) = parameters.tensor(i);
  const RunOptions options{.dt = 0.1f, .steps = 20};
  EventEngine<Tiny> sparse(parameters, options);
  EventEngine<Twin> dense(twin, options);
  for (std::size_t s = 0; s < 20; ++s) {
    const auto sample = random_sample(random, 20);
    CHECK(same_bits(sparse.run(sample, s), dense.run(sample, s)));
  }
}

TEST_CASE("a sparse layer counts the synapses that are there") {
  std::mt19937 random(2);
  const RunOptions options{.dt = 0.1f, .steps = 20};
  for (const double sparsity : {0.0, 0.5, 0.95}) {
    auto parameters = random_parameters<Tiny>(random, options.dt);
    prune(parameters, sparsity);
    const auto degree = [&](std::size_t tensor, std::size_t width, std::size_t i) {
      const float* row = parameters.tensor(tensor).data() + i * width;
      return width - static_cast<std::size_t>(std::count(row, row + width, 0.0f));
    };
    EventEngine<Tiny> engine(parameters, options);
    ClockedReference<Tiny, Probe<"spiking_2">> reference(parameters, options);
    std::uint64_t first = 0, second = 0, second_rows = 0, second_bytes = 0;
    for (std::size_t s = 0; s < 5; ++s) {
      const auto sample = random_sample(random, 20);
      engine.run(sample, s);
      reference.run(sample, s);
      for (std::size_t i = 0; i < 20; ++i) first += sample[i] != 0 ? degree(0, 40, i) : 0;
      for (std::size_t t = 0; t < options.steps; ++t) {
        const Values counts = reference.recorded<"spiking_2">().step(t);
        std::uint64_t rows = 0, synapses = 0;
        for (std::size_t i = 0; i < 40; ++i) {
          second += static_cast<std::uint64_t>(counts[i]) * degree(2, 18, i);
          rows += counts[i] != 0;
          synapses += counts[i] != 0 ? degree(2, 18, i) : 0;
        }
        second_rows += rows;
        // Whole rows of 18, padded, where a row has more than one synapse.
        second_bytes += synapses > rows ? rows * 32 * 4 : synapses * 8;
      }
    }
    const Activity activity = engine.activity();
    CHECK(activity.layers[0].synaptic_operations == first);
    CHECK(activity.layers[2].synaptic_operations == second);
    CHECK(activity.layers[2].weight_rows == second_rows);
    CHECK(activity.layers[2].weight_bytes == second_bytes);
    CHECK(second > 0);
  }
}

TEST_CASE("blocks are read by rows, by columns or among whole rows, to the same bits") {
  std::mt19937 random(3);
  constexpr std::size_t kInputs = 200, kWidth = 800;
  std::normal_distribution<float> normal;
  std::size_t by_rows = 0, by_columns = 0, by_whole_rows = 0;
  for (const double sparsity : {0.5, 0.95}) {
    std::vector<float> kernel(kInputs * kWidth), bias(kWidth);
    for (float& w : kernel) w = normal(random);
    for (float& b : bias) b = normal(random);
    prune(kernel.data(), kernel.size(), kWidth, 8, sparsity);
    Blocked<8>::Event<kInputs, kWidth> sparse(kernel.data(), bias.data(), {});
    float32::Event<kInputs, kWidth> dense(kernel.data(), bias.data(), {});
    Buffer<float> out(decltype(sparse)::stride), expected(decltype(dense)::stride);
    const auto same = [&] { return same_bits({out.data(), kWidth}, {expected.data(), kWidth}); };
    for (const std::size_t active : {1, 5, 20, 60, 100, 150, 200, 3}) {
      std::vector<float> x(kInputs);
      Buffer<std::uint32_t> index(active);
      Buffer<float> count(active);
      for (std::uint32_t i = 0; i < active; ++i) {
        index[i] = static_cast<std::uint32_t>(i * kInputs / active);
        count[i] = static_cast<float>(1 + i % 3);
        x[index[i]] = normal(random);
      }
      const auto of_values = sparse.add(Values(x), out.data());
      dense.add(Values(x), expected.data());
      CHECK(same());
      const SpikeView spikes{index.data(), count.data(), active, 0.1f};
      const auto of_spikes = sparse.add(spikes, out.data());
      dense.add(spikes, expected.data());
      CHECK(same());
      for (const auto& read : {of_values, of_spikes}) {
        const bool whole = read.bytes == active * kWidth * sizeof(float);
        by_whole_rows += whole;
        by_rows += read.rows == active && !whole;
        by_columns += read.rows > kInputs;
      }
    }
    EventBuffer none(kInputs);
    sparse.add(none.view(0.1f), out.data());
    CHECK(same_bits({out.data(), kWidth}, bias));
  }
  CHECK(by_rows >= 6);
  CHECK(by_columns >= 6);
  CHECK(by_whole_rows >= 6);
  CHECK(by_rows + by_columns + by_whole_rows == 32);
}

TEST_CASE("training leaves zeros of a sparse layer as they are, whatever the optimizer") {
  const Optimizer optimizers[] = {Adam{},
                                  AdamW{.weight_decay = 0.5f},
                                  Sgd{},
                                  Sgd{.momentum = 0.9f},
                                  Sgd{.momentum = 0.9f, .nesterov = true},
                                  RmsProp{},
                                  RmsProp{.momentum = 0.9f},
                                  RmsProp{.momentum = 0.9f, .centered = true}};
  for (const Optimizer& optimizer : optimizers) {
    INFO(to_text(optimizer));
    std::mt19937 random(4);
    auto parameters = random_parameters<Tiny>(random, 0.1f);
    prune(parameters, 0.7);
    const Parameters<Tiny> before = parameters;
    const TrainOptions options{
        .dt = 0.1f, .steps = 5, .learning_rate = 0.01f, .optimizer = optimizer};
    DenseTrainer<Tiny> trainer(parameters, options);
    trainer.regularize<"sparse_1", "kernel">(L1{.l1 = 0.1f, .target = {1, 2}});
    for (int i = 0; i < 20; ++i) train_a_batch(trainer, random);
    CHECK(zeros(parameters) == zeros(before));
    for (const std::size_t i : {0, 2})
      CHECK_FALSE(same_bits(parameters.tensor(i), before.tensor(i)));

    // A checkpoint goes on, into a net that was not pruned when its trainer was made.
    TensorFile file;
    trainer.save_state(file);
    auto resumed = random_parameters<Tiny>(random, 0.1f);
    DenseTrainer<Tiny> other(resumed, options);
    other.regularize<"sparse_1", "kernel">(L1{.l1 = 0.1f, .target = {1, 2}});
    other.load_state(file, "a checkpoint");
    std::mt19937 again = random;
    for (int i = 0; i < 5; ++i) {
      train_a_batch(trainer, random);
      train_a_batch(other, again);
    }
    CHECK(zeros(resumed) == zeros(before));
    for (std::size_t i = 0; i < resumed.count(); ++i)
      CHECK(same_bits(resumed.tensor(i), parameters.tensor(i)));
  }
}

TEST_CASE("a sparse layer that was not pruned trains as its dense twin") {
  std::mt19937 random(5);
  auto parameters = random_parameters<Tiny>(random, 0.1f);
  Parameters<Twin> twin;
  for (std::size_t i = 0; i < twin.count(); ++i) twin.tensor(i) = parameters.tensor(i);
  const TrainOptions options{.dt = 0.1f, .steps = 5};
  DenseTrainer<Tiny> a(parameters, options);
  DenseTrainer<Twin> b(twin, options);
  const auto x = random_sample(random, 20 * 8);
  const std::vector<std::uint8_t> labels{0, 1, 2, 0, 1, 2, 0, 1};
  const std::vector<std::uint32_t> samples{0, 1, 2, 3, 4, 5, 6, 7};
  for (std::uint32_t i = 0; i < 3; ++i) {
    a.train_batch(x.data(), labels.data(), samples.data(), 8, i);
    b.train_batch(x.data(), labels.data(), samples.data(), 8, i);
  }
  for (std::size_t i = 0; i < twin.count(); ++i)
    CHECK(same_bits(parameters.tensor(i), twin.tensor(i)));
}

TEST_CASE("the power of presynaptic neurons is their mean square over samples and steps") {
  std::mt19937 random(6);
  auto parameters = random_parameters<Tiny>(random, 0.1f);
  constexpr std::size_t kSamples = 13, kSteps = 5;
  const auto x = random_sample(random, 20 * kSamples);
  const std::vector<std::uint8_t> labels(kSamples);
  const TrainOptions options{.dt = 0.1f, .steps = kSteps, .batch = 4};
  DenseTrainer<Tiny> trainer(parameters, options);
  const auto power = trainer.presynaptic_power(Samples(x, labels));
  REQUIRE(power.size() == parameters.count());
  CHECK(power[4].empty());

  std::vector<double> first(20), second(40);
  ClockedReference<Tiny, Probe<"spiking_2">> reference(parameters, {.dt = 0.1f, .steps = kSteps});
  for (std::size_t s = 0; s < kSamples; ++s) {
    const Values sample = Values(x).subspan(s * 20, 20);
    for (std::size_t i = 0; i < 20; ++i) first[i] += sample[i] * sample[i] / kSamples;
    reference.run(sample, s);
    for (std::size_t t = 0; t < kSteps; ++t)
      for (std::size_t i = 0; i < 40; ++i) {
        const double rate = reference.recorded<"spiking_2">().step(t)[i] / 0.1;
        second[i] += rate * rate / (kSamples * kSteps);
      }
  }
  for (std::size_t i = 0; i < 20; ++i) CHECK(power[0][i] == Approx(first[i]));
  // Voltages start from other random numbers in training: about the same.
  const auto sum = [](const auto& v) { return std::accumulate(v.begin(), v.end(), 0.0); };
  REQUIRE(power[2].size() == 40);
  CHECK(sum(power[2]) == Approx(sum(second)).epsilon(0.1));
}
