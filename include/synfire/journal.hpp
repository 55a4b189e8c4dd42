// A file that lines are added to, each on disk before the work goes on.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace synfire {

/// While it lives, no other journal of the same file can be opened. A line is whole when it ends in
/// a line feed: what a crash left without one is cut off. Throws FileError where the file is a
/// folder, cannot be read or written, is longer than 1 GB, or is open as a journal elsewhere.
class Journal {
 public:
  /// Makes the file where there is none.
  explicit Journal(std::filesystem::path path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Those that were there, without their line feeds.
  const std::vector<std::string>& lines() const { return lines_; }
  /// `line` holds no line feed. On disk when it returns.
  void append(std::string_view line);

 private:
  class File;
  std::filesystem::path path_;
  std::unique_ptr<File> file_;
  std::vector<std::string> lines_;
};

}  // namespace synfire
