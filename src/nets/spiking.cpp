#include <string>
#include <utility>

#include <synfire/dsl.hpp>
#include <synfire/dsl/net_model.hpp>

#include "nets.hpp"

namespace synfire::nets {

// clang-format off
template <class Hidden, class Output = Dense<10>>
struct FashionMnist : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden", Hidden>,
    Spiking<Relu>,
    MeanOverTime,
    Output> {};
// clang-format on

namespace {

template <class... Layers>
std::unique_ptr<Model> make(std::string name, std::string description) {
  return std::make_unique<NetModel<FashionMnist<Layers...>>>(
      NetCard{.name = std::move(name),
              .description = std::move(description),
              .defaults = {.dt = 0.01f, .steps = 10},
              .spiking_aware = true});
}

}  // namespace

std::unique_ptr<Model> spiking() {
  return make<Dense<128>>(
      "spiking", "784-128-10 with spiking relu, read out by its mean rates: the tutorial's net");
}

std::unique_ptr<Model> spiking_bfloat16() {
  return make<Dense<128, bfloat16>, Dense<10, bfloat16>>("spiking_bfloat16",
                                                         "the same run with weights of 16 bits");
}

std::unique_ptr<Model> spiking_int8() {
  return make<Dense<128, int8>, Dense<10, int8>>("spiking_int8",
                                                 "the same run with weights and inputs of 8 bits");
}

std::unique_ptr<Model> spiking_csr() {
  return make<Sparse<128, Csr>>("spiking_csr", "the same with synapses that pruning leaves");
}

std::unique_ptr<Model> spiking_blocked() {
  return make<Sparse<128, Blocked<32>>>("spiking_blocked",
                                        "the same, pruned in blocks of 32 targets");
}

}  // namespace synfire::nets
