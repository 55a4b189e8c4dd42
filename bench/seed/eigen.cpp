// Eigen: matrix products and array expressions.
#include <Eigen/Core>

#include "contender.hpp"

namespace {

using namespace seed;

template <int Rows, int Columns>
using Matrix = Eigen::Matrix<float, Rows, Columns, Eigen::RowMajor>;
template <int Rows, int Columns>
using View = Eigen::Map<const Matrix<Rows, Columns>, Eigen::Aligned64>;

constexpr int kIn = kInputs, kNeurons = kHidden, kOut = kClasses;

/// Rows images at once, in memory of their own.
template <int Rows>
struct Net {
  explicit Net(const Task& given)
      : task(given),
        rate(Rows, kNeurons),
        voltage(Rows, kNeurons),
        spikes(Rows, kNeurons),
        total(Rows, kNeurons),
        logits(Rows, kOut) {}

  const float* operator()(std::size_t first) {
    const View<kIn, kNeurons> w1(task.w1.data());
    const View<kNeurons, kOut> w2(task.w2.data());
    rate.noalias() = View<Rows, kIn>(task.image(first)) * w1;
    rate.rowwise() += View<1, kNeurons>(task.b1.data());
    auto v = voltage.array(), n = spikes.array(), drive = rate.array();
    drive = drive.max(0.0f) * kDt;
    voltage = View<Rows, kNeurons>(task.voltage(first));
    total.setZero();
    for (std::size_t t = 0; t < kSteps; ++t) {
      v += drive;
      n = v.floor();
      v -= n;
      total += spikes;
    }
    total *= 1 / (kSteps * kDt);
    logits.noalias() = total * w2;
    logits.rowwise() += View<1, kOut>(task.b2.data());
    return logits.data();
  }

  const Task& task;
  // Sizes are given at run time: the batch's are too large for Eigen's own arrays.
  using Values = Matrix<Rows == 1 ? 1 : Eigen::Dynamic, Eigen::Dynamic>;
  Values rate, voltage, spikes, total, logits;
};

}  // namespace

int main(int, char** argv) {
  const Task task(argv[1]);
  Net<1> one(task);
  Net<kBatch> batch(task);
  const std::string version = std::to_string(EIGEN_WORLD_VERSION) + "." +
                              std::to_string(EIGEN_MAJOR_VERSION) + "." +
                              std::to_string(EIGEN_MINOR_VERSION);
  return serve(
      "Eigen " + version, [&](std::size_t i) { return one(i); },
      [&](std::size_t first) { return batch(first); });
}
