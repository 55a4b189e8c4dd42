#include <synfire/optimizer.hpp>

#include <cmath>

#include <synfire/kernels.hpp>

#include "train/text.hpp"

namespace synfire {
namespace {

constexpr std::array<std::string_view, 2> kAdamSlots{"m", "v"};
constexpr std::array<std::string_view, 1> kSgdSlots{"momentum"};
constexpr std::array<std::string_view, 3> kRmsPropSlots{"v", "momentum", "mean"};
constexpr std::array<std::string_view, 2> kCenteredSlots{"v", "mean"};

void require(bool right, const char* name, float value, const char* wanted) {
  if (!right) throw InvalidSetting(name, fmt::to_string(value), wanted);
}

template <class Adam>
void adam(const Adam& o, float rate, std::uint64_t step, float* w, float* m, float* v,
          const float* g, std::size_t n) {
  const auto t = static_cast<double>(step);
  kernels::adam(
      w, m, v, g, n,
      {static_cast<float>(rate * std::sqrt(1.0 - std::pow(static_cast<double>(o.beta2), t)) /
                          (1.0 - std::pow(static_cast<double>(o.beta1), t))),
       1.0f - o.beta1, 1.0f - o.beta2, o.epsilon});
}

}  // namespace

std::string to_text(const Optimizer& optimizer) {
  return text_of(optimizer);
}

Optimizer parse_optimizer(const std::string& text) {
  return choice_from("optimizer", text, std::type_identity<Optimizer>{});
}

std::string_view name_of(const Optimizer& optimizer) {
  return std::visit([](const auto& o) { return o.name; }, optimizer);
}

float usual_learning_rate(const Optimizer& optimizer) {
  return std::holds_alternative<Sgd>(optimizer) ? 1e-2f : 1e-3f;
}

void validate(const Optimizer& optimizer) {
  std::visit(
      [](const auto& o) {
        const auto below_one = [](const char* name, float value) {
          require(value >= 0 && value < 1, name, value, "at least 0 and below 1");
        };
        if constexpr (requires { o.beta1; }) {
          below_one("beta1", o.beta1);
          below_one("beta2", o.beta2);
        }
        if constexpr (requires { o.rho; }) below_one("rho", o.rho);
        if constexpr (requires { o.momentum; })
          require(o.momentum >= 0 && o.momentum <= 1, "momentum", o.momentum, "from 0 to 1");
        if constexpr (requires { o.epsilon; })
          require(std::isfinite(o.epsilon) && o.epsilon > 0, "epsilon", o.epsilon,
                  "a finite number above 0");
        if constexpr (requires { o.weight_decay; })
          require(std::isfinite(o.weight_decay) && o.weight_decay >= 0, "weight_decay",
                  o.weight_decay, "a finite number from 0 on");
      },
      optimizer);
}

std::span<const std::string_view> slots_of(const Optimizer& optimizer) {
  if (const auto* sgd = std::get_if<Sgd>(&optimizer))
    return std::span(kSgdSlots).first(sgd->momentum > 0 ? 1 : 0);
  if (const auto* rms = std::get_if<RmsProp>(&optimizer)) {
    if (rms->centered && rms->momentum == 0) return kCenteredSlots;
    return std::span(kRmsPropSlots).first(1 + (rms->momentum > 0) + rms->centered);
  }
  return kAdamSlots;
}

void optimizer_step(const Optimizer& optimizer, float learning_rate, std::uint64_t t, float* w,
                    const std::array<float*, kMostSlots>& slots, const float* g, std::size_t n) {
  if (const auto* o = std::get_if<Adam>(&optimizer)) {
    adam(*o, learning_rate, t, w, slots[0], slots[1], g, n);
  } else if (const auto* w_decay = std::get_if<AdamW>(&optimizer)) {
    kernels::shrink(w, n, w_decay->weight_decay * learning_rate);
    adam(*w_decay, learning_rate, t, w, slots[0], slots[1], g, n);
  } else if (const auto* sgd = std::get_if<Sgd>(&optimizer)) {
    if (sgd->momentum > 0) {
      kernels::momentum(w, slots[0], g, n, {learning_rate, sgd->momentum, sgd->nesterov});
    } else {
      kernels::descend(w, g, n, learning_rate);
    }
  } else {
    const auto& rms = std::get<RmsProp>(optimizer);
    float* const momentum = rms.momentum > 0 ? slots[1] : nullptr;
    float* const mean = rms.centered ? slots[rms.momentum > 0 ? 2 : 1] : nullptr;
    kernels::rmsprop(w, slots[0], momentum, mean, g, n,
                     {learning_rate, rms.rho, 1.0f - rms.rho, rms.momentum, rms.epsilon});
  }
}

}  // namespace synfire
