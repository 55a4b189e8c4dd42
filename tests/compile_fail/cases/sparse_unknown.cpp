// sentence: Sparse needs a connectivity: Csr, Blocked<8>, Blocked<16>, Blocked<32> or Blocked<64>
// names: At<1, | Got<int8> | Wanted<AnyConnectivity>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Sparse<8, int8>> {};
#else
struct Net : Network<Input<4>, Sparse<8, Csr>> {};
#endif

template void use<Net>(Values);
