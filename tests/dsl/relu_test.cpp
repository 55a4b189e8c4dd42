#include <synfire/dsl/activations/relu.hpp>

#include "conformance.hpp"

using namespace synfire;

TEST_CASE("relu") {
  test::check_activation<Relu>({0});
  CHECK(Relu::value(-3) == 0);
  CHECK(Relu::value(2.5f) == 2.5f);
  CHECK(Relu::derivative(0) == 0);  // as TensorFlow has it
}

TEST_CASE("the rate neuron of relu") {
  const Parameters<Network<Input<1>>> none;
  test::check_neuron<RateNeuron<Relu>>({none, 0, 0.1f});
}
