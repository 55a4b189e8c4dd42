// sentence: LastOverTime takes what changes from step to step: put Spiking before it
// names: At<2, | Got<Signal<Shape<8>, Held>> | Wanted<Signal<Shape<8>, Spikes>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<8>, LastOverTime, Dense<2>> {};
#else
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, LastOverTime, Dense<2>> {};
#endif

template void use<Net>(Values);
