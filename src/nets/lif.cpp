#include <synfire/dsl.hpp>
#include <synfire/dsl/net_model.hpp>

#include "nets.hpp"

namespace synfire::nets {

// clang-format off
struct LeakyNet : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden_1", Dense<256>>,
    Spiking<Lif>,
    Named<"hidden_2", Dense<256>>,
    Spiking<Lif>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

std::unique_ptr<Model> lif() {
  return std::make_unique<NetModel<LeakyNet>>(NetCard{
      .name = "lif",
      .description = "784-256-256-10 with leaky integrate-and-fire neurons, trained through time",
      .defaults = {.dt = 0.001f, .steps = 10},
      .spiking_aware = true});
}

}  // namespace synfire::nets
