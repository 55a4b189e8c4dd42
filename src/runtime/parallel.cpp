#include "synfire/parallel.hpp"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "synfire/error.hpp"

#if defined(__SANITIZE_THREAD__)
#define SYNFIRE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SYNFIRE_THREAD_SANITIZER 1
#endif
#endif

#ifdef SYNFIRE_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#include <tbb/task_scheduler_observer.h>
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace synfire {
namespace {

constexpr std::size_t kMostThreads = 1024;

// oneTBB's library is not built for thread sanitizer, which would take what TBB's headers do with a
// task for races, and does not see that tasks are handed over in order. So it is told to look away
// from oneTBB and to look at our work, and told the order.
#ifdef SYNFIRE_THREAD_SANITIZER
void look_at_this_thread(bool look) {
  // A worker may end without leaving its arena in an observer's sight: then it ends looked at.
  struct Sight {
    bool looking = true;
    void set(bool look) {
      if (look == looking) return;
      looking = look;
      if (look) {
        AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
        AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
      } else {
        AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
        AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
      }
    }
    ~Sight() { set(true); }
  };
  static thread_local Sight sight;
  sight.set(look);
}
void publish(void* address) {
  __tsan_release(address);
}
void observe(void* address) {
  __tsan_acquire(address);
}

struct WorkerWatch : tbb::task_scheduler_observer {
  explicit WorkerWatch(tbb::task_arena& arena) : tbb::task_scheduler_observer(arena) {
    tbb::task_scheduler_observer::observe(true);
  }
  ~WorkerWatch() override { tbb::task_scheduler_observer::observe(false); }
  void on_scheduler_entry(bool) override { look_at_this_thread(false); }
  void on_scheduler_exit(bool is_worker) override { look_at_this_thread(is_worker); }
};
#else
void look_at_this_thread(bool) {}
void publish(void*) {}
void observe(void*) {}
struct WorkerWatch {
  explicit WorkerWatch(tbb::task_arena&) {}
};
#endif

/// Cores that the scheduler may give to this process.
std::size_t usable_cores() {
  std::vector<cpu_set_t> sets(16);  // room for 16384 processors
  const std::size_t bytes = sets.size() * sizeof(cpu_set_t);
  if (sched_getaffinity(0, bytes, sets.data()) == 0) {
    const int cores = CPU_COUNT_S(bytes, sets.data());
    if (cores > 0) return static_cast<std::size_t>(cores);
  }
  return std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

/// One call of run(). Threads take pieces until there is none: a piece costs one atomic addition,
/// and a worker that wakes too late finds nothing left that anyone would wait for.
struct Job {
  std::size_t n;
  const std::function<void(std::size_t slot, std::size_t i)>& work;
  std::atomic<std::size_t> next{0};
  std::atomic_flag failed{};
  std::exception_ptr fault{};

  void take_pieces(std::size_t slot) noexcept {
    look_at_this_thread(true);
    observe(this);
    try {
      for (std::size_t i = next++; i < n; i = next++) work(slot, i);
    } catch (...) {
      next = n;
      if (!failed.test_and_set()) fault = std::current_exception();
    }
    publish(this);
    look_at_this_thread(false);
  }
};

}  // namespace

std::size_t thread_count(std::size_t wanted) {
  if (wanted > kMostThreads) {
    throw InvalidSetting("threads", std::to_string(wanted), "at most 1024 (0: all cores)");
  }
  return wanted == 0 ? std::min(usable_cores(), kMostThreads) : wanted;
}

struct ThreadPool::Arena {
  explicit Arena(std::size_t threads) : arena(static_cast<int>(threads)) {
    // oneTBB makes no more workers than cores unless it is told to, before it looks at an arena.
    if (threads > usable_cores()) {
      control.emplace(tbb::global_control::max_allowed_parallelism, threads);
    }
    arena.initialize();
    watch.emplace(arena);
  }

  std::optional<tbb::global_control> control;
  tbb::task_arena arena;
  std::optional<WorkerWatch> watch;
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
  Job job{.n = n, .work = work};
  publish(&job);
  look_at_this_thread(false);
  // Made here, for it takes along the floating-point mode of this thread.
  tbb::task_group_context context(
      tbb::task_group_context::bound,
      tbb::task_group_context::default_traits | tbb::task_group_context::fp_settings);
  // Isolated: a thread that waits for a run within a run takes no piece of the outer one meanwhile,
  // whose slot it holds already.
  arena_->arena.execute([&] {
    tbb::this_task_arena::isolate([&] {
      tbb::parallel_for(
          std::size_t{0}, std::min(n, threads_),
          [&](std::size_t) {
            job.take_pieces(static_cast<std::size_t>(tbb::this_task_arena::current_thread_index()));
          },
          tbb::simple_partitioner{}, context);
    });
  });
  look_at_this_thread(true);
  observe(&job);
  if (job.fault) std::rethrow_exception(job.fault);
}

}  // namespace synfire
