// Work over several threads. The answer never depends on how many there are: callers cut the work
// into pieces by its size alone.
#pragma once

#include <cstddef>
#include <functional>

namespace synfire {

/// 0 stands for every core that this process may use.
std::size_t thread_count(std::size_t wanted);

/// A fixed set of worker threads, made once.
class ThreadPool {
 public:
  explicit ThreadPool(std::size_t threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t threads() const { return threads_; }

  /// Calls work(slot, i) once for each i < n and waits; `slot` < threads() is never in use twice at
  /// the same time by one call of run(), which work may call in its turn. It runs in the caller's
  /// floating-point mode. The first exception from
  /// work is rethrown here; pieces that nobody has begun are dropped then. With one thread it is a
  /// plain loop.
  void run(std::size_t n, const std::function<void(std::size_t slot, std::size_t i)>& work);

 private:
  struct Arena;
  std::size_t threads_;
  Arena* arena_;
};

}  // namespace synfire
