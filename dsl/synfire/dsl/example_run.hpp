// run_examples<Net>: example data through a network with every layer observed, for its energy.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

#include <synfire/dsl/event_engine.hpp>
#include <synfire/energy.hpp>
#include <synfire/parallel.hpp>

namespace synfire {

namespace detail {

/// The probe of a layer, whatever its label.
template <class Node>
struct ProbeOf {
  static constexpr Name<Node::label.size + 1> name = [] {
    char text[Node::label.size + 1]{};
    std::copy_n(Node::label.text.begin(), Node::label.size, text);
    return Name(text);
  }();
};

template <class Net, class Walk>
struct Observed;
template <class Net, class Signal, class... Nodes>
struct Observed<Net, Walk<Signal, Nodes...>> {
  using Engine = EventEngine<Net, ProbeOf<Nodes>...>;
  using Rates = std::array<double, sizeof...(Nodes)>;

  /// The mean of |value| over steps and units; of spikes in hertz, whatever one is worth.
  template <class Node>
  static double rate(const Engine& engine) {
    const Values values = engine.template recorded<ProbeOf<Node>::name>().values();
    double sum = 0;
    for (const float value : values) sum += std::abs(static_cast<double>(value));
    const double unit =
        carried_by<typename Node::Out, Spikes> ? static_cast<double>(engine.options().dt) : 1.0;
    return sum / (static_cast<double>(values.size()) * unit);
  }
  static Rates rates(const Engine& engine) { return {rate<Nodes>(engine)...}; }
};

}  // namespace detail

/// Runs samples 0 .. count - 1: load(i, values) fills the input of sample i, called from several
/// threads, each i once. The result does not depend on the number of threads. Throws InvalidSetting
/// for no samples, or options that cannot be.
template <class Net>
ExampleRun run_examples(const Parameters<Net>& parameters, const RunOptions& options,
                        std::size_t count, const std::function<void(std::size_t, float*)>& load,
                        std::size_t threads = 0) {
  using Observed = detail::Observed<Net, typename Net::Walk>;
  using Engine = typename Observed::Engine;
  if (count == 0) throw InvalidSetting("the number of examples", "0", "at least 1");
  ThreadPool pool(threads);
  std::vector<Engine> engines(pool.threads(), Engine(parameters, options));
  std::vector<Buffer<float>> inputs(engines.size(), Buffer<float>(Engine::input_size()));
  std::vector<typename Observed::Rates> rates(count);
  ExampleRun result;
  result.samples.assign(count, engines.front().activity());
  pool.run(count, [&](std::size_t slot, std::size_t i) {
    Engine& engine = engines[slot];
    load(i, inputs[slot].data());
    engine.forget();
    engine.run(inputs[slot], i);
    engine.read_activity(result.samples[i]);
    rates[i] = Observed::rates(engine);
  });

  // A layer reads what the one before it made; the first reads the sample, which it hands on.
  result.rates.resize(rates.front().size());
  for (const auto& sample : rates)
    for (std::size_t layer = 0; layer < sample.size(); ++layer)
      result.rates[layer] += sample[layer == 0 ? 0 : layer - 1] / static_cast<double>(count);
  result.activity = result.samples.front();
  for (std::size_t i = 1; i < count; ++i) result.activity += result.samples[i];
  return result;
}

}  // namespace synfire
