#include <catch2/catch.hpp>

#include <synfire/error.hpp>
#include <synfire/model.hpp>

#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

static_assert(Seed::sound);
static_assert(std::is_same_v<Seed::Out, Signal<Shape<7>, Final>>);
static_assert(std::is_same_v<Analog::Out, Signal<Shape<3>, Held>>);
static_assert(std::is_same_v<Sequence::Out, Signal<Shape<33>, Spikes>>);
static_assert(std::is_empty_v<Seed>);

TEST_CASE("a network describes itself") {
  const std::vector<LayerInfo> layers = describe<Seed>();
  REQUIRE(layers.size() == 6);
  CHECK(layers[0].signature == "input(6,5)");
  CHECK(layers[0].shape == std::vector<std::size_t>{6, 5});
  CHECK(layers[0].label == "input_0");
  CHECK(layers[1].signature == "flatten");
  CHECK(layers[1].shape == std::vector<std::size_t>{30});
  CHECK(layers[1].carrier == "held");
  CHECK(layers[2].label == "hidden");
  CHECK(layers[2].signature == "dense(19)");
  CHECK(layers[2].parameters == 30 * 19 + 19);
  CHECK(layers[3].signature == "spiking(relu)");
  CHECK(layers[3].carrier == "spikes");
  CHECK(layers[4].signature == "mean_over_time");
  CHECK(layers[4].carrier == "final");
  CHECK(layers[4].label == "mean_over_time_4");
  CHECK(layers[5].shape == std::vector<std::size_t>{7});
  CHECK(layers[5].carrier == "final");
  CHECK(describe<TwoLayers>()[3].carrier == "stepped");
  CHECK(describe<Leaky>()[2].parameters == 1);
}

TEST_CASE("the signature leaves labels out") {
  struct Unlabelled
      : Network<Input<6, 5>, Flatten, Dense<19>, Spiking<Relu>, MeanOverTime, Dense<7>> {};
  CHECK(Parameters<Seed>().signature() == Parameters<Unlabelled>().signature());
  CHECK(Parameters<Seed>().signature() ==
        "synfire/1|input(6,5)|flatten|dense(19)|spiking(relu)|mean_over_time|dense(7)");
}

TEST_CASE("the ready-made nets are what they say") {
  for (const std::string& name : model_names()) {
    const ModelInfo info = make_model(name)->info();
    CHECK(info.name == name);
    CHECK(info.input_shape == std::vector<std::size_t>{28, 28});
    CHECK(info.classes == 10);
    CHECK(info.spiking == (name != "nonspiking"));
    CHECK_FALSE(info.description.empty());
    std::size_t parameters = 0;
    for (const LayerInfo& layer : info.layers) parameters += layer.parameters;
    CHECK(parameters == info.parameters);
  }
  CHECK(make_model("spiking")->info().signature ==
        "synfire/1|input(28,28)|flatten|dense(128)|spiking(relu)|mean_over_time|dense(10)");
  CHECK(make_model("spiking")->info().parameters == 784 * 128 + 128 + 128 * 10 + 10);
  CHECK_THROWS_AS(make_model("speaking"), InvalidSetting);
}
