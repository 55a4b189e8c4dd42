// Synfire's event engine.
#include "../contest_synfire.hpp"
#include "contenders.hpp"

namespace contest {

std::vector<Contender> synfire(const Task& task) {
  using namespace contest_synfire;
  return {make<Dense<kHidden>>(task, "Synfire f32"),
          make<Dense<kHidden, bfloat16>>(task, "Synfire bf16"),
          make<Dense<kHidden, int8>>(task, "Synfire int8"),
          make<Dense<kHidden>>(task, "Synfire f32, dense at every step", -1)};
}

}  // namespace contest
