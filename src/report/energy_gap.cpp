#include <synfire/energy_gap.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include <synfire/error.hpp>

namespace synfire {
namespace {

/// Below this a factor is the rounding of a rate, which is a mean of floats.
constexpr double kRounding = 1e-6;

/// Collects factors whose product leads from `estimate` to `counted`.
class Way {
 public:
  Way(double estimate, double counted) {
    gap_.estimate = now_ = estimate;
    gap_.counted = counted;
  }

  /// The next place on the way, and why it is another than the last.
  template <class Sentence>
  void to(double place, const Sentence& sentence) {
    if (now_ == 0) return;  // nothing leads from 0 to somewhere else
    const double factor = place / now_;
    if (std::abs(factor - 1) > kRounding) gap_.reasons.push_back({factor, sentence()});
    now_ = place;
  }
  WorkGap gap() && { return std::move(gap_); }

 private:
  WorkGap gap_;
  double now_;
};

double mean(std::uint64_t count, double samples) {
  return static_cast<double>(count) / samples;
}

std::string times(double count) {
  return std::abs(count - 1) < 1e-9 ? "once" : fmt::format("{:.4g} times", count);
}

struct Run {
  double samples, steps;  // mean steps of a sample
  double dt;
  bool spiking;  // the device
  double timesteps, device_dt;
};

WorkGap synaptic_gap(const EnergyLayer& layer, const LayerStats& stats, const CountedLayer* counted,
                     const StepCounts& sum, const Run& run) {
  const auto connections = static_cast<double>(stats.connections);
  const double rate = layer.rate.value_or(0);
  const double estimate =
      run.spiking ? connections * rate * run.device_dt * run.timesteps : connections;
  const double applied = mean(sum.macs + sum.acs, run.samples);
  Way way(estimate, applied);
  if (counted == nullptr || connections == 0) {
    way.to(applied, [] { return std::string("Nothing counts this layer in a run"); });
    return std::move(way).gap();
  }
  const double dense = mean(sum.dense_operations, run.samples);
  const double offered = dense / connections;  // times that the layer was given its inputs
  const double share =
      sum.inputs == 0 ? 0 : static_cast<double>(sum.events) / static_cast<double>(sum.inputs);
  const double spikes = rate * run.dt;  // an input sends in a step
  const double active = counted->spikes_come_in ? spikes : share;

  if (!run.spiking) {
    way.to(dense, [&] {
      return fmt::format(
          "The device applies every connection once an inference; the run gives it inputs {}",
          times(offered));
    });
    way.to(dense * active, [&] {
      return counted->spikes_come_in
                 ? fmt::format(
                       "An input sends {:.3g} spikes a step on average, a multiple spike "
                       "counting each time; silence costs nothing",
                       spikes)
                 : fmt::format("{:.3g}% of the inputs are not 0; the others cost nothing",
                               100 * share);
    });
  } else if (counted->spikes_come_in) {
    way.to(dense * active, [&] {
      return fmt::format(
          "The estimate is of {:.6g} timesteps of {:g} s, the run has {:.4g} steps of {:g} s",
          run.timesteps, run.device_dt, offered, run.dt);
    });
  } else {
    way.to(dense * active, [&] {
      return fmt::format(
          "The inputs are analog: the estimate takes their mean magnitude {:.3g} for a rate in "
          "hertz, {:.3g} spikes an input in {:.6g} timesteps of {:g} s; the run multiplies the "
          "{:.3g}% that are not 0, {}",
          rate, rate * run.device_dt * run.timesteps, run.timesteps, run.device_dt, 100 * share,
          times(offered));
    });
  }
  way.to(applied, [&] {
    return counted->zero_weights > 0
               ? fmt::format(
                     "{:.3g}% of the weights are 0, and cost nothing where inputs reach "
                     "them",
                     100 * static_cast<double>(counted->zero_weights) /
                         static_cast<double>(std::max<std::size_t>(counted->weights, 1)))
               : std::string("The rate is of another run than the counts, or rounded");
  });
  return std::move(way).gap();
}

WorkGap neuron_gap(const EnergyLayer& layer, const LayerStats& stats, const CountedLayer* counted,
                   const StepCounts& sum, const Run& run) {
  const auto neurons = static_cast<double>(stats.neurons);
  const double once_a_step = neurons * (layer.every_step ? run.steps : 1);
  double updates = once_a_step;  // of a filter, which counts none
  if (counted != nullptr && counted->neurons > 0)
    updates = mean(counted->spiking ? sum.membrane_updates : sum.outputs, run.samples);
  Way way(run.spiking ? neurons * run.timesteps : neurons, updates);
  way.to(once_a_step, [&] {
    if (!run.spiking)
      return fmt::format(
          "The device updates each neuron once an inference, the run at each of {:.4g} steps",
          run.steps);
    if (!layer.every_step)
      return fmt::format(
          "The estimate updates each neuron at each of {:.6g} timesteps; in the run what they make "
          "is the same at every step, and computed once",
          run.timesteps);
    return fmt::format("The estimate has {:.6g} timesteps, the run {:.4g} steps", run.timesteps,
                       run.steps);
  });
  way.to(updates, [] { return std::string("The run leaves out updates that change nothing"); });
  return std::move(way).gap();
}

}  // namespace

double WorkGap::ratio() const {
  if (estimate == 0) return counted == 0 ? 1 : std::numeric_limits<double>::infinity();
  return counted / estimate;
}

std::vector<LayerGap> energy_gaps(const ModelEnergy& energy, const Profile& profile, bool spiking,
                                  std::size_t timesteps, double dt) {
  if (timesteps == 0) throw InvalidSetting("timesteps per inference", "0", "at least 1");
  if (!std::isfinite(dt) || dt <= 0)
    throw InvalidSetting("dt", fmt::format("{}", dt), "a finite number of seconds above 0");
  const auto samples = static_cast<double>(std::max<std::size_t>(profile.size(), 1));
  const double steps =
      std::accumulate(profile.steps_used.begin(), profile.steps_used.end(), 0.0) / samples;
  const Run run{samples, steps, profile.dt, spiking, static_cast<double>(timesteps), dt};

  std::vector<const CountedLayer*> counted(energy.layers().size());
  std::vector<StepCounts> sums(energy.layers().size());
  for (std::size_t i = 0; i < profile.layers.size(); ++i) {
    const CountedLayer& layer = profile.layers[i];
    if (layer.index >= counted.size())
      throw ShapeMismatch("the network of this profile", counted.size(), layer.index + 1);
    counted[layer.index] = &layer;
    for (std::size_t sample = 0; sample < profile.size(); ++sample)
      sums[layer.index] += profile.of(sample, i);
  }

  std::vector<LayerGap> gaps;
  for (std::size_t i = 0; i < counted.size(); ++i) {
    const EnergyLayer& layer = energy.layers()[i];
    if (spiking && !layer.rate)
      throw InvalidSetting(fmt::format("the rate of layer '{}'", layer.name), "unknown",
                           "given for spiking devices");
    const LayerStats stats = layer.stats.value_or(LayerStats{});
    gaps.push_back({layer.name, synaptic_gap(layer, stats, counted[i], sums[i], run),
                    neuron_gap(layer, stats, counted[i], sums[i], run)});
  }
  return gaps;
}

}  // namespace synfire
