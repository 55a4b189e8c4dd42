// sentence: Activate needs an activation: a type with name, value(x) and derivative(x)
// names: At<2, | Got<LeakyIntegrateAndFire<...>> | Wanted<AnyActivation>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<8>, Activate<Lif>> {};
#else
struct Net : Network<Input<4>, Dense<8>, Activate<Relu>> {};
#endif

template void use<Net>(Values);
