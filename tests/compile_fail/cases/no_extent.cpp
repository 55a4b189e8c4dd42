// sentence: Input needs at least one extent, and each of them at least 1
// names: At<0, | Got<Shape<>> | Wanted<Shape<1>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<>, Flatten, Dense<2>> {};
#else
struct Net : Network<Input<1>, Flatten, Dense<2>> {};
#endif

template void use<Net>(Values);
