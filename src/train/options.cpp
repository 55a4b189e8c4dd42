#include <charconv>
#include <cmath>
#include <set>
#include <string>
#include <system_error>

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

Stop Stop::parse(const std::string& setting, const std::string& text) {
  if (text == "never") return {};
  if (text == "exact") return exact();
  double lead = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lead);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(lead) || lead < 0)
    throw InvalidSetting(setting, "'" + text + "'",
                         "never, exact, or a margin: a finite number of at least 0");
  return at_margin(lead);
}

void Stop::validate() const {
  require(std::isfinite(margin) && margin >= 0, "the margin to stop at", margin,
          "a finite number of at least 0");
}

std::string Stop::text() const {
  return rule == Rule::Never ? "never" : rule == Rule::Exact ? "exact" : fmt::to_string(margin);
}

void RunOptions::validate() const {
  require_time(dt, steps);
  require(!std::isnan(dense_above), "the share of inputs", dense_above, "a number");
  stop.validate();
  if (stateful && stop.rule != Stop::Rule::Never)
    throw InvalidSetting("stop", stop.text(), "never where a run goes on from the last");
}

void TrainOptions::validate() const {
  require_time(dt, steps);
  require(epochs >= 1 && epochs <= kMostEpochs, "epochs", epochs, "from 1 to 268435456");
  require(batch >= 1, "batch", batch, "at least 1");
  learning_rate.validate("learning rate");
  synfire::validate(optimizer);
  require(validation_split >= 0 && validation_split < 1, "validation split", validation_split,
          "from 0 to below 1");
  std::set<std::string> names;
  for (const Metric& metric : metrics) {
    require(metric.k >= 1, "k of the top-k accuracy", metric.k, "at least 1");
    require(names.insert(metric.name()).second, "a metric", metric.name(), "named once");
  }
  if (dt_schedule) dt_schedule->validate("dt schedule");
}

float TrainOptions::dt_at(std::uint64_t step, std::uint64_t epoch) const {
  if (!dt_schedule) return dt;
  const float scheduled = dt_schedule->at(dt_by_epoch ? epoch : step);
  if (!positive(scheduled))
    throw InvalidSetting(fmt::format("dt of {} {}, by the dt schedule,",
                                     dt_by_epoch ? "epoch" : "step", dt_by_epoch ? epoch : step),
                         fmt::to_string(scheduled), "a finite number of seconds above 0");
  return scheduled;
}

std::size_t TrainOptions::trained_of(std::size_t samples) const {
  if (validation_split == 0) return samples;
  const auto trained =
      static_cast<std::size_t>(static_cast<double>(samples) * (1.0 - validation_split));
  if (trained == 0 || trained == samples)
    throw InvalidSetting("validation split", fmt::to_string(validation_split),
                         fmt::format("one that leaves some of {} samples on each side", samples));
  return trained;
}

}  // namespace synfire
