#include <synfire/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "train/text.hpp"

namespace synfire {
namespace {

float portion(std::uint64_t step, std::uint64_t of, bool staircase = false) {
  const float p = static_cast<float>(step) / static_cast<float>(of);
  return staircase ? std::floor(p) : p;
}

float half_cosine(float from, float alpha, std::uint64_t step, std::uint64_t decay_steps) {
  const float cosine =
      0.5f * (1.0f + std::cos(std::numbers::pi_v<float> * portion(step, decay_steps)));
  return from * ((1.0f - alpha) * cosine + alpha);
}

}  // namespace

float ExponentialDecay::at(std::uint64_t step) const {
  return initial * std::pow(decay_rate, portion(step, decay_steps, staircase));
}

float InverseTimeDecay::at(std::uint64_t step) const {
  return initial / (1.0f + decay_rate * portion(step, decay_steps, staircase));
}

float PiecewiseConstantDecay::at(std::uint64_t step) const {
  const auto above = std::lower_bound(boundaries.begin(), boundaries.end(), step);
  return values[static_cast<std::size_t>(above - boundaries.begin())];
}

float PolynomialDecay::at(std::uint64_t step) const {
  const std::uint64_t whole =
      cycle && step > 0 ? ((step - 1) / decay_steps + 1) * decay_steps : decay_steps;
  const float p = portion(std::min(step, whole), whole);
  return (initial - end) * std::pow(1.0f - p, power) + end;
}

float CosineDecay::at(std::uint64_t step) const {
  if (!warmup_target) return half_cosine(initial, alpha, std::min(step, decay_steps), decay_steps);
  if (step < warmup_steps)
    return (*warmup_target - initial) * portion(step, warmup_steps) + initial;
  return half_cosine(*warmup_target, alpha, std::min(step - warmup_steps, decay_steps),
                     decay_steps);
}

float Schedule::at(std::uint64_t step) const {
  return std::visit([step](const auto& kind) { return kind.at(step); }, kind_);
}

Schedule Schedule::parse(const std::string& what, const std::string& text) {
  float value = 0;
  if (read_number(text, value)) return value;
  return choice_from(what, text, std::type_identity<Kind>{});
}

std::string Schedule::text() const {
  if (const auto* constant = std::get_if<Constant>(&kind_)) return fmt::to_string(constant->value);
  return text_of(kind_);
}

void Schedule::validate(const std::string& what) const {
  const auto require = [&](bool right, std::string_view field, const auto& value,
                           const char* wanted) {
    if (right) return;
    const std::string name = field.empty() ? what : fmt::format("{} of the {}", field, what);
    throw InvalidSetting(name, fmt::to_string(value), wanted);
  };
  const auto positive = [&](std::string_view field, float value) {
    require(std::isfinite(value) && value > 0, field, value, "a finite number above 0");
  };
  const auto from_zero = [&](std::string_view field, float value) {
    require(std::isfinite(value) && value >= 0, field, value, "a finite number from 0 on");
  };
  if (const auto* constant = std::get_if<Constant>(&kind_)) return positive("", constant->value);
  if (const auto* pieces = std::get_if<PiecewiseConstantDecay>(&kind_)) {
    const auto& boundaries = pieces->boundaries;
    require(pieces->values.size() == boundaries.size() + 1, "number of values",
            pieces->values.size(), "the number of boundaries and 1 more");
    require(std::is_sorted(boundaries.begin(), boundaries.end(), std::less_equal<>()), "boundaries",
            fmt::format("{}", fmt::join(boundaries, "/")), "ascending");
    for (const float value : pieces->values) positive("value", value);
    return;
  }
  std::visit(
      [&]<class Decay>(const Decay& decay) {
        if constexpr (requires { decay.decay_steps; }) {
          positive("initial", decay.initial);
          require(decay.decay_steps >= 1, "decay_steps", decay.decay_steps, "at least 1");
        }
        if constexpr (requires { decay.decay_rate; }) from_zero("decay_rate", decay.decay_rate);
        if constexpr (requires { decay.power; }) {
          from_zero("end", decay.end);
          from_zero("power", decay.power);
        }
        if constexpr (requires { decay.alpha; }) {
          from_zero("alpha", decay.alpha);
          if (decay.warmup_target) positive("warmup_target", *decay.warmup_target);
        }
      },
      kind_);
}

}  // namespace synfire
