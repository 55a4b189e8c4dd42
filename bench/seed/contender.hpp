// What the C++ contenders share: the task's data, and the protocol by which run.py times them.
//
// A contender is started with the folder of the data. It says "ready" and what it is in a line,
// then answers each command that it reads with a line of numbers:
//   one K         runs K images, one after the other: nanoseconds of each
//   batch K       runs K batches of 256 images: nanoseconds of each
//   classes one   the class of each image, run alone
//   classes batch the class of each image, run in batches
// Where it was in the images carries over from command to command.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "../floats.hpp"

namespace seed {

inline constexpr std::size_t kInputs = 784, kHidden = 128, kClasses = 10, kSteps = 10;
inline constexpr std::size_t kImages = 1024, kBatch = 256;
inline constexpr float kDt = 0.01f;

using bench::Floats;

struct Task {
  explicit Task(const std::string& folder)
      : images(read(folder + "/images", kImages * kInputs)),
        voltages(read(folder + "/voltages", kImages * kHidden)),
        w1(read(folder + "/w1", kInputs * kHidden)),
        b1(read(folder + "/b1", kHidden)),
        w2(read(folder + "/w2", kHidden * kClasses)),
        b2(read(folder + "/b2", kClasses)) {}

  const float* image(std::size_t i) const { return images.data() + i * kInputs; }
  const float* voltage(std::size_t i) const { return voltages.data() + i * kHidden; }

  Floats images, voltages;  // [image][pixel], [image][neuron]
  Floats w1, b1, w2, b2;    // [input][neuron]

 private:
  static Floats read(const std::string& path, std::size_t n) {
    Floats values(n);
    std::ifstream file(path, std::ios::binary);
    const auto bytes = static_cast<std::streamsize>(n * sizeof(float));
    if (!file.read(reinterpret_cast<char*>(values.data()), bytes))
      throw std::runtime_error("cannot read " + path);
    return values;
  }
};

/// one(i) gives the logits of image i, batch(first) those of 256 images from `first` on.
template <class One, class Batch>
int serve(const std::string& version, One one, Batch batch) {
  using Clock = std::chrono::steady_clock;
  std::array<std::size_t, 2> next{};
  const auto run = [&](bool single, std::size_t i) -> const float* {
    const float* logits = single ? one(i) : batch(i);
    asm volatile("" : : "r"(logits) : "memory");
    return logits;
  };

  std::cout << "ready " << version << std::endl;
  for (std::string command, what; std::cin >> command >> what;) {
    const bool single = command == "one" || what == "one";
    const std::size_t stride = single ? 1 : kBatch;
    if (command == "classes") {
      for (std::size_t i = 0; i < kImages; i += stride) {
        const float* logits = run(single, i);
        for (const float* row = logits; row != logits + stride * kClasses; row += kClasses)
          std::cout << std::max_element(row, row + kClasses) - row << ' ';
      }
    } else {
      std::vector<long> taken(std::stoul(what));
      std::size_t& i = next[single];
      for (long& time : taken) {
        const auto start = Clock::now();
        run(single, i);
        time = std::chrono::nanoseconds(Clock::now() - start).count();
        i = (i + stride) % kImages;
      }
      for (const long time : taken) std::cout << time << ' ';
    }
    std::cout << std::endl;
  }
  return 0;
}

}  // namespace seed
