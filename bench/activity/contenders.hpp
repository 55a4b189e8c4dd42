// One file each.
#pragma once

#include "../contest.hpp"

namespace contest {

/// float32, bfloat16, int8, and float32 with the whole product at every step.
std::vector<Contender> synfire(const Task& task);
std::vector<Contender> eigen(const Task& task);
std::vector<Contender> onednn(const Task& task);

}  // namespace contest
