// Synfire's event engine.
#include <algorithm>
#include <array>
#include <iostream>
#include <string_view>
#include <synfire/dsl.hpp>
#include <vector>

#include "contender.hpp"

namespace {

using namespace synfire;

// clang-format off
template <class Hidden>
struct Seed : Network<
    Input<28, 28>,
    Flatten,
    Hidden,
    Named<"neurons", Spiking<Relu>>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

template <class Hidden>
int race(const std::string& folder) {
  using Net = Seed<Hidden>;
  const seed::Task task(folder);
  const auto parameters = Parameters<Net>::load(folder + "/weights.safetensors");
  constexpr std::size_t together = kernels::kMostProducts;
  EventEngine<Net> engine(parameters, {.dt = seed::kDt, .steps = seed::kSteps});
  engine.prepare_together();
  std::vector<EventEngine<Net>> engines(together, engine);

  const auto input = [&](std::size_t engine, std::size_t i) {
    engines[engine].template set_state<"neurons">({task.voltage(i), seed::kHidden});
    return Values(task.image(i), seed::kInputs);
  };
  const auto one = [&](std::size_t i) { return engines[0].run(input(0, i)).data(); };
  seed::Floats logits(seed::kBatch * seed::kClasses);
  const auto batch = [&](std::size_t first) {
    std::array<Values, together> images;
    for (std::size_t b = 0; b < seed::kBatch; b += together) {
      for (std::size_t k = 0; k < together; ++k) images[k] = input(k, first + b + k);
      EventEngine<Net>::run_together(engines, images, first + b);
      for (std::size_t k = 0; k < together; ++k)
        std::copy_n(engines[k].output().data(), seed::kClasses,
                    logits.data() + (b + k) * seed::kClasses);
    }
    return logits.data();
  };
  return seed::serve("Synfire", one, batch);
}

struct Variant {
  std::string_view name;
  int (*race)(const std::string& folder);
};
// A line a variant: what its hidden layer is.
constexpr Variant kVariants[] = {
    {"f32", race<Dense<seed::kHidden>>},
    {"bf16", race<Dense<seed::kHidden, bfloat16>>},
    {"int8", race<Dense<seed::kHidden, int8>>},
};

}  // namespace

int main(int argc, char** argv) {
  for (const Variant& variant : kVariants)
    if (argc == 3 && variant.name == argv[2]) return variant.race(argv[1]);
  std::cerr << "usage: " << argv[0] << " FOLDER VARIANT\n";
  return 2;
}
