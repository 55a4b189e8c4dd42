// The optimisers, with Keras 2.15's update rules and defaults. g is the gradient, r the learning
// rate, t the step, counted from 1; what is named after `slots` is kept for each weight and starts
// at 0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace synfire {

/// Kingma and Ba 2015: m += (1 - beta1)(g - m); v += (1 - beta2)(g^2 - v);
/// w -= r sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon).
struct Adam {
  static constexpr std::string_view name = "adam";
  float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-7f;

  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("beta1", self.beta1);
    field("beta2", self.beta2);
    field("epsilon", self.epsilon);
  }
};

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): w -= w * weight_decay * r, then
/// Adam's step. Every trainable tensor decays, biases too.
struct AdamW {
  static constexpr std::string_view name = "adamw";
  float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-7f, weight_decay = 0.004f;

  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("beta1", self.beta1);
    field("beta2", self.beta2);
    field("epsilon", self.epsilon);
    field("weight_decay", self.weight_decay);
  }
};

/// w -= r g; with momentum (Polyak 1964): v = momentum v - r g; w += v, or (Nesterov 1983, as
/// Sutskever et al. 2013 write it) w += momentum v - r g.
struct Sgd {
  static constexpr std::string_view name = "sgd";
  float momentum = 0;
  bool nesterov = false;

  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("momentum", self.momentum);
    field("nesterov", self.nesterov);
  }
};

/// Hinton 2012 (lecture 6e): v = rho v + (1 - rho) g^2; d = r g / sqrt(v + epsilon). Centered
/// (Graves 2013): mean = rho mean + (1 - rho) g, and v - mean^2 in place of v, where rounding may
/// not make it negative. With momentum: u = momentum u + d; w -= u; without: w -= d.
struct RmsProp {
  static constexpr std::string_view name = "rmsprop";
  float rho = 0.9f, momentum = 0, epsilon = 1e-7f;
  bool centered = false;

  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("rho", self.rho);
    field("momentum", self.momentum);
    field("epsilon", self.epsilon);
    field("centered", self.centered);
  }
};

using Optimizer = std::variant<Adam, AdamW, Sgd, RmsProp>;

/// "adam:beta1=0.9,beta2=0.999,epsilon=1e-07": its word and every field.
std::string to_text(const Optimizer& optimizer);
/// Reads such a text; fields left out keep their defaults. Throws InvalidSetting.
Optimizer parse_optimizer(const std::string& text);
std::string_view name_of(const Optimizer& optimizer);
/// Keras's default: 0.01 for sgd, 0.001 for the others.
float usual_learning_rate(const Optimizer& optimizer);
/// Throws InvalidSetting for values outside their range.
void validate(const Optimizer& optimizer);

/// What it keeps for each weight, in the order in which step() takes it.
inline constexpr std::size_t kMostSlots = 3;
std::span<const std::string_view> slots_of(const Optimizer& optimizer);

/// Step t (from 1 on) for the n weights w with gradients g; slots[k] holds n values of slot k.
void optimizer_step(const Optimizer& optimizer, float learning_rate, std::uint64_t t, float* w,
                    const std::array<float*, kMostSlots>& slots, const float* g, std::size_t n);

}  // namespace synfire
