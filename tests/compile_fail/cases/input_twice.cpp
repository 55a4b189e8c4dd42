// sentence: Input stands first, and once: a sample enters a network in one place
// names: At<2, | Input<3> | Got<Signal<Shape<4>, Held>> | Wanted<Nothing>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Flatten, Input<3>, Dense<2>> {};
#else
struct Net : Network<Input<4>, Flatten, Dense<2>> {};
#endif

template void use<Net>(Values);
