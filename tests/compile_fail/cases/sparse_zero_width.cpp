// sentence: Sparse needs a width of at least 1
// names: At<1, | Got<Shape<0>> | Wanted<Shape<1>>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Sparse<0, Csr>> {};
#else
struct Net : Network<Input<4>, Sparse<1, Csr>> {};
#endif

template void use<Net>(Values);
