// sentence: this name is taken by an earlier layer
// names: At<2, | Got<Dense<2...>> | Wanted<AnyFreeName>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Named<"a", Dense<8>>, Named<"a", Dense<2>>> {};
#else
struct Net : Network<Input<4>, Named<"a", Dense<8>>, Named<"b", Dense<2>>> {};
#endif

template void use<Net>(Values);
