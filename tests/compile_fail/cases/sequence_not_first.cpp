// sentence: InputSequence stands first, and once: a sample enters a network in one place
// names: At<1, | Got<Signal<Shape<4>, Held>> | Wanted<Nothing>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, InputSequence<4>, MeanOverTime> {};
#else
struct Net : Network<InputSequence<4>, MeanOverTime> {};
#endif

template void use<Net>(Values);
