#include <synfire/sweep.hpp>

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include <synfire/error.hpp>

using namespace synfire;

namespace {

SweepGrid parsed(const std::vector<std::string>& texts) {
  return SweepGrid::parse(texts);
}

std::string sentence_of(const std::vector<std::string>& texts) {
  try {
    parsed(texts);
  } catch (const InvalidSetting& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("values of a sweep") {
  const SweepGrid grid = parsed({"dt=1e-3..1", "steps=1..100", "threshold=1..8/4",
                                 "stop=never,exact,2,4.5,2", "regularize=0,1e-6..1e-4/3,0"});
  CHECK(grid.dt == std::vector<float>{0.001f, 0.003162f, 0.01f, 0.03162f, 0.1f, 0.3162f, 1});
  CHECK(grid.steps == std::vector<std::size_t>{1, 2, 5, 10, 22, 46, 100});
  CHECK(grid.threshold == std::vector<float>{1, 2, 4, 8});
  REQUIRE(grid.stop.size() == 4);
  CHECK(grid.stop[0].text() == "never");
  CHECK(grid.stop[1].text() == "exact");
  CHECK(grid.stop[3].margin == 4.5);
  CHECK(grid.regularize == std::vector<float>{0, 1e-6f, 1e-5f, 1e-4f});
  CHECK(grid.size() == 7 * 7 * 4 * 4 * 4);
  // Ends are as they are given; whole numbers come once.
  CHECK(parsed({"dt=0.0012345..0.0012349/3"}).dt.front() == 0.0012345f);
  CHECK(parsed({"dt=0.0012345..0.0012349/3"}).dt.back() == 0.0012349f);
  CHECK(parsed({"steps=1..4/1000"}).steps == std::vector<std::size_t>{1, 2, 3, 4});
  CHECK(parsed({"steps=5..5"}).steps == std::vector<std::size_t>{5});
  CHECK(parsed({"threshold=2"}).threshold == std::vector<float>{2});
}

TEST_CASE("points of a sweep are its product") {
  const auto points = parsed({"stop=never,2", "dt=0.1,0.2", "steps=3"}).points();
  REQUIRE(points.size() == 4);
  CHECK(points[0].dt == 0.1f);
  CHECK(points[1].dt == 0.1f);
  CHECK(points[2].dt == 0.2f);
  CHECK(points[1].stop->text() == "2");
  CHECK(points[2].stop->text() == "never");
  for (const SweepPoint& point : points) {
    CHECK(point.steps == 3u);
    CHECK_FALSE(point.threshold);
    CHECK_FALSE(point.regularize);
  }
  const auto grid = parsed({"dt=1e-3..1", "threshold=1..8", "regularize=0,1"});
  std::set<std::string> different;
  for (const SweepPoint& p : grid.points())
    different.insert(std::to_string(*p.dt) + " " + std::to_string(*p.threshold) + " " +
                     std::to_string(*p.regularize));
  CHECK(different.size() == grid.size());
}

TEST_CASE("a sweep that is none is refused in a sentence") {
  const std::string form =
      "it must be SETTING=VALUES, of dt, steps, threshold, stop and regularize, like dt=1e-3..1";
  CHECK(sentence_of({}) == "--sweep is empty: " + form);
  CHECK(sentence_of({"dt"}) == "--sweep is 'dt': " + form);
  CHECK(sentence_of({"tau=1"}) == "--sweep is 'tau=1': " + form);
  CHECK(sentence_of({"dt=1", "dt=2"}) ==
        "--sweep is 'dt=2': it must be given once for each setting");
  const std::string seconds = ": it must be finite numbers of seconds above 0";
  for (const char* const bad : {"", "0", "-1", "nan", "inf", "1e-60", "1e60", "0.1s", "nan..1",
                                "0..1", "1..", "1,,2", "1..inf"})
    CHECK(sentence_of({std::string("dt=") + bad}).find(seconds) != std::string::npos);
  CHECK(sentence_of({"dt=1..0.1"}) ==
        "--sweep dt is '1..0.1': it must be a range A..B with 0 < A <= B, like 0.001..1");
  CHECK(sentence_of({"regularize=0..1"}).find("0 < A <= B") != std::string::npos);
  for (const char* const bad : {"1..2/1", "1..2/x", "1..2/", "1..2/1001", "1..2/-3"})
    CHECK(sentence_of({std::string("threshold=") + bad}).find("A..B/N with N from 2 to 1000") !=
          std::string::npos);
  for (const char* const bad : {"0", "1.5", "-1", "0..3", "16777217"})
    CHECK(sentence_of({std::string("steps=") + bad}).find("whole numbers from 1") !=
          std::string::npos);
  for (const char* const bad : {"", "soon", "-1", "nan", "2..4"})
    CHECK(sentence_of({std::string("stop=") + bad}).find("never, exact, or a margin") !=
          std::string::npos);
  CHECK(sentence_of({"dt=1e-3..1/101", "threshold=1..8/100"}) ==
        "--sweep is a grid of 10100 points: it must be at most 10000: fewer values, or A..B/N");
}
