// What every neuron model must keep to.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include <synfire/dsl.hpp>

namespace synfire::test {

/// A neuron's kernels do what its update() does, bit for bit.
template <NeuronModel N>
void check_neuron(const typename N::Constants& constants) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0.2f, 1.0f);
  for (std::size_t n = 1; n < 70; n += 3) {
    const std::size_t steps = 1 + n % 9;
    Buffer<float> drive(n), start(n), voltage(n), total(n), added(n);
    Buffer<std::uint32_t> index(n);
    Buffer<float> count(n);
    for (float& d : drive) d = normal(random);
    for (float& v : start) v = normal(random);

    std::vector<float> wanted_voltage(start.begin(), start.end()), wanted_total(n);
    voltage = start;
    for (std::size_t t = 0; t < steps; ++t) {
      const std::size_t events =
          N::fire(drive.data(), voltage.data(), n, constants, index.data(), count.data());
      std::size_t k = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const float spikes = N::update(wanted_voltage[i], drive[i], constants);
        wanted_total[i] += spikes;
        if (spikes == 0) continue;
        REQUIRE(k < events);
        CHECK(index[k] == i);
        CHECK(count[k] == spikes);
        ++k;
      }
      CHECK(k == events);
    }
    CHECK(std::equal(voltage.begin(), voltage.end(), wanted_voltage.begin()));

    voltage = start;
    N::fire_total(drive.data(), voltage.data(), n, steps, constants, total.data());
    CHECK(std::equal(voltage.begin(), voltage.end(), wanted_voltage.begin()));
    CHECK(std::equal(total.begin(), total.end(), wanted_total.begin()));

    voltage = start;
    for (std::size_t t = 0; t < steps; ++t)
      N::fire_add(drive.data(), voltage.data(), n, constants, added.data());
    CHECK(std::equal(voltage.begin(), voltage.end(), wanted_voltage.begin()));
    CHECK(std::equal(added.begin(), added.end(), wanted_total.begin()));
  }
}

}  // namespace synfire::test
