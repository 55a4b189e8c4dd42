#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include <synfire/journal.hpp>

#include "files.hpp"

using namespace synfire;
using namespace synfire::test;
using Lines = std::vector<std::string>;

TEST_CASE("a journal keeps its lines") {
  const TemporaryFolder folder;
  const auto path = folder / "j";
  {
    Journal journal(path);
    CHECK(journal.lines().empty());
    journal.append("one");
    journal.append("");
    journal.append(R"({"two": 2})");
    CHECK(bytes_of(path) == "one\n\n{\"two\": 2}\n");
  }
  Journal journal(path);
  CHECK(journal.lines() == Lines{"one", "", R"({"two": 2})"});
  journal.append("four");
  CHECK(bytes_of(path) == "one\n\n{\"two\": 2}\nfour\n");
}

TEST_CASE("what a crash tore is cut off, at every byte") {
  const TemporaryFolder folder;
  const auto path = folder / "j";
  const std::string whole = "first\nsecond\nthird\n";
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const std::string text = whole.substr(0, length);
    const auto whole_lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    const std::string kept = text.substr(0, text.rfind('\n') + 1);
    put(path, text);
    {
      Journal journal(path);
      CHECK(journal.lines().size() == whole_lines);
      journal.append("next");
    }
    CHECK(Journal(path).lines().back() == "next");
    CHECK(bytes_of(path) == kept + "next\n");
  }
}

TEST_CASE("a killed writer leaves every line that append returned from") {
  const TemporaryFolder folder;
  const auto path = folder / "j";
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Journal journal(path);
    for (char number = 'a';; ++number) {
      journal.append(std::string(20, number));
      if (::write(ends[1], &number, 1) != 1 || number == 'z') ::pause();
    }
  }
  char last = 0;
  while (last < 'f' && ::read(ends[0], &last, 1) == 1) {
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  const Lines lines = Journal(path).lines();  // and its lock is gone
  REQUIRE(lines.size() >= 6);
  for (std::size_t i = 0; i < lines.size(); ++i)
    CHECK(lines[i] == std::string(20, static_cast<char>('a' + i)));
}

TEST_CASE("a journal that cannot be kept is refused in a sentence") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::filesystem::path& path, const std::string& why) {
    CHECK_THROWS_WITH(Journal(path), Catch::Contains(why));
  };
  refused(folder.path(), "is a folder where a journal is to be written");
  refused(folder / "none/j", "cannot be written (No such file or directory)");
  refused("/dev/null", "is no file that a journal can be kept in");
  Journal journal(folder / "j");
  refused(folder / "j", "is being written by another run");
  put(folder / "long", "");
  std::filesystem::resize_file(folder / "long", (std::uint64_t{1} << 30) + 1);
  refused(folder / "long", "is longer than 1 GB");
}
