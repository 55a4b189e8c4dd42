// One file each.
#pragma once

#include "../contest.hpp"

namespace contest {

/// The same net with its weights pruned in groups of so many neighbouring targets.
struct Pruned {
  std::size_t group;
  Task task;
};

/// One for each: single weights as rows, blocks of 8 and of 16, and dense.
std::vector<Contender> synfire(const std::vector<Pruned>& pruned);
/// Single weights, as compressed rows and dense.
std::vector<Contender> eigen(const std::vector<Pruned>& pruned);

}  // namespace contest
