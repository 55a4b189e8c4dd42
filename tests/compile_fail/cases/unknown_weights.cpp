// sentence: Dense needs a kind of weights: float32, bfloat16 or int8
// names: At<1, | Got<double> | Wanted<AnyWeights>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Dense<8, double>> {};
#else
struct Net : Network<Input<4>, Dense<8, int8>> {};
#endif

template void use<Net>(Values);
