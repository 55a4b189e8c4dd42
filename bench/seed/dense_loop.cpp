// What a C++ programmer writes without a library: dense loops over rows of weights, for the
// compiler to vectorise.
#include "neurons.hpp"

namespace {

using namespace seed;

template <std::size_t Inputs, std::size_t Outputs>
void dense(const float* x, const Floats& w, const Floats& b, float* y) {
  float sum[Outputs];
  std::copy_n(b.data(), Outputs, sum);
  for (std::size_t i = 0; i < Inputs; ++i)
    for (std::size_t j = 0; j < Outputs; ++j) sum[j] += x[i] * w[i * Outputs + j];
  std::copy_n(sum, Outputs, y);
}

void infer(const Task& task, std::size_t i, float* logits) {
  alignas(64) float rate[kHidden], mean[kHidden];
  dense<kInputs, kHidden>(task.image(i), task.w1, task.b1, rate);
  for (float& r : rate) r = std::max(r, 0.0f);
  integrate(rate, task.voltage(i), mean);
  dense<kHidden, kClasses>(mean, task.w2, task.b2, logits);
}

}  // namespace

int main(int, char** argv) {
  const Task task(argv[1]);
  Floats logits(kBatch * kClasses);
  return serve(
      "g++ " __VERSION__,
      [&](std::size_t i) {
        infer(task, i, logits.data());
        return logits.data();
      },
      [&](std::size_t first) {
        for (std::size_t i = 0; i < kBatch; ++i)
          infer(task, first + i, logits.data() + i * kClasses);
        return logits.data();
      });
}
