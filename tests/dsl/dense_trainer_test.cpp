#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include <synfire/error.hpp>
#include <synfire/weights.hpp>

#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

struct Batch {
  std::vector<float> x;
  std::vector<std::uint8_t> labels;
  std::vector<std::uint32_t> samples;
};

Batch random_batch(std::mt19937& random, std::size_t inputs, std::size_t classes, std::size_t n) {
  Batch batch{random_sample(random, inputs * n), {}, std::vector<std::uint32_t>(n)};
  for (std::size_t i = 0; i < n; ++i)
    batch.labels.push_back(static_cast<std::uint8_t>(random() % classes));
  std::iota(batch.samples.begin(), batch.samples.end(), 100u);
  return batch;
}

/// Without spikes a network is differentiable: its gradients are its slopes.
template <class Net>
void check_slopes(std::size_t classes) {
  std::mt19937 random(5);
  auto parameters = random_parameters<Net>(random, 1.0f);
  const Batch batch = random_batch(random, ClockedReference<Net>::input_size(), classes, 6);
  DenseTrainer<Net> trainer(parameters, {.dt = 0.1f, .steps = 3, .spiking_aware = false});
  const auto loss = [&] {
    return trainer.differentiate(batch.x.data(), batch.labels.data(), batch.samples.data(), 6, 0)
               .loss_sum /
           6;
  };
  for (std::size_t i = 0; i < parameters.count(); ++i) {
    for (std::size_t k = 0; k < parameters.tensor(i).size(); k += 7) {
      loss();
      const double gradient = trainer.gradient(i)[k];
      // Small, so that no relu's kink lies between the two losses.
      const float w = parameters.tensor(i)[k], h = 1.0f / 8192;
      parameters.tensor(i)[k] = w + h;
      const double more = loss();
      parameters.tensor(i)[k] = w - h;
      const double less = loss();
      parameters.tensor(i)[k] = w;
      INFO("tensor " << i << " value " << k);
      CHECK(gradient == Approx((more - less) / (2.0 * h)).epsilon(0.03).margin(2e-3));
    }
  }
}

template <class Net>
std::vector<float> weights_after(std::size_t threads, bool aware) {
  std::mt19937 random(9);
  auto parameters = random_parameters<Net>(random, 0.1f);
  const std::size_t inputs = ClockedReference<Net>::input_size();
  DenseTrainer<Net> trainer(
      parameters,
      {.dt = 0.1f, .steps = 7, .spiking_aware = aware, .batch = 32, .threads = threads});
  for (std::uint32_t step = 0; step < 4; ++step) {
    const Batch batch = random_batch(random, inputs, 5, step == 3 ? 13 : 32);
    trainer.train_batch(batch.x.data(), batch.labels.data(), batch.samples.data(),
                        batch.labels.size(), step);
  }
  std::vector<float> all;
  for (std::size_t i = 0; i < parameters.count(); ++i)
    all.insert(all.end(), parameters.tensor(i).begin(), parameters.tensor(i).end());
  return all;
}

}  // namespace

TEST_CASE("gradients without spikes are slopes") {
  check_slopes<Seed>(7);
  check_slopes<TwoLayers>(5);
  check_slopes<Mixed>(3);
  check_slopes<RelayedLater>(3);
  check_slopes<Analog>(3);
}

TEST_CASE("training gives the same bits for any number of threads") {
  for (const std::size_t threads : {2u, 3u}) {
    CHECK(weights_after<TwoLayers>(1, true) == weights_after<TwoLayers>(threads, true));
    CHECK(weights_after<TwoLayers>(1, false) == weights_after<TwoLayers>(threads, false));
    CHECK(weights_after<Leaky>(1, true) == weights_after<Leaky>(threads, true));
  }
}

TEST_CASE("the forward pass with spikes is the reference's") {
  std::mt19937 random(4);
  const RunOptions options{.dt = 0.1f, .steps = 9};
  auto parameters = random_parameters<TwoLayers>(random, options.dt);
  auto leaky = random_parameters<Leaky>(random, options.dt, false);
  const auto x = random_sample(random, 23 * 8);
  const auto check = [&]<class Net>(Parameters<Net>& p) {
    DenseTrainer<Net> trainer(p, {.dt = options.dt, .steps = options.steps});
    ClockedReference<Net> reference(p, options);
    const Values found = trainer.predict(x.data(), 8);
    for (std::size_t r = 0; r < 8; ++r) {
      const Values wanted = reference.run(Values(x).subspan(r * 23, 23), r);
      for (std::size_t k = 0; k < 5; ++k)
        CHECK(found[r * 5 + k] == Approx(wanted[k]).epsilon(1e-4).margin(1e-3));
    }
  };
  check(parameters);
  check(leaky);
}

TEST_CASE("a state that was saved goes on to the same bits") {
  std::mt19937 random(6);
  auto one = random_parameters<TwoLayers>(random, 0.1f);
  auto other = Parameters<TwoLayers>();
  const TrainOptions options{.dt = 0.1f, .steps = 5};
  DenseTrainer<TwoLayers> first(one, options);
  const Batch batch = random_batch(random, 23, 5, 32);
  const auto train = [&](auto& trainer) {
    trainer.train_batch(batch.x.data(), batch.labels.data(), batch.samples.data(), 32, 0);
  };
  train(first);
  TensorFile file;
  first.save_state(file);
  DenseTrainer<TwoLayers> second(other, options);
  second.load_state(file, "memory");
  train(first);
  train(second);
  for (std::size_t i = 0; i < one.count(); ++i) CHECK(same_bits(one.tensor(i), other.tensor(i)));

  auto foreign = Parameters<Leaky>();
  DenseTrainer<Leaky> third(foreign, options);
  CHECK_THROWS_AS(third.load_state(file, "memory"), SignatureMismatch);
  file.tensors.erase(file.tensors.begin() + 1);
  CHECK_THROWS_AS(second.load_state(file, "memory"), FileError);
}

TEST_CASE("every optimiser's state goes on to the same bits, and is no other's") {
  for (const Optimizer& optimizer :
       {Optimizer(AdamW{}), Optimizer(Sgd{}), Optimizer(Sgd{0.9f, true}), Optimizer(RmsProp{}),
        Optimizer(RmsProp{.momentum = 0.5f, .centered = true})}) {
    INFO(to_text(optimizer));
    std::mt19937 random(6);
    auto one = random_parameters<TwoLayers>(random, 0.1f);
    auto other = Parameters<TwoLayers>();
    const TrainOptions options{.dt = 0.1f,
                               .steps = 5,
                               .learning_rate = ExponentialDecay{0.01f, 2, 0.5f},
                               .optimizer = optimizer};
    DenseTrainer<TwoLayers> first(one, options), second(other, options);
    const Batch batch = random_batch(random, 23, 5, 32);
    const auto train = [&](auto& trainer) {
      trainer.train_batch(batch.x.data(), batch.labels.data(), batch.samples.data(), 32, 0);
    };
    train(first);
    TensorFile file;
    first.save_state(file);
    CHECK(file.tensors.size() == one.count() * (1 + slots_of(optimizer).size()) + 1);
    second.load_state(file, "memory");
    train(first);
    train(second);
    for (std::size_t i = 0; i < one.count(); ++i) CHECK(same_bits(one.tensor(i), other.tensor(i)));

    DenseTrainer<TwoLayers> adam(other, {});
    CHECK_THROWS_AS(adam.load_state(file, "memory"), FileError);
  }
}

TEST_CASE("each step is trained with its own dt") {
  std::mt19937 random(6);
  auto scheduled = random_parameters<TwoLayers>(random, 0.1f);
  auto by_hand = scheduled;
  TrainOptions options{.steps = 5};
  options.dt_schedule = PiecewiseConstantDecay{{0, 1}, {0.1f, 0.3f, 1.0f}};
  DenseTrainer<TwoLayers> trainer(scheduled, options);
  TensorFile file;
  for (const float dt : {0.1f, 0.3f, 1.0f}) {
    const Batch batch = random_batch(random, 23, 5, 32);
    DenseTrainer<TwoLayers> other(by_hand, {.dt = dt, .steps = 5});
    if (!file.tensors.empty()) other.load_state(file, "memory");
    for (auto* either : {&trainer, &other})
      either->train_batch(batch.x.data(), batch.labels.data(), batch.samples.data(), 32, 0);
    file = {};
    other.save_state(file);
    for (std::size_t i = 0; i < scheduled.count(); ++i)
      CHECK(same_bits(scheduled.tensor(i), by_hand.tensor(i)));
  }
}

TEST_CASE("the trainer infers as the event engine runs, whatever it is trained with") {
  std::mt19937 random(8);
  auto parameters = random_parameters<TwoLayers>(random, 0.1f);
  const std::vector<float> x = random_sample(random, 23 * 11);
  const std::vector<std::uint8_t> labels(11);
  const DenseTrainer<TwoLayers> trainer(
      parameters, {.dt = 1, .steps = 7, .seed = 3, .spiking_aware = false, .threads = 2});
  std::vector<float> found(11 * 5), wanted;
  trainer.infer(Samples(x, labels), 0.1f, found.data());
  EventEngine<TwoLayers> engine(parameters, {.dt = 0.1f, .steps = 7, .seed = 3});
  for (std::size_t i = 0; i < 11; ++i)
    for (const float y : engine.run(Values(x).subspan(i * 23, 23), i)) wanted.push_back(y);
  CHECK(found == wanted);
}

TEST_CASE("gradients of every loss are slopes") {
  std::mt19937 random(5);
  auto parameters = random_parameters<TwoLayers>(random, 1.0f);
  const Batch batch = random_batch(random, 23, 5, 6);
  const std::vector<float> rows = random_sample(random, 6 * 5);
  for (const Loss kind : {Loss::CategoricalCrossentropy, Loss::MeanSquaredError, Loss::Hinge}) {
    INFO(name_of(kind));
    DenseTrainer<TwoLayers> trainer(parameters, {.dt = 0.1f, .spiking_aware = false, .loss = kind});
    const auto loss = [&] {
      return trainer.differentiate(batch.x.data(), rows.data(), batch.samples.data(), 6, 0)
                 .loss_sum /
             6;
    };
    for (std::size_t k = 0; k < parameters.tensor(2).size(); k += 11) {
      loss();
      const double gradient = trainer.gradient(2)[k];
      const float w = parameters.tensor(2)[k], h = 1.0f / 8192;
      parameters.tensor(2)[k] = w + h;
      const double more = loss();
      parameters.tensor(2)[k] = w - h;
      const double less = loss();
      parameters.tensor(2)[k] = w;
      CHECK(gradient == Approx((more - less) / (2.0 * h)).epsilon(0.03).margin(2e-3));
    }
  }
}

TEST_CASE("a spiking network learns values") {
  std::mt19937 random(12);
  const std::size_t n = 64;
  const std::vector<float> x = random_sample(random, n * 23);
  std::vector<float> y(n * 5);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[i / 5 * 23 + i % 5] - 0.5f;
  auto parameters = Parameters<TwoLayers>::initial(1);
  TrainOptions options{.dt = 1, .steps = 8, .epochs = 60, .batch = 16};
  options.learning_rate = CosineDecay{0.01f, 240};
  options.optimizer = RmsProp{};
  options.loss = Loss::MeanSquaredError;
  options.metrics = {Metric{Metric::Kind::MeanAbsoluteError}};
  options.validation_split = 0.25;
  DenseTrainer<TwoLayers> trainer(parameters, options);
  const auto result = fit(trainer, Samples(n, x, y), options, {}, {});
  const Logs &first = result.epochs.front().logs, &last = result.epochs.back().logs;
  CHECK(last.at("loss") < first.at("loss") / 3);
  CHECK(last.at("val_loss") < first.at("val_loss"));
  CHECK(last.at("mean_absolute_error") < first.at("mean_absolute_error"));
}

TEST_CASE("settings that cannot be are refused by the trainer") {
  Parameters<Seed> parameters;
  CHECK_THROWS_AS((DenseTrainer<Seed>(parameters, {.dt = 0})), InvalidSetting);
  CHECK_THROWS_AS((DenseTrainer<Seed>(parameters, {.batch = 0})), InvalidSetting);
  DenseTrainer<Seed> trainer(parameters, {});
  CHECK_THROWS_AS(trainer.set_initial_voltage<"out">(std::vector<float>(19)), ShapeMismatch);
}
