// Synfire's event engine.
#include "../contest_synfire.hpp"
#include "contenders.hpp"

namespace contest {

std::vector<Contender> synfire(const std::vector<Pruned>& pruned) {
  using namespace contest_synfire;
  std::vector<Contender> all;
  for (const Pruned& p : pruned) {
    if (p.group == 1) {
      all.push_back(make<Dense<kHidden>>(p.task, "Synfire dense"));
      all.push_back(make<Sparse<kHidden, Csr>>(p.task, "Synfire csr"));
    }
    if (p.group == 8)
      all.push_back(make<Sparse<kHidden, Blocked<8>>>(p.task, "Synfire blocked(8)"));
    if (p.group == 16)
      all.push_back(make<Sparse<kHidden, Blocked<16>>>(p.task, "Synfire blocked(16)"));
  }
  return all;
}

}  // namespace contest
