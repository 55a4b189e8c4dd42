#include <rapidcheck.h>

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "synfire/kernels.hpp"
#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;

struct Rate {
  static float step(float drive, float& v) {
    v += drive;
    const float c = std::floor(v);
    v -= c;
    return c;
  }
  static std::size_t fire(const float* drive, float* v, std::size_t n, std::uint32_t* index,
                          float* count) {
    return kernels::fire(drive, v, n, index, count);
  }
  static void total(const float* drive, float* v, std::size_t n, std::size_t steps, float* total) {
    kernels::fire_total(drive, v, n, steps, total);
  }
  static void add(const float* drive, float* v, std::size_t n, float* total) {
    kernels::fire_add(drive, v, n, total);
  }
  static std::size_t fire_counted(const float* drive, float* v, std::size_t n, std::uint32_t* index,
                                  float* count, kernels::Census* census) {
    return kernels::fire_counted(drive, v, n, index, count, census);
  }
  static void total_counted(const float* drive, float* v, std::size_t n, std::size_t steps,
                            float* total, kernels::Census* census) {
    kernels::fire_total_counted(drive, v, n, steps, total, census);
  }
};

struct Leaky {
  static constexpr float kDecay = 0.8187307f;

  static float step(float drive, float& v) {
    const float reset = v > 1 ? 1.0f : 0.0f;
    v = (kDecay * v + drive) - reset;
    return v > 1 ? 1.0f : 0.0f;
  }
  static std::size_t fire(const float* drive, float* v, std::size_t n, std::uint32_t* index,
                          float* count) {
    return kernels::leaky(drive, v, n, kDecay, index, count);
  }
  static void total(const float* drive, float* v, std::size_t n, std::size_t steps, float* total) {
    kernels::leaky_total(drive, v, n, kDecay, steps, total);
  }
  static void add(const float* drive, float* v, std::size_t n, float* total) {
    kernels::leaky_add(drive, v, n, kDecay, total);
  }
  static std::size_t fire_counted(const float* drive, float* v, std::size_t n, std::uint32_t* index,
                                  float* count, kernels::Census* census) {
    return kernels::leaky_counted(drive, v, n, kDecay, index, count, census);
  }
  static void total_counted(const float* drive, float* v, std::size_t n, std::size_t steps,
                            float* total, kernels::Census* census) {
    kernels::leaky_total_counted(drive, v, n, kDecay, steps, total, census);
  }
};

// Runs `steps` steps by all three kernels, with poison in every slack, and compares each of them
// with the scalar definition at every step.
template <class Neuron>
void check(const std::vector<float>& drive, const std::vector<float>& voltage, std::size_t steps) {
  const auto n = drive.size();
  auto v = voltage;
  std::vector<float> total(n, 0.0f);

  const auto drive_in = poisoned(drive);
  auto fired_v = poisoned(voltage);
  auto added_v = poisoned(voltage);
  auto total_v = poisoned(voltage);
  auto added = poisoned(total);
  auto totals = poisoned(std::vector<float>(n, 7.0f));
  Buffer<std::uint32_t> index(n);
  Buffer<float> count(n);

  for (std::size_t t = 0; t < steps; ++t) {
    std::vector<std::uint32_t> expected_index;
    std::vector<float> expected_count;
    for (std::size_t i = 0; i < n; ++i) {
      const float c = Neuron::step(drive[i], v[i]);
      total[i] += c;
      if (c != 0) {
        expected_index.push_back(static_cast<std::uint32_t>(i));
        expected_count.push_back(c);
      }
    }
    const auto found = Neuron::fire(drive_in.data(), fired_v.data(), n, index.data(), count.data());
    REQUIRE(found == expected_index.size());
    REQUIRE(std::equal(expected_index.begin(), expected_index.end(), index.begin()));
    REQUIRE(first_difference(expected_count, {count.data(), found}) == -1);
    REQUIRE(first_difference(v, fired_v) == -1);

    Neuron::add(drive_in.data(), added_v.data(), n, added.data());
    REQUIRE(first_difference(v, added_v) == -1);
    REQUIRE(first_difference(total, added) == -1);
  }
  Neuron::total(drive_in.data(), total_v.data(), n, steps, totals.data());
  REQUIRE(first_difference(v, total_v) == -1);
  REQUIRE(first_difference(total, totals) == -1);
}

/// The kernels that take a census, beside those that do not, and the census by the definition.
template <class Neuron>
void check_census(const std::vector<float>& drive, const std::vector<float>& voltage,
                  std::size_t steps) {
  const std::size_t n = drive.size();
  const auto drive_in = poisoned(drive);
  auto v = voltage;
  auto fired_v = poisoned(voltage), counted_v = poisoned(voltage), total_v = poisoned(voltage);
  Buffer<std::uint32_t> index(n), counted_index(n);
  Buffer<float> count(n), counted_count(n), total(n), counted_total(n);
  std::vector<kernels::Census> found(steps, {1, 2, 3, 4}), found_in_total(steps, {1, 2, 3, 4});
  std::vector<bool> countable(steps);  // what no counter holds, and what is no number, has no sum
  for (std::size_t t = 0; t < steps; ++t) {
    kernels::Census wanted{1, 2, 3, 4 + n};
    double spikes = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const float before = v[i], c = Neuron::step(drive[i], v[i]);
      spikes += std::abs(static_cast<double>(c));
      wanted.silent += c == 0;
      wanted.changed += v[i] != before;
    }
    const std::size_t events =
        Neuron::fire(drive_in.data(), fired_v.data(), n, index.data(), count.data());
    REQUIRE(events == Neuron::fire_counted(drive_in.data(), counted_v.data(), n,
                                           counted_index.data(), counted_count.data(), &found[t]));
    REQUIRE(std::equal(index.begin(), index.begin() + events, counted_index.begin()));
    REQUIRE(first_difference({count.data(), events}, {counted_count.data(), events}) == -1);
    REQUIRE(first_difference(fired_v, counted_v) == -1);
    REQUIRE(found[t].silent == wanted.silent);
    REQUIRE(found[t].changed == wanted.changed);
    REQUIRE(found[t].neurons == wanted.neurons);
    countable[t] = spikes < 0x1p53;
    if (countable[t]) REQUIRE(found[t].spikes == 1 + static_cast<std::uint64_t>(spikes));
  }
  Neuron::total_counted(drive_in.data(), total_v.data(), n, steps, counted_total.data(),
                        found_in_total.data());
  for (std::size_t t = 0; t < steps; ++t) {
    REQUIRE(found[t].silent == found_in_total[t].silent);
    REQUIRE(found[t].changed == found_in_total[t].changed);
    if (countable[t]) REQUIRE(found[t].spikes == found_in_total[t].spikes);
  }
  REQUIRE(first_difference(fired_v, total_v) == -1);
  auto again = poisoned(voltage);
  Neuron::total(drive_in.data(), again.data(), n, steps, total.data());
  REQUIRE(first_difference(total, counted_total) == -1);
}

/// The same of rate neurons by the kernels that take inputs, and by the one of those awake.
void check_census_of_inputs(const std::vector<float>& x, const std::vector<float>& voltage,
                            std::size_t steps) {
  constexpr float kUnit = 0.5f;
  const std::size_t n = x.size();
  const auto in = poisoned(x);
  std::vector<float> drive(n), v = voltage, total(n, 0.0f), count(n), all_fired(n, 0.0f);
  for (std::size_t i = 0; i < n; ++i) drive[i] = (x[i] < 0 ? 0 : x[i]) * kUnit;
  const auto drive_in = poisoned(drive);
  auto fired_v = poisoned(voltage), added_v = poisoned(voltage), awake_v = poisoned(voltage);
  auto added = poisoned(total);
  Buffer<std::uint32_t> which(n), index(n), awake_index(n);
  Buffer<float> events(n), awake_events(n), fired(n);
  std::iota(which.begin(), which.end(), 0u);
  for (std::size_t t = 0; t < steps; ++t) {
    kernels::Census wanted{0, 2, 3, 4 + n}, census[3];
    std::fill_n(census, 3, kernels::Census{1, 2, 3, 4});
    double spikes = 0;
    std::size_t expected = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const float before = v[i];
      count[i] = Rate::step(drive[i], v[i]);
      total[i] += count[i];
      all_fired[i] += std::abs(count[i]);
      spikes += std::abs(static_cast<double>(count[i]));
      wanted.silent += count[i] == 0;
      wanted.changed += v[i] != before;
      expected += count[i] != 0;
    }
    REQUIRE(expected == kernels::fire_relu_counted(in.data(), kUnit, fired_v.data(), n,
                                                   index.data(), events.data(), &census[0]));
    kernels::fire_relu_add_counted(in.data(), kUnit, added_v.data(), n, added.data(), &census[1]);
    REQUIRE(expected == kernels::fire_awake_counted(drive_in.data(), awake_v.data(), n,
                                                    which.data(), awake_index.data(),
                                                    awake_events.data(), fired.data(), &census[2]));
    for (std::size_t k = 0; k < expected; ++k) {
      REQUIRE(same(events[k], count[index[k]]));
      REQUIRE(index[k] == awake_index[k]);
      REQUIRE(same(awake_events[k], events[k]));
    }
    REQUIRE(first_difference(total, added) == -1);
    REQUIRE(first_difference(all_fired, fired) == -1);
    for (const auto* const found : {&fired_v, &added_v, &awake_v})
      REQUIRE(first_difference(v, *found) == -1);
    for (const kernels::Census& found : census) {
      REQUIRE(found.silent == wanted.silent);
      REQUIRE(found.changed == wanted.changed);
      REQUIRE(found.neurons == wanted.neurons);
      if (spikes < 0x1p53) REQUIRE(found.spikes == 1 + static_cast<std::uint64_t>(spikes));
    }
  }
  auto total_v = poisoned(voltage), counted_v = poisoned(voltage);
  Buffer<float> totals(n), counted_totals(n);
  std::vector<kernels::Census> census(steps);
  kernels::fire_relu_total(in.data(), kUnit, total_v.data(), n, steps, totals.data());
  kernels::fire_relu_total_counted(in.data(), kUnit, counted_v.data(), n, steps,
                                   counted_totals.data(), census.data());
  for (const auto* const found : {&total_v, &counted_v}) REQUIRE(first_difference(v, *found) == -1);
  for (const auto* const found : {&totals, &counted_totals})
    REQUIRE(first_difference(total, *found) == -1);
  std::uint64_t silent = 0, silent_in_steps = 0;
  auto again = voltage;
  for (std::size_t t = 0; t < steps; ++t) {
    silent += census[t].silent;
    for (std::size_t i = 0; i < n; ++i) silent_in_steps += Rate::step(drive[i], again[i]) == 0;
  }
  REQUIRE(silent == silent_in_steps);
}

TEST_CASE("a census of inputs is that of the definition") {
  on_every_target([] {
    std::mt19937 random(15);
    std::vector<std::size_t> sizes(71);
    std::iota(sizes.begin(), sizes.end(), 0u);
    sizes.insert(sizes.end(), {1024, 1025, 2100});  // these lie in several pieces
    for (const std::size_t n : sizes) {
      INFO("n " << n);
      const auto voltage = ordinary_floats(random, n, 0.0f, 1.0f);
      check_census_of_inputs(ordinary_floats(random, n, -1.0f, 1.9f), voltage, 5);
      check_census_of_inputs(ordinary_floats(random, n, -5.0f, 5.0f), voltage, 5);
      check_census_of_inputs(ordinary_floats(random, n, -3e7f, 3e7f), voltage, 2);
      check_census_of_inputs(ordinary_floats(random, n, -1e-8f, 1e-8f), voltage, 2);
      check_census_of_inputs(ordinary_floats(random, n, -1.0f, 1.0f),
                             ordinary_floats(random, n, -2.0f, 3.0f), 3);
      check_census_of_inputs(awkward_floats(random, n), awkward_floats(random, n), 3);
    }
  });
}

TEMPLATE_TEST_CASE("a census is that of the definition", "", Rate, Leaky) {
  on_every_target([] {
    std::mt19937 random(11);
    for (std::size_t n = 0; n <= 150; ++n) {
      INFO("n " << n);
      check_census<TestType>(ordinary_floats(random, n, -1.5f, 3.5f),
                             ordinary_floats(random, n, 0.0f, 1.0f), n % 7);
      // Sums that no float holds, and drives that move no voltage.
      check_census<TestType>(ordinary_floats(random, n, -3e7f, 3e7f),
                             ordinary_floats(random, n, 0.0f, 1.0f), 2);
      check_census<TestType>(ordinary_floats(random, n, -1e-8f, 1e-8f),
                             ordinary_floats(random, n, 0.0f, 3e7f), 3);
      check_census<TestType>(awkward_floats(random, n), awkward_floats(random, n), 3);
      // At most one spike a step, or nearly so.
      check_census<TestType>(ordinary_floats(random, n, 0.0f, n % 2 ? 0.999f : 1.001f),
                             ordinary_floats(random, n, 0.0f, 1.0f), 5);
    }
  });
}

TEST_CASE("a census is that of the definition where drives or voltages are at a limit") {
  on_every_target([] {
    std::mt19937 random(12);
    std::vector<float> drives{0, -0.0f}, voltages{0, -0.0f};
    for (const float limit : {0x1p-24f, 1 - 0x1p-23f, 1.0f, 0x1p-149f, 0.5f, 0x1p-25f})
      for (const float near : {std::nextafter(limit, 0.0f), limit, std::nextafter(limit, 2.0f)}) {
        drives.push_back(near);
        voltages.push_back(near);
      }
    // All that fire once at most; then with one in their midst that is at a limit.
    const std::vector<float> once{0, 0x1p-24f, 0.25f, std::nextafter(1 - 0x1p-23f, 0.0f)};
    const std::vector<float> below{0, 0x1p-149f, 0.25f, std::nextafter(1.0f, 0.0f)};
    for (std::size_t n = 1; n <= 70; ++n)
      for (std::size_t turn = 0; turn < drives.size(); ++turn) {
        INFO("n " << n << ", drive " << drives[turn]);
        std::vector<float> drive(n), voltage(n);
        for (float& d : drive) d = once[random() % once.size()];
        for (float& v : voltage) v = below[random() % below.size()];
        check_census<Rate>(drive, voltage, 4);
        drive[random() % n] = drives[turn];
        check_census<Rate>(drive, voltage, 4);
        voltage[random() % n] = voltages[random() % voltages.size()];
        check_census<Rate>(drive, voltage, 4);
      }
  });
}

TEST_CASE("neurons that fire at most once are told from others") {
  on_every_target([] {
    const auto once = [](const std::vector<float>& drive, const std::vector<float>& voltage) {
      return kernels::fires_once(poisoned(drive).data(), poisoned(voltage).data(), drive.size());
    };
    const auto inside = std::vector<float>{0, 0.5f, 0x1p-24f};
    CHECK(once(inside, {0, 0.99f, 0.5f}).holds);
    CHECK(once(inside, {0, 0.99f, 0.5f}).driven == 2);
    CHECK(once({}, {}).holds);
    for (const float beyond : {1.0f, 0x1p-25f, -0.5f, std::nanf("")})
      CHECK_FALSE(once({0, 0.5f, beyond}, {0, 0, 0}).holds);
    for (const float beyond : {1.0f, -0.5f, std::nanf("")})
      CHECK_FALSE(once(inside, {0, 0, beyond}).holds);
  });
}

TEST_CASE("count_spikes sums and finds the most") {
  on_every_target([] {
    std::mt19937 random(6);
    for (std::size_t n = 0; n < 150; ++n) {
      INFO("neurons " << n);
      std::vector<float> count(n);
      std::uint64_t all = 0, most = 0;
      for (auto& c : count) {
        const std::uint64_t spikes = random() % 3 ? random() % 5 : random() % (1 << 24);
        c = static_cast<float>(spikes) * (random() % 2 ? 1.0f : -1.0f);
        all += spikes;
        most = std::max(most, spikes);
      }
      const auto counts = poisoned(count);
      Buffer<float> mean(n);
      for (const auto& found : {kernels::count_spikes(counts.data(), n),
                                kernels::mean_rates(counts.data(), n, 0.7f, mean.data())}) {
        REQUIRE(found.all == all);
        REQUIRE(found.most == static_cast<float>(most));
      }
      for (std::size_t i = 0; i < n; ++i) REQUIRE(mean[i] == count[i] / 0.7f);
    }
    for (const float none : {std::nanf(""), std::numeric_limits<float>::infinity()})
      for (const std::size_t at : {0, 5, 32, 40}) {
        std::vector<float> given(41, 2.0f);
        given[at] = none;
        const auto count = poisoned(given);
        Buffer<float> mean(41);
        for (const auto& found : {kernels::count_spikes(count.data(), 41),
                                  kernels::mean_rates(count.data(), 41, 0.1f, mean.data())}) {
          REQUIRE(found.all == 0);
          REQUIRE(found.most == (none > 0 ? none : 2.0f));
        }
        for (std::size_t i = 0; i < 41; ++i) REQUIRE(same(mean[i], given[i] / 0.1f));
      }
  });
}

TEST_CASE("mean_rates divides") {
  on_every_target([] {
    std::mt19937 random(18);
    for (std::size_t round = 0; round < 3000; ++round) {
      // Means over any time: by steps of usual lengths, and by any bits.
      float seconds =
          static_cast<float>(1 + random() % 1000) *
          (random() % 2 ? 0.001f : std::ldexp(1.0f, static_cast<int>(random() % 40) - 30));
      if (round % 3 == 0)
        seconds = std::bit_cast<float>(static_cast<std::uint32_t>(random() % 0x7f800000u));
      INFO("seconds " << seconds);
      std::vector<float> count(33);
      for (float& c : count) c = static_cast<float>(random() >> random() % 32 & 0x3fffff);
      count[round % 33] = round % 2 ? 0.0f : -0.0f;
      if (round % 5 == 0) count[random() % 33] = -3;
      const auto counts = poisoned(count);
      Buffer<float> mean(count.size());
      kernels::mean_rates(counts.data(), count.size(), seconds, mean.data());
      for (std::size_t i = 0; i < count.size(); ++i) REQUIRE(same(mean[i], count[i] / seconds));
    }
  });
}

}  // namespace

TEMPLATE_TEST_CASE("neurons step as their definition does, at every size", "", Rate, Leaky) {
  on_every_target([] {
    std::mt19937 random(4);
    for (std::size_t n = 0; n <= 300; ++n) {
      INFO("n " << n);
      // Negative drives give negative counts; large ones several spikes a step.
      check<TestType>(ordinary_floats(random, n, -1.5f, 3.5f),
                      ordinary_floats(random, n, 0.0f, 1.0f), n % 7);
    }
  });
}

TEMPLATE_TEST_CASE("neurons step as their definition does over many steps", "", Rate, Leaky) {
  on_every_target([] {
    CHECK(rc::check("long runs", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t n = 1 + random() % 200;
      const float reach = std::pow(10.0f, static_cast<float>(random() % 5) - 3.0f);
      check<TestType>(ordinary_floats(random, n, -reach, reach),
                      ordinary_floats(random, n, 0.0f, 1.0f), random() % 200);
    }));
  });
}

TEST_CASE("totals of very many steps that fire once at most are exact") {
  on_every_target([] {
    std::mt19937 random(17);
    for (const std::size_t steps : {std::size_t{1} << 20, (std::size_t{1} << 20) + 1}) {
      // Drives that are rounded at nearly every step, all in the same direction.
      std::vector<float> drive{0x1p-24f,       0x1.000002p-2f,  0x1.fffffep-1f,
                               0x1.555556p-2f, 0x1.999998p-4f,  0.0f,
                               0x1p-149f,      0x1.800002p-23f, 0x1.fffffep-1f / 2};
      for (int k = 0; k < 30; ++k) drive.push_back(ordinary_floats(random, 1, 0.0f, 1.0f)[0]);
      const auto voltage = ordinary_floats(random, drive.size(), 0.0f, 1.0f);
      auto v = voltage;
      std::vector<float> total(drive.size(), 0.0f);
      for (std::size_t i = 0; i < drive.size(); ++i)
        for (std::size_t t = 0; t < steps; ++t) total[i] += Rate::step(drive[i], v[i]);
      auto total_v = poisoned(voltage), counted_v = poisoned(voltage);
      Buffer<float> totals(drive.size()), counted(drive.size());
      std::vector<kernels::Census> census(steps);
      const auto in = poisoned(drive);
      kernels::fire_total(in.data(), total_v.data(), drive.size(), steps, totals.data());
      kernels::fire_total_counted(in.data(), counted_v.data(), drive.size(), steps, counted.data(),
                                  census.data());
      REQUIRE(first_difference(v, total_v) == -1);
      REQUIRE(first_difference(v, counted_v) == -1);
      REQUIRE(first_difference(total, totals) == -1);
      REQUIRE(first_difference(total, counted) == -1);
    }
  });
}

TEMPLATE_TEST_CASE("neurons carry zeros of both signs, huge numbers, infinities and NaN", "", Rate,
                   Leaky) {
  on_every_target([] {
    CHECK(rc::check("awkward numbers", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t n = 1 + random() % 150;
      check<TestType>(awkward_floats(random, n), awkward_floats(random, n), 1 + random() % 4);
    }));
  });
}

TEST_CASE("neurons of rectified inputs are those of their drives") {
  on_every_target([] {
    std::mt19937 random(8);
    for (std::size_t n = 0; n <= 100; ++n)
      for (const bool awkward : {false, true}) {
        INFO("n " << n);
        constexpr float kUnit = 0.1f;
        // The inputs end where their memory does.
        const auto x = awkward ? awkward_floats(random, n) : ordinary_floats(random, n, -9, 15);
        Buffer<float> drive(n);
        for (std::size_t i = 0; i < n; ++i) drive[i] = (x[i] < 0 ? 0 : x[i]) * kUnit;
        auto v = poisoned(ordinary_floats(random, n, 0, 1));
        auto fired_v = v, added_v = v;
        Buffer<std::uint32_t> index(n), expected_index(n);
        Buffer<float> count(n), expected_count(n), total(n), expected_total(n);
        for (int t = 0; t < 3; ++t) {
          auto added = v;
          kernels::fire_add(drive.data(), added.data(), n, expected_total.data());
          const auto events = kernels::fire(drive.data(), v.data(), n, expected_index.data(),
                                            expected_count.data());
          REQUIRE(kernels::fire_relu(x.data(), kUnit, fired_v.data(), n, index.data(),
                                     count.data()) == events);
          REQUIRE(std::equal(index.begin(), index.begin() + events, expected_index.begin()));
          REQUIRE(first_difference({expected_count.data(), events}, {count.data(), events}) == -1);
          kernels::fire_relu_add(x.data(), kUnit, added_v.data(), n, total.data());
          REQUIRE(first_difference(expected_total, total) == -1);
          REQUIRE(first_difference(v, fired_v) == -1);
          REQUIRE(first_difference(v, added_v) == -1);
        }
      }
  });
}

TEST_CASE("neurons that rest are left out, and nothing is missed") {
  on_every_target([] {
    std::mt19937 random(9);
    for (std::size_t n = 0; n <= 100; ++n)
      for (const bool awkward : {false, true}) {
        INFO("n " << n);
        auto drive =
            poisoned(awkward ? awkward_floats(random, n) : ordinary_floats(random, n, 0, 2));
        auto v = poisoned(awkward ? awkward_floats(random, n) : ordinary_floats(random, n, 0, 1));
        for (float& x : drive)
          if (random() % 3 != 0) x = random() % 2 ? 0.0f : -0.0f;
        for (float& x : v)
          if (random() % 10 == 0) x = random() % 2 ? 1.0f : -0.0f;
        Buffer<std::uint32_t> which(n);
        Buffer<float> awake_drive(n), awake_v(n);
        const std::size_t awake = kernels::awake(drive.data(), v.data(), n, which.data(),
                                                 awake_drive.data(), awake_v.data());
        std::size_t expected = 0;
        for (std::uint32_t i = 0; i < n; ++i) {
          if (drive[i] == 0 && v[i] >= 0 && v[i] < 1 && !std::signbit(v[i])) continue;
          REQUIRE(expected < awake);
          REQUIRE(which[expected] == i);
          REQUIRE(same(awake_drive[expected], drive[i]));
          REQUIRE(same(awake_v[expected++], v[i]));
        }
        REQUIRE(awake == expected);

        Buffer<std::uint32_t> index(n), expected_index(n);
        Buffer<float> count(n), expected_count(n), fired(n), expected_fired(n);
        for (int t = 0; t < 4; ++t) {
          const auto events = kernels::fire(drive.data(), v.data(), n, expected_index.data(),
                                            expected_count.data());
          for (std::size_t k = 0; k < events; ++k)
            expected_fired[expected_index[k]] += std::abs(expected_count[k]);
          REQUIRE(kernels::fire_awake(awake_drive.data(), awake_v.data(), awake, which.data(),
                                      index.data(), count.data(), fired.data()) == events);
          REQUIRE(std::equal(index.begin(), index.begin() + events, expected_index.begin()));
          REQUIRE(first_difference({expected_count.data(), events}, {count.data(), events}) == -1);
        }
        auto after = v;
        for (std::size_t k = 0; k < awake; ++k) {
          after[which[k]] = awake_v[k];
          REQUIRE(same(fired[k], expected_fired[which[k]]));
        }
        REQUIRE(first_difference(v, after) == -1);
      }
  });
}

TEST_CASE("fire rounds down beyond the integers, and below zero") {
  on_every_target([] {
    check<Rate>({5e9f, -5e9f, 3e38f, -3e38f, 2147483648.0f, -2147483904.0f, 8388609.0f, -0.25f,
                 -1.0f, 0.0f, -0.0f, 4.0f},
                {0.5f, 0.5f, 0.5f, 0.5f, 0.25f, 0.25f, 0.5f, 0.0f, 0.0f, 0.0f, -0.0f, 0.75f}, 3);
  });
}

TEST_CASE("a leaky neuron fires strictly above the threshold and is reset a step later") {
  on_every_target([] {
    Buffer<float> drive(1), voltage(1), count(1);
    Buffer<std::uint32_t> index(1);
    drive[0] = 1.0f;
    CHECK(kernels::leaky(drive.data(), voltage.data(), 1, 0.5f, index.data(), count.data()) == 0);
    CHECK(voltage[0] == 1.0f);
    CHECK(kernels::leaky(drive.data(), voltage.data(), 1, 0.5f, index.data(), count.data()) == 1);
    CHECK(voltage[0] == 1.5f);
    CHECK(index[0] == 0);
    CHECK(count[0] == 1.0f);
    CHECK(kernels::leaky(drive.data(), voltage.data(), 1, 0.5f, index.data(), count.data()) == 0);
    CHECK(voltage[0] == 0.75f);
  });
}

}  // namespace synfire
