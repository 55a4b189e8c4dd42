// Which instruction set the kernels run on.
#pragma once

#include <string>
#include <vector>

namespace synfire {

/// The target that the kernels take on this processor, by Highway's name: "AVX3", "AVX2", "SSE4",
/// ...; "AVX3_DL+AMX" where they multiply tiles besides.
std::string active_target();

/// Every compiled target that this processor supports, best first.
std::vector<std::string> supported_targets();

/// Makes all kernels use `name` from now on (an empty name: the best again). For tests and
/// benchmarks; not while kernels run in other threads. Throws InvalidSetting for an unsupported
/// one.
void force_target(const std::string& name);

}  // namespace synfire
