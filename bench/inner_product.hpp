// oneDNN's inner product with its bias and, where wanted, a relu; weights in the layout that it
// chooses.
#pragma once

#include <dnnl.hpp>

#include "floats.hpp"

namespace bench {

using dnnl::memory;

inline const dnnl::engine& processor() {
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

}  // namespace bench
