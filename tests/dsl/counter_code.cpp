// A network's run, whose steps are counted where COUNTED is defined: counter_code_test.py looks at
// what this is compiled to.
#include "nets.hpp"

namespace synfire::test {

#ifdef COUNTED
using Engine = EventEngine<TwoLayers, Counted>;
#else
using Engine = EventEngine<TwoLayers>;
static_assert(std::is_empty_v<Counting<false> >);
#endif

float run(const Parameters<TwoLayers>& parameters, Values sample);
float run(const Parameters<TwoLayers>& parameters, Values sample) {
  Engine engine(parameters, {.dt = 0.1f, .steps = 10});
  return engine.run(sample)[0];
}

}  // namespace synfire::test
