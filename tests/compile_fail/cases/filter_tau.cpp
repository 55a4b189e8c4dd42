// sentence: a filter's time constant starts above 0 seconds
// names: At<3, | Got<Filtered<LowpassFilter | Wanted<PositiveTau>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
using Filter = Lowpass<Tau<std::ratio<0>>>;
#else
using Filter = Lowpass<Tau<std::ratio<1, 10>>>;
#endif
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, Filter, LastOverTime, Dense<2>> {};

template void use<Net>(Values);
