#include <synfire/dsl.hpp>
#include <synfire/dsl/net_model.hpp>

#include "nets.hpp"

namespace synfire::nets {

// clang-format off
struct NonSpiking : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden", Dense<128>>,
    Activate<Relu>,
    Dense<10>> {};
// clang-format on

std::unique_ptr<Model> nonspiking() {
  return std::make_unique<NetModel<NonSpiking>>(
      NetCard{.name = "nonspiking",
              .description = "784-128-10 with relu and no spikes: the non-spiking twin",
              .defaults = {.dt = 1.0f, .steps = 1},
              .spiking_aware = false});
}

}  // namespace synfire::nets
