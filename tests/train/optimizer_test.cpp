#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <golden.hpp>
#include <synfire/error.hpp>
#include <synfire/optimizer.hpp>
#include <synfire/schedule.hpp>

using namespace synfire;

namespace {

/// A whole training of some weights, in one array a slot.
struct Trained {
  std::vector<float> w;
  std::vector<std::vector<float>> slots;

  Trained(const Optimizer& optimizer, std::vector<float> w0)
      : w(std::move(w0)), slots(slots_of(optimizer).size(), std::vector<float>(w.size())) {}

  void step(const Optimizer& optimizer, float rate, std::uint64_t t, const float* g) {
    std::array<float*, kMostSlots> places{};
    for (std::size_t k = 0; k < slots.size(); ++k) places[k] = slots[k].data();
    optimizer_step(optimizer, rate, t, w.data(), places, g, w.size());
  }
};

/// The update rules in double, one weight at a time.
struct InDouble {
  double w, m = 0, v = 0, u = 0, mean = 0;

  void step(const Adam& o, double r, int t, double g) {
    m += (1 - o.beta1) * (g - m);
    v += (1 - o.beta2) * (g * g - v);
    w -= r * std::sqrt(1 - std::pow(o.beta2, t)) / (1 - std::pow(o.beta1, t)) * m /
         (std::sqrt(v) + o.epsilon);
  }
  void step(const AdamW& o, double r, int t, double g) {
    w -= w * o.weight_decay * r;
    step(Adam{o.beta1, o.beta2, o.epsilon}, r, t, g);
  }
  void step(const Sgd& o, double r, int, double g) {
    u = o.momentum * u - r * g;
    w += o.nesterov ? o.momentum * u - r * g : u;
  }
  void step(const RmsProp& o, double r, int, double g) {
    v = o.rho * v + (1 - o.rho) * g * g;
    mean = o.rho * mean + (1 - o.rho) * g;
    u = o.momentum * u + r * g / std::sqrt(v - (o.centered ? mean * mean : 0) + o.epsilon);
    w -= u;
  }
};

const std::vector<Optimizer> kOptimizers{Adam{},
                                         Adam{0.5f, 0.9f, 0.01f},
                                         AdamW{},
                                         AdamW{.weight_decay = 0.5f},
                                         Sgd{},
                                         Sgd{0.9f},
                                         Sgd{0.9f, true},
                                         RmsProp{},
                                         RmsProp{.centered = true},
                                         RmsProp{.momentum = 0.8f},
                                         RmsProp{0.5f, 0.8f, 1e-3f, true}};

}  // namespace

TEST_CASE("every optimiser follows its rule in double") {
  for (const Optimizer& optimizer : kOptimizers) {
    INFO(to_text(optimizer));
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> w0(37);
    for (float& w : w0) w = normal(random);
    Trained trained(optimizer, w0);
    std::vector<InDouble> wanted;
    for (const float w : w0) wanted.push_back({w});
    for (int t = 1; t <= 50; ++t) {
      std::vector<float> g(w0.size());
      for (float& x : g) x = normal(random);
      trained.step(optimizer, 0.01f, static_cast<std::uint64_t>(t), g.data());
      for (std::size_t i = 0; i < w0.size(); ++i)
        std::visit([&](const auto& o) { wanted[i].step(o, 0.01f, t, g[i]); }, optimizer);
    }
    for (std::size_t i = 0; i < w0.size(); ++i)
      CHECK(trained.w[i] == Approx(wanted[i].w).epsilon(1e-5).margin(1e-5));
  }
}

TEST_CASE("every optimiser steps as Keras's does") {
  const auto golden = test::read_json(test::golden_path("optimizers.json"));
  REQUIRE(golden.at("optimizers").size() == 13);
  for (const auto& c : golden["optimizers"]) {
    const Optimizer optimizer = parse_optimizer(c.at("text"));
    const auto rate = Schedule::parse("learning rate", c.at("learning_rate"));
    INFO(to_text(optimizer) << " at " << rate.text());
    const auto gradients = test::array_from(c.at("gradients"));
    const auto wanted = test::array_from(c.at("w"));
    Trained trained(optimizer, test::array_from(c.at("w0")).values);
    const std::size_t n = trained.w.size(), steps = gradients.shape[0];
    for (std::size_t step = 0; step < steps; ++step) {
      trained.step(optimizer, rate.at(step), step + 1, gradients.values.data() + step * n);
      for (std::size_t i = 0; i < n; ++i)
        // Keras takes Adam's powers of beta in float32: a few 1e-5 of the rate.
        REQUIRE(trained.w[i] == Approx(wanted.values[step * n + i]).epsilon(1e-5).margin(1e-5));
    }
  }
}

TEST_CASE("an optimiser's text is read back, and what is left out has Keras's default") {
  for (const Optimizer& optimizer : kOptimizers)
    CHECK(to_text(parse_optimizer(to_text(optimizer))) == to_text(optimizer));
  CHECK(to_text(parse_optimizer("adam")) == "adam:beta1=0.9,beta2=0.999,epsilon=1e-07");
  CHECK(to_text(parse_optimizer("adamw")) ==
        "adamw:beta1=0.9,beta2=0.999,epsilon=1e-07,weight_decay=0.004");
  CHECK(to_text(parse_optimizer("sgd")) == "sgd:momentum=0,nesterov=false");
  CHECK(to_text(parse_optimizer("rmsprop")) ==
        "rmsprop:rho=0.9,momentum=0,epsilon=1e-07,centered=false");
  CHECK(usual_learning_rate(Sgd{}) == 0.01f);
  CHECK(usual_learning_rate(Adam{}) == 0.001f);
}

TEST_CASE("an optimiser that cannot be is refused in a sentence") {
  const auto refused = [](const std::string& text) -> std::string {
    try {
      validate(parse_optimizer(text));
    } catch (const InvalidSetting& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refused("adagrad") ==
        "the optimizer is 'adagrad': it must be one of adam, adamw, sgd, rmsprop, with fields like "
        "word:field=value,field=value");
  CHECK(refused("sgd:speed=3") ==
        "a field of the optimizer is 'speed=3': it must be momentum=VALUE, nesterov=VALUE");
  CHECK(refused("sgd:momentum=fast") ==
        "momentum of the optimizer is 'fast': it must be a number, and one for each place of a "
        "list");
  CHECK(refused("sgd:nesterov=1") == "nesterov of the optimizer is '1': it must be true or false");
  CHECK(refused("sgd:momentum=1.5") == "momentum is 1.5: it must be from 0 to 1");
  for (const char* text : {"", "sgd:", "sgd:momentum", "sgd:momentum=", "sgd:momentum=0.9,",
                           "sgd:momentum=0.9x", "adam:beta1=1", "adam:beta2=nan", "adam:epsilon=0",
                           "adamw:weight_decay=-1", "rmsprop:rho=1", "rmsprop:momentum=-0.1"}) {
    INFO(text);
    CHECK_FALSE(refused(text).empty());
  }
}
