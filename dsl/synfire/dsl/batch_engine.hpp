// BatchEngine<Net>: many samples at once. A thread takes some at a time, with an engine for each.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
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
      : pool_(threads),
        engines_(pool_.threads() * together, prepared(parameters, options)),
        inputs_(engines_.size(), Buffer<float>(engines_.front().sample_size())) {
    if (options.stateful)
      throw InvalidSetting("stateful", "true", "false for samples side by side");
  }

  /// Runs samples first, first + 1, ... first + count - 1. load(i, values) fills the input of
  /// sample i; done(i, engine, output) receives what came out. Both are called from several
  /// threads, each i once. The outputs do not depend on the number of threads.
  template <class Load, class Done>
  void run(std::size_t first, std::size_t count, const Load& load, const Done& done) {
    run_each(first, count, load, [&](std::size_t i, Engine& engine, Engine& of_thread) {
      done(i, std::as_const(engine), engine.output());
      if constexpr (Engine::counts_steps)
        if (&engine != &of_thread) engine.move_counts(of_thread);
    });
  }
  /// The same, and writes the record of sample i to the words record(i).
  template <class Load, class Done, class Record>
  void run(std::size_t first, std::size_t count, const Load& load, const Done& done,
           const Record& record) requires Engine::counts_steps {
    run_each(first, count, load, [&](std::size_t i, Engine& engine, Engine& of_thread) {
      done(i, std::as_const(engine), engine.output());
      engine.move_counts(of_thread, record(i));
    });
  }

  /// Counts of all samples so far.
  Activity activity() const {
    Activity sum = engines_.front().activity();
    for (std::size_t e = 1; e < engines_.size(); ++e) sum += engines_[e].activity();
    return sum;
  }

  /// See EventEngine.
  std::vector<SampleCounts::Layer> recorded_layers() const requires Engine::counts_steps {
    return engines_.front().recorded_layers();
  }
  RunCounts sum_of_counts() const requires Engine::counts_steps {
    RunCounts sum = engines_.front().sum_of_counts();
    for (std::size_t e = 1; e < engines_.size(); ++e) sum += engines_[e].sum_of_counts();
    return sum;
  }

 private:
  static Engine prepared(const Parameters<Net>& parameters, const RunOptions& options) {
    Engine engine(parameters, options);
    if constexpr (together > 1) engine.prepare_together();
    return engine;
  }

  /// end(i, engine, the first engine of the thread)
  template <class Load, class End>
  void run_each(std::size_t first, std::size_t count, const Load& load, const End& end) {
    const std::size_t share = (count + pool_.threads() - 1) / pool_.threads();
    const std::size_t some = std::clamp<std::size_t>(share, 1, together);
    pool_.run((count + some - 1) / some, [&](std::size_t slot, std::size_t piece) {
      const std::size_t begin = piece * some, n = std::min(some, count - begin);
      const std::span engines = std::span(engines_).subspan(slot * together, n);
      std::array<Values, together> samples;
      for (std::size_t k = 0; k < n; ++k) {
        Buffer<float>& input = inputs_[slot * together + k];
        load(first + begin + k, input.data());
        samples[k] = input;
      }
      Engine::run_together(engines, std::span(samples).first(n), first + begin);
      for (std::size_t k = 0; k < n; ++k) end(first + begin + k, engines[k], engines[0]);
    });
  }

  static constexpr std::size_t together = Engine::gains_together() ? kernels::kMostProducts : 1;

  ThreadPool pool_;
  std::vector<Engine> engines_;  // `together` of each thread
  std::vector<Buffer<float>> inputs_;
};

}  // namespace synfire
