// oneDNN: inner products with their bias and relu, weights in the layout that it chooses; the
// neurons, which it does not know, are a plain loop.
#include "../inner_product.hpp"
#include "neurons.hpp"

namespace {

using namespace seed;
using bench::InnerProduct;
using dnnl::memory;

class Net {
 public:
  Net(const Task& task, std::size_t rows)
      : task_(task),
        rows_(rows),
        hidden_(dimension(rows), kInputs, kHidden, task.w1, task.b1, true),
        output_(dimension(rows), kHidden, kClasses, task.w2, task.b2, false),
        rate_(rows * kHidden),
        mean_(rows * kHidden),
        logits_(rows * kClasses) {}

  const float* operator()(std::size_t first) {
    hidden_(task_.image(first), rate_.data());
    for (std::size_t r = 0; r < rows_; ++r)
      integrate(rate_.data() + r * kHidden, task_.voltage(first + r), mean_.data() + r * kHidden);
    output_(mean_.data(), logits_.data());
    return logits_.data();
  }

 private:
  static memory::dim dimension(std::size_t n) { return static_cast<memory::dim>(n); }

  const Task& task_;
  std::size_t rows_;
  InnerProduct hidden_, output_;
  Floats rate_, mean_, logits_;
};

}  // namespace

int main(int, char** argv) {
  const Task task(argv[1]);
  Net one(task, 1), batch(task, kBatch);
  const dnnl_version_t* version = dnnl_version();
  return serve(
      "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
          std::to_string(version->patch),
      [&](std::size_t i) { return one(i); }, [&](std::size_t first) { return batch(first); });
}
