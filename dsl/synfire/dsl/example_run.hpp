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

/// The mean of |value| of a layer over steps and units; of spikes in hertz, whatever one is worth.
template <class Node, class Engine>
double observed_rate(const Engine& engine) {
  const Values values = engine.template recorded<ProbeOf<Node>::name>().values();
  double sum = 0;
  for (const float value : values) sum += std::abs(static_cast<double>(value));
  const double unit =
      carried_by<typename Node::Out, Spikes> ? static_cast<double>(engine.options().dt) : 1.0;
  return sum / (static_cast<double>(values.size()) * unit);
}

template <class Net, class... Places>
ExampleRun run_observed(hana::tuple<Places...>, const Parameters<Net>& parameters,
                        const RunOptions& options, std::size_t count,
                        const std::function<void(std::size_t, float*)>& load, std::size_t threads) {
  using Engine = EventEngine<Net, ProbeOf<typename Places::type::Node>...>;
  using Rates = std::array<double, sizeof...(Places)>;
  if (count == 0) throw InvalidSetting("the number of examples", "0", "at least 1");
  ThreadPool pool(threads);
  const Engine fresh{parameters, options};
  std::vector<Engine> engines(pool.threads(), fresh);
  std::vector<Buffer<float>> inputs(engines.size(), Buffer<float>(fresh.sample_size()));
  std::vector<Rates> rates(count);
  ExampleRun result;
  result.samples.assign(count, fresh.activity());
  pool.run(count, [&](std::size_t slot, std::size_t i) {
    Engine& engine = engines[slot];
    load(i, inputs[slot].data());
    engine.forget();
    engine.run(inputs[slot], i);
    engine.read_activity(result.samples[i]);
    rates[i] = {observed_rate<typename Places::type::Node>(engine)...};
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

}  // namespace detail

/// Runs samples 0 .. count - 1: load(i, values) fills the input of sample i, called from several
/// threads, each i once. The result does not depend on the number of threads. Throws InvalidSetting
/// for no samples, or options that cannot be.
template <class Net>
ExampleRun run_examples(const Parameters<Net>& parameters, const RunOptions& options,
                        std::size_t count, const std::function<void(std::size_t, float*)>& load,
                        std::size_t threads = 0) {
  return detail::run_observed<Net>(Sites<Net>{}, parameters, options, count, load, threads);
}

}  // namespace synfire
