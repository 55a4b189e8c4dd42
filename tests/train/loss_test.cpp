#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <golden.hpp>
#include <synfire/error.hpp>
#include <synfire/gemm.hpp>
#include <synfire/training.hpp>

using synfire::softmax_cross_entropy;

namespace {

struct Batch {
  std::vector<float> logits;
  std::vector<std::uint8_t> labels;
  std::size_t classes;
  std::size_t count() const { return labels.size(); }
};

Batch draw(std::size_t count, std::size_t classes, float scale, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, scale);
  Batch batch{std::vector<float>(count * classes), std::vector<std::uint8_t>(count), classes};
  for (float& z : batch.logits) z = normal(engine);
  for (auto& label : batch.labels) label = static_cast<std::uint8_t>(engine() % classes);
  return batch;
}

double reference_loss(const std::vector<double>& z, const Batch& batch) {
  double loss = 0;
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const double* row = z.data() + i * batch.classes;
    const double largest = *std::max_element(row, row + batch.classes);
    double sum = 0;
    for (std::size_t c = 0; c < batch.classes; ++c) sum += std::exp(row[c] - largest);
    loss += std::log(sum) + largest - row[batch.labels[i]];
  }
  return loss;
}

synfire::Trainable::BatchResult run(const Batch& batch, std::vector<float>& gradient) {
  gradient.assign(batch.logits.size(), -1.0f);
  return softmax_cross_entropy(batch.logits.data(), batch.labels.data(), batch.count(),
                               batch.classes, gradient.data());
}

}  // namespace

TEST_CASE("softmax_cross_entropy agrees with double and with finite differences") {
  const std::size_t count = GENERATE(1u, 5u, 32u), classes = GENERATE(1u, 2u, 10u);
  const float scale = GENERATE(0.1f, 3.0f, 20.0f);
  const Batch batch = draw(count, classes, scale, 7);
  std::vector<float> gradient;
  const auto result = run(batch, gradient);

  std::vector<double> z(batch.logits.begin(), batch.logits.end());
  const double want = reference_loss(z, batch);
  CHECK(result.loss_sum == Approx(want).epsilon(1e-5).margin(1e-6));

  for (std::size_t i = 0; i < z.size(); ++i) {
    const double h = 1e-5, at = z[i];
    z[i] = at + h;
    const double above = reference_loss(z, batch);
    z[i] = at - h;
    const double below = reference_loss(z, batch);
    z[i] = at;
    const double slope = (above - below) / (2 * h) / static_cast<double>(count);
    REQUIRE(gradient[i] == Approx(slope).epsilon(1e-4).margin(1e-6));
  }
}

TEST_CASE("softmax_cross_entropy counts a row as correct by its first largest logit") {
  const Batch batch{{1, 3, 3, 0, 0, 0, -5, -6, -7, 2, 1, 2}, {1, 0, 2, 2}, 3};
  std::vector<float> gradient;
  CHECK(run(batch, gradient).correct == 2);
}

TEST_CASE("softmax_cross_entropy stands logits of any finite size") {
  const Batch batch{{3e38f, -3e38f, 0, -3e38f, 1000, 999}, {0, 1}, 3};
  std::vector<float> gradient;
  const auto result = run(batch, gradient);
  CHECK(result.loss_sum == Approx(std::log(1 + std::exp(-1.0))).epsilon(1e-6));
  for (const float g : gradient) CHECK(std::isfinite(g));
}

TEST_CASE("softmax_cross_entropy passes NaN on to the loss, wherever it stands") {
  const std::size_t where = GENERATE(0u, 1u, 2u);
  Batch batch{{1, 2, 3}, {1}, 3};
  batch.logits[where] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> gradient;
  CHECK(std::isnan(run(batch, gradient).loss_sum));
}

TEST_CASE("loss and last layer's gradients are PyTorch's") {
  const auto file = synfire::read_safetensors(synfire::test::golden_path("lif.safetensors"));
  for (int k = 0; k < 4; ++k) {
    const auto tensor = [&](const std::string& name) -> const synfire::Tensor& {
      const auto* found = file.find("case" + std::to_string(k) + "." + name);
      REQUIRE(found != nullptr);
      return *found;
    };
    const auto integers = tensor("labels").integers();
    Batch batch{tensor("logits").floats(), {integers.begin(), integers.end()}, 4};
    std::vector<float> gradient;
    const auto result = run(batch, gradient);
    CHECK(result.loss_sum / 6 == Approx(tensor("loss").floats()[0]).epsilon(1e-6));

    // grad.w3 = mean spikes' * gradient, where the spikes are [step][sample][neuron].
    const auto spikes = tensor("spikes2").floats();
    const auto steps = tensor("steps").integers()[0];
    std::vector<float> mean(6 * 7), weights(7 * 4);
    for (std::size_t i = 0; i < spikes.size(); ++i)
      mean[i % mean.size()] += spikes[i] / static_cast<float>(steps);
    synfire::gemm(true, false, 7, 4, 6, mean.data(), 7, gradient.data(), 4, 0, weights.data(), 4);
    const auto want = tensor("grad.w3").floats();
    for (std::size_t i = 0; i < want.size(); ++i)
      CHECK(weights[i] == Approx(want[i]).epsilon(1e-5).margin(1e-7));
  }
}

TEST_CASE("the loss is KerasSpiking's on the logits of its first step") {
  const auto file = synfire::read_safetensors(synfire::test::golden_path("training.safetensors"));
  const auto figures = synfire::test::read_json(synfire::test::golden_path("training.json"));
  const auto labels = file.find("y")->integers();
  for (const std::string variant : {"rate", "aware", "aware_lowpass"}) {
    const Batch batch{
        file.find(variant + ".logits0")->floats(), {labels.begin(), labels.begin() + 32}, 10};
    std::vector<float> gradient;
    const double want = figures["variants"][variant]["cross_entropy"][0];
    CHECK(run(batch, gradient).loss_sum / 32 == Approx(want).epsilon(1e-6));
    // The last bias's gradient is the logits' gradient, summed over the batch.
    const bool lowpass = variant == "aware_lowpass";
    const auto bias = file.find(variant + (lowpass ? ".grad0.5" : ".grad0.3"))->floats();
    for (std::size_t c = 0; c < 10; ++c) {
      double sum = 0;
      for (std::size_t i = 0; i < 32; ++i) sum += gradient[i * 10 + c];
      CHECK(sum == Approx(bias[c]).epsilon(1e-5).margin(1e-7));
    }
  }
}

namespace {

/// Targets of a case of optimizers.json, and what they point to.
struct Wanted {
  explicit Wanted(const nlohmann::json& c) {
    if (c.contains("labels"))
      labels = c["labels"].get<std::vector<std::uint8_t>>();
    else
      values = synfire::test::array_from(c.at("target")).values;
  }
  synfire::Targets targets() const {
    return labels.empty() ? synfire::Targets(values.data()) : synfire::Targets(labels.data());
  }

  std::vector<std::uint8_t> labels;
  std::vector<float> values;
};

}  // namespace

TEST_CASE("every loss and its gradient are Keras's") {
  const auto golden = synfire::test::read_json(synfire::test::golden_path("optimizers.json"));
  REQUIRE(golden.at("losses").size() == 9);
  for (const auto& c : golden["losses"]) {
    const synfire::Loss loss = synfire::parse_loss(c.at("loss"));
    INFO(synfire::name_of(loss));
    const auto output = synfire::test::array_from(c.at("output"));
    const auto wanted = synfire::test::array_from(c.at("gradient")).values;
    const std::size_t count = output.shape[0], width = output.shape[1];
    const Wanted target(c);
    std::vector<float> gradient(count * width, -1.0f);
    const auto result = synfire::differentiate(loss, output.values.data(), target.targets(), count,
                                               width, gradient.data());
    CHECK(result.loss_sum / static_cast<double>(count) ==
          Approx(c.at("value").get<double>()).epsilon(1e-6));
    for (std::size_t i = 0; i < gradient.size(); ++i)
      CHECK(gradient[i] == Approx(wanted[i]).epsilon(2e-6).margin(1e-7));
  }
}

TEST_CASE("every metric is Keras's") {
  const auto golden = synfire::test::read_json(synfire::test::golden_path("optimizers.json"));
  REQUIRE(golden.at("metrics").size() == 7);
  for (const auto& c : golden["metrics"]) {
    const auto metric = synfire::Metric::parse(c.at("metric"));
    CHECK(metric.name() == c.at("metric").get<std::string>());
    INFO(metric.name());
    const auto output = synfire::test::array_from(c.at("output"));
    const Wanted target(c);
    const double sum =
        metric.sum(output.values.data(), target.targets(), output.shape[0], output.shape[1]);
    CHECK(sum / static_cast<double>(output.shape[0]) ==
          Approx(c.at("value").get<double>()).epsilon(1e-6));
  }
}

TEST_CASE("a class stands for its one-hot row, whatever the loss") {
  const std::size_t count = 9, width = 4;
  const Batch batch = draw(count, width, 2.0f, 3);
  std::vector<float> rows(count * width);
  for (std::size_t i = 0; i < count; ++i) rows[i * width + batch.labels[i]] = 1;
  for (const char* name : {"categorical_crossentropy", "mean_squared_error", "hinge"}) {
    INFO(name);
    const synfire::Loss loss = synfire::parse_loss(name);
    std::vector<float> sparse(count * width), dense(count * width);
    const auto one = synfire::differentiate(loss, batch.logits.data(), batch.labels.data(), count,
                                            width, sparse.data());
    const auto other =
        synfire::differentiate(loss, batch.logits.data(), rows.data(), count, width, dense.data());
    CHECK(one.loss_sum == Approx(other.loss_sum).epsilon(1e-6));
    CHECK(one.correct == other.correct);
    for (std::size_t i = 0; i < sparse.size(); ++i) CHECK(sparse[i] == Approx(dense[i]));
  }
}

TEST_CASE("a class whose output is not a number is among no top k") {
  const std::vector<float> outputs{1, 2, std::numeric_limits<float>::quiet_NaN()};
  const std::uint8_t label = 2, other = 0;
  const synfire::Metric top{synfire::Metric::Kind::TopK, 3};
  CHECK(top.sum(outputs.data(), &label, 1, 3) == 0);
  CHECK(top.sum(outputs.data(), &other, 1, 3) == 1);
}

TEST_CASE("unknown losses and metrics are refused with the known") {
  using Catch::Matchers::Message;
  CHECK_THROWS_MATCHES(synfire::parse_loss("mse"), synfire::InvalidSetting,
                       Message("the loss is 'mse': it must be one of categorical_crossentropy, "
                               "mean_squared_error, hinge"));
  for (const char* name : {"", "top_0_accuracy", "top_x_accuracy", "top_3", "acc"})
    CHECK_THROWS_AS(synfire::Metric::parse(name), synfire::InvalidSetting);
}

TEST_CASE("softmax is the shares of the exponentials, for logits of any size") {
  const auto p = synfire::softmax(std::vector<float>{0, std::log(2.0f), std::log(5.0f)});
  REQUIRE(p.size() == 3);
  for (std::size_t c = 0; c < 3; ++c) CHECK(p[c] == Approx(std::vector{0.125, 0.25, 0.625}[c]));
  const auto large = synfire::softmax(std::vector<float>{3e38f, -3e38f});
  CHECK(large == std::vector<double>{1, 0});
}

TEST_CASE("golden arrays are read with their shape and their odd values") {
  const auto array = synfire::test::array_from(
      nlohmann::json::parse(R"({"shape":[2,2],"data":[0.1,"nan","inf","-inf"]})"));
  CHECK(array.shape == std::vector<std::size_t>{2, 2});
  CHECK(array.values[0] == 0.1f);
  CHECK(std::isnan(array.values[1]));
  CHECK(array.values[2] == std::numeric_limits<float>::infinity());
  CHECK(array.values[3] == -std::numeric_limits<float>::infinity());
  CHECK_THROWS(
      synfire::test::array_from(nlohmann::json::parse(R"({"shape":[2,2],"data":[1,2,3]})")));

  const auto spiking =
      synfire::test::read_json(synfire::test::golden_path("spiking_activation.json"));
  REQUIRE(spiking.at("cases").size() == 17);
  const auto inputs = synfire::test::array_from(spiking["cases"][0]["inputs"]);
  CHECK(inputs.shape == std::vector<std::size_t>{3, 12, 6});
  for (const char* name :
       {"filters.json", "regularizers.json", "dt_scheduler.json", "model_energy.json"})
    CHECK_FALSE(synfire::test::read_json(synfire::test::golden_path(name)).at("cases").empty());
}
