// sentence: Dense takes a flat signal: put Flatten before it
// names: At<1, | Got<Signal<Shape<4, 3>, Stepped>> | Wanted<Signal<Shape<12>, Stepped>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<InputSequence<4, 3>, Dense<8>, MeanOverTime> {};
#else
struct Net : Network<InputSequence<4, 3>, Flatten, Dense<8>, MeanOverTime> {};
#endif

template void use<Net>(Values);
