// What every filter model must keep to, and KerasSpiking's own values.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include <synfire/dsl.hpp>

#include "golden.hpp"

namespace synfire::test {

/// |a - b| against the largest |b|, the worst of all values; infinite where one alone is no number.
inline double worst_error(Values a, Values b) {
  REQUIRE(a.size() == b.size());
  double most = 0, worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return INFINITY;
    most = std::max(most, std::abs(static_cast<double>(b[i])));
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return most == 0 ? worst : worst / most;
}

/// A layer on its own: `units` values that change every step come in.
template <class Layer, std::size_t units, Delivery wanted>
using AloneSite = Site<1, Signal<Shape<units>, Stepped>, Signal<Shape<units>, Stepped>, 0,
                       Delivery::EveryStep, wanted, true>;

/// Values of a JSON case, [batch][time][units].
struct FilterCase {
  explicit FilterCase(const nlohmann::json& json)
      : x(array_from(json.at("inputs"))),
        batch(x.shape[0]),
        steps(x.shape[1]),
        units(x.shape[2]),
        dt(json.at("dt").get<float>()) {}

  Values at(const Array& a, std::size_t b, std::size_t t) const {
    return Values(a.values).subspan((b * steps + t) * units, units);
  }
  /// Row t * batch + b of a matrix for the trainer.
  OwnedMatrix rows(const Array& a) const {
    OwnedMatrix matrix(batch * steps, units);
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t t = 0; t < steps; ++t) {
        const Values row = at(a, b, t);
        std::copy(row.begin(), row.end(), matrix.row(t * batch + b));
      }
    return matrix;
  }
  std::vector<float> values(const Matrix& m) const {
    std::vector<float> all;
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t t = 0; t < steps; ++t)
        all.insert(all.end(), m.row(t * batch + b), m.row(t * batch + b) + units);
    return all;
  }

  Array x;
  std::size_t batch, steps, units;
  float dt;
};

/// Runs the reference or the event engine's expansion over a case; `outputs` gets every step's
/// value, or the last one's.
template <class Expansion>
void run_case(Expansion& expansion, const FilterCase& c, bool sequences,
              std::vector<float>& outputs, std::vector<float>& states) {
  for (std::size_t b = 0; b < c.batch; ++b) {
    expansion.start({});
    for (std::size_t t = 0; t < c.steps; ++t) {
      const Values row = c.at(c.x, b, t);
      const std::vector<float> in(row.begin(), row.end());
      const auto keep = [&](const auto& value) {
        outputs.insert(outputs.end(), value.begin(), value.end());
      };
      if constexpr (requires { expansion.value(); }) {
        expansion.step(Values(in));
        if constexpr (requires { expansion.after(Values(in)); })
          if (t + 1 == c.steps) expansion.after(Values(in));
        if (sequences || t + 1 == c.steps) keep(expansion.value());
      } else {
        expansion.step(in);
        if (sequences || t + 1 == c.steps) keep(expansion.value);
      }
    }
    for (const float s : expansion.state()) states.push_back(s);
  }
}

template <class Layer, std::size_t units>
std::size_t check_filter_case(const nlohmann::json& json, double tolerance) {
  const FilterCase c(json);
  Parameters<Network<Input<units>, Layer>> parameters;
  const Array level = array_from(json.at("initial_level")), tau = array_from(json.at("tau"));
  std::copy(level.values.begin(), level.values.end(), parameters.tensor(0).begin());
  std::copy(tau.values.begin(), tau.values.end(), parameters.tensor(1).begin());
  const RunOptions options{.dt = c.dt, .steps = c.steps};
  const bool sequences = json.value("return_sequences", true);
  const Array wanted = array_from(json.at("outputs"));

  using EverySite = AloneSite<Layer, units, Delivery::EveryStep>;
  using LastSite = AloneSite<Layer, units, Delivery::Last>;
  const auto check = [&](auto expansion, bool each_step) {
    std::vector<float> outputs, states, last;
    run_case(expansion, c, each_step, outputs, states);
    if (each_step == sequences) {
      CHECK(worst_error(outputs, wanted.values) < tolerance);
    } else {
      for (std::size_t b = 0; b < c.batch; ++b) {
        const Values row = c.at(wanted, b, c.steps - 1);
        last.insert(last.end(), row.begin(), row.end());
      }
      CHECK(worst_error(outputs, last) < tolerance);
    }
    if (json.contains("final_state"))
      CHECK(worst_error(states, array_from(json.at("final_state")).values) < tolerance);
  };
  check(typename Layer::template Clocked<EverySite>(parameters, options), sequences);
  check(typename Layer::template Event<EverySite>(parameters, options), sequences);
  check(typename Layer::template Event<LastSite>(parameters, options), false);

  std::vector<Buffer<float>> gradients{Buffer<float>(units), Buffer<float>(units)};
  typename Layer::template Batch<EverySite> batch(
      Learning{&parameters, &gradients, c.batch, c.steps, c.dt, true});
  ThreadPool pool(1);
  const std::vector<std::uint32_t> samples(c.batch);
  const BatchRun run{c.batch, c.steps, c.dt, 0, 0, samples.data(), &pool};
  OwnedMatrix in = c.rows(c.x);
  batch.forward(in.view(), run);
  if (json.contains("outputs_training")) {
    CHECK(c.values(batch.out) == array_from(json.at("outputs_training")).values);
  } else if (sequences) {
    CHECK(worst_error(c.values(batch.out), wanted.values) < tolerance);
  }
  if (!json.contains("loss_weights")) return 0;
  OwnedMatrix g = c.rows(array_from(json.at("loss_weights")));
  batch.backward(g.view(), run);
  const auto values = [&](const char* name) { return array_from(json.at(name)).values; };
  CHECK(worst_error(c.values(batch.in_gradient), values("grad_inputs")) < tolerance);
  CHECK(worst_error(gradients[0], values("grad_initial_level")) < tolerance);
  CHECK(worst_error(gradients[1], values("grad_tau")) < tolerance);
  return 1;
}

/// KerasSpiking's values of a kind of filter, by every expansion. Of `unapplied` those that
/// training leaves out.
template <class Layer, class Unapplied>
void check_filter_goldens(const std::string& kind, double tolerance) {
  std::size_t cases = 0, gradients = 0;
  const nlohmann::json file = read_json(golden_path("filters.json"));
  for (const auto& c : file.at("cases")) {
    if (c.at("kind") != kind) continue;
    INFO(kind << " case " << cases << ", tau " << c.value("tau_kind", "0.05") << ", dt "
              << c.at("dt"));
    ++cases;
    if (c.at("inputs").at("shape")[2] == 5)
      gradients += check_filter_case<Layer, 5>(c, tolerance);
    else if (c.value("apply_during_training", true))
      gradients += check_filter_case<Layer, 3>(c, tolerance);
    else
      gradients += check_filter_case<Unapplied, 3>(c, tolerance);
  }
  CHECK(cases == 8);
  CHECK(gradients == 6);
}

/// The derivatives by tau are slopes, a held input is reached, and a time constant at or below the
/// least one hands the input on.
template <FilterModel Model>
void check_filter_model() {
  const double dt = 0.01;
  for (const double tau : {0.003, 0.01, 0.07, 0.4}) {
    const double h = tau / 64;
    const auto at = [&](double t) {
      return Model::discretise(static_cast<float>(t), static_cast<float>(dt));
    };
    const auto filter = at(tau), above = at(tau + h), below = at(tau - h);
    const auto slope = [&](float a, float b) {
      return Approx((static_cast<double>(a) - b) / (2 * h)).epsilon(5e-3).margin(1e-3);
    };
    for (std::size_t r = 0; r < Model::order; ++r) {
      CHECK(filter.b_by_tau[r] == slope(above.b[r], below.b[r]));
      for (std::size_t c = 0; c < Model::order; ++c)
        CHECK(filter.a_by_tau[r][c] == slope(above.a[r][c], below.a[r][c]));
    }
    typename DiscreteFilter<Model::order>::Vector state{};
    for (int t = 0; t < 2000; ++t) state = filter.step(state, 3.0f);
    CHECK(state.back() == Approx(3.0f).epsilon(1e-4));
  }
  for (const float tau : {1e-8f, 1e-9f, 0.0f, -0.1f}) {
    const auto filter = Model::discretise(tau, static_cast<float>(dt));
    typename DiscreteFilter<Model::order>::Vector state{};
    state.fill(0.7f);
    CHECK(filter.step(state, 3.0f).back() == 3.0f);
    CHECK(filter.b_by_tau.back() == 0.0f);
  }
}

}  // namespace synfire::test
