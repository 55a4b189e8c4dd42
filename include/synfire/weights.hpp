// Tensors in a file: the safetensors format (8-byte little-endian header length, JSON header, raw
// little-endian tensors). Reading bounds and checks everything before it is used; writing is
// atomic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace synfire {

enum class DType { F32, F64, U8, I32, I64 };

/// One named array in C order. `bytes` holds product(shape) values of `dtype`.
struct Tensor {
  std::string name;
  std::vector<std::size_t> shape;
  DType dtype = DType::F32;
  std::vector<std::byte> bytes;

  static Tensor of(std::string name, std::vector<std::size_t> shape, const float* values);
  static Tensor of(std::string name, const std::vector<std::uint64_t>& values);  // I64, rank 1

  std::size_t size() const;                     // number of values
  std::vector<float> floats() const;            // dtype must be F32; throws Error otherwise
  std::vector<std::uint64_t> integers() const;  // dtype I64, I32 or U8; throws Error otherwise
};

/// The tensors of a file in the order in which they lie in it, and its `__metadata__`.
struct TensorFile {
  std::vector<Tensor> tensors;
  std::map<std::string, std::string> metadata;

  const Tensor* find(std::string_view name) const;  // nullptr when there is none
};

/// Throws FileError for anything amiss: missing, truncated, header longer than the file or than
/// 100 MB, bad JSON, unknown dtype, shape that overflows or disagrees with its bytes, duplicate
/// names, tensors that overlap, leave gaps, or lie out of range, trailing bytes, and NaN or
/// infinite values (with tensor name and index).
TensorFile read_safetensors(const std::filesystem::path& path);

/// Writes a temporary file beside `path`, syncs it, and renames it over `path`: a reader sees the
/// old file or the new one. Throws FileError; leaves no temporary file behind.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

/// The same atomic write for any bytes (JSON results, plots, pages).
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// The same for bytes that come piece by piece: what is written takes the place of `path` in
/// finish(), and is gone when there was none. Throws FileError from all three.
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::string_view bytes);
  void finish();

 private:
  class File;
  std::unique_ptr<File> file_;
};

}  // namespace synfire
