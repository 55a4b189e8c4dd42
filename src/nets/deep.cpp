#include <synfire/dsl.hpp>
#include <synfire/dsl/net_model.hpp>

#include "nets.hpp"

namespace synfire::nets {

// clang-format off
struct Deep : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden_1", Dense<256>>,
    Spiking<Relu>,
    Named<"hidden_2", Dense<256>>,
    Spiking<Relu>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

std::unique_ptr<Model> deep() {
  return std::make_unique<NetModel<Deep>>(
      NetCard{.name = "deep",
              .description = "784-256-256-10 with spiking relu: spikes travel between layers",
              .defaults = {.dt = 0.1f, .steps = 10},
              .spiking_aware = true});
}

}  // namespace synfire::nets
