#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include <synfire/plot.hpp>

#include "html.hpp"

namespace synfire {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kColours = 10;
// gnuplot writes colours as RGB values: these stand for the page's own.
constexpr std::array<std::string_view, kColours + 2> kVariables{
    "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "grid", "muted"};

// ------------------------------------------------------------------ gnuplot, the process

std::string reason(int error_number) {
  return std::generic_category().message(error_number);
}

struct Descriptor {
  Descriptor() = default;
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void close() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  int fd = -1;
};

/// A gnuplot under way: its script goes into `talk`, its plots come out of it. Killed, where it
/// still runs, when this goes.
class Gnuplot {
 public:
  Gnuplot() {
    Descriptor its_talk, its_complaints;
    std::array<int, 2> both{};
    // A socket, not a pipe: writing to one that is closed at the other end raises no signal.
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.data()) != 0) refuse(errno);
    talk.fd = both[0];
    its_talk.fd = both[1];
    if (pipe2(both.data(), O_CLOEXEC) != 0) refuse(errno);
    complaints.fd = both[0];
    its_complaints.fd = both[1];

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, its_talk.fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, its_talk.fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, its_complaints.fd, STDERR_FILENO);
    std::string name = "gnuplot", no_settings = "-d";  // not the user's
    std::array<char*, 3> arguments{name.data(), no_settings.data(), nullptr};
    const int error =
        posix_spawnp(&pid_, name.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == ENOENT)
      throw PlotError("plots need gnuplot, which is not installed (package gnuplot-nox)");
    if (error != 0) refuse(error);
  }
  ~Gnuplot() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Gnuplot(const Gnuplot&) = delete;
  Gnuplot& operator=(const Gnuplot&) = delete;

  /// Waits for its end; false when it has not come by then.
  bool ended(Clock::time_point deadline, int& status) {
    timespec pause{0, 1'000'000};
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (Clock::now() >= deadline) return false;
      nanosleep(&pause, nullptr);
    }
    pid_ = 0;
    return true;
  }

  Descriptor talk, complaints;

 private:
  [[noreturn]] static void refuse(int error) {
    throw PlotError("gnuplot cannot be started: " + reason(error));
  }
  pid_t pid_ = 0;
};

/// Appends what there is to read; false at the end.
bool take(int fd, std::string& to) {
  std::array<char, 65536> piece;
  const ssize_t n = read(fd, piece.data(), piece.size());
  if (n > 0) to.append(piece.data(), static_cast<std::size_t>(n));
  return n > 0 || (n < 0 && errno == EINTR);
}

/// What gnuplot says last, as it is the reason.
std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \n");
  if (end == std::string::npos) return "it does not say why";
  const std::size_t newline = text.rfind('\n', end);
  const std::size_t begin =
      text.find_first_not_of(" \t", newline == std::string::npos ? 0 : newline + 1);
  return text.substr(begin, end + 1 - begin);
}

std::string run_gnuplot(std::string_view script, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  const auto late = [&] {
    return PlotError(fmt::format("gnuplot did not end within {:g} s", patience.count() / 1000.0));
  };
  Gnuplot gnuplot;
  std::string output, complaints;
  bool talking = true, complaining = true;
  while (talking || complaining) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) throw late();
    std::array<pollfd, 2> ends{{{gnuplot.talk.fd, POLLIN, 0}, {gnuplot.complaints.fd, POLLIN, 0}}};
    if (!talking) ends[0].fd = -1;
    if (!complaining) ends[1].fd = -1;
    if (!script.empty()) ends[0].events |= POLLOUT;
    if (poll(ends.data(), ends.size(), static_cast<int>(left)) <= 0) continue;
    if (ends[0].revents & POLLOUT) {
      const ssize_t n =
          send(gnuplot.talk.fd, script.data(), script.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) script.remove_prefix(static_cast<std::size_t>(n));
      if (n < 0 && errno != EAGAIN && errno != EINTR) script = {};  // it has ended: it says why
      if (script.empty()) shutdown(gnuplot.talk.fd, SHUT_WR);
    }
    if (ends[0].revents & (POLLIN | POLLHUP | POLLERR)) talking = take(gnuplot.talk.fd, output);
    if (ends[1].revents & (POLLIN | POLLHUP | POLLERR))
      complaining = take(gnuplot.complaints.fd, complaints);
  }
  int status = 0;
  if (!gnuplot.ended(deadline, status)) throw late();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw PlotError("gnuplot failed: " + last_line(complaints));
  return output;
}

// ------------------------------------------------------------------ its SVG, made the page's

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at; (at = text.find(from, done)) != std::string::npos; done = at + from.size())
    out.append(text, done, at - done).append(to);
  text = out.append(text, done);
}

/// Every stretch from `begin` to the next `end`, both included.
void cut_all(std::string& text, std::string_view begin, std::string_view end) {
  for (std::size_t at = 0; (at = text.find(begin, at)) != std::string::npos;) {
    const std::size_t close = text.find(end, at);
    if (close == std::string::npos) return;
    text.erase(at, close + end.size() - at);
  }
}

std::string finished(std::string body, const Plot& plot, const std::string& id) {
  body.erase(0, body.find("<g id="));
  cut_all(body, "<title>", "</title>");
  cut_all(body, "<filter ", "</filter>");
  // Groups of no colour but black inherit the text's.
  for (const std::string_view fixed : {" color=\"black\"", " color=\"white\""})
    replace_all(body, fixed, "");
  for (const std::string_view black : {"'black'", "\"black\""})
    replace_all(body, black, "\"currentColor\"");
  for (std::size_t i = 0; i < kVariables.size(); ++i) {
    const std::string value = fmt::format("rgb({0:3}, {0:3}, {0:3})", i + 1);
    replace_all(body, value, fmt::format("var(--{})", kVariables[i]));
  }
  replace_all(body, "xlink:href=", "href=");
  for (const char quote : {'\'', '"'}) {
    replace_all(body, fmt::format(" id={}", quote), fmt::format(" id={}{}-", quote, id));
    replace_all(body, fmt::format("href={}#", quote), fmt::format("href={}#{}-", quote, id));
  }
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" width=\"100%\" role=\"img\" aria-labelledby=\"{}-title "
      "{}-desc\">\n"
      "<title id=\"{}-title\">{}</title>\n<desc id=\"{}-desc\">{}</desc>\n{}",
      plot.width, plot.height, id, id, id, report::escaped(plot.title), id,
      report::escaped(plot.description), body);
}

}  // namespace

std::string plot_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + "'";
}

std::vector<std::string> draw(const std::vector<Plot>& plots, std::string_view prefix,
                              std::chrono::milliseconds patience) {
  std::string script = "set encoding utf8\n";
  for (std::size_t i = 0; i < kVariables.size(); ++i)
    script += fmt::format("set linetype {0} lc rgb '#{0:02x}{0:02x}{0:02x}' lw 2\n", i + 1);
  for (const Plot& plot : plots) {
    script += fmt::format(
        "reset\n"
        "set terminal svg size {},{} dynamic noenhanced font 'sans-serif,15'\n"
        "set border 3\nset tics nomirror\nset grid lt 11 lw 1\nset key noautotitle\n"
        "{}\nset output\n",
        plot.width, plot.height, plot.commands);
  }
  const std::string output = run_gnuplot(script, patience);

  std::vector<std::string> svgs;
  constexpr std::string_view kBegin = "<?xml", kEnd = "</svg>\n";
  for (std::size_t at = 0; (at = output.find(kBegin, at)) != std::string::npos;) {
    const std::size_t end = output.find(kEnd, at);
    if (end == std::string::npos || svgs.size() == plots.size()) break;
    svgs.push_back(finished(output.substr(at, end + kEnd.size() - at), plots[svgs.size()],
                            fmt::format("{}{}", prefix, svgs.size() + 1)));
    at = end;
  }
  if (svgs.size() != plots.size())
    throw PlotError(fmt::format("gnuplot drew {} of {} plots", svgs.size(), plots.size()));
  return svgs;
}

}  // namespace synfire
