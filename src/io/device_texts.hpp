// The device files of src/io/devices, compiled in.
#pragma once

#include <string_view>
#include <vector>

namespace synfire::io {

/// Their texts, in alphabetical order of their names.
const std::vector<std::string_view>& device_texts();

}  // namespace synfire::io
