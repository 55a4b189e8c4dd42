// sentence: this network has no layer of that name: a label is a Named name, or kind and index as
// `synfire info` prints them names: Net | Got<Probe<... | Wanted<AnyLabel>
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
