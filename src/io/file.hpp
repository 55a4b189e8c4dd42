// Files by descriptor. Every fault becomes a FileError of one sentence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace synfire::io {

/// What the system says about an errno value, such as "No space left on device".
std::string system_reason(int error_number);

/// Text from a file, fit for a sentence: control characters escaped, long text cut.
std::string escaped(std::string_view text);
std::string quoted(std::string_view text);  // the same in quotes

/// A descriptor that closes itself; close() reports what a delayed write found.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return value_; }
  bool close();

 private:
  int value_;
};

/// All bytes; false with errno where that cannot be.
bool write_all(int descriptor, std::string_view bytes);

/// A new or renamed file is on disk once its folder is. File systems that cannot sync a folder say
/// EINVAL, which is no fault.
bool sync_folder_of(const std::filesystem::path& path);

/// Throws FileError.
[[noreturn]] void cannot_write(const std::filesystem::path& path, int error_number);

/// A file open for reading, from its beginning to its end.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Reads n bytes; fewer only at the end of the file.
  std::size_t read(void* out, std::size_t n);

  const std::filesystem::path& path() const { return path_; }
  bool is_regular() const { return regular_; }
  std::uint64_t size() const { return size_; }  // of a regular file

 private:
  std::filesystem::path path_;
  int descriptor_;
  bool regular_ = false;
  std::uint64_t size_ = 0;
};

/// Writes the parts one after another, atomically as write_file does.
void write_parts(const std::filesystem::path& path, std::span<const std::string_view> parts);

}  // namespace synfire::io
