// Trainings and runs of the original programs, reproduced.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include <synfire/dsl.hpp>
#include <synfire/model.hpp>
#include <synfire/weights.hpp>

#include "golden.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

/// |a - b| against the largest |b|, the worst of all values.
double relative_error(Values a, Values b) {
  REQUIRE(a.size() == b.size());
  double most = 0, worst = 0;
  for (const float value : b) most = std::max(most, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
  return worst / most;
}

std::vector<float> pixels(const TensorFile& file, std::size_t first, std::size_t rows) {
  const Tensor* x = file.find("x_uint8");
  const std::size_t width = x->shape[1];
  std::vector<float> values(rows * width);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(x->bytes[first * width + i]) / 255.0f;
  return values;
}

std::vector<float> floats(const TensorFile& file, const std::string& name) {
  const Tensor* tensor = file.find(name);
  REQUIRE(tensor != nullptr);
  return tensor->floats();
}

void assign(Buffer<float>& tensor, const std::vector<float>& values) {
  REQUIRE(tensor.size() == values.size());
  std::copy(values.begin(), values.end(), tensor.begin());
}

struct Small : Network<Input<64>, Dense<32>, Spiking<Relu>, MeanOverTime, Dense<10>> {};
struct Full : Network<Input<784>, Dense<128>, Spiking<Relu>, MeanOverTime, Dense<10>> {};

/// The small training filtered in steps of 0.01 s and fired in steps of 0.1 s.
struct TenthOfDt : LowpassFilter {
  static DiscreteFilter<1> discretise(float tau, float dt) {
    return LowpassFilter::discretise(tau, dt / 10);
  }
};
struct SmallLowpass
    : Network<Input<64>, Dense<32>, Spiking<Relu>, Filtered<TenthOfDt>, LastOverTime, Dense<10>> {};
struct FullLowpass
    : Network<Input<784>, Dense<128>, Spiking<Relu>, Lowpass<>, LastOverTime, Dense<10>> {};

/// 20 Adam steps of KerasSpiking's, from its weights, voltages and data.
template <class Net>
void check_training(const TensorFile& file, float dt, const std::string& variant) {
  INFO(variant);
  constexpr std::size_t batch = 32, steps = 20;
  Parameters<Net> parameters;
  assign(parameters.tensor(0), floats(file, "W1"));
  if (file.find("b1") != nullptr) assign(parameters.tensor(1), floats(file, "b1"));
  assign(parameters.tensor(parameters.count() - 2), floats(file, "W2"));
  DenseTrainer<Net> trainer(
      parameters, {.dt = dt, .steps = 10, .spiking_aware = variant != "rate", .batch = batch});
  if (variant == "aware_l2")
    trainer.template regularize<"spiking_2">(L2{.l2 = 1e-4f, .target = {10, 20}});
  const std::vector<float> v0 = floats(file, "v0");
  trainer.template set_initial_voltage<"spiking_2">(v0);

  const std::vector<std::uint64_t> y = file.find("y")->integers();
  std::vector<std::uint32_t> samples(batch);
  std::vector<float> losses;
  for (std::size_t step = 0; step < steps; ++step) {
    const std::size_t first = step % 8 * batch;
    const std::vector<float> x = pixels(file, first, batch);
    const std::vector<std::uint8_t> labels(y.begin() + static_cast<std::ptrdiff_t>(first),
                                           y.begin() + static_cast<std::ptrdiff_t>(first + batch));
    if (step == 0 && file.find(variant + ".logits0") != nullptr) {
      CHECK(relative_error(trainer.predict(x.data(), batch), floats(file, variant + ".logits0")) <
            1e-5);
      trainer.differentiate(x.data(), labels.data(), samples.data(), batch, 0);
      for (std::size_t i = 0; i < parameters.count(); ++i)
        CHECK(relative_error(trainer.gradient(i),
                             floats(file, variant + ".grad0." + std::to_string(i))) < 1e-5);
    }
    const auto result = trainer.train_batch(x.data(), labels.data(), samples.data(), batch, 0);
    losses.push_back(static_cast<float>(result.loss_sum / batch));
  }
  CHECK(relative_error(losses, floats(file, variant + ".loss")) < 1e-5);
  // Adam divides a gradient by its own size: one that is 0 but for the roundings of the sums it is
  // made of moves its weight by up to the learning rate all the same. The worst of four seeds is
  // 2.8e-5 of the largest weight. (A current nearer to 0 than its roundings, at relu's kink, can
  // even switch such a gradient on: one neuron's weights then differ by steps, and no spike.)
  for (std::size_t i = 0; i < parameters.count(); ++i) {
    const std::string name = variant + ".final." + std::to_string(i);
    if (file.find(name) == nullptr) continue;
    INFO(name);
    CHECK(relative_error(parameters.tensor(i), floats(file, name)) < 1e-4);
  }

  // The trained network, with spikes, by the event engine.
  const std::vector<float> x = pixels(file, 0, batch);
  EventEngine<Net> engine(parameters, {.dt = dt, .steps = 10});
  std::vector<float> logits;
  for (std::size_t r = 0; r < batch; ++r) {
    constexpr std::size_t inputs = EventEngine<Net>::input_size();
    const std::size_t units = v0.size() / batch;
    engine.template set_initial_voltage<"spiking_2">(Values(v0).subspan(r * units, units));
    for (const float logit : engine.run(Values(x).subspan(r * inputs, inputs)))
      logits.push_back(logit);
  }
  CHECK(relative_error(logits, floats(file, variant + ".infer_logits")) < 1e-5);
}

}  // namespace

TEST_CASE("20 steps of Adam end where KerasSpiking's do") {
  const TensorFile file = read_safetensors(golden_path("training.safetensors"));
  check_training<Small>(file, 0.1f, "rate");
  check_training<Small>(file, 0.1f, "aware");
  check_training<Small>(file, 0.1f, "aware_l2");
  check_training<SmallLowpass>(file, 0.1f, "aware_lowpass");
}

TEST_CASE("20 steps of Adam on Fashion-MNIST end where KerasSpiking's do") {
  const auto shared = shared_path();
  if (!shared) {
    WARN("skipped: the reference folder (SYNFIRE_SHARED) is not there");
    return;
  }
  const TensorFile file =
      read_safetensors(*shared / "reference" / "vectors" / "training_full.safetensors");
  check_training<Full>(file, 0.01f, "rate");
  check_training<Full>(file, 0.01f, "aware");
  check_training<Full>(file, 0.01f, "aware_l2");
  check_training<FullLowpass>(file, 0.01f, "aware_lowpass");
}

TEST_CASE("leaky neurons learn as snnTorch's do") {
  struct Net : Network<Input<12>, Dense<9>, Named<"first", Spiking<Lif>>, Dense<7>,
                       Named<"second", Spiking<Lif>>, MeanOverTime, Dense<4>> {};
  const TensorFile file = read_safetensors(golden_path("lif.safetensors"));
  for (const std::string prefix : {"case0.", "case1.", "case2.", "case3."}) {
    INFO(prefix);
    const auto get = [&](const std::string& name) { return floats(file, prefix + name); };
    const float dt = get("dt").front();
    const auto steps = static_cast<std::size_t>(get("spikes1").size() / (get("x").size() / 12 * 9));
    Parameters<Net> parameters;
    const std::vector<std::string> names{"w1", "b1", "tau", "w2", "b2", "tau", "w3", "b3"};
    const std::vector<float> tau = get("tau");
    for (std::size_t i = 0; i < names.size(); ++i)
      assign(parameters.tensor(i), names[i] == "tau" ? std::vector{tau[i / 4]} : get(names[i]));
    const std::vector<float> x = get("x");
    const std::vector<std::uint64_t> y = file.find(prefix + "labels")->integers();
    const std::vector<std::uint8_t> labels(y.begin(), y.end());
    const std::size_t batch = labels.size();

    // Spikes, by the reference and by the event engine.
    const std::vector<float> first = get("spikes1"), second = get("spikes2");
    ClockedReference<Net, Probe<"first">, Probe<"second">> reference(parameters, {dt, steps});
    EventEngine<Net, Probe<"first">, Probe<"second">> engine(parameters, {dt, steps});
    std::vector<float> logits;
    for (std::size_t b = 0; b < batch; ++b) {
      const Values sample = Values(x).subspan(b * 12, 12);
      for (const float logit : reference.run(sample)) logits.push_back(logit);
      engine.run(sample);
      for (std::size_t t = 0; t < steps; ++t) {
        const auto check = [&](Values found, const std::vector<float>& wanted, std::size_t n) {
          CHECK(std::equal(found.begin(), found.end(),
                           wanted.begin() + static_cast<std::ptrdiff_t>((t * batch + b) * n)));
        };
        check(reference.recorded<"first">().step(t), first, 9);
        check(reference.recorded<"second">().step(t), second, 7);
        check(engine.recorded<"first">().step(t), first, 9);
        check(engine.recorded<"second">().step(t), second, 7);
      }
    }
    CHECK(relative_error(logits, get("logits")) < 1e-5);

    DenseTrainer<Net> trainer(parameters, {.dt = dt, .steps = steps, .batch = batch});
    std::vector<std::uint32_t> samples(batch);
    const auto result = trainer.differentiate(x.data(), labels.data(), samples.data(), batch, 0);
    CHECK(result.loss_sum / static_cast<double>(batch) ==
          Approx(get("loss").front()).epsilon(1e-5));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!parameters.placed(i).spec.trainable) continue;
      INFO(names[i]);
      CHECK(relative_error(trainer.gradient(i), get("grad." + names[i])) < 1e-4);
    }
  }
}

/// One draw of the initial voltages moves the accuracy by 0.5 points (standard deviation).
double mean_accuracy(const std::string& net, const std::filesystem::path& weights,
                     const Dataset& data, float dt) {
  const auto model = make_model(net);
  model->load(weights);
  constexpr std::uint64_t draws = 5;
  double sum = 0;
  for (std::uint64_t seed = 0; seed < draws; ++seed)
    sum += model->evaluate(data.test, {.dt = dt, .steps = 10, .seed = seed}, 0).accuracy;
  return sum / draws;
}

TEST_CASE("KerasSpiking's weights give KerasSpiking's accuracies") {
  const auto shared = shared_path();
  const Dataset data = load_dataset();
  if (!shared || !data.is_fashion_mnist) {
    WARN("skipped: the reference folder (SYNFIRE_SHARED) or Fashion-MNIST is not there");
    return;
  }
  struct Row {
    const char *weights, *net;
    float dt;
    double accuracy;
  };
  for (const Row& row :
       {Row{"nonspiking", "nonspiking", 1, 0.8816}, Row{"rate", "spiking", 0.001f, 0.1996},
        Row{"rate", "spiking", 0.01f, 0.6483}, Row{"rate", "spiking", 0.1f, 0.8777},
        Row{"rate", "spiking", 1, 0.8829}, Row{"aware", "spiking", 0.01f, 0.8368},
        Row{"l2", "spiking", 0.01f, 0.7528}, Row{"lowpass", "lowpass", 0.01f, 0.8488},
        Row{"lowpass_dt001", "lowpass", 0.001f, 0.7863}}) {
    const auto weights = *shared / "reference" / "weights" /
                         ("weights_" + std::string(row.weights) + ".safetensors");
    const double accuracy = mean_accuracy(row.net, weights, data, row.dt);
    INFO(row.weights << " at dt " << row.dt << ": " << accuracy);
    CHECK(std::abs(accuracy - row.accuracy) < 0.007);
    if (row.net != std::string("spiking")) continue;
    for (const std::string narrow : {"spiking_bfloat16", "spiking_int8"}) {
      INFO(narrow);
      CHECK(std::abs(mean_accuracy(narrow, weights, data, row.dt) - accuracy) < 0.003);
    }
  }
}
