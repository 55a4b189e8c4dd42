// x above 0, slope x below (Maas et al. 2013, "Rectifier nonlinearities improve neural network
// acoustic models").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <ratio>
#include <string_view>

namespace synfire {

/// The slope is a ratio between 0 and 1, tf.nn.leaky_relu's 0.2 unless told otherwise. It is part
/// of the name, "leaky_relu(1/5)": another slope is another network.
template <class Slope = std::ratio<1, 5>>
struct LeakyRelu {
  static_assert(Slope::num >= 0 && Slope::num <= Slope::den, "the slope is between 0 and 1");
  static constexpr float slope =
      static_cast<float>(static_cast<double>(Slope::num) / static_cast<double>(Slope::den));

  struct Text {
    constexpr Text() {
      append("leaky_relu(");
      append(Slope::num);
      append("/");
      append(Slope::den);
      append(")");
    }
    constexpr void append(std::string_view more) {
      for (const char c : more) text[size++] = c;
    }
    constexpr void append(std::intmax_t number) {
      if (number >= 10) append(number / 10);
      text[size++] = static_cast<char>('0' + number % 10);
    }

    std::array<char, 64> text{};
    std::size_t size = 0;
  };
  static constexpr Text text{};
  static constexpr std::string_view name{text.text.data(), text.size};

  static constexpr bool proportional = true;
  static constexpr bool monotone = true;
  static float value(float x) { return x > 0 ? x : slope * x; }
  static float derivative(float x) { return x > 0 ? 1.0f : slope; }
};

}  // namespace synfire
