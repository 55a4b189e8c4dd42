// sentence: Spiking needs a neuron model or an activation
// names: At<2, | Got<int> | Wanted<AnyNeuron>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<8>, Spiking<int>, MeanOverTime> {};
#else
struct Net : Network<Input<4>, Dense<8>, Spiking<Lif>, MeanOverTime> {};
#endif

template void use<Net>(Values);
