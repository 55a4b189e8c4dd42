#include <synfire/plot.hpp>

#include <stdlib.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>

using namespace synfire;
namespace fs = std::filesystem;

namespace {

/// A folder with a program of ours called gnuplot, the only one there is while this lives.
class Instead {
 public:
  explicit Instead(const std::string& script) {
    std::string pattern = (fs::temp_directory_path() / "synfire-plot-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    if (!script.empty()) {
      const fs::path program = folder_ / "gnuplot";
      std::ofstream(program) << "#!/bin/sh\n" << script;
      fs::permissions(program, fs::perms::owner_all);
    }
    path_ = getenv("PATH");
    setenv("PATH", folder_.c_str(), 1);
  }
  ~Instead() {
    setenv("PATH", path_.c_str(), 1);
    fs::remove_all(folder_);
  }
  Instead(const Instead&) = delete;
  Instead& operator=(const Instead&) = delete;

 private:
  fs::path folder_;
  std::string path_;
};

Plot line(const std::string& title = "A line") {
  return {title, "It rises from 1 to 3.", "$d << EOD\n1 1\n2 3\nEOD\nplot $d with lines lt 2\n"};
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

bool no_child_is_left() {
  return waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}

}  // namespace

TEST_CASE("a plot is an svg that says what it shows, in the page's colours") {
  const auto svgs = draw({line(), line()}, "p");
  REQUIRE(svgs.size() == 2);
  const std::string& svg = svgs[1];
  CHECK(svg.find("<svg viewBox=\"0 0 480 320\"") == 0);
  CHECK(svg.find("role=\"img\" aria-labelledby=\"p2-title p2-desc\"") != std::string::npos);
  CHECK(svg.find("<title id=\"p2-title\">A line</title>") != std::string::npos);
  CHECK(svg.find("<desc id=\"p2-desc\">It rises from 1 to 3.</desc>") != std::string::npos);
  CHECK(svg.find("var(--c2)") != std::string::npos);
  CHECK(svg.find("var(--grid)") != std::string::npos);
  CHECK(svg.find("currentColor") != std::string::npos);
  for (const char* part : {"rgb(", "black", "white", "http", "xlink", "<script", "<style", "<?xml",
                           "<filter", "gnuplot_plot_1</title>", "id=\"gnuplot", "id='gp"})
    CHECK(svg.find(part) == std::string::npos);
  CHECK(occurrences(svg, "<title") == 1);
  CHECK(occurrences(svg, "<svg") == occurrences(svg, "</svg>"));
  CHECK(draw({line(), line()}, "p") == svgs);
  CHECK(draw({}).empty());
  CHECK(no_child_is_left());
}

TEST_CASE("texts of a plot are texts") {
  const fs::path marker = fs::temp_directory_path() / "synfire-plot-test-was-here";
  fs::remove(marker);
  const std::string evil = "it's <b>&\"`touch " + marker.string() + "`\\ @x %d\n_2^3";
  Plot plot = line(evil);
  plot.commands = "set xlabel " + plot_text(evil) + "\nplot x title " + plot_text(evil) + "\n";
  const auto svgs = draw({plot});
  CHECK(svgs[0].find("it&#39;s &lt;b&gt;&amp;&quot;`touch") != std::string::npos);
  CHECK(occurrences(svgs[0], "it's &lt;b>&amp;\"`touch") == 2);  // gnuplot's own escapes
  CHECK(svgs[0].find("<b>") == std::string::npos);
  CHECK(svgs[0].find("_2^3") != std::string::npos);
  CHECK_FALSE(fs::exists(marker));
}

TEST_CASE("much goes in and much comes out") {
  Plot plot = line();
  plot.commands = "$d << EOD\n";
  for (int i = 0; i < 50000; ++i)
    plot.commands += std::to_string(i) + " " + std::to_string(i * 37 % 1000) + "\n";
  plot.commands += "EOD\nplot $d with points lt 1 pt 7 ps 0.1\n";
  CHECK(draw({plot})[0].size() > 2'000'000);
}

TEST_CASE("gnuplot's faults become a sentence") {
  Plot faulty = line();
  faulty.commands = "plot nothing\n";
  CHECK_THROWS_WITH(draw({faulty}), Catch::StartsWith("gnuplot failed: ") &&
                                        Catch::Contains("undefined variable: nothing"));
  Plot silent = line();
  silent.commands = "x = 1\n";
  CHECK_THROWS_WITH(draw({silent}), "gnuplot drew 0 of 1 plots");
  {
    const Instead none("");
    CHECK_THROWS_WITH(draw({}), "plots need gnuplot, which is not installed (package gnuplot-nox)");
  }
  {
    const Instead fails("echo 'bad luck' >&2; exit 3");
    Plot large = line();
    large.commands += std::string(1'000'000, '\n');  // more than any buffer: nobody reads it
    CHECK_THROWS_WITH(draw({large}), "gnuplot failed: bad luck");
  }
  {
    const Instead says_nothing("exit 3");
    CHECK_THROWS_WITH(draw({}), "gnuplot failed: it does not say why");
  }
  CHECK(no_child_is_left());
}

TEST_CASE("a gnuplot that hangs is ended") {
  for (const char* script : {"while :; do :; done", "exec >&- 2>&- <&-; while :; do :; done"}) {
    const Instead hangs(script);
    CHECK_THROWS_WITH(draw({line()}, "p", std::chrono::milliseconds(200)),
                      "gnuplot did not end within 0.2 s");
    CHECK(no_child_is_left());
  }
}
