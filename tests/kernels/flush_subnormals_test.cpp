#include <catch2/catch.hpp>
#include <limits>

#include "synfire/kernels.hpp"

namespace synfire {
namespace {

// To the processor, not to the compiler.
float halved(float x) {
  volatile float value = x;
  return value * 0.5f;
}

TEST_CASE("subnormal numbers are zeros as long as they are said to be") {
  constexpr float least = std::numeric_limits<float>::min();
  CHECK(halved(least) > 0);
  {
    const kernels::FlushSubnormals outer;
    { const kernels::FlushSubnormals inner; }
    CHECK(halved(least) == 0);
    CHECK(halved(4 * least) == 2 * least);
  }
  CHECK(halved(least) > 0);
}

}  // namespace
}  // namespace synfire
