// The IDX format, from any source of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "synfire/dataset.hpp"

namespace synfire::io {

/// Reads up to n bytes into out and says how many; 0 at the end.
using ReadBytes = std::function<std::size_t(std::uint8_t* out, std::size_t n)>;

/// As IdxFile::read; `name` is what errors call the source.
IdxFile parse_idx(const std::filesystem::path& name, const ReadBytes& source);

/// SHA-256 of a set's two files as they are unpacked, headers included.
struct Sums {
  std::string images, labels;
};
Sums sums_of(const ImageSet& set);

/// SHA-256 of an unpacked IDX file, header included.
std::string unpacked_sha256(const IdxFile& file);

/// One sum over all four.
std::string fingerprint(const Sums& train, const Sums& test);

}  // namespace synfire::io
