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
  return make<Dense<512>>("wide", "784-512-512-10 with spiking relu: spikes between wide layers");
}

std::unique_ptr<Model> wide_blocked() {
  return make<Sparse<512, Blocked<32>>>("wide_blocked", "the same, pruned in blocks of 32 targets");
}

}  // namespace synfire::nets
