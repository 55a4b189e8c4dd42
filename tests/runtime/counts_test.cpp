#include <synfire/counts.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <iterator>
#include <vector>

#include <synfire/error.hpp>

namespace synfire {
namespace {

TEST_CASE("A sample's record is what was counted and the steps, from which the rest follows") {
  const SampleCounts::Layer synapses{
      {&StepCounts::events, &StepCounts::macs}, {.inputs = 4, .dense_operations = 12}, {}};
  const SampleCounts::Layer neurons{{&StepCounts::spikes}, {.outputs = 3}, {.clocked_updates = 30}};
  SampleCounts counts({synapses, neurons}, 2);
  for (const std::size_t sample : {0, 1}) {
    REQUIRE(counts.record(sample).size() == 5);
    for (const std::uint64_t word : counts.record(sample)) CHECK(word == 0);
  }
  const std::uint64_t record[] = {2, 6, 1, 7, 10};
  std::copy(std::begin(record), std::end(record), counts.record(1).begin());
  CHECK(counts.of(0, 0) == StepCounts{});
  CHECK(counts.of(0, 1) == StepCounts{.clocked_updates = 30});
  CHECK(counts.of(1, 0) == StepCounts{.events = 2, .inputs = 4, .macs = 6, .dense_operations = 12});
  CHECK(counts.of(1, 1) == StepCounts{.spikes = 7, .outputs = 30, .clocked_updates = 30});
}

TEST_CASE("Counts of samples are any counts, of whole samples") {
  std::vector<StepCounts> all(6);
  std::uint64_t next = 0;
  for (StepCounts& of : all)
    StepCounts::for_each(of, [&](const char*, std::uint64_t& count) { count = ++next; });
  const SampleCounts counts(3, all);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(counts.of(i / 3, i % 3) == all[i]);
  CHECK(counts == SampleCounts(3, all));
  CHECK_FALSE(counts == SampleCounts(2, all));
  all[4].acs = 0;
  CHECK_FALSE(counts == SampleCounts(3, all));
  CHECK_THROWS_AS(SampleCounts(4, all), InvalidSetting);
  CHECK_THROWS_AS(SampleCounts(0, all), InvalidSetting);
  CHECK(SampleCounts(3, {}) == SampleCounts(3, {}));
}

TEST_CASE("Counts add up and multiply, each by itself") {
  StepCounts one;
  std::uint64_t next = 0;
  StepCounts::for_each(one, [&](const char*, std::uint64_t& count) { count = ++next; });
  StepCounts sum = one;
  sum += one;
  sum += one;
  CHECK(sum == one * 3);
  next = 0;
  StepCounts::for_each(sum, [&](const char*, std::uint64_t count) { CHECK(count == 3 * ++next); });
  CHECK(next == sizeof(StepCounts) / sizeof(std::uint64_t));
}

}  // namespace
}  // namespace synfire
