// sentence: a filter's settings are Tau, ApplyDuringTraining, Fixed, TauConstraint and InitialLevelConstraint
// names: At<3, | Got<Filtered<AlphaFilter, std::ratio<1, 10>... | Wanted<AnySetting>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
using Filter = Alpha<std::ratio<1, 10>>;
#else
using Filter = Alpha<Tau<std::ratio<1, 10>>>;
#endif
struct Net : Network<Input<4>, Dense<8>, Spiking<Relu>, Filter, LastOverTime, Dense<2>> {};

template void use<Net>(Values);
