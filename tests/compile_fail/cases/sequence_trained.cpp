// sentence: a network to train ends in a value known when the run ends, not in a sequence
// names: Net
#include <synfire/dsl.hpp>

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>> {};
#else
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, MeanOverTime> {};
#endif

template class synfire::DenseTrainer<Net>;
