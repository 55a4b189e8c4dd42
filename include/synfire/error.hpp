// Everything that Synfire throws. Each error carries the data that a program needs to react, and
// one sentence in what() for a person. The library never prints, aborts or exits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace synfire {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A setting outside its range: dt <= 0 or NaN, no steps, a batch of nothing.
struct InvalidSetting : Error {
  InvalidSetting(std::string name, const std::string& value, const std::string& wanted)
      : Error(name + " is " + value + ": it must be " + wanted), setting(std::move(name)) {}
  std::string setting;
};

/// An array whose number of values is not what the network's type says.
struct ShapeMismatch : Error {
  ShapeMismatch(const std::string& what, std::size_t expected_size, std::size_t found_size)
      : Error(what + " has " + std::to_string(found_size) + " values where " +
              std::to_string(expected_size) + " are wanted"),
        expected(expected_size),
        found(found_size) {}
  std::size_t expected, found;
};

/// A file that cannot be read, written, or believed. `offset` is the byte where it went wrong, 0
/// when the file as a whole is at fault.
struct FileError : Error {
  FileError(std::filesystem::path file, std::uint64_t at, const std::string& fault)
      : Error(file.string() + ": " + fault), path(std::move(file)), offset(at) {}
  std::filesystem::path path;
  std::uint64_t offset;
};

/// No data set by that name anywhere it is looked for; what() lists the places.
struct DataNotFound : Error {
  using Error::Error;
};

/// Weights that belong to another network. `layer` is the index of the first layer that differs.
struct SignatureMismatch : Error {
  SignatureMismatch(std::string wanted, std::string got, std::size_t first, const std::string& why)
      : Error(why), expected(std::move(wanted)), found(std::move(got)), layer(first) {}
  std::string expected, found;
  std::size_t layer;
};

}  // namespace synfire
