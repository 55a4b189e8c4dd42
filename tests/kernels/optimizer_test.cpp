#include <rapidcheck.h>

#include <catch2/catch.hpp>

#include "synfire/kernels.hpp"
#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;

// The definition, on arrays that end where their allocations end.
void check_adam(std::vector<float> w, std::vector<float> m, std::vector<float> v,
                const std::vector<float>& g, const kernels::AdamStep& step) {
  auto found_w = w, found_m = m, found_v = v;
  const auto without_dust = [](float x) { return std::abs(x) < kernels::kLeastMoment ? 0.0f : x; };
  for (std::size_t i = 0; i < w.size(); ++i) {
    m[i] = without_dust(m[i] + (g[i] - m[i]) * step.one_minus_beta1);
    v[i] = without_dust(v[i] + (g[i] * g[i] - v[i]) * step.one_minus_beta2);
    w[i] -= step.rate * m[i] / (std::sqrt(v[i]) + step.epsilon);
  }
  kernels::adam(found_w.data(), found_m.data(), found_v.data(), g.data(), g.size(), step);
  REQUIRE(first_difference(w, found_w) == -1);
  REQUIRE(first_difference(m, found_m) == -1);
  REQUIRE(first_difference(v, found_v) == -1);
}

TEST_CASE("adam steps as its definition does, at every size") {
  on_every_target([] {
    std::mt19937 random(5);
    for (std::size_t n = 0; n <= 300; ++n) {
      INFO("n " << n);
      check_adam(ordinary_floats(random, n, -1.0f, 1.0f), ordinary_floats(random, n, -0.1f, 0.1f),
                 ordinary_floats(random, n, 0.0f, 0.1f), ordinary_floats(random, n, -1.0f, 1.0f),
                 {1e-3f, 0.1f, 1e-3f, 1e-7f});
    }
  });
}

TEST_CASE("adam carries infinities, NaN and a zero gradient as its definition does") {
  on_every_target([] {
    CHECK(rc::check("awkward numbers", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t n = 1 + random() % 100;
      check_adam(awkward_floats(random, n), awkward_floats(random, n), awkward_floats(random, n),
                 awkward_floats(random, n), {0.01f, 0.1f, 1e-3f, 1e-7f});
    }));
    check_adam({1.0f}, {0.0f}, {0.0f}, {0.0f}, {1e-3f, 0.1f, 1e-3f, 1e-7f});
  });
}

TEST_CASE("adam's first step moves each weight by the rate, against its gradient") {
  on_every_target([] {
    // Bias correction of step 1 for beta 0.9 and 0.999: sqrt(1 - 0.999) / (1 - 0.9).
    const float rate = 1e-3f * std::sqrt(1e-3f) / 0.1f;
    std::vector<float> w(20, 0.5f), m(20, 0.0f), v(20, 0.0f), g(20, 2.0f);
    g[3] = -8.0f;
    kernels::adam(w.data(), m.data(), v.data(), g.data(), w.size(), {rate, 0.1f, 1e-3f, 1e-7f});
    for (std::size_t i = 0; i < w.size(); ++i)
      CHECK(w[i] == Approx(i == 3 ? 0.501f : 0.499f).epsilon(1e-6));
  });
}

}  // namespace
}  // namespace synfire
