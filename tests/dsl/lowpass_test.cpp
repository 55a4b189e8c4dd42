#include "filters.hpp"

using namespace synfire;
using namespace synfire::test;

TEST_CASE("lowpass is KerasSpiking's") {
  check_filter_model<LowpassFilter>();
  check_filter_goldens<Lowpass<>, Lowpass<ApplyDuringTraining<false>>>("lowpass", 1e-5);
}

TEST_CASE("lowpass is the first-order step response") {
  const auto filter = LowpassFilter::discretise(0.05f, 0.01f);
  std::array<float, 1> y{};
  for (int t = 1; t <= 20; ++t) {
    y = filter.step(y, 1.0f);
    CHECK(y[0] == Approx(1 - std::exp(-0.01 * t / 0.05)).epsilon(1e-5));
  }
}
