#include <string>
#include <utility>

#include <synfire/dsl.hpp>
#include <synfire/dsl/net_model.hpp>

#include "nets.hpp"

namespace synfire::nets {

// clang-format off
template <class Hidden>
struct Wide : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden_1", Hidden>,
    Spiking<Relu>,
    Named<"hidden_2", Hidden>,
    Spiking<Relu>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

namespace {

template <class Hidden>
std::unique_ptr<Model> make(std::string name, std::string description) {
  return std::make_unique<NetModel<Wide<Hidden>>>(NetCard{.name = std::move(name),
                                                          .description = std::move(description),
                                                          .defaults = {.dt = 0.1f, .steps = 10},
                                                          .spiking_aware = true});
}

}  // namespace

std::unique_ptr<Model> wide() {
  return make<Dense<1024>>(
      "wide", "784-1024-1024-10 with spiking relu: more weights than a near cache holds");
}

std::unique_ptr<Model> wide_blocked() {
  return make<Sparse<1024, Blocked<16>>>("wide_blocked",
                                         "the same, pruned in blocks of 16 targets");
}

}  // namespace synfire::nets
