#include <synfire/dsl.hpp>
#include <synfire/dsl/net_model.hpp>

#include "nets.hpp"

namespace synfire::nets {

// A gentle surrogate: one of snnTorch's slope, 25, leaves so little of the gradient behind two
// layers that ten epochs end two points of accuracy lower.
using GentleLif = LeakyIntegrateAndFire<FastSigmoid<2>>;

// clang-format off
struct LeakyNet : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden_1", Dense<256>>,
    Spiking<GentleLif>,
    Named<"hidden_2", Dense<256>>,
    Spiking<GentleLif>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

std::unique_ptr<Model> lif() {
  return std::make_unique<NetModel<LeakyNet>>(NetCard{
      .name = "lif",
      .description = "784-256-256-10 with leaky integrate-and-fire neurons, trained through time",
      .defaults = {.dt = 0.005f, .steps = 10},
      .spiking_aware = true});
}

}  // namespace synfire::nets
