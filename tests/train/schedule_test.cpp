#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include <golden.hpp>
#include <synfire/error.hpp>
#include <synfire/schedule.hpp>
#include <synfire/training.hpp>

using namespace synfire;

namespace {

Schedule parsed(const std::string& text) {
  return Schedule::parse("learning rate", text);
}

/// The schedule that a case of dt_scheduler.json describes.
Schedule from_case(const nlohmann::json& c) {
  const std::string name = c.at("schedule");
  const auto& config = c.at("config");
  const auto get = [&](const char* key) { return config.at(key).get<float>(); };
  if (name == "PiecewiseConstantDecay")
    return PiecewiseConstantDecay{config.at("boundaries").get<std::vector<std::uint64_t>>(),
                                  config.at("values").get<std::vector<float>>()};
  const auto decay_steps = config.at("decay_steps").get<std::uint64_t>();
  if (name == "ExponentialDecay")
    return ExponentialDecay{get("initial"), decay_steps, get("decay_rate"),
                            config.at("staircase").get<bool>()};
  if (name == "InverseTimeDecay")
    return InverseTimeDecay{get("initial"), decay_steps, get("decay_rate")};
  if (name == "PolynomialDecay")
    return PolynomialDecay{get("initial"), decay_steps, get("end"), get("power")};
  REQUIRE(name == "CosineDecay");
  return CosineDecay{get("initial"), decay_steps, get("alpha")};
}

std::string refused(const std::string& text) {
  try {
    parsed(text).validate("learning rate");
  } catch (const InvalidSetting& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every schedule is Keras's, step by step") {
  const auto golden = test::read_json(test::golden_path("optimizers.json"));
  REQUIRE(golden.at("schedules").size() == 13);
  for (const auto& c : golden["schedules"]) {
    const Schedule schedule = parsed(c.at("text"));
    schedule.validate("learning rate");
    const auto values = test::array_from(c.at("values")).values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto step = c.at("steps")[i].get<std::uint64_t>();
      INFO(schedule.text() << " at " << step);
      CHECK(schedule.at(step) == Approx(values[i]).epsilon(1e-6).margin(1e-9));
    }
  }
}

TEST_CASE("dt of each training step is what KerasSpiking's DtScheduler sets") {
  const auto golden = test::read_json(test::golden_path("dt_scheduler.json"));
  REQUIRE(golden.at("cases").size() == 6);
  for (const auto& c : golden["cases"]) {
    TrainOptions options;
    options.dt_schedule = from_case(c);
    options.validate();
    INFO(options.dt_schedule->text());
    const auto steps_per_epoch = c.at("steps_per_epoch").get<std::size_t>();
    const auto& wanted = c.at("dt_at_step");
    for (std::size_t step = 0; step < wanted.size(); ++step)
      CHECK(options.dt_at(step, step / steps_per_epoch) == wanted[step].get<float>());
    options.dt_by_epoch = true;
    CHECK(options.dt_at(7, 3) == options.dt_schedule->at(3));
  }
}

TEST_CASE("a schedule's text is read back to the same schedule") {
  const auto golden = test::read_json(test::golden_path("optimizers.json"));
  for (const auto& c : golden["schedules"]) {
    const Schedule schedule = parsed(c.at("text"));
    const Schedule again = parsed(schedule.text());
    CHECK(again.text() == schedule.text());
    for (const std::uint64_t step : {0u, 3u, 9u, 17u}) CHECK(again.at(step) == schedule.at(step));
  }
  CHECK(Schedule(0.5f).text() == "0.5");
  CHECK(parsed("constant:value=0.5").at(7) == 0.5f);
  CHECK(parsed("cosine:initial=0.1,decay_steps=12").text() ==
        "cosine:initial=0.1,decay_steps=12,alpha=0,warmup_steps=0");
}

TEST_CASE("a schedule that cannot be is refused in a sentence") {
  CHECK(refused("nan") == "learning rate is nan: it must be a finite number above 0");
  CHECK(refused("exponential:initial=0.1") ==
        "decay_steps of the learning rate is 0: it must be at least 1");
  CHECK(refused("exponential:decay_steps=1") ==
        "initial of the learning rate is 0: it must be a finite number above 0");
  CHECK(refused("piecewise_constant:boundaries=6/12,values=1/2") ==
        "number of values of the learning rate is 2: it must be the number of boundaries and 1 "
        "more");
  CHECK(refused("fast").find("the learning rate is 'fast': it must be one of constant, "
                             "exponential") == 0);
  for (const char* text :
       {"0", "-1", "inf", "exponential:initial=0.1,decay_steps=5,decay_rate=-1",
        "exponential:initial=0.1,decay_steps=-5", "exponential:initial=0.1,decay_steps=2.5",
        "exponential:initial=inf,decay_steps=5", "polynomial:initial=0.1,decay_steps=5,power=nan",
        "polynomial:initial=0.1,decay_steps=5,end=-1", "cosine:initial=0.1,decay_steps=5,alpha=-1",
        "cosine:initial=0.1,decay_steps=5,warmup_target=0", "piecewise_constant",
        "piecewise_constant:boundaries=6/6,values=1/2/3",
        "piecewise_constant:boundaries=6,values=1/0",
        "piecewise_constant:boundaries=6,values=1/"}) {
    INFO(text);
    CHECK_FALSE(refused(text).empty());
  }
}

TEST_CASE("a dt schedule that leaves the possible is refused at the step where it does") {
  TrainOptions options;
  options.dt_schedule = PolynomialDecay{0.1f, 4, 0};
  options.validate();
  CHECK(options.dt_at(3, 0) > 0);
  CHECK_THROWS_AS(options.dt_at(4, 0), InvalidSetting);
}
