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
  for (std::size_t i = 0; i < w.size(); ++i) {
    m[i] = m[i] + (g[i] - m[i]) * step.one_minus_beta1;
    v[i] = v[i] + (g[i] * g[i] - v[i]) * step.one_minus_beta2;
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

// Weights, three slots and gradients of one step.
struct Arrays {
  std::vector<float> w, a, b, c, g;

  template <class Draw>
  static Arrays of(const Draw& draw) {
    return {draw(), draw(), draw(), draw(), draw()};
  }
};

void check_same(const Arrays& wanted, const Arrays& found) {
  REQUIRE(first_difference(wanted.w, found.w) == -1);
  REQUIRE(first_difference(wanted.a, found.a) == -1);
  REQUIRE(first_difference(wanted.b, found.b) == -1);
  REQUIRE(first_difference(wanted.c, found.c) == -1);
}

void check_descend_and_shrink(Arrays x) {
  Arrays found = x;
  for (std::size_t i = 0; i < x.w.size(); ++i) {
    x.w[i] -= 0.25f * x.g[i];
    x.w[i] -= x.w[i] * 0.3f;
  }
  kernels::descend(found.w.data(), found.g.data(), found.w.size(), 0.25f);
  kernels::shrink(found.w.data(), found.w.size(), 0.3f);
  check_same(x, found);
}

void check_momentum(Arrays x, const kernels::MomentumStep& step) {
  Arrays found = x;
  for (std::size_t i = 0; i < x.w.size(); ++i) {
    const float change = step.rate * x.g[i];
    x.a[i] = x.a[i] * step.momentum - change;
    x.w[i] += step.nesterov ? x.a[i] * step.momentum - change : x.a[i];
  }
  kernels::momentum(found.w.data(), found.a.data(), found.g.data(), found.w.size(), step);
  check_same(x, found);
}

void check_rmsprop(Arrays x, const kernels::RmsPropStep& step, bool momentum, bool centered) {
  Arrays found = x;
  for (std::size_t i = 0; i < x.w.size(); ++i) {
    float& v = x.a[i];
    v = v * step.rho + x.g[i] * x.g[i] * step.one_minus_rho;
    float spread = v;
    if (centered) {
      float& mean = x.c[i];
      mean = mean * step.rho + x.g[i] * step.one_minus_rho;
      spread -= mean * mean;
      if (spread < 0) spread = 0;
    }
    float change = step.rate * x.g[i] / std::sqrt(spread + step.epsilon);
    if (momentum) change = x.b[i] = x.b[i] * step.momentum + change;
    x.w[i] -= change;
  }
  kernels::rmsprop(found.w.data(), found.a.data(), momentum ? found.b.data() : nullptr,
                   centered ? found.c.data() : nullptr, found.g.data(), found.w.size(), step);
  check_same(x, found);
}

void check_all(const Arrays& arrays) {
  check_descend_and_shrink(arrays);
  for (const bool nesterov : {false, true}) check_momentum(arrays, {0.01f, 0.9f, nesterov});
  for (const bool momentum : {false, true})
    for (const bool centered : {false, true})
      check_rmsprop(arrays, {0.01f, 0.9f, 0.1f, 0.5f, 1e-7f}, momentum, centered);
}

TEST_CASE("descent, decay, momentum and rmsprop step as their definitions do, at every size") {
  on_every_target([] {
    std::mt19937 random(6);
    for (std::size_t n = 0; n <= 300; ++n) {
      INFO("n " << n);
      check_all(Arrays::of([&] { return ordinary_floats(random, n, -1.0f, 1.0f); }));
    }
  });
}

TEST_CASE("descent, decay, momentum and rmsprop carry infinities and NaN as their definitions do") {
  on_every_target([] {
    CHECK(rc::check("awkward numbers", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t n = 1 + random() % 100;
      check_all(Arrays::of([&] { return awkward_floats(random, n); }));
    }));
  });
}

TEST_CASE("centered rmsprop stands a spread that rounding makes negative") {
  on_every_target([] {
    // Constant gradients: v and mean^2 become the same but for rounding.
    std::vector<float> w(20, 1.0f), v(20, 0.0f), mean(20, 0.0f), g(20, 1000.1f);
    for (int step = 0; step < 2000; ++step)
      kernels::rmsprop(w.data(), v.data(), nullptr, mean.data(), g.data(), w.size(),
                       {1e-9f, 0.9f, 1.0f - 0.9f, 0, 1e-7f});
    for (const float x : w) CHECK(std::isfinite(x));
  });
}

}  // namespace
}  // namespace synfire
