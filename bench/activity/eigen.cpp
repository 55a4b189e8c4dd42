// Eigen: a product of a matrix and a vector at every step.
#include <Eigen/Core>
#include <memory>

#include "contenders.hpp"

namespace contest {
namespace {

template <int Rows, int Columns>
using Matrix = Eigen::Matrix<float, Rows, Columns, Eigen::RowMajor>;
template <int Rows, int Columns>
using View = Eigen::Map<const Matrix<Rows, Columns>, Eigen::Aligned64>;
constexpr int kIn = kInputs, kNeurons = kHidden, kOut = kClasses;

struct Net {
  explicit Net(const Task& given) : task(given) {}

  const float* run(std::size_t i) {
    current.noalias() = View<1, kIn>(task.image(i)) * View<kIn, kNeurons>(task.w1.data());
    current += View<1, kNeurons>(task.b1.data());
    v1 = View<1, kNeurons>(task.voltage_1(i));
    v2 = View<1, kNeurons>(task.voltage_2(i));
    total.setZero();
    for (std::size_t t = 0; t < kSteps; ++t) {
      fire(current.data(), v1.data(), spikes.data(), kHidden);
      spikes *= 1 / kDt;
      second.noalias() = spikes * View<kNeurons, kNeurons>(task.w2.data());
      second += View<1, kNeurons>(task.b2.data());
      fire(second.data(), v2.data(), spikes.data(), kHidden);
      total += spikes;
    }
    total *= 1 / (kDt * kSteps);
    logits.noalias() = total * View<kNeurons, kOut>(task.w3.data());
    logits += View<1, kOut>(task.b3.data());
    return logits.data();
  }

  const Task& task;
  Matrix<1, kNeurons> current, v1, v2, spikes, second, total;
  Matrix<1, kOut> logits;
};

}  // namespace

std::vector<Contender> eigen(const Task& task) {
  const auto net = std::make_shared<Net>(task);
  return {{"Eigen", [net](std::size_t i) { return net->run(i); }}};
}

}  // namespace contest
