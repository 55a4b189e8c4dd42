#include "synfire/target.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "synfire/error.hpp"
#include "targets.hpp"

namespace synfire {

TEST_CASE("the best supported target is active until another one is forced") {
  const auto targets = supported_targets();
  REQUIRE_FALSE(targets.empty());
  CHECK(std::set(targets.begin(), targets.end()).size() == targets.size());
  CHECK(active_target() == targets.front());
  test::on_every_target([&] {
    CHECK(std::count(targets.begin(), targets.end(), active_target()) == 1);
    CHECK(supported_targets() == targets);
  });
  for (const auto& target : targets) {
    force_target(target);
    CHECK(active_target() == target);
  }
  force_target("");
  CHECK(active_target() == targets.front());
}

TEST_CASE("a target that is not supported is refused and changes nothing") {
  const auto before = active_target();
  for (const auto* name : {"AVX9", "avx2", "NEON", " ", "SCALAR "}) {
    CHECK_THROWS_AS(force_target(name), InvalidSetting);
    CHECK(active_target() == before);
  }
  CHECK_THROWS_WITH(force_target("AVX9"), Catch::Contains("AVX9") && Catch::Contains(before));
}

}  // namespace synfire
