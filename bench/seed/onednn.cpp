// oneDNN: inner products with their bias and relu, weights in the layout that it chooses; the
// neurons, which it does not know, are a plain loop.
#include <dnnl.hpp>

#include "neurons.hpp"

namespace {

using namespace seed;
using dnnl::memory;

const dnnl::engine& processor() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

class InnerProduct {
 public:
  InnerProduct(memory::dim rows, memory::dim in, memory::dim out, const Floats& w, const Floats& b,
               bool relu)
      : bias_(describe({out}, memory::format_tag::a), processor(), data(b)) {
    dnnl::primitive_attr attributes;
    if (relu) {
      dnnl::post_ops after;
      after.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
      attributes.set_post_ops(after);
    }
    const dnnl::inner_product_forward::desc operation(
        dnnl::prop_kind::forward_inference, describe({rows, in}, memory::format_tag::ab),
        describe({out, in}, memory::format_tag::any), bias_.get_desc(),
        describe({rows, out}, memory::format_tag::ab));
    const dnnl::inner_product_forward::primitive_desc chosen(operation, attributes, processor());
    product_ = dnnl::inner_product_forward(chosen);

    memory given(describe({out, in}, memory::format_tag::ba), processor(), data(w));
    weights_ = memory(chosen.weights_desc(), processor());
    dnnl::reorder(given, weights_).execute(stream_, given, weights_);
    stream_.wait();
    in_ = memory(chosen.src_desc(), processor(), nullptr);
    out_ = memory(chosen.dst_desc(), processor(), nullptr);
  }

  void operator()(const float* x, float* y) {
    in_.set_data_handle(const_cast<float*>(x));  // it is only read
    out_.set_data_handle(y);
    product_.execute(stream_, {{DNNL_ARG_SRC, in_},
                               {DNNL_ARG_WEIGHTS, weights_},
                               {DNNL_ARG_BIAS, bias_},
                               {DNNL_ARG_DST, out_}});
    stream_.wait();
  }

 private:
  static memory::desc describe(const memory::dims& shape, memory::format_tag layout) {
    return {shape, memory::data_type::f32, layout};
  }
  static void* data(const Floats& values) { return const_cast<float*>(values.data()); }

  memory bias_, weights_, in_, out_;
  dnnl::stream stream_{processor()};
  dnnl::inner_product_forward product_;
};

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
