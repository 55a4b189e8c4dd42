// Synfire's event engine.
#include <iostream>
#include <string_view>
#include <synfire/dsl.hpp>

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
  EventEngine<Net> engine(parameters, {.dt = seed::kDt, .steps = seed::kSteps});

  const auto one = [&](std::size_t i) {
    engine.template set_state<"neurons">({task.voltage(i), seed::kHidden});
    return engine.run({task.image(i), seed::kInputs}).data();
  };
  seed::Floats logits(seed::kBatch * seed::kClasses);
  const auto batch = [&](std::size_t first) {
    for (std::size_t i = 0; i < seed::kBatch; ++i)
      std::copy_n(one(first + i), seed::kClasses, logits.data() + i * seed::kClasses);
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
