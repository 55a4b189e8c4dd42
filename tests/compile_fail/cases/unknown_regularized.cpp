// sentence: no layer to regularize has that label: a Named name, or kind and index (spiking_3)
// names: Net | Got<Probe<... | Wanted<AnyLabel>
#include "use.hpp"

using namespace synfire;

struct Net : Network<Input<4>, Named<"hidden", Dense<8>>, Spiking<Relu>, MeanOverTime> {};

void regularize(DenseTrainer<Net>& trainer) {
#ifdef FAULTY
  trainer.regularize<"hiden">(L2{});
#else
  trainer.regularize<"hidden">(L2{});
  trainer.regularize<"spiking_2">(L2{});
#endif
}

template void use<Net>(Values);
