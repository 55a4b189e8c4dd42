// sentence: Activate takes analog values, and spikes are none: put it before Spiking
// names: At<3, | Got<Signal<Shape<8>, Spikes>> | Wanted<Signal<Shape<8>, Stepped>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, Activate<Relu>, MeanOverTime> {};
#else
struct Net : Network<Input<4>, Dense<8>, Activate<Relu>, Spiking<Relu>, MeanOverTime> {};
#endif

template void use<Net>(Values);
