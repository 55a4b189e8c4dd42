#pragma once

#include <filesystem>

namespace synfire {

/// Finds out before the training, and not an epoch later, that a checkpoint cannot be written.
/// Throws FileError.
void require_writable(const std::filesystem::path& path);

}  // namespace synfire
