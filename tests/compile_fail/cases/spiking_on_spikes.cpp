// sentence: Spiking takes currents, not spikes: put Dense before it
// names: At<3, | Got<Signal<Shape<8>, Spikes>> | Wanted<Signal<Shape<8>, Stepped>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, Spiking<Relu>, MeanOverTime> {};
#else
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, Dense<8>, Spiking<Relu>, MeanOverTime> {};
#endif

template void use<Net>(Values);
