#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <synfire/model.hpp>

#include "filter_nets.hpp"

namespace {
std::atomic<std::size_t> allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* p = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(std::size_t size) {
  return counted(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
// A sanitizer's own form would not come through the ones above, and its blocks are not free()'s.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}

using namespace synfire;
using namespace synfire::test;

struct LastOfStream : Network<InputSequence<23>, Dense<33>, Named<"first", Spiking<Tanh>>, Dense<9>,
                              Spiking<Relu>, LastOverTime, Dense<5>> {};

template <class Net, class... Probed>
void check_no_allocation(bool rates, Stop stop = {}) {
  std::mt19937 random(1);
  const bool stateful = stop.rule == Stop::Rule::Never;
  const RunOptions options{.dt = 0.01f, .steps = 30, .stateful = stateful, .stop = stop};
  EventEngine<Net, Probed...> engine(random_parameters<Net>(random, options.dt, rates), options);
  const auto sample = random_sample(random, engine.sample_size());
  Activity activity = engine.activity();
  const std::size_t before = allocations;
  for (std::size_t i = 0; i < 10; ++i) engine.run(sample, i);
  engine.read_activity(activity);
  CHECK(allocations == before);
  CHECK(activity.synaptic_operations() == engine.activity().synaptic_operations());
  CHECK(engine.activity().spikes() + engine.activity().synaptic_operations() > 0);
}

template <class Net>
void check_no_allocation_together() {
  std::mt19937 random(1);
  const RunOptions options{.dt = 0.01f, .steps = 30};
  EventEngine<Net> engine(random_parameters<Net>(random, options.dt), options);
  engine.prepare_together();
  std::vector engines(kernels::kMostProducts, engine);
  std::vector<float> pixels(engine.sample_size());
  for (float& value : pixels) value = static_cast<float>(random() % 256) / 255;
  const auto values = random_sample(random, engine.sample_size());
  for (const Values sample : {Values(pixels), Values(values)}) {
    const std::vector samples(engines.size(), sample);
    const std::size_t before = allocations;
    for (std::size_t i = 0; i < 10; ++i) EventEngine<Net>::run_together(engines, samples, i);
    CHECK(allocations == before);
  }
  CHECK(engines[0].activity().samples == 20);
}

TEST_CASE("an engine allocates when it is made and never while it runs") {
  const std::size_t before = allocations;
  CHECK(std::vector<int>(3).size() == 3);
  CHECK(allocations > before);  // the counter counts
  check_no_allocation<Seed>(true);
  check_no_allocation<TwoLayers>(true);
  check_no_allocation<TwoLayers, Probe<"first">>(true);
  check_no_allocation<Leaky>(false);
  check_no_allocation<Mixed>(true);
  check_no_allocation<Analog>(false);
  check_no_allocation<Sequence>(true);
  check_no_allocation<SparseLayers<Csr>>(true);
  check_no_allocation<SparseLayers<Blocked<8>>>(true);
  check_no_allocation<LastOfStream, Probe<"first">>(true);
  check_no_allocation_together<Seed>();
  check_no_allocation_together<Narrow<bfloat16>>();
  check_no_allocation_together<Narrow<synfire::int8>>();
  check_no_allocation<LowpassToDense>(true);
  check_no_allocation<FilterSpikes<Alpha<>, MeanOverTime>>(true);
  for (const Stop stop : {Stop::exact(), Stop::at_margin(1)}) {
    check_no_allocation<Seed>(true, stop);
    check_no_allocation<Leaky>(false, stop);
    check_no_allocation<Mixed>(true, stop);
    check_no_allocation<RelayedLater>(true, stop);
    check_no_allocation<LastOfStream>(true, stop);
  }
}

TEST_CASE(
    "the engines of the ready-made nets allocate when they are made and never while they run") {
  for (const std::string& name : model_names()) {
    INFO("net " << name);
    std::mt19937 random(1);
    const auto model = make_model(name);
    model->initialize(1);
    const auto engine = model->engine(model->info().defaults);
    const auto other = engine->copy();
    const auto sample = random_sample(random, 28 * 28);
    const std::size_t before = allocations;
    for (std::size_t i = 0; i < 10; ++i) {
      engine->run(sample, i);
      other->run(sample, i);
    }
    CHECK(allocations == before);
    const Activity activity = engine->activity();
    CHECK(activity.samples == 10);
    CHECK(activity.weight_bytes() > 0);
    CHECK(activity.weight_bytes() == other->activity().weight_bytes());
    CHECK(same_bits(engine->run(sample, 3), other->run(sample, 3)));
  }
}
