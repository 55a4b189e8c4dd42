// sentence: a filter takes what changes from step to step, or is held: not a value that is known only when the run has ended
// names: At<4, | Got<Signal<Shape<8>, Final>> | Wanted<Signal<Shape<8>, Spikes>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, MeanOverTime, Lowpass<>, Dense<2>> {};
#else
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, Lowpass<>, MeanOverTime, Dense<2>> {};
#endif

template void use<Net>(Values);
