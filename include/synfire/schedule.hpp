// Values that change while a network is trained: the learning rate by optimiser steps, dt by steps
// or epochs. Formulas and names are those of tf.keras.optimizers.schedules (Keras 2.15), in float32
// as there. What is named decay_steps counts whatever the schedule is asked by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace synfire {

// Each has its word and fields in texts (see Schedule::parse) and at(step); with p = step /
// decay_steps:

struct Constant {
  static constexpr std::string_view name = "constant";
  float value = 0;

  float at(std::uint64_t) const { return value; }
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("value", self.value);
  }
};

/// initial * decay_rate^p, where staircase takes the whole part of p.
struct ExponentialDecay {
  static constexpr std::string_view name = "exponential";
  float initial = 0;
  std::uint64_t decay_steps = 0;
  float decay_rate = 0;
  bool staircase = false;

  float at(std::uint64_t step) const;
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("initial", self.initial);
    field("decay_steps", self.decay_steps);
    field("decay_rate", self.decay_rate);
    field("staircase", self.staircase);
  }
};

/// initial / (1 + decay_rate * p), where staircase takes the whole part of p.
struct InverseTimeDecay {
  static constexpr std::string_view name = "inverse_time";
  float initial = 0;
  std::uint64_t decay_steps = 0;
  float decay_rate = 0;
  bool staircase = false;

  float at(std::uint64_t step) const;
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("initial", self.initial);
    field("decay_steps", self.decay_steps);
    field("decay_rate", self.decay_rate);
    field("staircase", self.staircase);
  }
};

/// values[0] up to and including step boundaries[0], then values[1] up to boundaries[1], and so on:
/// one value more than boundaries, which ascend.
struct PiecewiseConstantDecay {
  static constexpr std::string_view name = "piecewise_constant";
  std::vector<std::uint64_t> boundaries;
  std::vector<float> values;

  float at(std::uint64_t step) const;
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("boundaries", self.boundaries);
    field("values", self.values);
  }
};

/// (initial - end) * (1 - p)^power + end, and `end` behind decay_steps; with cycle, decay_steps
/// grows to its next multiple instead.
struct PolynomialDecay {
  static constexpr std::string_view name = "polynomial";
  float initial = 0;
  std::uint64_t decay_steps = 0;
  float end = 1e-4f, power = 1;
  bool cycle = false;

  float at(std::uint64_t step) const;
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("initial", self.initial);
    field("decay_steps", self.decay_steps);
    field("end", self.end);
    field("power", self.power);
    field("cycle", self.cycle);
  }
};

/// Half a cosine (Loshchilov and Hutter 2017, "SGDR", without restarts): initial * ((1 - alpha) *
/// (1 + cos(pi p)) / 2 + alpha). With warmup_target, linearly from initial to it during
/// warmup_steps first, and from there in decay_steps more.
struct CosineDecay {
  static constexpr std::string_view name = "cosine";
  float initial = 0;
  std::uint64_t decay_steps = 0;
  float alpha = 0;
  std::optional<float> warmup_target = {};
  std::uint64_t warmup_steps = 0;

  float at(std::uint64_t step) const;
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("initial", self.initial);
    field("decay_steps", self.decay_steps);
    field("alpha", self.alpha);
    field("warmup_target", self.warmup_target);
    field("warmup_steps", self.warmup_steps);
  }
};

/// Any of them; a number is a schedule that never changes.
class Schedule {
 public:
  using Kind = std::variant<Constant, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay,
                            PolynomialDecay, CosineDecay>;

  Schedule(float value) : kind_(Constant{value}) {}
  Schedule(Kind kind) : kind_(std::move(kind)) {}
  template <class Decay>
  requires std::is_constructible_v<Kind, Decay> Schedule(Decay decay) : kind_(std::move(decay)) {}

  /// The value for step `step`, which counts from 0.
  float at(std::uint64_t step) const;
  const Kind& kind() const { return kind_; }

  /// A number, or a word and its fields, lists with slashes:
  /// "cosine:initial=0.01,decay_steps=9000",
  /// "piecewise_constant:boundaries=6/12,values=1/0.1/0.01". Throws InvalidSetting, which calls the
  /// value `what`.
  static Schedule parse(const std::string& what, const std::string& text);
  /// What parse() reads back to the same schedule.
  std::string text() const;
  /// Throws InvalidSetting, which calls the value `what`, unless it starts above 0 and stays finite
  /// and not negative.
  void validate(const std::string& what) const;

 private:
  Kind kind_;
};

}  // namespace synfire
