// Files that tests make, and what reading them ends in.
#pragma once

#define ZLIB_CONST
#include <stdlib.h>
#include <zlib.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <synfire/dataset.hpp>
#include <synfire/error.hpp>

namespace synfire::test {

/// An empty folder of its own, gone with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "synfire-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline void put(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot open " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("zlib cannot pack");
  return packed;
}

/// An environment variable has another value, or none, while this lives.
class Environment {
 public:
  Environment(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  ~Environment() { set(old_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  void set(const std::optional<std::string>& value) {
    if (value)
      ::setenv(name_, value->c_str(), 1);
    else
      ::unsetenv(name_);
  }

  const char* name_;
  std::optional<std::string> old_;
};

inline bool one_sentence(const std::string& text) {
  return !text.empty() && text.find_first_of("\n\r\t\x1b") == std::string::npos;
}

/// The fault that a FileError states of `path`; "" where work() throws none.
template <class Work>
std::string fault_of(const std::filesystem::path& path, const Work& work) {
  try {
    work();
  } catch (const FileError& error) {
    const std::string sentence = error.what(), start = path.string() + ": ";
    CHECK(error.path == path);
    CHECK(one_sentence(sentence));
    REQUIRE(sentence.starts_with(start));
    return sentence.substr(start.size());
  }
  return "";
}

/// Four bytes, the most significant first.
inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift);
  return bytes;
}

inline std::string idx_images(std::uint32_t count, std::uint32_t height, std::uint32_t width,
                              std::string_view pixels) {
  return big_endian(0x803) + big_endian(count) + big_endian(height) + big_endian(width) +
         std::string(pixels);
}

inline std::string idx_labels(std::uint32_t count, std::string_view labels) {
  return big_endian(0x801) + big_endian(count) + std::string(labels);
}

inline constexpr std::array<const char*, 4> kDataFiles{
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte"};

/// A small sound data set, plain: three images of 2 x 2 to train with, two to test with.
inline void put_small_dataset(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  put(folder / kDataFiles[0], idx_images(3, 2, 2, "abcdefghijkl"));
  put(folder / kDataFiles[1], idx_labels(3, {"\x00\x09\x05", 3}));
  put(folder / kDataFiles[2], idx_images(2, 2, 2, "mnopqrst"));
  put(folder / kDataFiles[3], idx_labels(2, "\x01\x02"));
}

/// Where Debian's dataset-fashion-mnist lies; nothing, said plainly, where it is not installed.
inline std::optional<std::filesystem::path> installed_fashion_mnist() {
  const std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";
  for (const char* name : kDataFiles) {
    if (!std::filesystem::exists(folder / (std::string(name) + ".gz"))) {
      WARN("skipped: Fashion-MNIST is not installed (package dataset-fashion-mnist)");
      return std::nullopt;
    }
  }
  return folder;
}

}  // namespace synfire::test
