// sentence: the layer of that label has no voltage
// names: Net | "dense_1"
#include "use.hpp"

using namespace synfire;

struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, MeanOverTime> {};

void set(EventEngine<Net>& engine, Values values) {
#ifdef FAULTY
  engine.set_initial_voltage<"dense_1">(values);
#else
  engine.set_initial_voltage<"spiking_2">(values);
#endif
}

template void use<Net>(Values);
