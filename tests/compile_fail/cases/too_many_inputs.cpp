// sentence: these weights sum no more inputs than that
// names: At<1, | Wanted<Shape<66311
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<66312>, Dense<1, int8>> {};
#else
struct Net : Network<Input<66311>, Dense<1, int8>> {};
#endif

template void use<Net>(Values);
