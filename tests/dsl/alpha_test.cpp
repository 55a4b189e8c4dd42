#include "filters.hpp"

using namespace synfire;
using namespace synfire::test;

TEST_CASE("alpha is KerasSpiking's") {
  check_filter_model<AlphaFilter>();
  check_filter_goldens<Alpha<>, Alpha<ApplyDuringTraining<false>>>("alpha", 1e-5);
}

TEST_CASE("alpha is the step response of two equal lowpasses") {
  const auto filter = AlphaFilter::discretise(0.05f, 0.01f);
  std::array<float, 2> s{};
  for (int t = 1; t <= 20; ++t) {
    s = filter.step(s, 1.0f);
    const double q = 0.01 * t / 0.05;
    CHECK(s[1] == Approx(1 - std::exp(-q) * (1 + q)).epsilon(1e-5));
    CHECK(s[0] == Approx(q / 0.05 * std::exp(-q)).epsilon(1e-5));
  }
}
