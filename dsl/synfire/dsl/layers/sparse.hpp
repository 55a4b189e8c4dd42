// Sparse<Width, Csr>, Sparse<Width, Blocked<8>>: a Dense<Width> in which only the weights that are
// not 0 are synapses (connectivity.hpp). Files hold the dense kernel, so that a Dense and a Sparse
// serve each other's; training leaves weights of 0 as they are; prune() makes them.
#pragma once

#include <synfire/dsl/connectivity.hpp>
#include <synfire/dsl/layers/dense.hpp>

namespace synfire {

template <std::size_t Width, class Format>
struct Sparse : Dense<Width, Format> {
  static constexpr std::string_view kind = "sparse";
  static constexpr bool is_connected = Connectivity<Format>;

  template <class In>
  static constexpr bool accepts = is_connected&& Dense<Width, Format>::template accepts<In>;

  template <class Where, class In>
  struct Demand {
    static_assert(fits<Where, Sparse, Got<Shape<Width>>, Wanted<Shape<1>>, Width != 0>,
                  "Sparse needs a width of at least 1");
    static_assert(fits < Where, Sparse, Got<In>,
                  Wanted<Signal<Shape<In::size>, typename In::Carrier>>, Width == 0 || flat < In >>,
                  "Sparse takes a flat signal: put Flatten before it");
    static_assert(
        fits < Where, Sparse, Got<Format>, Wanted<AnyConnectivity>, Width == 0 || is_connected >,
        "Sparse needs a connectivity: Csr, Blocked<8>, Blocked<16>, Blocked<32> or Blocked<64>");
  };
};

}  // namespace synfire
