// sentence: no layer of this network has that label: a Named name, or kind and index (spiking_3)
// names: Net | Got<Probe<... | Wanted<AnyLabel>
#include "use.hpp"

using namespace synfire;

struct Net : Network<Input<4>, Named<"hidden", Dense<8>>, Spiking<Relu>, MeanOverTime> {};

#ifdef FAULTY
using Engine = EventEngine<Net, Probe<"hiden">>;
#else
using Engine = EventEngine<Net, Probe<"hidden">, Probe<"spiking_2">>;
#endif

Engine engine(const Parameters<Net>& parameters) {
  return {parameters, {}};
}

template void use<Net>(Values);
