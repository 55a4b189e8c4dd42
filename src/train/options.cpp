#include <cmath>
#include <string>

#include <fmt/format.h>

#include <synfire/error.hpp>
#include <synfire/timebase.hpp>
#include <synfire/training.hpp>

namespace synfire {
namespace {

// The random numbers of an epoch are addressed by 28 bits.
constexpr std::size_t kMostEpochs = std::size_t{1} << 28;

template <class T>
void require(bool in_range, const char* name, T value, const char* wanted) {
  if (!in_range) throw InvalidSetting(name, fmt::format("{}", value), wanted);
}

// Counts of one neuron over a run are whole floats up to here.
constexpr std::size_t kMostSteps = std::size_t{1} << 24;

bool positive(float x) {
  return std::isfinite(x) && x > 0;
}

void require_time(float dt, std::size_t steps) {
  require(positive(dt), "dt", dt, "a finite number of seconds above 0");
  require(steps >= 1 && steps <= kMostSteps, "steps", steps, "from 1 to 16777216");
}

}  // namespace

void RunOptions::validate() const {
  require_time(dt, steps);
}

void TrainOptions::validate() const {
  require_time(dt, steps);
  require(epochs >= 1 && epochs <= kMostEpochs, "epochs", epochs, "from 1 to 268435456");
  require(batch >= 1, "batch", batch, "at least 1");
  require(positive(learning_rate), "learning rate", learning_rate, "a finite number above 0");
  require(beta1 >= 0 && beta1 < 1, "beta1", beta1, "at least 0 and below 1");
  require(beta2 >= 0 && beta2 < 1, "beta2", beta2, "at least 0 and below 1");
  require(positive(epsilon), "epsilon", epsilon, "a finite number above 0");
}

}  // namespace synfire
