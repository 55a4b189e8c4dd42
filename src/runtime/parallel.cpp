#include "synfire/parallel.hpp"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "synfire/error.hpp"

namespace synfire {
namespace {

constexpr std::size_t kMostThreads = 1024;

/// Cores that the scheduler may give to this process.
std::size_t usable_cores() {
  std::vector<cpu_set_t> sets(16);  // room for 16384 processors
  if (sched_getaffinity(0, sets.size() * sizeof(cpu_set_t), sets.data()) == 0) {
    const int cores = CPU_COUNT_S(sets.size() * sizeof(cpu_set_t), sets.data());
    if (cores > 0) return static_cast<std::size_t>(cores);
  }
  return std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace

std::size_t thread_count(std::size_t wanted) {
  if (wanted > kMostThreads) {
    throw InvalidSetting("threads", std::to_string(wanted), "at most 1024 (0: all cores)");
  }
  return wanted == 0 ? usable_cores() : wanted;
}

struct ThreadPool::Arena {
  explicit Arena(std::size_t threads) : arena(static_cast<int>(threads)) {
    // oneTBB has no more workers than cores unless it is told to: a pool means what it says.
    if (threads > usable_cores()) {
      control.emplace(tbb::global_control::max_allowed_parallelism, threads);
    }
    arena.initialize();
  }
  std::optional<tbb::global_control> control;
  tbb::task_arena arena;
};

ThreadPool::ThreadPool(std::size_t threads)
    : threads_(thread_count(threads)), arena_(threads_ > 1 ? new Arena(threads_) : nullptr) {}

ThreadPool::~ThreadPool() {
  delete arena_;
}

void ThreadPool::run(std::size_t n,
                     const std::function<void(std::size_t slot, std::size_t i)>& work) {
  if (threads_ == 1 || n <= 1) {
    for (std::size_t i = 0; i < n; ++i) work(0, i);
    return;
  }
  // One task a thread, each taking the next piece until there is none: pieces cost one atomic
  // addition, and a worker that wakes too late finds nothing left to wait for.
  std::atomic<std::size_t> next{0};
  arena_->arena.execute([&] {
    tbb::parallel_for(
        std::size_t{0}, std::min(n, threads_),
        [&](std::size_t) {
          const auto slot = static_cast<std::size_t>(tbb::this_task_arena::current_thread_index());
          try {
            for (std::size_t i; (i = next.fetch_add(1)) < n;) work(slot, i);
          } catch (...) {
            next.store(n);
            throw;
          }
        },
        tbb::simple_partitioner{});
  });
}

}  // namespace synfire
