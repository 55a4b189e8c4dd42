#include <rapidcheck.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <numeric>

#include <synfire/dataset.hpp>
#include <synfire/error.hpp>

#include "filter_nets.hpp"
#include "golden.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

ThreadPool& one_thread() {
  static ThreadPool pool(1);
  return pool;
}

Target target_from(const nlohmann::json& json) {
  if (json.is_array()) return {json[0].get<float>(), json[1].get<float>()};
  return json.get<float>();
}

std::shared_ptr<const Regularizer> regularizer_from(const nlohmann::json& golden) {
  const std::string name = golden.at("regularizer");
  const nlohmann::json& config = golden.at("config");
  const Target target = target_from(config.at("target"));
  const float l1 = config.value("l1", 0.0f), l2 = config.value("l2", 0.0f);
  if (name == "L1") return regularizer(L1{.l1 = l1, .target = target});
  if (name == "L2") return regularizer(L2{.l2 = l2, .target = target});
  if (name == "L1L2") return regularizer(L1L2{.l1 = l1, .l2 = l2, .target = target});
  REQUIRE(name == "Percentile");
  const nlohmann::json& axis = config.at("axis");
  return regularizer(
      Percentile{.percentile = config.at("percentile"),
                 .axis = axis.is_array() ? axis.get<std::vector<int>>() : std::vector<int>{axis},
                 .target = target,
                 .l1 = l1,
                 .l2 = l2});
}

/// A tensor whose axes lie in memory in the order `outermost` first.
OwnedTensor tensor(const std::vector<std::size_t>& shape, const std::vector<std::size_t>& order) {
  std::vector<Axis> axes;
  for (const std::size_t axis : order) axes.push_back({shape[axis], 0, 0});
  OwnedTensor made(axes);
  axes = made.view.axes;
  for (std::size_t i = 0; i < order.size(); ++i) made.view.axes[order[i]] = axes[i];
  return made;
}

/// Calls f(element, its gradient) in C order of the view.
template <class F>
void for_each_element(OwnedTensor& x, const F& f) {
  for_each_index(std::span<const Axis>(x.view.axes),
                 [&](std::size_t at, std::size_t to) { f(x.values[at], x.gradient[to]); });
}

bool close(double a, double b, double size) {
  return std::abs(a - b) <= 1e-5 * size;
}

}  // namespace

TEST_CASE("regularizers have KerasSpiking's values and gradients") {
  std::size_t checked = 0;
  const nlohmann::json goldens = read_json(golden_path("regularizers.json"));
  for (const auto& golden : goldens.at("cases")) {
    if (!golden.contains("regularizer")) continue;
    const Array inputs = array_from(golden.at("inputs"));
    const auto penalty = regularizer_from(golden);
    penalty->check(inputs.shape, true);
    INFO(penalty->signature());
    ++checked;
    // Drawn outermost, steps outermost as in training, and units outermost.
    for (const auto& order : {std::vector<std::size_t>{0, 1, 2}, {1, 0, 2}, {2, 1, 0}}) {
      OwnedTensor x = tensor(inputs.shape, order);
      std::size_t i = 0;
      for_each_element(x, [&](float& value, float&) { value = inputs.values[i++]; });
      const double value = penalty->add(x.view, 1, one_thread());
      if (golden.contains("as_activity_regularizer_loss")) {
        const double loss = golden.at("as_activity_regularizer_loss");
        CHECK(close(value / static_cast<double>(inputs.shape[0]), loss, loss));
        continue;
      }
      CHECK(close(value, golden.at("value"), golden.at("value")));
      const Array gradient = array_from(golden.at("grad"));
      i = 0;
      for_each_element(x, [&](float&, float& slope) {
        CHECK(close(slope, gradient.values[i], std::max(1e-3f, std::abs(gradient.values[i]))));
        ++i;
      });
    }
  }
  CHECK(checked == 40);
}

namespace {

Percentile any_settings(std::mt19937& random, std::size_t rank) {
  std::vector<int> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  std::shuffle(axes.begin(), axes.end(), random);
  axes.resize(1 + random() % rank);
  if (random() % 2 == 0) axes[0] -= static_cast<int>(rank);
  constexpr double percentiles[] = {0, 5, 50, 77.7, 100};
  return {.percentile = percentiles[random() % 5],
          .axis = axes,
          .target = {-0.5f, 0.5f},
          .l1 = 0.3f,
          .l2 = 0.2f};
}

std::shared_ptr<const Regularizer> any_regularizer(std::mt19937& random, std::size_t rank) {
  switch (random() % 8) {
    case 0:
      return regularizer(L1{.l1 = 0.4f, .target = 1});
    case 1:
      return regularizer(L1L2{.l1 = 0.1f, .l2 = 0.2f, .target = {-1, 0.5f}});
    case 2:
      return regularizer(RangedRegularizer<L2>{.target = {-1, 1}, .regularizer = {.l2 = 0.3f}});
    case 3:
      return regularizer(RangedRegularizer<L1L2>{
          .target = {-1, 1}, .regularizer = {.l1 = 0.1f, .l2 = 0.3f, .target = 0.25f}});
    case 4:
      return regularizer(OverTime<L2>{{.l2 = 0.3f, .target = {-0.25f, 0.25f}}});
    case 5:
      return regularizer(RangedRegularizer<Percentile>{.target = {-0.25f, 0.25f},
                                                       .regularizer = any_settings(random, rank)});
    case 6:
      return regularizer(RangedRegularizer<RangedRegularizer<L1L2>>{
          .target = {-0.5f, 0.25f},
          .regularizer = {.target = {0.25f, 0.5f},
                          .regularizer = {.l1 = 0.1f, .l2 = 0.3f, .target = {-0.1f, 0.2f}}}});
    default:
      return regularizer(any_settings(random, rank));
  }
}

/// Values of which no two are nearer to each other than a hundredth, and none is near a target
/// above.
void spread(std::mt19937& random, OwnedTensor& x) {
  std::vector<float> values(x.values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = (static_cast<float>(i) - static_cast<float>(values.size()) / 2) / 50 + 0.0037f;
  std::shuffle(values.begin(), values.end(), random);
  std::copy(values.begin(), values.end(), x.values.begin());
}

std::vector<std::size_t> any_shape(std::mt19937& random) {
  return {1 + random() % 6, 1 + random() % 5, 1 + random() % 20};
}

std::vector<std::size_t> any_order(std::mt19937& random) {
  return random() % 2 == 0 ? std::vector<std::size_t>{0, 1, 2} : std::vector<std::size_t>{1, 0, 2};
}

}  // namespace

TEST_CASE("a regularizer's gradient is its slope") {
  CHECK(rc::check("slopes", [](unsigned seed) {
    std::mt19937 random(seed);
    const auto shape = any_shape(random);
    OwnedTensor x = tensor(shape, any_order(random));
    spread(random, x);
    const auto penalty = any_regularizer(random, 3);
    penalty->check(shape, true);
    RegularizedTensor silent = x.view;
    silent.gradient = nullptr;
    const double value = penalty->add(x.view, 1, one_thread());
    RC_ASSERT(penalty->add(silent, 1, one_thread()) == value);
    constexpr float h = 1.0f / 512;
    const double slack = 2e-3 + 1e-5 * value;  // values are sums of floats
    for (std::size_t k = 0; k < x.values.size(); k += 1 + x.values.size() / 16) {
      const float at = x.values[k];
      x.values[k] = at + h;
      const double more = penalty->add(silent, 1, one_thread());
      x.values[k] = at - h;
      const double less = penalty->add(silent, 1, one_thread());
      x.values[k] = at;
      // A percentile between two elements may lie at a kink.
      if (std::abs(more - 2 * value + less) > 2 * slack * h) continue;
      RC_ASSERT(std::abs((more - less) / (2.0 * h) - x.gradient[k]) < slack);
    }
  }));
}

TEST_CASE("regularizers give the same bits for any number of threads") {
  ThreadPool two(2), three(3);
  std::mt19937 random(11);
  for (int i = 0; i < 60; ++i) {
    const std::vector<std::size_t> shape{32, 7, 150};
    OwnedTensor x = tensor(shape, any_order(random));
    for (float& value : x.values) value = static_cast<float>(random() % 4);
    const auto penalty = any_regularizer(random, 3);
    INFO(penalty->signature());
    const double value = penalty->add(x.view, 0.5f, one_thread());
    const Buffer<float> gradient = x.gradient;
    for (ThreadPool* pool : {&two, &three}) {
      std::fill(x.gradient.begin(), x.gradient.end(), 0.0f);
      CHECK(penalty->add(x.view, 0.5f, *pool) == value);
      CHECK(same_bits(x.gradient, gradient));
    }
  }
}

TEST_CASE("an axis without gradients of its own has their sum, one without values their copies") {
  CHECK(rc::check("strides of 0", [](unsigned seed) {
    std::mt19937 random(seed);
    const auto shape = any_shape(random);
    OwnedTensor x = tensor(shape, {0, 1, 2});
    for (float& value : x.values) value = static_cast<float>(random() % 4);
    const bool repeat = random() % 2 == 0;
    const auto [samples, steps, units] = std::array{shape[0], shape[1], shape[2]};
    if (repeat)
      for (std::size_t s = 0; s < samples; ++s)
        for (std::size_t t = 1; t < steps; ++t)
          std::copy_n(x.values.data() + s * steps * units, units,
                      x.values.data() + (s * steps + t) * units);
    const auto penalty = any_regularizer(random, 3);
    const double value = penalty->add(x.view, 0.5f, one_thread());

    Buffer<float> sum(samples * units);
    RegularizedTensor summed = x.view;
    summed.gradient = sum.data();
    summed.axes[0].gradient_stride = units;
    summed.axes[1].gradient_stride = 0;
    if (repeat) summed.axes[1].stride = 0;
    const double same_value = penalty->add(summed, 0.5f, one_thread());
    RC_ASSERT(std::abs(same_value - value) <= 1e-5 * (1 + std::abs(value)));
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t i = 0; i < units; ++i) {
        float wanted = 0;
        for (std::size_t t = 0; t < steps; ++t) wanted += x.gradient[(s * steps + t) * units + i];
        RC_ASSERT(std::abs(sum[s * units + i] - wanted) < 1e-4f);
      }
  }));
}

TEST_CASE("values may be whole numbers of a unit") {
  std::mt19937 random(2);
  for (int i = 0; i < 40; ++i) {
    OwnedTensor counts = tensor({5, 4, 19}, {1, 0, 2}), rates = tensor({5, 4, 19}, {1, 0, 2});
    for (std::size_t k = 0; k < counts.values.size(); ++k) {
      counts.values[k] = static_cast<float>(random() % 4);
      rates.values[k] = counts.values[k] / 0.3f;
    }
    counts.view.unit = 0.3f;
    const auto penalty = any_regularizer(random, 3);
    INFO(penalty->signature());
    CHECK(penalty->add(counts.view, 1, one_thread()) ==
          Approx(penalty->add(rates.view, 1, one_thread())).epsilon(1e-5));
    for (std::size_t k = 0; k < counts.values.size(); ++k)
      CHECK(counts.gradient[k] == Approx(rates.gradient[k]).margin(1e-5));
  }
}

// tfp.stats.percentile sorts from the smallest on, where equal elements keep their order.
TEST_CASE("equal elements share a maximum's gradient; else the one of that place has it") {
  const auto gradient = [](double percentile, std::vector<float> values) {
    OwnedTensor x = tensor({values.size()}, {0});
    std::copy(values.begin(), values.end(), x.values.begin());
    Percentile{.percentile = percentile, .l1 = 6}.add(x.view, 1, one_thread());
    return std::vector<float>(x.gradient.begin(), x.gradient.end());
  };
  CHECK(gradient(100, {0, 2, 2, 1, 2}) == std::vector<float>{0, 2, 2, 0, 2});
  CHECK(gradient(75, {0, 2, 2, 1, 2}) == std::vector<float>{0, 0, 6, 0, 0});
  CHECK(gradient(25, {1, 2, 1, 1, 2}) == std::vector<float>{0, 0, 6, 0, 0});
  CHECK(gradient(0, {1, 1, 2}) == std::vector<float>{6, 0, 0});
  CHECK(gradient(50, {1, 3, 3, 2}) == std::vector<float>{0, 3, 0, 3});
  CHECK(gradient(80, {0, 2, 0, 2, 1, 2}) == std::vector<float>{0, 0, 0, 6, 0, 0});
  CHECK(gradient(87.5, {0, 4, 3, 1, 3}) == std::vector<float>{0, 3, 0, 0, 3});
}

TEST_CASE("a percentile is the same wherever it was the last time") {
  CHECK(rc::check("drifting tensors", [](unsigned seed) {
    std::mt19937 random(seed);
    const std::vector<std::size_t> shape{1 + random() % 90, 1 + random() % 90};
    OwnedTensor x = tensor(shape, {0, 1});
    const bool equals = random() % 4 == 0;
    for (float& value : x.values)
      value = equals ? static_cast<float>(random() % 9)
                     : std::uniform_real_distribution<float>(-1, 1)(random);
    const Percentile settings = any_settings(random, 2);
    const RangedRegularizer<Percentile> ranged{{-0.25f, 0.25f}, settings};
    LastPercentiles last, last_ranged;
    ThreadPool two(2);
    for (int batch = 0; batch < 12; ++batch) {
      // Small steps, and now and then a large one.
      const float step = batch % 5 == 4 ? 1.0f : 0.01f;
      for (float& value : x.values)
        value += equals ? static_cast<float>(random() % 20 == 0)
                        : std::normal_distribution<float>(0, step)(random);
      const auto check = [&](const auto& regularizer, LastPercentiles& kept) {
        std::fill(x.gradient.begin(), x.gradient.end(), 0.0f);
        const double wanted = regularizer.add(x.view, 0.5f, one_thread());
        const Buffer<float> gradient = x.gradient;
        std::fill(x.gradient.begin(), x.gradient.end(), 0.0f);
        RegularizedTensor with = x.view;
        with.last = &kept;
        RC_ASSERT(regularizer.add(with, 0.5f, two) == wanted);
        RC_ASSERT(same_bits(x.gradient, gradient));
      };
      check(settings, last);
      check(ranged, last_ranged);
    }
  }));
}

TEST_CASE("over time is of the means over time") {
  std::mt19937 random(8);
  OwnedTensor x = tensor({4, 6, 9}, {1, 0, 2}), means = tensor({4, 9}, {0, 1});
  for (float& value : x.values) value = static_cast<float>(random() % 5);
  for (std::size_t s = 0; s < 4; ++s)
    for (std::size_t t = 0; t < 6; ++t)
      for (std::size_t i = 0; i < 9; ++i) means.values[s * 9 + i] += x.values[(t * 4 + s) * 9 + i];
  for (float& mean : means.values) mean /= 6;
  const Percentile inner{.percentile = 60, .target = {0.5f, 1}, .l2 = 2};
  CHECK(OverTime<Percentile>{inner}.add(x.view, 1, one_thread()) ==
        Approx(inner.add(means.view, 1, one_thread())));
  for (std::size_t t = 0; t < 6; ++t)
    for (std::size_t k = 0; k < 4 * 9; ++k)
      CHECK(x.gradient[t * 36 + k] == Approx(means.gradient[k] / 6).margin(1e-6));
}

namespace {

/// As it is defined: R of a tensor of distances, and R's gradient with the distances' slopes.
template <class R>
void check_ranged(std::mt19937& random, const Target& target, const R& inner) {
  OwnedTensor x = tensor({5, 4, 19}, any_order(random)), distances = tensor({5, 4, 19}, {0, 1, 2});
  std::vector<float> slopes;
  std::size_t i = 0;
  for_each_element(x, [&](float& value, float&) {
    value = static_cast<float>(random() % 5) - 1;
    const float rate = value / 0.25f;
    const float signed_distance = rate - std::min(std::max(rate, target.lo), target.hi);
    const bool point = target.lo == target.hi;
    distances.values[i++] = point ? signed_distance : std::abs(signed_distance);
    slopes.push_back(point                 ? 1.0f
                     : signed_distance > 0 ? 1.0f
                     : signed_distance < 0 ? -1.0f
                                           : 0.0f);
  });
  x.view.unit = 0.25f;
  const RangedRegularizer<R> ranged{target, inner};
  INFO(ranged.signature());
  CHECK(ranged.add(x.view, 0.5f, one_thread()) ==
        Approx(inner.add(distances.view, 0.5f, one_thread())).epsilon(1e-5));
  i = 0;
  for_each_element(x, [&](float&, float& slope) {
    CHECK(slope == Approx(distances.gradient[i] * slopes[i]).epsilon(1e-5).margin(1e-5));
    ++i;
  });
}

}  // namespace

TEST_CASE("a ranged regularizer is of the distances to its target") {
  std::mt19937 random(19);
  for (const Target& target : {Target{4}, Target{0, 4}, Target{-1, 9}, Target{-INFINITY, 3}})
    for (const Target& inner : {Target{0}, Target{-2, 3}, Target{2, 5}, Target{-3, -1}}) {
      check_ranged(random, target, L1{.l1 = 0.3f, .target = inner});
      check_ranged(random, target, L2{.l2 = 0.3f, .target = inner});
      check_ranged(random, target, L1L2{.l1 = 0.1f, .l2 = 0.3f, .target = inner});
      check_ranged(random, target, OverTime<L2>{{.l2 = 0.3f, .target = inner}});
      check_ranged(random, target, RangedRegularizer<L2>{inner, {.l2 = 0.3f}});
      for (const double percentile : {100.0, 90.0, 50.0, 12.5, 0.0})
        for (const auto& axis : {std::vector<int>{0}, {0, 1}, {1}, {2}, {1, 2}, {2, 0}, {0, 1, 2}})
          check_ranged(random, target, Percentile{percentile, axis, inner, 0.1f, 0.2f});
    }
}

TEST_CASE("distances to a range are those of each step, whatever the reader is handed") {
  CHECK_FALSE(RangedRegularizer<OverTime<L2>>::of_means);
  CHECK(OverTime<RangedRegularizer<L2>>::of_means);
}

TEST_CASE("settings of a regularizer that cannot be are refused") {
  const std::vector<std::size_t> shape{4, 5, 3};
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const auto refused = [&](const auto& settings, const std::string& sentence) {
    CHECK_THROWS_MATCHES(
        settings.check(shape, true), InvalidSetting,
        Catch::Matchers::Predicate<InvalidSetting>(
            [&](const InvalidSetting& e) { return e.what() == sentence; }, sentence));
  };
  const std::string strength = ": it must be a finite number from 0 on";
  refused(L1{.l1 = -1}, "the strength of a regularizer is -1" + strength);
  refused(L2{.l2 = kNaN}, "the strength of a regularizer is nan" + strength);
  refused(L1L2{.l1 = 1, .l2 = INFINITY}, "the strength of a regularizer is inf" + strength);
  refused(Percentile{.l1 = -1}, "the strength of a regularizer is -1" + strength);
  const std::string target =
      ": it must be a number, or a range whose first end is not above its second";
  refused(L1{.target = {20, 10}}, "the target of a regularizer is (20,10)" + target);
  refused(L2{.target = kNaN}, "the target of a regularizer is (nan,nan)" + target);
  refused(Percentile{.target = {0, kNaN}}, "the target of a regularizer is (0,nan)" + target);
  refused(RangedRegularizer<L1>{.target = {2, 1}}, "the target of a regularizer is (2,1)" + target);
  refused(RangedRegularizer<L1>{.target = {kNaN, 1}},
          "the target of a regularizer is (nan,1)" + target);
  refused(RangedRegularizer<L2>{.regularizer = {.l2 = -1}},
          "the strength of a regularizer is -1" + strength);
  refused(OverTime<L1>{{.l1 = -0.5f}}, "the strength of a regularizer is -0.5" + strength);
  refused(OverTime<L2>{{.target = {3, 2}}}, "the target of a regularizer is (3,2)" + target);
  refused(L2{.target = INFINITY}, "the target of a regularizer is inf" + target);
  const std::string percentile = ": it must be from 0 to 100";
  refused(Percentile{.percentile = 100.5}, "the percentile of a regularizer is 100.5" + percentile);
  refused(Percentile{.percentile = -1}, "the percentile of a regularizer is -1" + percentile);
  refused(Percentile{.percentile = kNaN}, "the percentile of a regularizer is nan" + percentile);
  const std::string axes = "an axis of a percentile is ";
  refused(Percentile{.axis = {}}, "the number of axes of a percentile is 0: it must be at least 1");
  refused(Percentile{.axis = {3}}, axes + "3: it must be from -3 to 2, for the tensor has 3 axes");
  refused(Percentile{.axis = {-4}},
          axes + "-4: it must be from -3 to 2, for the tensor has 3 axes");
  refused(RangedRegularizer<Percentile>{.regularizer = {.percentile = 101}},
          "the percentile of a regularizer is 101" + percentile);
  refused(Percentile{.axis = {1, 0, 1}}, axes + "1: it must be another one than those before it");
  refused(Percentile{.axis = {1, -2}}, axes + "-2: it must be another one than those before it");
  refused(OverTime<Percentile>{{.axis = {2}}},
          axes + "2: it must be from -2 to 1, for the tensor has 2 axes");
  CHECK_THROWS_AS((Percentile{}.check(std::vector<std::size_t>{0, 2}, false)), InvalidSetting);
  CHECK_THROWS_AS((OverTime<L2>{}.check(std::vector<std::size_t>{4, 2}, false)), InvalidSetting);
  CHECK_NOTHROW(L2{.target = {-INFINITY, 20}}.check(shape, true));
}

// ------------------------------------------------------------------ in training

namespace {

struct Drawn {
  std::vector<float> x;
  std::vector<std::uint8_t> labels;
  std::vector<std::uint32_t> addresses;
};

Drawn draw_samples(std::mt19937& random, std::size_t inputs, std::size_t classes, std::size_t n) {
  Drawn samples{random_sample(random, inputs * n), {}, std::vector<std::uint32_t>(n)};
  for (std::size_t i = 0; i < n; ++i)
    samples.labels.push_back(static_cast<std::uint8_t>(random() % classes));
  std::iota(samples.addresses.begin(), samples.addresses.end(), 5u);
  return samples;
}

template <class Net>
double mean_loss(DenseTrainer<Net>& trainer, const Drawn& samples) {
  const std::size_t n = samples.labels.size();
  return trainer
             .differentiate(samples.x.data(), samples.labels.data(), samples.addresses.data(), n, 0)
             .loss_sum /
         static_cast<double>(n);
}

template <class Net>
std::vector<float> gradients(const DenseTrainer<Net>& trainer, const Parameters<Net>& parameters) {
  std::vector<float> all;
  for (std::size_t i = 0; i < parameters.count(); ++i)
    all.insert(all.end(), trainer.gradient(i).begin(), trainer.gradient(i).end());
  return all;
}

/// Without spikes a regularized network is differentiable: its gradients are its slopes.
template <class Net, class Regularize>
void check_slopes(std::size_t classes, const Regularize& regularize) {
  std::mt19937 random(5);
  auto parameters = random_parameters<Net>(random, 1.0f);
  const Drawn samples = draw_samples(random, ClockedReference<Net>::input_size(), classes, 6);
  DenseTrainer<Net> trainer(parameters, {.dt = 0.1f, .steps = 3, .spiking_aware = false});
  const double plain = mean_loss(trainer, samples);
  regularize(trainer);
  CHECK(mean_loss(trainer, samples) > plain);
  for (std::size_t i = 0; i < parameters.count(); ++i)
    for (std::size_t k = 0; k < parameters.tensor(i).size(); k += 11) {
      const double loss = mean_loss(trainer, samples);
      const double gradient = trainer.gradient(i)[k];
      const float w = parameters.tensor(i)[k], h = 1.0f / 4096;
      parameters.tensor(i)[k] = w + h;
      const double more = mean_loss(trainer, samples);
      parameters.tensor(i)[k] = w - h;
      const double less = mean_loss(trainer, samples);
      parameters.tensor(i)[k] = w;
      INFO("tensor " << i << " value " << k);
      CHECK(gradient == Approx((more - less) / (2.0 * h)).epsilon(0.03).margin(2e-3 * (1 + loss)));
    }
}

}  // namespace

TEST_CASE("every layer's output and every tensor can be regularized") {
  check_slopes<Seed>(7, [](auto& trainer) {
    trainer.template regularize<"input_0">(L2{.l2 = 0.1f});
    trainer.template regularize<"flatten_1">(Percentile{.axis = {1}, .l1 = 0.1f});
    trainer.template regularize<"hidden">(L2{.l2 = 0.1f, .target = 2});
    trainer.template regularize<"out">(L2{.l2 = 0.1f, .target = {1, 1.5f}});
    trainer.template regularize<"out">(
        OverTime<Percentile>{{.percentile = 70, .target = 1, .l2 = 0.2f}});
    trainer.template regularize<"mean_over_time_4">(L2{.l2 = 0.1f});
    trainer.template regularize<"dense_5">(L2{.l2 = 0.1f, .target = -1});
    trainer.template regularize<"hidden", "kernel">(L2{.l2 = 0.1f, .target = 0.1f});
    trainer.template regularize<"dense_5", "bias">(L2{.l2 = 0.1f, .target = 0.1f});
  });
  check_slopes<Mixed>(3, [](auto& trainer) {
    trainer.template regularize<"activate_3">(L2{.l2 = 0.1f, .target = 1});
    trainer.template regularize<"first">(L2{.l2 = 0.01f, .target = 1});
    trainer.template regularize<"first">(OverTime<L2>{{.l2 = 0.01f, .target = 1}});
    trainer.template regularize<"flatten_6">(L2{.l2 = 0.01f, .target = 1});
    trainer.template regularize<"dense_7">(L2{.l2 = 0.001f, .target = 1});
    trainer.template regularize<"activate_8">(OverTime<L2>{{.l2 = 0.001f, .target = 1}});
  });
  check_slopes<Analog>(3, [](auto& trainer) {
    trainer.template regularize<"dense_2">(Percentile{.percentile = 50, .axis = {1}, .l2 = 0.1f});
    trainer.template regularize<"activate_3">(L2{.l2 = 0.1f, .target = 1});
  });
}

namespace {

/// With a target below all outputs L1 is linear in them: of every step it has the gradient that it
/// has of the mean, though it goes another way.
template <class Net, Name label>
void check_steps_against_mean(bool aware) {
  std::mt19937 random(12);
  constexpr std::size_t steps = 7;
  auto parameters = random_parameters<Net>(random, 0.1f, !aware);
  const Drawn samples = draw_samples(random, 23, 5, 9);
  const TrainOptions options{.dt = 0.1f, .steps = steps, .spiking_aware = aware};
  DenseTrainer<Net> plain(parameters, options), of_steps(parameters, options),
      of_mean(parameters, options);
  of_steps.template regularize<label>(L1{.l1 = 0.01f, .target = -1000});
  of_mean.template regularize<label>(OverTime<L1>{{.l1 = 0.01f * steps, .target = -1000}});
  const double loss = mean_loss(plain, samples);
  CHECK(mean_loss(of_steps, samples) == Approx(mean_loss(of_mean, samples)).epsilon(1e-5));
  CHECK(mean_loss(of_steps, samples) > loss + 1);
  const auto by_steps = gradients(of_steps, parameters), by_mean = gradients(of_mean, parameters);
  for (std::size_t i = 0; i < by_steps.size(); ++i)
    CHECK(by_steps[i] == Approx(by_mean[i]).epsilon(1e-3).margin(1e-4));
  CHECK(by_steps != gradients(plain, parameters));
}

}  // namespace

TEST_CASE("single steps are regularized where means are handed out") {
  check_steps_against_mean<TwoLayers, "second">(true);
  check_steps_against_mean<TwoLayers, "second">(false);
  check_steps_against_mean<TwoLayers, "first">(true);
  check_steps_against_mean<Leaky, "second">(true);
  check_steps_against_mean<Leaky, "first">(true);
}

TEST_CASE("the penalty of spikes is of what the reference hands out, step by step") {
  std::mt19937 random(13);
  const RunOptions run{.dt = 0.1f, .steps = 9};
  auto parameters = random_parameters<Seed>(random, run.dt);
  const Drawn samples = draw_samples(random, 30, 7, 8);
  DenseTrainer<Seed> trainer(parameters, {.dt = run.dt, .steps = run.steps});
  const double plain = mean_loss(trainer, samples);
  trainer.regularize<"out">(L1L2{.l1 = 0.1f, .l2 = 0.01f, .target = {5, 15}});
  ClockedReference<Seed, Probe<"out">> reference(parameters, run);
  double wanted = 0;
  for (std::size_t s = 0; s < 8; ++s) {
    reference.run(Values(samples.x).subspan(s * 30, 30), samples.addresses[s]);
    for (const float count : reference.recorded<"out">().values()) {
      const double rate = count / run.dt;
      const double d = std::max({5 - rate, rate - 15, 0.0});
      wanted += 0.1 * d + 0.01 * d * d;
    }
  }
  CHECK(mean_loss(trainer, samples) - plain == Approx(wanted / 8).epsilon(1e-5));
}

namespace {

/// The distance to 5 to 15, by L1L2 of each step and by L2 of the mean over time, from what the
/// reference records of a layer.
template <class Net, Name label>
double recorded_penalty(const Parameters<Net>& parameters, const RunOptions& run,
                        const Drawn& samples, bool of_means, bool counts) {
  ClockedReference<Net, Probe<label>> reference(parameters, run);
  const std::size_t inputs = ClockedReference<Net>::input_size(), n = samples.addresses.size();
  double sum = 0;
  const auto add = [&](double value) {
    const double d = std::max({5 - value, value - 15, 0.0});
    sum += (of_means ? 0 : 0.1 * d) + 0.01 * d * d;
  };
  for (std::size_t s = 0; s < n; ++s) {
    reference.run(Values(samples.x).subspan(s * inputs, inputs), samples.addresses[s]);
    const Record& record = reference.template recorded<label>();
    std::vector<double> means(record.values().size() / run.steps);
    for (std::size_t t = 0; t < run.steps; ++t)
      for (std::size_t i = 0; i < means.size(); ++i) {
        const double value = counts ? record.step(t)[i] / run.dt : record.step(t)[i];
        means[i] += value / static_cast<double>(run.steps);
        if (!of_means) add(value);
      }
    if (of_means)
      for (const double mean : means) add(mean);
  }
  return sum / static_cast<double>(n);
}

template <class Net, Name label>
void check_recorded(std::size_t classes, bool counts) {
  std::mt19937 random(21);
  const RunOptions run{.dt = 0.1f, .steps = 9};
  const auto options = TrainOptions{.dt = run.dt, .steps = run.steps};
  auto parameters = random_filters<Net>(random, run.dt);
  const Drawn samples = draw_samples(random, ClockedReference<Net>::input_size(), classes, 8);
  DenseTrainer<Net> plain(parameters, options), of_steps(parameters, options),
      of_means(parameters, options);
  of_steps.template regularize<label>(L1L2{.l1 = 0.1f, .l2 = 0.01f, .target = {5, 15}});
  of_means.template regularize<label>(OverTime<L2>{{.l2 = 0.01f, .target = {5, 15}}});
  const double loss = mean_loss(plain, samples);
  CHECK(
      mean_loss(of_steps, samples) - loss ==
      Approx(recorded_penalty<Net, label>(parameters, run, samples, false, counts)).epsilon(1e-5));
  CHECK(mean_loss(of_means, samples) - loss ==
        Approx(recorded_penalty<Net, label>(parameters, run, samples, true, counts)).epsilon(1e-5));
}

/// A filter that is read once against one whose every step is read, by Flatten.
template <class Filter, class Reader, class R>
void check_filter_against_each_step(const R& settings, bool spiking) {
  struct Once
      : Network<Input<23>, Dense<33>, Spiking<Relu>, Named<"filter", Filter>, Reader, Dense<5>> {};
  struct Each : Network<Input<23>, Dense<33>, Spiking<Relu>, Named<"filter", Filter>, Flatten,
                        Reader, Dense<5>> {};
  std::mt19937 random(4);
  const TrainOptions options{.dt = 0.1f, .steps = 9, .spiking_aware = spiking, .threads = 2};
  auto a = random_filters<Once>(random, options.dt);
  Parameters<Each> b;
  for (std::size_t i = 0; i < a.count(); ++i) b.tensor(i) = a.tensor(i);
  DenseTrainer<Once> plain(a, options), once(a, options);
  DenseTrainer<Each> each(b, options);
  once.template regularize<"filter">(settings);
  each.template regularize<"filter">(settings);
  // A smaller batch before leaves its gradients in other rows.
  const Drawn fewer = draw_samples(random, 23, 5, 3), samples = draw_samples(random, 23, 5, 6);
  CHECK(mean_loss(once, fewer) == Approx(mean_loss(each, fewer)).epsilon(1e-5));
  CHECK(mean_loss(once, samples) == Approx(mean_loss(each, samples)).epsilon(1e-5));
  CHECK(mean_loss(once, samples) > mean_loss(plain, samples));
  CHECK(gradients(once, a) != gradients(plain, a));
  for (std::size_t i = 0; i < a.count(); ++i) {
    INFO("tensor " << a.placed(i).name());
    float most = 0, worst = 0;
    for (std::size_t k = 0; k < each.gradient(i).size(); ++k) {
      most = std::max(most, std::abs(each.gradient(i)[k]));
      worst = std::max(worst, std::abs(each.gradient(i)[k] - once.gradient(i)[k]));
    }
    CHECK(worst <= 2e-5f * most);
  }
}

template <class Filter, class Reader>
void check_regularized_filter() {
  check_recorded<FilterSpikes<Filter, Reader>, "filter">(33, false);
  check_recorded<FilterHeld<Filter, Reader>, "filter">(33, false);
  check_recorded<FilterCurrents<Filter, Reader>, "filter">(19, false);
  for (const bool spiking : {true, false}) {
    check_filter_against_each_step<Filter, Reader>(L2{.l2 = 0.01f, .target = {-1, 2}}, spiking);
    check_filter_against_each_step<Filter, Reader>(OverTime<L2>{{.l2 = 0.01f, .target = {-1, 2}}},
                                                   spiking);
    check_filter_against_each_step<Filter, Reader>(
        Percentile{.percentile = 60, .axis = {1}, .target = 3, .l2 = 0.01f}, spiking);
  }
}

}  // namespace

TEST_CASE("the penalty behind a Flatten is of what the reference hands out") {
  check_recorded<Relayed, "out">(3, true);
  check_recorded<Relayed, "flat">(3, true);
  check_recorded<Relayed, "flatten_3">(3, true);
  check_recorded<RelayedLater, "out">(3, true);
  check_recorded<RelayedLater, "flat">(3, true);
  check_recorded<Mixed, "flatten_6">(3, true);
}

TEST_CASE("a Flatten's regularizer sees its shape, and has its spikes' gradients") {
  const auto outcome = [](const auto& regularize) {
    std::mt19937 random(17);
    auto parameters = random_parameters<Relayed>(random, 0.1f);
    const Drawn samples = draw_samples(random, 20, 3, 8);
    DenseTrainer<Relayed> trainer(parameters, {.dt = 0.1f, .steps = 9});
    regularize(trainer);
    const double loss = mean_loss(trainer, samples);
    return std::pair(loss, gradients(trainer, parameters));
  };
  const Percentile of_rows{.percentile = 80, .axis = {2, 3}, .target = {5, 15}, .l2 = 0.1f};
  const Percentile of_row{.percentile = 80, .axis = {2}, .target = {5, 15}, .l2 = 0.1f};
  const auto rows = outcome([&](auto& trainer) { trainer.template regularize<"out">(of_rows); });
  const auto row = outcome([&](auto& trainer) { trainer.template regularize<"flat">(of_row); });
  CHECK(row.first == Approx(rows.first));
  CHECK(same_bits(Values(row.second), Values(rows.second)));
  CHECK_THROWS_AS(outcome([&](auto& trainer) { trainer.template regularize<"flat">(of_rows); }),
                  InvalidSetting);
}

TEST_CASE("a filter that is read once is regularized at every step") {
  check_regularized_filter<Lowpass<>, LastOverTime>();
  check_regularized_filter<Lowpass<>, MeanOverTime>();
  check_regularized_filter<Alpha<>, LastOverTime>();
  check_regularized_filter<Alpha<>, MeanOverTime>();
}

TEST_CASE("regularized training gives the same bits for any number of threads") {
  const auto weights_after = [](std::size_t threads) {
    std::mt19937 random(9);
    auto parameters = random_parameters<TwoLayers>(random, 0.1f);
    DenseTrainer<TwoLayers> trainer(
        parameters,
        {.dt = 0.1f,
         .steps = 7,
         .batch = 32,
         .threads = threads,
         .activity_regularizers =
             {{"first", regularizer(Percentile{.percentile = 90, .target = {1, 5}, .l2 = 0.1f})},
              {"second", regularizer(Percentile{.axis = {0, 2}, .target = {1, 5}, .l2 = 0.1f})},
              {"second", regularizer(L2{.l2 = 0.1f})}},
         .weight_regularizers = {{"dense_3", "kernel", regularizer(L1{.l1 = 0.1f})}}});
    for (std::uint32_t step = 0; step < 4; ++step) {
      const Drawn samples = draw_samples(random, 23, 5, step == 3 ? 13 : 32);
      trainer.train_batch(samples.x.data(), samples.labels.data(), samples.addresses.data(),
                          samples.labels.size(), step);
    }
    std::vector<float> all;
    for (std::size_t i = 0; i < parameters.count(); ++i)
      all.insert(all.end(), parameters.tensor(i).begin(), parameters.tensor(i).end());
    return all;
  };
  const auto wanted = weights_after(1);
  for (const float weight : wanted) REQUIRE(std::isfinite(weight));
  CHECK(weights_after(2) == wanted);
  CHECK(weights_after(3) == wanted);
}

TEST_CASE("regularizers of layers and tensors that are not there are refused") {
  Parameters<Seed> parameters;
  const auto refused = [&](const TrainOptions& options, const std::string& sentence) {
    CHECK_THROWS_MATCHES(
        (DenseTrainer<Seed>(parameters, options)), InvalidSetting,
        Catch::Matchers::Predicate<InvalidSetting>(
            [&](const InvalidSetting& e) { return e.what() == sentence; }, sentence));
  };
  const std::string labels =
      ": it must be one of input_0, flatten_1, hidden, out, mean_over_time_4, dense_5";
  refused({.activity_regularizers = {{"hiden", regularizer(L2{})}}},
          "the label of a layer to regularize is hiden" + labels);
  refused({.weight_regularizers = {{"hiden", "kernel", regularizer(L2{})}}},
          "the label of a layer to regularize is hiden" + labels);
  refused({.weight_regularizers = {{"hidden", "tau", regularizer(L2{})}}},
          "the tensor of layer hidden to regularize is tau: it must be one of kernel, bias");
  refused({.weight_regularizers = {{"out", "tau", regularizer(L2{})}}},
          "the tensor of layer out to regularize is tau: it must be of another layer, for this one "
          "has none");
  refused({.activity_regularizers = {{"dense_5", regularizer(Percentile{.axis = {2}})}}},
          "an axis of a percentile is 2: it must be from -2 to 1, for the tensor has 2 axes");
  DenseTrainer<Seed> trainer(parameters, {});
  CHECK_THROWS_AS((trainer.regularize<"hidden", "kernel">(OverTime<L2>{})), InvalidSetting);
  CHECK_THROWS_AS(trainer.regularize<"out">(L2{.l2 = -1}), InvalidSetting);
  CHECK(trainer.regularizers() == "none");
}

TEST_CASE("a checkpoint goes on with the same regularizers only") {
  struct Net : Network<Input<28, 28>, Flatten, Dense<8>, Named<"out", Spiking<Relu>>, MeanOverTime,
                       Dense<10>> {};
  const Dataset data = make_silhouettes(64, 1);
  const auto path = std::filesystem::temp_directory_path() / "synfire_regularizer_test";
  const auto train = [&](float strength, std::size_t epochs, const FitFiles& files) {
    TrainOptions options{.dt = 0.1f, .steps = 5, .epochs = epochs};
    options.activity_regularizers = {{"out", regularizer(L2{.l2 = strength, .target = {5, 9.5f}})}};
    auto parameters = Parameters<Net>::initial(1);
    DenseTrainer<Net> trainer(parameters, options);
    const TrainResult result = fit(trainer, data.train, options, files, {});
    CHECK(result.epochs.front().loss > 100 * static_cast<double>(strength));
    return std::vector<float>(parameters.tensor(0).begin(), parameters.tensor(0).end());
  };
  const auto wanted = train(0.1f, 2, {});
  train(0.1f, 1, {path, {}});
  CHECK(train(0.1f, 2, {{}, path}) == wanted);
  try {
    train(0.2f, 2, {{}, path});
    FAIL("a training with another regularizer went on");
  } catch (const InvalidSetting& error) {
    CHECK(error.what() ==
          "regularizers is l1l2(l1=0,l2=0.2,target=(5,9.5)) on out: it must be "
          "l1l2(l1=0,l2=0.1,target=(5,9.5)) on out, as in the checkpoint " +
              path.string());
  }
  std::filesystem::remove(path);
}
