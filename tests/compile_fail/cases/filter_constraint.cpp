// sentence: a filter's constraints are of a vector, whose only axis is 0 or -1
// names: At<3, | Got<Filtered<LowpassFilter, TauConstraint<Mean<1>... | Wanted<ConstraintsOfAVector>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
using Filter = Lowpass<TauConstraint<Mean<1>>>;
#else
using Filter = Lowpass<TauConstraint<Mean<0>, LowerBound<std::milli>>>;
#endif
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, Filter, LastOverTime, Dense<2>> {};

template void use<Net>(Values);
