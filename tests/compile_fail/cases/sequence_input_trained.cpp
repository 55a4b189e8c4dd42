// sentence: a network to train ends in a value known when the run ends, not in a sequence
// names: Net
#include <synfire/dsl.hpp>

using namespace synfire;

#ifdef FAULTY
struct Net : Network<InputSequence<4>, Dense<8>> {};
#else
struct Net : Network<InputSequence<4>, Dense<8>, LastOverTime> {};
#endif

template class synfire::DenseTrainer<Net>;
