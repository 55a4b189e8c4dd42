// BatchEngine<Net>: many samples at once, a thread a sample, one engine a thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <synfire/dsl/event_engine.hpp>
#include <synfire/error.hpp>
#include <synfire/parallel.hpp>

namespace synfire {

template <class Net, class... Probed>
class BatchEngine {
 public:
  using Engine = EventEngine<Net, Probed...>;

  /// Throws InvalidSetting, for stateful options too: samples side by side do not follow one
  /// another.
  BatchEngine(const Parameters<Net>& parameters, const RunOptions& options, std::size_t threads = 0)
      : pool_(threads), engines_(pool_.threads(), Engine(parameters, options)) {
    if (options.stateful)
      throw InvalidSetting("stateful", "true", "false for samples side by side");
  }

  /// Runs samples first, first + 1, ... first + count - 1. load(i, values) fills the input of
  /// sample i; done(i, engine, output) receives what came out. Both are called from several
  /// threads, each i once. The outputs do not depend on the number of threads.
  void run(std::size_t first, std::size_t count,
           const std::function<void(std::size_t, float*)>& load,
           const std::function<void(std::size_t, const Engine&, Values)>& done) {
    std::vector<Buffer<float>> inputs(engines_.size(),
                                      Buffer<float>(engines_.front().sample_size()));
    pool_.run(count, [&](std::size_t slot, std::size_t i) {
      load(first + i, inputs[slot].data());
      done(first + i, engines_[slot], engines_[slot].run(inputs[slot], first + i));
    });
  }

  /// Counts of all samples so far.
  Activity activity() const {
    Activity sum = engines_.front().activity();
    for (std::size_t e = 1; e < engines_.size(); ++e) sum += engines_[e].activity();
    return sum;
  }

 private:
  ThreadPool pool_;
  std::vector<Engine> engines_;
};

}  // namespace synfire
