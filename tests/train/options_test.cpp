#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <string>

#include <synfire/error.hpp>
#include <synfire/timebase.hpp>
#include <synfire/training.hpp>

using synfire::InvalidSetting;
using synfire::RunOptions;
using synfire::Stop;
using synfire::TrainOptions;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The setting that validate() blames; "" where it accepts.
template <class Options>
std::string blamed(const Options& options) {
  try {
    options.validate();
  } catch (const InvalidSetting& error) {
    CHECK(std::string(error.what()).find(error.setting + " is ") == 0);
    return error.setting;
  }
  return "";
}

}  // namespace

TEST_CASE("options that a training or a run can have are accepted") {
  CHECK(blamed(TrainOptions{}) == "");
  CHECK(blamed(RunOptions{}) == "");
  CHECK(blamed(RunOptions{.dt = 2, .steps = 200}) == "");
  CHECK(blamed(RunOptions{.stop = Stop::at_margin(0)}) == "");
  CHECK(blamed(TrainOptions{.dt = 1e-30f, .optimizer = synfire::Adam{0, 0}}) == "");
  CHECK(blamed(TrainOptions{.metrics = {}, .validation_split = 0.999}) == "");
}

TEST_CASE("a time step or a number of steps out of range is refused") {
  const float dt = GENERATE(0.0f, -0.0f, -0.001f, kNan, kInfinity, -kInfinity);
  CHECK(blamed(RunOptions{.dt = dt}) == "dt");
  CHECK(blamed(TrainOptions{.dt = dt}) == "dt");
  CHECK(blamed(RunOptions{.steps = 0}) == "steps");
  CHECK(blamed(RunOptions{.stop = Stop::at_margin(-1)}) == "the margin to stop at");
  CHECK(blamed(RunOptions{.stateful = true, .stop = Stop::exact()}) == "stop");
  CHECK(blamed(TrainOptions{.steps = 0}) == "steps");
}

TEST_CASE("training settings out of range are refused") {
  CHECK(blamed(TrainOptions{.epochs = 0}) == "epochs");
  CHECK(blamed(TrainOptions{.epochs = (std::size_t{1} << 28) + 1}) == "epochs");
  CHECK(blamed(TrainOptions{.batch = 0}) == "batch");
  for (const float x : {0.0f, -1.0f, kNan, kInfinity}) {
    CHECK(blamed(TrainOptions{.learning_rate = x}) == "learning rate");
    CHECK(blamed(TrainOptions{.optimizer = synfire::Adam{.epsilon = x}}) == "epsilon");
    CHECK(blamed(TrainOptions{.dt_schedule = x}) == "dt schedule");
  }
  for (const float x : {1.0f, -0.1f, kNan, kInfinity}) {
    CHECK(blamed(TrainOptions{.optimizer = synfire::Adam{.beta1 = x}}) == "beta1");
    CHECK(blamed(TrainOptions{.optimizer = synfire::Adam{.beta2 = x}}) == "beta2");
    CHECK(blamed(TrainOptions{.validation_split = x}) == "validation split");
  }
  using synfire::Metric;
  CHECK(blamed(TrainOptions{.metrics = {Metric{Metric::Kind::TopK, 0}}}) ==
        "k of the top-k accuracy");
  CHECK(blamed(TrainOptions{.metrics = {Metric{}, Metric{}}}) == "a metric");
}

TEST_CASE("a refusal is one sentence with the value and the range") {
  try {
    TrainOptions{.optimizer = synfire::Adam{.beta1 = 1.5f}}.validate();
    FAIL("accepted");
  } catch (const InvalidSetting& error) {
    CHECK(std::string(error.what()) == "beta1 is 1.5: it must be at least 0 and below 1");
  }
}
