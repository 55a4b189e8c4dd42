#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <set>

#include <synfire/dataset.hpp>
#include <synfire/target.hpp>

using namespace synfire;

namespace {

/// The share of images that lie nearest to the mean image of their own class, in squared distance.
double nearest_mean_accuracy(const ImageSet& train, const ImageSet& test) {
  const std::size_t pixels = train.pixels_per_image();
  std::vector<std::vector<double>> means(10, std::vector<double>(pixels));
  std::vector<double> counts(10);
  for (std::size_t i = 0; i < train.size(); ++i) {
    ++counts[train.labels[i]];
    for (std::size_t p = 0; p < pixels; ++p) means[train.labels[i]][p] += train.image(i)[p];
  }
  for (std::size_t c = 0; c < 10; ++c)
    for (double& value : means[c]) value /= counts[c];

  std::size_t right = 0;
  for (std::size_t i = 0; i < test.size(); ++i) {
    double best = std::numeric_limits<double>::infinity();
    std::size_t nearest = 0;
    for (std::size_t c = 0; c < 10; ++c) {
      double distance = 0;
      for (std::size_t p = 0; p < pixels; ++p) {
        const double difference = test.image(i)[p] - means[c][p];
        distance += difference * difference;
      }
      if (distance < best) {
        best = distance;
        nearest = c;
      }
    }
    right += nearest == test.labels[i] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(test.size());
}

}  // namespace

TEST_CASE("the silhouettes are the same bytes on every machine") {
  struct Restore {
    ~Restore() { force_target(""); }
  } restore;
  for (const auto& target : supported_targets()) {
    INFO("target " << target);
    force_target(target);
    const Dataset data = make_silhouettes(200, 50);
    CHECK(sha256(data.train.pixels) ==
          "9d3a1beecaac6802cf70ee32013c20c08285cb62123e9af44ed2c2a21d509cc6");
    CHECK(data.fingerprint == "5f48344949283bd8b413ce28f1d8de85f84211b2814eac7256546448d6918711");
  }
}

TEST_CASE("the silhouettes say what they are") {
  const Dataset data = make_silhouettes(30, 20);
  CHECK(data.name == "silhouettes");
  CHECK(data.origin == "embedded generator");
  CHECK_FALSE(data.is_fashion_mnist);
  REQUIRE(data.classes.size() == 10);
  CHECK(data.classes[9] == "Ankle boot");
  CHECK(data.train.size() == 30);
  CHECK(data.test.size() == 20);
  for (const ImageSet* set : {&data.train, &data.test}) {
    CHECK(set->height == 28);
    CHECK(set->width == 28);
    CHECK(set->pixels.size() == set->size() * 784);
  }
}

TEST_CASE("more silhouettes begin with the fewer, in all ten classes alike") {
  const Dataset few = make_silhouettes(40, 20), many = make_silhouettes(100, 60);
  CHECK(std::equal(few.train.pixels.begin(), few.train.pixels.end(), many.train.pixels.begin()));
  CHECK(std::equal(few.test.pixels.begin(), few.test.pixels.end(), many.test.pixels.begin()));
  for (std::uint8_t label = 0; label < 10; ++label) {
    CHECK(std::count(many.train.labels.begin(), many.train.labels.end(), label) == 10);
    CHECK(std::count(many.test.labels.begin(), many.test.labels.end(), label) == 6);
  }
  CHECK(make_silhouettes(0, 0).train.size() == 0);
}

TEST_CASE("no two silhouettes are alike, and none is empty or fills its frame") {
  const Dataset data = make_silhouettes(500, 500);
  std::set<std::string> seen;
  for (const ImageSet* set : {&data.train, &data.test}) {
    for (std::size_t i = 0; i < set->size(); ++i) {
      const auto image = set->image(i);
      const auto background = std::count(image.begin(), image.end(), 0);
      INFO("image " << i << " of class " << int{set->labels[i]});
      CHECK(background > 784 / 5);
      CHECK(background < 784 * 19 / 20);
      seen.insert(sha256(image));
    }
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("the nearest class mean finds most silhouettes, and not all") {
  const Dataset data = make_silhouettes(2000, 1000);
  const double accuracy = nearest_mean_accuracy(data.train, data.test);
  INFO("accuracy " << accuracy);
  CHECK(accuracy > 0.5);   // chance: 0.1
  CHECK(accuracy < 0.95);  // nothing to learn beyond it
}
