#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <vector>

#include <golden.hpp>
#include <synfire/error.hpp>
#include <synfire/samples.hpp>
#include <synfire/training.hpp>

using namespace synfire;

TEST_CASE("samples are loaded and cut alike, whatever they are made of") {
  const std::vector<std::uint8_t> bytes{0, 51, 102, 153, 204, 255}, classes{2, 0, 1};
  const std::vector<float> rows{1, 2, 3, 4, 5, 6}, targets{7, 8, 9};
  const auto check = [](const Samples& all, bool pixels) {
    REQUIRE(all.count == 3);
    REQUIRE(all.width == 2);
    const Samples part = all.part(1, 2);
    CHECK(part.count == 2);
    std::vector<float> x(2);
    part.load(1, x.data());
    CHECK(x == (pixels ? std::vector{204.0f / 255, 1.0f} : std::vector{5.0f, 6.0f}));
    return part;
  };
  CHECK(check(Samples(rows, classes), false).labels[1] == 1);
  CHECK(check(Samples(3, rows, targets), false).targets[0] == 8);
  CHECK(check(Samples(3, bytes, targets), true).targets[1] == 9);
  const ImageSet images{1, 2, bytes, classes};
  CHECK(check(Samples(images), true).labels[0] == 0);
  CHECK(Samples(images).targets_from(1).labels[1] == 1);
  CHECK(Samples(3, rows, targets).targets_from(2).values[0] == 9);
}

TEST_CASE("samples that do not fit a network are refused with what is wrong") {
  const std::vector<std::uint8_t> classes{2, 0, 1};
  std::vector<float> rows{1, 2, 3, 4, 5, 6}, targets{7, 8, 9};
  Samples(rows, classes).check(2, 3);
  Samples(3, rows, targets).check(2, 1);
  CHECK_THROWS_AS(Samples(rows, classes).check(3, 3), ShapeMismatch);
  CHECK_THROWS_AS(Samples(rows, classes).check(2, 2), InvalidSetting);
  CHECK_THROWS_AS(Samples(3, rows, targets).check(2, 2), ShapeMismatch);
  CHECK_THROWS_AS(Samples(std::span(rows).first(5), classes).check(2, 3), ShapeMismatch);
  CHECK_THROWS_AS(Samples(0, std::span<const float>{}, {}).check(2, 3), InvalidSetting);
  const auto message = [&] {
    try {
      Samples(3, rows, targets).check(2, 1);
    } catch (const InvalidSetting& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  targets[1] = std::numeric_limits<float>::infinity();
  CHECK(message() == "a value in the target of training sample 1 is inf: it must be finite");
  targets[1] = 0;
  rows[4] = std::numeric_limits<float>::quiet_NaN();
  CHECK(message() == "a value in the input of training sample 2 is nan: it must be finite");
}

TEST_CASE("the split leaves as many samples to train with as Keras's") {
  const auto golden = test::read_json(test::golden_path("optimizers.json"));
  REQUIRE(golden.at("splits").size() == 7);
  for (const auto& c : golden["splits"]) {
    TrainOptions options;
    options.validation_split = c.at("fraction");
    CHECK(options.trained_of(c.at("samples")) == c.at("training").get<std::size_t>());
  }
  TrainOptions options;
  CHECK(options.trained_of(5) == 5);
  options.validation_split = 0.9;
  CHECK_THROWS_AS(options.trained_of(5), InvalidSetting);
  options.validation_split = 1e-20;
  CHECK_THROWS_AS(options.trained_of(5), InvalidSetting);
}
