// What the races in one process share: a net of 784-512-512-10, and the clock that lets contenders
// take turns.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "floats.hpp"

namespace contest {

inline constexpr std::size_t kInputs = 784, kHidden = 512, kClasses = 10, kSteps = 10;
inline constexpr std::size_t kImages = 64;
inline constexpr float kDt = 0.01f;

using bench::Floats;

/// Weights [input][neuron], images with half of the pixels dark, and initial voltages.
struct Task {
  Floats w1, b1, w2, b2, w3, b3;
  Floats images, voltages_1, voltages_2;  // [image][pixel], [image][neuron]

  const float* image(std::size_t i) const { return images.data() + i * kInputs; }
  const float* voltage_1(std::size_t i) const { return voltages_1.data() + i * kHidden; }
  const float* voltage_2(std::size_t i) const { return voltages_2.data() + i * kHidden; }
};

/// In the first layer every neuron fires in that share of the steps; in the second about one step
/// in ten has a spike.
inline Task make_task(double activity) {
  std::mt19937 random(1);
  const auto uniform = [&](std::size_t n, float low, float high) {
    std::uniform_real_distribution<float> draw(low, high);
    Floats values(n);
    for (float& x : values) x = draw(random);
    return values;
  };
  Task task;
  task.images = uniform(kImages * kInputs, -1, 1);
  for (float& x : task.images) x = std::max(x, 0.0f);
  task.w1 = Floats(kInputs * kHidden);  // zeros: the bias alone drives
  task.b1 = Floats(kHidden, static_cast<float>(activity) / kDt);
  task.w2 = uniform(kHidden * kHidden, -0.04f, 0.04f);
  task.b2 = uniform(kHidden, -10, 20);
  task.w3 = uniform(kHidden * kClasses, -0.1f, 0.1f);
  task.b3 = uniform(kClasses, -1, 1);
  task.voltages_1 = uniform(kImages * kHidden, 0, 1);
  task.voltages_2 = uniform(kImages * kHidden, 0, 1);
  return task;
}

/// Runs an image; returns its logits, which stay until the next.
struct Contender {
  std::string name;
  std::function<const float*(std::size_t)> run;
};

/// Median microseconds of an image of the best slice of each contender, where slices of some
/// milliseconds take turns: a core's speed changes while a race goes on.
inline std::vector<double> race(const std::vector<Contender>& contenders, int turns = 15) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> best(contenders.size(), 1e9);
  for (int turn = 0; turn < turns; ++turn)
    for (std::size_t c = 0; c < contenders.size(); ++c) {
      std::vector<double> times;
      const auto end = Clock::now() + std::chrono::milliseconds(4);
      for (std::size_t i = 0; times.size() < kImages || Clock::now() < end; ++i) {
        const auto start = Clock::now();
        const float* logits = contenders[c].run(i % kImages);
        asm volatile("" : : "r"(logits) : "memory");
        times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      }
      std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                       times.end());
      best[c] = std::min(best[c], times[times.size() / 2]);
    }
  return best;
}

/// The largest difference of a contender's logits to the first one's, in units of their largest.
inline double difference(const Contender& a, const Contender& b) {
  double worst = 0;
  for (std::size_t i = 0; i < kImages; ++i) {
    const float* x = a.run(i);
    const Floats of_a(x, x + kClasses);
    const float* y = b.run(i);
    float most = 0;
    for (const float value : of_a) most = std::max(most, std::abs(value));
    for (std::size_t j = 0; j < kClasses; ++j)
      worst = std::max(worst, static_cast<double>(std::abs(of_a[j] - y[j]) / most));
  }
  return worst;
}

/// Races and prints a line: where in the sweep, then each contender's microseconds; the names of
/// all before the first line. Contenders for which `same` is true must give the first one's logits
/// within `tolerance`; those that do not are named on the standard error.
class Sweep {
 public:
  Sweep(std::string axis, double tolerance) : axis_(std::move(axis)), tolerance_(tolerance) {}

  template <class Same>
  void race(double at, const std::vector<Contender>& all, const Same& same) {
    if (!axis_.empty()) {
      std::cout << axis_;
      for (const Contender& some : all) std::cout << '\t' << some.name;
      std::cout << std::endl;
      axis_.clear();
    }
    for (const Contender& some : all)
      if (const double off = same(some) ? difference(all[0], some) : 0; off > tolerance_)
        std::cerr << some.name << " differs by " << off << " at " << at << '\n';
    std::cout << at;
    for (const double time : contest::race(all)) std::cout << '\t' << time;
    std::cout << std::endl;
  }

 private:
  std::string axis_;
  double tolerance_;
};

/// One step of relu neurons: counts of spikes from currents.
inline void fire(const float* current, float* voltage, float* count, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    voltage[j] += std::max(current[j], 0.0f) * kDt;
    count[j] = std::floor(voltage[j]);
    voltage[j] -= count[j];
  }
}

}  // namespace contest
