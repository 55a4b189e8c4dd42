#include <synfire/dsl.hpp>
#include <synfire/dsl/net_model.hpp>

#include "nets.hpp"

namespace synfire::nets {

// clang-format off
struct FashionMnist : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden", Dense<128>>,
    Spiking<Relu>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

std::unique_ptr<Model> spiking() {
  return std::make_unique<NetModel<FashionMnist>>(NetCard{
      .name = "spiking",
      .description = "784-128-10 with spiking relu, read out by its mean rates: the tutorial's net",
      .defaults = {.dt = 0.01f, .steps = 10},
      .spiking_aware = true});
}

}  // namespace synfire::nets
