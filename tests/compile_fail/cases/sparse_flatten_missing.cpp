// sentence: Sparse takes a flat signal: put Flatten before it
// names: At<1,
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4, 4>, Sparse<4, Csr>> {};
#else
struct Net : Network<Input<4, 4>, Flatten, Sparse<4, Csr>> {};
#endif

template void use<Net>(Values);
