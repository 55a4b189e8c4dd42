// oneDNN: an inner product at every step, weights in the layout that it chooses.
#include <dnnl.hpp>
#include <memory>

#include "contenders.hpp"

namespace contest {
namespace {

using dnnl::memory;

const dnnl::engine& processor() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

class InnerProduct {
 public:
  InnerProduct(memory::dim in, memory::dim out, const Floats& w, const Floats& b)
      : bias_(describe({out}, memory::format_tag::a), processor(), data(b)) {
    const dnnl::inner_product_forward::desc operation(
        dnnl::prop_kind::forward_inference, describe({1, in}, memory::format_tag::ab),
        describe({out, in}, memory::format_tag::any), bias_.get_desc(),
        describe({1, out}, memory::format_tag::ab));
    const dnnl::inner_product_forward::primitive_desc chosen(operation, processor());
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

struct Net {
  explicit Net(const Task& given)
      : task(given),
        first(kInputs, kHidden, task.w1, task.b1),
        second(kHidden, kHidden, task.w2, task.b2),
        third(kHidden, kClasses, task.w3, task.b3) {}

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
