// sentence: the layer to regularize has no tensor of that name
// names: Net | Got<Probe<... | Wanted<AnyTensor>
#include "use.hpp"

using namespace synfire;

struct Net : Network<Input<4>, Named<"hidden", Dense<8>>, Spiking<Relu>, MeanOverTime> {};

void regularize(DenseTrainer<Net>& trainer) {
#ifdef FAULTY
  trainer.regularize<"hidden", "kernal">(L2{});
#else
  trainer.regularize<"hidden", "kernel">(L2{});
#endif
}

template void use<Net>(Values);
