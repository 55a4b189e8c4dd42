// sentence: a network starts with an Input, which says the shape of a sample
// names: At<0, | Got<Nothing> | Wanted<AnyInput>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<> {};
#else
struct Net : Network<Input<1> > {};
#endif

template void use<Net>(Values);
