// sentence: this type is not a layer: it has no kind and no accepts<In>
// names: At<1, | Got<Relu> | Wanted<AnyLayer>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Named<"hidden", Relu>, Dense<2>> {};
#else
struct Net : Network<Input<4>, Named<"hidden", Activate<Relu>>, Dense<2>> {};
#endif

template void use<Net>(Values);
