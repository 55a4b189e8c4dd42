// oneDNN: an inner product at every step, weights in the layout that it chooses.
#include <memory>

#include "../inner_product.hpp"
#include "contenders.hpp"

namespace contest {
namespace {

using bench::InnerProduct;

struct Net {
  explicit Net(const Task& given)
      : task(given),
        first(1, kInputs, kHidden, task.w1, task.b1, false),
        second(1, kHidden, kHidden, task.w2, task.b2, false),
        third(1, kHidden, kClasses, task.w3, task.b3, false) {}

  const float* run(std::size_t i) {
    first(task.image(i), current.data());
    v1.assign(task.voltage_1(i), task.voltage_1(i) + kHidden);
    v2.assign(task.voltage_2(i), task.voltage_2(i) + kHidden);
    total.assign(kHidden, 0.0f);
    for (std::size_t t = 0; t < kSteps; ++t) {
      fire(current.data(), v1.data(), spikes.data(), kHidden);
      for (float& count : spikes) count *= 1 / kDt;
      second(spikes.data(), later.data());
      fire(later.data(), v2.data(), spikes.data(), kHidden);
      for (std::size_t j = 0; j < kHidden; ++j) total[j] += spikes[j];
    }
    for (float& sum : total) sum *= 1 / (kDt * kSteps);
    third(total.data(), logits.data());
    return logits.data();
  }

  const Task& task;
  InnerProduct first, second, third;
  Floats current{Floats(kHidden)}, later{Floats(kHidden)}, spikes{Floats(kHidden)}, v1, v2, total;
  Floats logits{Floats(kClasses)};
};

}  // namespace

std::vector<Contender> onednn(const Task& task) {
  const auto net = std::make_shared<Net>(task);
  return {{"oneDNN", [net](std::size_t i) { return net->run(i); }}};
}

}  // namespace contest
