// Eigen: a product of a matrix and a vector at every step, by compressed rows or dense.
#include <Eigen/Core>
#include <Eigen/SparseCore>
#include <memory>

#include "contenders.hpp"

namespace contest {
namespace {

using DenseMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using SparseMatrix = Eigen::SparseMatrix<float, Eigen::RowMajor>;
using Vector = Eigen::VectorXf;

Eigen::Map<const Vector> vector(const float* values, std::size_t n) {
  return {values, static_cast<Eigen::Index>(n)};
}

/// [out][in], which Eigen's compressed rows multiply best.
DenseMatrix transposed(const Floats& w, std::size_t in, std::size_t out) {
  return Eigen::Map<const DenseMatrix>(w.data(), static_cast<Eigen::Index>(in),
                                       static_cast<Eigen::Index>(out))
      .transpose();
}

template <class Matrix>
Matrix made_of(const DenseMatrix& w) {
  if constexpr (std::is_same_v<Matrix, SparseMatrix>) {
    return w.sparseView();
  } else {
    return w;
  }
}

template <class Matrix>
struct Net {
  explicit Net(const Task& given)
      : task(given),
        w1(made_of<Matrix>(transposed(task.w1, kInputs, kHidden))),
        w2(made_of<Matrix>(transposed(task.w2, kHidden, kHidden))),
        w3(transposed(task.w3, kHidden, kClasses)) {}

  const float* run(std::size_t i) {
    current.noalias() = w1 * vector(task.image(i), kInputs);
    current += vector(task.b1.data(), kHidden);
    v1 = vector(task.voltage_1(i), kHidden);
    v2 = vector(task.voltage_2(i), kHidden);
    total.setZero();
    for (std::size_t t = 0; t < kSteps; ++t) {
      fire(current.data(), v1.data(), spikes.data(), kHidden);
      spikes *= 1 / kDt;
      second.noalias() = w2 * spikes;
      second += vector(task.b2.data(), kHidden);
      fire(second.data(), v2.data(), spikes.data(), kHidden);
      total += spikes;
    }
    total *= 1 / (kDt * kSteps);
    logits.noalias() = w3 * total;
    logits += vector(task.b3.data(), kClasses);
    return logits.data();
  }

  const Task& task;
  Matrix w1, w2;
  DenseMatrix w3;
  Vector current{Vector::Zero(kHidden)}, v1, v2, spikes{Vector::Zero(kHidden)}, second,
      total{Vector::Zero(kHidden)}, logits;
};

template <class Matrix>
Contender make(const Task& task, const char* name) {
  const auto net = std::make_shared<Net<Matrix>>(task);
  return {name, [net](std::size_t i) { return net->run(i); }};
}

}  // namespace

std::vector<Contender> eigen(const std::vector<Pruned>& pruned) {
  std::vector<Contender> all;
  for (const Pruned& p : pruned)
    if (p.group == 1) {
      all.push_back(make<SparseMatrix>(p.task, "Eigen sparse"));
      all.push_back(make<DenseMatrix>(p.task, "Eigen dense"));
    }
  return all;
}

}  // namespace contest
