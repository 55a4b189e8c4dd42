// sentence: InputSequence needs at least one extent, and each of them at least 1
// names: At<0, | Got<Shape<>> | Wanted<Shape<1>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<InputSequence<>, MeanOverTime> {};
#else
struct Net : Network<InputSequence<4>, MeanOverTime> {};
#endif

template void use<Net>(Values);
