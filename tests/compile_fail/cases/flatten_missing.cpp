// sentence: Dense takes a flat signal: put Flatten before it
// names: At<1, | Got<Signal<Shape<28, 28>, Held>> | Wanted<Signal<Shape<784>, Held>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<28, 28>, Dense<10>> {};
#else
struct Net : Network<Input<28, 28>, Flatten, Dense<10>> {};
#endif

template void use<Net>(Values);
