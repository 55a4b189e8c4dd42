// sentence: Dense needs a width of at least 1
// names: At<1, | Got<Shape<0>> | Wanted<Shape<1>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<0>> {};
#else
struct Net : Network<Input<4>, Dense<1>> {};
#endif

template void use<Net>(Values);
