// Atomic writing: a reader sees the old file or the new one, and nothing else is left.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <thread>
#include <vector>

#include <synfire/weights.hpp>

#include "files.hpp"

using namespace synfire;
using namespace synfire::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

std::string fault_writing(const fs::path& path, std::string_view bytes) {
  return fault_of(path, [&] { write_file(path, bytes); });
}

/// No file of this process grows beyond `bytes` while this lives: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int);
  rlimit old_{};
};

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("a file is written whole, over what was there") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  const std::string zeros("a\0b\n\0", 5);
  for (const std::string& bytes : {std::string("first, and long"), zeros, std::string()}) {
    write_file(path, bytes);
    CHECK(bytes_of(path) == bytes);
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("a write that fails leaves the old file and no temporary one") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  put(path, "old");
  std::string fault;
  {
    const FullDisk full(1000);
    fault = fault_writing(path, std::string(5000, 'x'));
  }
  CHECK(fault == "cannot be written (File too large)");
  CHECK(bytes_of(path) == "old");
  CHECK(folder.entries() == 1);

  TensorFile tensors;
  tensors.tensors = {Tensor::of("weights", {1000}, std::vector<float>(1000).data())};
  {
    const FullDisk full(1000);
    fault = fault_of(path, [&] { write_safetensors(path, tensors); });
  }
  CHECK(fault == "cannot be written (File too large)");
  CHECK(bytes_of(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a file that cannot come into place leaves no temporary one") {
  const TemporaryFolder folder;
  CHECK_THAT(fault_writing(folder / std::string(300, 'x'), "new"),
             Contains("cannot be written (File name too long)"));
  fs::create_directory(folder / "folder");
  CHECK(fault_writing(folder / "folder", "new") == "is a folder where a file is to be written");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a folder that takes no file") {
  const TemporaryFolder folder;
  put(folder / "file", "old");
  CHECK_THAT(fault_writing(folder / "file" / "below", "new"),
             Contains("cannot be written (Not a directory)"));
  CHECK_THAT(fault_writing(folder / "missing" / "file", "new"),
             Contains("cannot be written (No such file or directory)"));
  CHECK_THAT(fault_writing("/proc/synfire", "new"), Contains("cannot be written ("));
  CHECK_THAT(fault_writing("", "new"), Contains("cannot be written ("));
  CHECK(bytes_of(folder / "file") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a device takes the bytes and stays a device") {
  write_file("/dev/null", "gone");
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(fault_writing("/dev/full", "too much") == "cannot be written (No space left on device)");
  CHECK(fs::is_character_file("/dev/full"));
}

TEST_CASE("a file keeps its permissions, a link stays a link") {
  const TemporaryFolder folder;
  const auto path = folder / "file", link = folder / "link";
  put(path, "old");
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  fs::create_symlink("file", link);
  write_file(link, "new");
  CHECK(bytes_of(path) == "new");
  CHECK(mode_of(path) == 0640);
  CHECK(fs::is_symlink(link));
  CHECK(folder.entries() == 2);
}

TEST_CASE("a new file has the permissions that the umask leaves") {
  const TemporaryFolder folder;
  const mode_t old = ::umask(027);
  write_file(folder / "file", "new");
  ::umask(old);
  CHECK(mode_of(folder / "file") == 0640);
}

TEST_CASE("a file name alone lies in the current folder") {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const std::string fault = fault_writing("file", "new");
  fs::current_path(before);
  CHECK(fault == "");
  CHECK(bytes_of(folder / "file") == "new");
}

TEST_CASE("readers and several writers never see half a file") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  constexpr std::size_t kBytes = 100'000;
  write_file(path, std::string(kBytes, 'a'));
  std::atomic<int> writing = 3;
  std::vector<std::thread> writers;
  for (const char letter : {'b', 'c', 'd'}) {
    writers.emplace_back([&path, &writing, letter] {
      for (int i = 0; i < 30; ++i) write_file(path, std::string(kBytes, letter));
      --writing;
    });
  }
  std::size_t halves = 0;
  while (writing > 0) {
    const std::string seen = bytes_of(path);
    if (seen.size() != kBytes || seen.find_first_not_of(seen[0]) != std::string::npos) ++halves;
  }
  for (auto& writer : writers) writer.join();
  CHECK(halves == 0);
  CHECK(folder.entries() == 1);
}

TEST_CASE("a file written piece by piece is there when it is finished, or never was") {
  const TemporaryFolder folder;
  {
    FileWriter file(folder / "whole");
    file.write("one, ");
    file.write("two");
    CHECK_FALSE(std::filesystem::exists(folder / "whole"));
    file.finish();
    CHECK(bytes_of(folder / "whole") == "one, two");
  }
  put(folder / "old", "kept");
  for (const char* name : {"new", "old"}) {
    FileWriter file(folder / name);
    file.write("half");
  }
  CHECK(bytes_of(folder / "old") == "kept");
  CHECK(folder.entries() == 2);
  CHECK_THROWS_WITH(FileWriter(folder.path()), Catch::Contains("is a folder"));
}
