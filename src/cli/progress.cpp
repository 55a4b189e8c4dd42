// What a person sees of a training, and how Ctrl-C ends it.
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include "cli.hpp"

namespace synfire::cli {
namespace {

std::atomic<int> watches = 0;
std::atomic<bool> noted = false;

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string clock(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

class Bar {
 public:
  explicit Bar(std::string title) : title_(std::move(title)) {}
  ~Bar() { clear(); }
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;

  void show(const TrainProgress& p, double seconds_left) {
    if (terminal_) {
      const auto now = std::chrono::steady_clock::now();
      if (!p.epoch_ended && now - shown_ < std::chrono::milliseconds(100)) return;
      shown_ = now;
      constexpr std::size_t kCells = 20;
      const std::size_t done = kCells * p.batch / p.batches;
      const std::string line = fmt::format(
          "{} epoch {}/{} [{}{}] batch {}/{}  loss {:.4f}  accuracy {:.2f}%  {:.0f} samples/s  {} "
          "left",
          title_, p.epoch, p.epochs, std::string(done, '='), std::string(kCells - done, ' '),
          p.batch, p.batches, p.loss, 100 * p.accuracy, p.samples_per_second, clock(seconds_left));
      fmt::print("\r\x1b[K{}", line.substr(0, terminal_width() - 1));
      std::fflush(stdout);
    }
    if (p.epoch_ended) {
      clear();
      std::string others;
      for (const auto& [name, value] : p.logs)
        if (name != "loss" && name != "accuracy") others += fmt::format("{} {:.4f}, ", name, value);
      fmt::print("{} epoch {}/{}: loss {:.4f}, accuracy {:.2f}%, {}{:.2f} s, {:.0f} samples/s\n",
                 title_, p.epoch, p.epochs, p.loss, 100 * p.accuracy, others, p.seconds,
                 p.samples_per_second);
      std::fflush(stdout);
    }
  }

 private:
  void clear() const {
    if (terminal_) fmt::print("\r\x1b[K");
    std::fflush(stdout);
  }

  std::string title_;
  bool terminal_ = isatty(STDOUT_FILENO) == 1;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace

Watch::Watch() {
  if (watches++ == 0) noted = false;
}

Watch::~Watch() {
  --watches;
}

bool Watch::interrupted() const {
  return noted;
}

void wait_for_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    for (int number = 0; sigwait(&signals, &number) == 0;) {
      struct sigaction action {};
      sigaction(number, nullptr, &action);
      if (watches > 0 ? !noted.exchange(true) : action.sa_handler == SIG_IGN) continue;
      signal(number, SIG_DFL);
      pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
      raise(number);
    }
  }).detach();
}

TrainResult train_with_progress(Model& model, const ImageSet& data, const TrainOptions& options,
                                const FitFiles& files, const std::string& title,
                                const std::string& resume,
                                const std::vector<Callback*>& callbacks) {
  const Watch watch;
  TrainProgress last{};
  TrainResult result;
  {
    Bar bar(title);
    const TrainCallback watch_progress = [&](const TrainProgress& p) {
      const std::size_t left = p.batches - p.batch + (p.epochs - p.epoch) * p.batches;
      bar.show(p, static_cast<double>(left * options.batch) / p.samples_per_second);
      last = p;
      return !watch.interrupted();
    };
    result = model.train(data, options, files, watch_progress, callbacks);
  }
  // Stopped behind the very last batch, a training is whole.
  const bool whole = result.epochs.size() == options.epochs || result.ended_early;
  if (result.stopped && !whole) {
    throw Interrupted(fmt::format("stopped after batch {} of {} in epoch {} of {}; go on with {}",
                                  last.batch, last.batches, last.epoch, last.epochs, resume));
  }
  return result;
}

}  // namespace synfire::cli
