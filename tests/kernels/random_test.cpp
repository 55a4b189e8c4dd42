#include "synfire/random.hpp"

#include <Random123/philox.h>
#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <set>

#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;

float unit(std::uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

std::vector<float> draw(const RandomAddress& address, std::size_t n) {
  std::vector<float> values(n);  // ends where its allocation ends
  uniform(address, values.data(), n);
  return values;
}

TEST_CASE("Philox gives Random123's known answers") {
  struct Known {
    kernels::PhiloxKey key;
    kernels::PhiloxCounter counter;
    std::array<std::uint32_t, 4> words;
  };
  // kat_vectors of Random123's distribution, philox4x32 with 10 rounds.
  const Known known[] = {
      {{0, 0}, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{~0u, ~0u}, {~0u, ~0u, ~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0xa4093822, 0x299f31d0},
       {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  on_every_target([&] {
    for (const auto& [key, counter, words] : known) {
      float out[4];
      kernels::philox_uniform(key, counter, out, 4);
      for (std::size_t i = 0; i < 4; ++i) CHECK(out[i] == unit(words[i]));
      std::array<std::uint32_t, 4> found;
      kernels::philox_words(key, counter, found.data(), 4);
      CHECK(found == words);
    }
  });
}

TEST_CASE("uniform equals Random123's own function at every address and size") {
  on_every_target([] {
    CHECK(
        rc::check("same words", [](std::uint64_t seed, std::uint32_t sample, std::uint32_t layer) {
          const auto n = *rc::gen::inRange<std::size_t>(0, 300);
          const auto epoch = *rc::gen::inRange<std::uint32_t>(0, 1u << 28);
          const auto stream = *rc::gen::element(Stream::InitialVoltage, Stream::Weights,
                                                Stream::Shuffle, Stream::Data);
          const auto found = draw({seed, stream, epoch, layer, sample}, n);
          std::vector<std::uint32_t> found_words(n);
          words({seed, stream, epoch, layer, sample}, found_words.data(), n);
          for (std::size_t i = 0; i < n; ++i) {
            const r123::Philox4x32::ctr_type counter{
                {static_cast<std::uint32_t>(i / 4), sample, layer,
                 epoch ^ static_cast<std::uint32_t>(stream) << 28}};
            const r123::Philox4x32::key_type key{
                {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
            const std::uint32_t word = r123::Philox4x32{}(counter, key)[i % 4];
            RC_ASSERT(found[i] == unit(word));
            RC_ASSERT(found_words[i] == word);
          }
        }));
  });
}

TEST_CASE("the block counter wraps without touching the rest of the counter") {
  on_every_target([] {
    std::vector<float> out(100);
    kernels::philox_uniform({1, 2}, {~0u - 2, 3, 4, 5}, out.data(), out.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto words =
          r123::Philox4x32{}({{~0u - 2 + static_cast<std::uint32_t>(i / 4), 3, 4, 5}}, {{1, 2}});
      CHECK(out[i] == unit(words[i % 4]));
    }
  });
}

TEST_CASE("uniform writes n values alone, and a shorter draw is the head of a longer one") {
  const RandomAddress address{.seed = 7};
  const auto all = draw(address, 1000);
  for (std::size_t n : {0, 1, 3, 4, 5, 31, 32, 33, 999}) {
    std::vector<float> head(n + 1, -1.0f);
    uniform(address, head.data(), n);
    CHECK(std::equal(head.begin(), head.end() - 1, all.begin()));
    CHECK(head.back() == -1.0f);
  }
}

TEST_CASE("each part of the address draws other numbers") {
  const RandomAddress base{.seed = 1, .epoch = 2, .layer = 3, .sample = 4};
  std::vector<RandomAddress> addresses(7, base);
  addresses[1].seed = 5;
  addresses[2].seed = 1 + (std::uint64_t{1} << 32);
  addresses[3].stream = Stream::Shuffle;
  addresses[4].epoch = 5;
  addresses[5].layer = 5;
  addresses[6].sample = 5;
  std::set<std::vector<float>> drawn;
  for (const auto& address : addresses) drawn.insert(draw(address, 8));
  CHECK(drawn.size() == addresses.size());
}

TEST_CASE("uniform fills [0, 1) evenly with multiples of 2^-24") {
  constexpr std::size_t kDrawn = 160000, kBins = 16;
  const auto values = draw({.seed = 11}, kDrawn);
  std::vector<double> bins(kBins);
  double sum = 0, neighbours = 0;
  for (std::size_t i = 0; i < kDrawn; ++i) {
    const double x = values[i];
    REQUIRE((x >= 0 && x < 1));
    REQUIRE(x * 0x1p24 == std::floor(x * 0x1p24));
    ++bins[static_cast<std::size_t>(x * kBins)];
    sum += x;
    if (i > 0) neighbours += (x - 0.5) * (double{values[i - 1]} - 0.5);
  }
  double chi_squared = 0;
  for (const double bin : bins) {
    const double expected = double{kDrawn} / kBins;
    chi_squared += (bin - expected) * (bin - expected) / expected;
  }
  CHECK(chi_squared < 37.7);  // 15 degrees of freedom, one in a thousand
  CHECK(sum / kDrawn == Approx(0.5).margin(0.003));
  CHECK(neighbours / kDrawn * 12 == Approx(0.0).margin(0.01));  // correlation
}

TEST_CASE("a permutation holds each number once and depends on its address") {
  CHECK(rc::check("permutation", [](std::uint64_t seed, std::uint32_t epoch) {
    const auto n = *rc::gen::inRange<std::size_t>(0, 500);
    const RandomAddress address{.seed = seed, .stream = Stream::Shuffle, .epoch = epoch >> 4};
    std::vector<std::uint32_t> found(n), again(n), sorted(n);
    permutation(address, found.data(), n);
    permutation(address, again.data(), n);
    RC_ASSERT(found == again);
    std::sort(found.begin(), found.end());
    std::iota(sorted.begin(), sorted.end(), 0u);
    RC_ASSERT(found == sorted);
  }));

  std::vector<std::uint32_t> first(100), second(100);
  permutation({.seed = 1, .stream = Stream::Shuffle, .epoch = 0}, first.data(), 100);
  permutation({.seed = 1, .stream = Stream::Shuffle, .epoch = 1}, second.data(), 100);
  CHECK(first != second);
}

TEST_CASE("every permutation is equally likely") {
  constexpr std::uint32_t kDrawn = 24000;
  std::vector<std::vector<std::uint32_t>> seen;
  std::vector<double> counts;
  for (std::uint32_t sample = 0; sample < kDrawn; ++sample) {
    std::vector<std::uint32_t> order(4);
    permutation({.seed = 3, .stream = Stream::Shuffle, .sample = sample}, order.data(), 4);
    const auto place = std::find(seen.begin(), seen.end(), order) - seen.begin();
    if (place == static_cast<std::ptrdiff_t>(seen.size())) {
      seen.push_back(order);
      counts.push_back(0);
    }
    ++counts[static_cast<std::size_t>(place)];
  }
  REQUIRE(seen.size() == 24);
  double chi_squared = 0;
  for (const double count : counts) chi_squared += (count - 1000) * (count - 1000) / 1000;
  CHECK(chi_squared < 49.7);  // 23 degrees of freedom, one in a thousand
}

TEST_CASE("indices are uniform below their bound, and depend on their address alone") {
  constexpr std::uint32_t kBound = 7;
  std::vector<std::uint32_t> found(70000), again(100);
  indices({.seed = 5, .stream = Stream::Resampling}, kBound, found.data(), found.size());
  indices({.seed = 5, .stream = Stream::Resampling}, kBound, again.data(), again.size());
  CHECK(std::equal(again.begin(), again.end(), found.begin()));
  std::vector<double> counts(kBound);
  for (const std::uint32_t i : found) ++counts.at(i);
  double chi_squared = 0;
  for (const double count : counts) chi_squared += (count - 10000) * (count - 10000) / 10000;
  CHECK(chi_squared < 22.46);  // 6 degrees of freedom, p = 0.001
  // Where a third of all words would be biased: 3 * 2^30 of 2^32.
  indices({.seed = 6}, 3u << 30, found.data(), found.size());
  std::vector<double> thirds(3);
  for (const std::uint32_t i : found) ++thirds.at(i >> 30);
  for (const double third : thirds) CHECK(third == Approx(70000.0 / 3).margin(500));
}

TEST_CASE("words are the generator's own") {
  std::vector<std::uint32_t> bits(9);
  words({.seed = 5, .stream = Stream::Resampling, .sample = 3}, bits.data(), bits.size());
  std::vector<float> drawn(9);
  uniform({.seed = 5, .stream = Stream::Resampling, .sample = 3}, drawn.data(), drawn.size());
  for (std::size_t i = 0; i < 9; ++i)
    CHECK(drawn[i] == static_cast<float>(bits[i] >> 8) / 16777216.0f);
}

}  // namespace
}  // namespace synfire
