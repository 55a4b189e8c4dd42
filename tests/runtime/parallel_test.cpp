#include <rapidcheck.h>
#include <sched.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <synfire/error.hpp>
#include <synfire/kernels.hpp>
#include <synfire/parallel.hpp>

using namespace synfire;

namespace {

/// Says how often a slot was taken that someone else still held.
class Slots {
 public:
  explicit Slots(std::size_t count) : taken_(count) {}

  /// Holds the slot while work() runs.
  template <class Work>
  void hold(std::size_t slot, const Work& work) {
    if (slot >= taken_.size() || taken_[slot].test_and_set()) {
      ++clashes_;
      return;
    }
    work();
    taken_[slot].clear();
  }

  int clashes() const { return clashes_; }

 private:
  std::vector<std::atomic_flag> taken_;
  std::atomic<int> clashes_ = 0;
};

/// Long enough for the pool's other threads to wake up.
void dawdle() {
  std::this_thread::sleep_for(std::chrono::microseconds(50));
}

}  // namespace

TEST_CASE("all pieces run in the floating-point mode of the caller") {
  ThreadPool pool(4);
  std::atomic<int> subnormal = 0;
  const auto halve = [&](std::size_t, std::size_t) {
    volatile float least = std::numeric_limits<float>::min();
    subnormal += least * 0.5f > 0;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  };
  pool.run(100, halve);
  CHECK(subnormal == 100);
  {
    const kernels::FlushSubnormals flushed;
    pool.run(100, halve);
  }
  CHECK(subnormal == 100);
  pool.run(100, halve);
  CHECK(subnormal == 200);
}

TEST_CASE("work is called once for each index") {
  CHECK(rc::check("once", [] {
    const auto threads = *rc::gen::inRange<std::size_t>(1, 9);
    const auto n = *rc::gen::inRange<std::size_t>(0, 2000);
    std::vector<int> calls(n);  // no atomics: two calls for one index would be a race
    ThreadPool pool(threads);
    pool.run(n, [&](std::size_t, std::size_t i) { ++calls[i]; });
    RC_ASSERT(calls == std::vector<int>(n, 1));
  }));
}

TEST_CASE("a slot is below the number of threads and held by one call at a time") {
  const std::size_t threads = GENERATE(1, 2, 3, 8);
  ThreadPool pool(threads);
  REQUIRE(pool.threads() == threads);
  Slots slots(threads);
  std::vector<std::size_t> scratch(threads);
  for (int round = 0; round < 20; ++round) {
    pool.run(40, [&](std::size_t slot, std::size_t i) {
      slots.hold(slot, [&] {
        scratch[slot] += i;
        if (i % 8 == 0) dawdle();
      });
    });
  }
  CHECK(slots.clashes() == 0);
  CHECK(std::accumulate(scratch.begin(), scratch.end(), std::size_t{0}) == 20 * 780);
}

TEST_CASE("all threads of a pool work at the same time, more than there are cores too") {
  constexpr std::size_t kThreads = 6;
  ThreadPool pool(kThreads);
  std::atomic<std::size_t> here = 0;
  pool.run(kThreads, [&](std::size_t, std::size_t) {
    ++here;
    while (here < kThreads) std::this_thread::yield();  // nobody leaves before all are here
  });
  CHECK(here == kThreads);
}

TEST_CASE("one thread is a plain loop in the caller's thread") {
  ThreadPool pool(1);
  std::vector<std::size_t> order;
  bool elsewhere = false;
  const auto caller = std::this_thread::get_id();
  pool.run(100, [&](std::size_t slot, std::size_t i) {
    order.push_back(i);
    elsewhere = elsewhere || slot != 0 || std::this_thread::get_id() != caller;
  });
  std::vector<std::size_t> ascending(100);
  std::iota(ascending.begin(), ascending.end(), std::size_t{0});
  CHECK(order == ascending);
  CHECK_FALSE(elsewhere);
}

TEST_CASE("an exception from work is rethrown to the caller, and the pool goes on working") {
  const std::size_t threads = GENERATE(1, 2, 5);
  ThreadPool pool(threads);
  for (const std::size_t n : {1, 2, 100}) {
    for (const std::size_t bad : {std::size_t{0}, n / 2, n - 1}) {
      CHECK_THROWS_WITH(pool.run(n,
                                 [&](std::size_t, std::size_t i) {
                                   if (i == bad)
                                     throw std::runtime_error("piece " + std::to_string(i));
                                 }),
                        "piece " + std::to_string(bad));
    }
  }
  CHECK_THROWS_AS(pool.run(100, [](std::size_t, std::size_t) { throw Error("all of them"); }),
                  Error);

  std::atomic<std::size_t> sum = 0;
  pool.run(100, [&](std::size_t, std::size_t i) { sum += i; });
  CHECK(sum == 4950);
}

TEST_CASE("after an exception no piece begins that nobody has taken yet") {
  ThreadPool pool(2);
  std::atomic<std::size_t> begun = 0;
  constexpr std::size_t kPieces = 100000;
  CHECK_THROWS_AS(pool.run(kPieces,
                           [&](std::size_t, std::size_t i) {
                             ++begun;
                             if (i == 0) throw Error("the first");
                             dawdle();
                           }),
                  Error);
  CHECK(begun < kPieces / 2);
}

TEST_CASE("work may run more work on its own pool") {
  const std::size_t threads = GENERATE(1, 2, 8);
  int clashes = 0;
  std::vector<std::atomic<std::size_t>> sums(2 * threads);
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    ThreadPool pool(threads);  // its threads wake up in the midst of the work
    Slots outer(threads);
    std::atomic<int> inner_clashes = 0;
    pool.run(sums.size(), [&](std::size_t slot, std::size_t i) {
      outer.hold(slot, [&] {
        Slots inner(threads);
        pool.run(threads, [&](std::size_t inner_slot, std::size_t j) {
          inner.hold(inner_slot, [&] {
            sums[i] += j + 1;
            if ((i + j) % 3 == 0) dawdle();
          });
        });
        inner_clashes += inner.clashes();
      });
    });
    clashes += outer.clashes() + inner_clashes;
  }
  CHECK(clashes == 0);
  for (const auto& sum : sums) CHECK(sum == kRounds * threads * (threads + 1) / 2);
}

TEST_CASE("several threads may share a pool") {
  ThreadPool pool(3);
  std::vector<std::size_t> sums(4);
  std::atomic<int> clashes = 0;
  std::vector<std::thread> callers;
  for (std::size_t& sum : sums) {
    callers.emplace_back([&pool, &sum, &clashes] {
      for (int round = 0; round < 50; ++round) {
        Slots slots(pool.threads());
        std::vector<std::size_t> scratch(pool.threads());
        pool.run(30, [&](std::size_t slot, std::size_t i) {
          slots.hold(slot, [&] { scratch[slot] += i; });
        });
        clashes += slots.clashes();
        sum += std::accumulate(scratch.begin(), scratch.end(), std::size_t{0});
      }
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(sums == std::vector<std::size_t>(4, 50 * 435));
  CHECK(clashes == 0);
}

TEST_CASE("a sum over fixed pieces has the same bits for any number of threads") {
  constexpr std::size_t kPieces = 37, kPiece = 101;
  std::vector<float> values(kPieces * kPiece);
  float value = 0.1f;
  for (float& x : values) x = value = 3.9f * value * (1.0f - value);  // a chaotic row
  const auto sum_with = [&](std::size_t threads) {
    ThreadPool pool(threads);
    std::vector<float> partial(kPieces);
    pool.run(kPieces, [&](std::size_t, std::size_t piece) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(piece * kPiece);
      partial[piece] = std::accumulate(begin, begin + kPiece, 0.0f);
    });
    return std::accumulate(partial.begin(), partial.end(), 0.0f);
  };
  const float wanted = sum_with(1);
  CHECK(wanted == Approx(std::accumulate(values.begin(), values.end(), 0.0)).epsilon(1e-5));
  for (std::size_t threads = 2; threads <= 8; ++threads) CHECK(sum_with(threads) == wanted);
}

TEST_CASE("the number of threads is what was asked for, up to 1024") {
  CHECK(thread_count(1) == 1);
  CHECK(thread_count(7) == 7);
  CHECK(thread_count(1024) == 1024);
  for (const std::size_t wanted : {std::size_t{1025}, ~std::size_t{0}}) {
    CHECK_THROWS_AS(thread_count(wanted), InvalidSetting);
    CHECK_THROWS_WITH(ThreadPool(wanted), "threads is " + std::to_string(wanted) +
                                              ": it must be at most 1024 (0: all cores)");
  }
}

TEST_CASE("0 threads stands for the cores that this process may use") {
  cpu_set_t all;
  REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
  CHECK(thread_count(0) == static_cast<std::size_t>(CPU_COUNT(&all)));
  CHECK(ThreadPool().threads() == thread_count(0));

  struct Restore {
    const cpu_set_t& set;
    ~Restore() { sched_setaffinity(0, sizeof set, &set); }
  } restore{all};
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++core) {
    if (CPU_ISSET(core, &all)) CPU_SET(core, &one);
  }
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(thread_count(0) == 1);
}
