#include <synfire/journal.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include <synfire/error.hpp>

#include "file.hpp"

namespace synfire {
namespace {

constexpr std::uint64_t kLongest = std::uint64_t{1} << 30;

}  // namespace

class Journal::File : public io::Descriptor {
 public:
  using Descriptor::Descriptor;
};

Journal::Journal(std::filesystem::path path) : path_(std::move(path)) {
  file_ =
      std::make_unique<File>(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (file_->get() < 0) {
    if (errno == EISDIR) throw FileError(path_, 0, "is a folder where a journal is to be written");
    io::cannot_write(path_, errno);
  }
  struct stat status {};
  if (::fstat(file_->get(), &status) != 0) io::cannot_write(path_, errno);
  if (!S_ISREG(status.st_mode))
    throw FileError(path_, 0, "is no file that a journal can be kept in");
  if (static_cast<std::uint64_t>(status.st_size) > kLongest)
    throw FileError(path_, 0, "is longer than 1 GB: no journal is");
  if (::flock(file_->get(), LOCK_EX | LOCK_NB) != 0)
    throw FileError(path_, 0,
                    errno == EWOULDBLOCK ? "is being written by another run"
                                         : "cannot be locked (" + io::system_reason(errno) + ")");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  io::InputFile in(path_);
  text.resize(in.read(text.data(), text.size()));
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines_.push_back(text.substr(begin, end - begin));
  if (begin < text.size() && ::ftruncate(file_->get(), static_cast<off_t>(begin)) != 0)
    io::cannot_write(path_, errno);
  if (::fsync(file_->get()) != 0 || !io::sync_folder_of(path_)) io::cannot_write(path_, errno);
}

Journal::~Journal() = default;

void Journal::append(std::string_view line) {
  if (!io::write_all(file_->get(), std::string(line) + '\n') || ::fsync(file_->get()) != 0)
    io::cannot_write(path_, errno);
}

}  // namespace synfire
