#include "file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "synfire/error.hpp"
#include "synfire/weights.hpp"

namespace synfire::io {
namespace fs = std::filesystem;
namespace {

/// A new, empty file in the target's folder, with the permissions that the umask leaves. It is gone
/// when this object is, unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : descriptor_(-1) {
    static std::atomic<unsigned> count{0};
    const fs::path folder = target.has_parent_path() ? target.parent_path() : ".";
    do {
      path_ = folder / (".synfire-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
      descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && errno == EEXIST);
  }
  ~TemporaryFile() {
    if (descriptor_ >= 0 && !renamed_) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  int descriptor() const { return descriptor_; }
  bool rename_to(const fs::path& target) {
    renamed_ = ::rename(path_.c_str(), target.c_str()) == 0;
    return renamed_;
  }

 private:
  fs::path path_;
  int descriptor_;
  bool renamed_ = false;
};

}  // namespace

bool sync_folder_of(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) return errno == EACCES;  // writable, not readable: nothing to sync by
  return ::fsync(descriptor.get()) == 0 || errno == EINVAL;
}

void cannot_write(const fs::path& path, int error_number) {
  throw FileError(path, 0, "cannot be written (" + system_reason(error_number) + ")");
}

Descriptor::~Descriptor() {
  if (value_ >= 0) ::close(value_);
}

bool Descriptor::close() {
  return ::close(std::exchange(value_, -1)) == 0;
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string system_reason(int error_number) {
  return std::generic_category().message(error_number);
}

std::string escaped(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + (text.size() > kLongest ? "..." : "");
}

std::string quoted(std::string_view text) {
  return "'" + escaped(text) + "'";
}

InputFile::InputFile(fs::path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) {
    if (errno == ENOENT) throw FileError(path_, 0, "there is no such file");
    throw FileError(path_, 0, "cannot be opened (" + system_reason(errno) + ")");
  }
  struct stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  if (!known || S_ISDIR(status.st_mode)) {
    const int error_number = errno;
    ::close(descriptor_);
    throw FileError(path_, 0,
                    known ? "is a folder where a file is expected"
                          : "cannot be read (" + system_reason(error_number) + ")");
  }
  regular_ = S_ISREG(status.st_mode);
  size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

std::size_t InputFile::read(void* out, std::size_t n) {
  std::size_t done = 0;
  while (done < n) {
    const ssize_t got = ::read(descriptor_, static_cast<char*>(out) + done, n - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError(path_, 0, "cannot be read (" + system_reason(errno) + ")");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void write_parts(const fs::path& path, std::span<const std::string_view> parts) {
  FileWriter file(path);
  for (const std::string_view part : parts) file.write(part);
  file.finish();
}

}  // namespace synfire::io

namespace synfire {
namespace fs = std::filesystem;

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  io::write_parts(path, std::array{bytes});
}

class FileWriter::File {
 public:
  explicit File(fs::path path) : path_(std::move(path)) {
    exists_ = ::stat(path_.c_str(), &status_) == 0;
    if (exists_ && S_ISDIR(status_.st_mode))
      throw FileError(path_, 0, "is a folder where a file is to be written");
    if (exists_ && ::access(path_.c_str(), W_OK) != 0) io::cannot_write(path_, errno);
    // A device or a pipe (/dev/stdout) takes bytes; a rename would put a file in its place.
    if (exists_ && !S_ISREG(status_.st_mode)) {
      out_.emplace(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    } else {
      std::error_code ignored;
      const fs::path resolved = exists_ ? fs::canonical(path_, ignored) : fs::path();
      target_ = resolved.empty() ? path_ : resolved;  // a link stays a link
      temporary_.emplace(target_);
      out_.emplace(temporary_->descriptor());
    }
    if (out_->get() < 0) io::cannot_write(path_, errno);
    if (temporary_ && exists_ && ::fchmod(out_->get(), status_.st_mode & 07777) != 0)
      io::cannot_write(path_, errno);
  }

  void write(std::string_view bytes) {
    if (!io::write_all(out_->get(), bytes)) io::cannot_write(path_, errno);
  }

  void finish() {
    if (temporary_ && ::fsync(out_->get()) != 0) io::cannot_write(path_, errno);
    if (!out_->close()) io::cannot_write(path_, errno);
    if (temporary_ && (!temporary_->rename_to(target_) || !io::sync_folder_of(target_)))
      io::cannot_write(path_, errno);
  }

 private:
  fs::path path_, target_;
  bool exists_ = false;
  struct stat status_ {};
  std::optional<io::TemporaryFile> temporary_;
  std::optional<io::Descriptor> out_;  // closed before the temporary file goes
};

FileWriter::FileWriter(fs::path path) : file_(std::make_unique<File>(std::move(path))) {}
FileWriter::~FileWriter() = default;

void FileWriter::write(std::string_view bytes) {
  file_->write(bytes);
}

void FileWriter::finish() {
  file_->finish();
}

}  // namespace synfire
