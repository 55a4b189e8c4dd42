#include <synfire/dsl.hpp>
#include <synfire/dsl/net_model.hpp>

#include "nets.hpp"

namespace synfire::nets {

// clang-format off
struct Filtering : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden", Dense<128>>,
    Spiking<Relu>,
    Lowpass<>,
    LastOverTime,
    Dense<10>> {};
// clang-format on

std::unique_ptr<Model> lowpass() {
  return std::make_unique<NetModel<Filtering>>(
      NetCard{.name = "lowpass",
              .description = "784-128-10 with spiking relu, read out by trained lowpass filters",
              .defaults = {.dt = 0.01f, .steps = 10},
              .spiking_aware = true});
}

}  // namespace synfire::nets
