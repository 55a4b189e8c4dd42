// sentence: Spiking cannot follow a value that is known only when the run has ended
// names: At<4, | Got<Signal<Shape<8>, Final>> | Wanted<Signal<Shape<8>, Stepped>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, MeanOverTime, Spiking<Relu>> {};
#else
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, MeanOverTime, Activate<Relu>> {};
#endif

template void use<Net>(Values);
