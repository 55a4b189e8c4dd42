// sentence: Sparse needs a connectivity: Csr, Blocked<8>, Blocked<16>, Blocked<32> or Blocked<64>
// names: At<1, | Got<Blocked<0>> | Wanted<AnyConnectivity>
#include "use.hpp"

using namespace synfire;

#ifdef FAULTY
struct Net : Network<Input<4>, Sparse<8, Blocked<0>>> {};
#else
struct Net : Network<Input<4>, Sparse<8, Blocked<8>>> {};
#endif

template void use<Net>(Values);
