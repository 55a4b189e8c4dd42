#include <string>
#include <utility>

#include <synfire/dsl.hpp>
#include <synfire/dsl/net_model.hpp>

#include "nets.hpp"

namespace synfire::nets {

// clang-format off
template <class Weight>
struct FashionMnist : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden", Dense<128, Weight>>,
    Spiking<Relu>,
    MeanOverTime,
    Dense<10, Weight>> {};
// clang-format on

namespace {

template <class Weight>
std::unique_ptr<Model> make(std::string name, std::string description) {
  return std::make_unique<NetModel<FashionMnist<Weight>>>(
      NetCard{.name = std::move(name),
              .description = std::move(description),
              .defaults = {.dt = 0.01f, .steps = 10},
              .spiking_aware = true});
}

}  // namespace

std::unique_ptr<Model> spiking() {
  return make<float32>(
      "spiking", "784-128-10 with spiking relu, read out by its mean rates: the tutorial's net");
}

std::unique_ptr<Model> spiking_bfloat16() {
  return make<bfloat16>("spiking_bfloat16", "the same run with weights of 16 bits");
}

std::unique_ptr<Model> spiking_int8() {
  return make<int8>("spiking_int8", "the same run with weights and inputs of 8 bits");
}

}  // namespace synfire::nets
