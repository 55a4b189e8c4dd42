// Question: how much faster does a pruned net run than its dense twin?
//
// A net of 784-512-512-10, 10 steps, a tenth of the first layer's neurons firing in a step; the
// weights of both hidden layers pruned at random, in groups of so many neighbouring targets. Prints
// microseconds an image: a line a share of pruned weights, a column a contender.
#include "contenders.hpp"

namespace {

using namespace contest;

void prune(Floats& w, std::size_t group, double share, std::mt19937& random) {
  std::uniform_real_distribution<double> draw(0, 1);
  for (std::size_t i = 0; i < w.size(); i += group)
    if (draw(random) < share) std::fill_n(w.begin() + static_cast<std::ptrdiff_t>(i), group, 0.0f);
}

Pruned make(std::size_t group, double share) {
  Pruned made{group, make_task(0.1)};
  std::mt19937 random(2);
  std::uniform_real_distribution<float> draw(-0.5f, 0.5f);
  for (float& weight : made.task.w1) weight = draw(random);
  prune(made.task.w1, group, share, random);
  prune(made.task.w2, group, share, random);
  return made;
}

}  // namespace

int main() {
  Sweep sweep("pruned", 1e-3);
  for (const double share : {0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99}) {
    std::vector<Pruned> pruned;
    for (const std::size_t group : {1, 8, 16}) pruned.push_back(make(group, share));
    std::vector<Contender> all = synfire(pruned);
    for (Contender& some : eigen(pruned)) all.push_back(std::move(some));
    // Blocks have weights of their own.
    sweep.race(share, all, [](const Contender& some) {
      return some.name.find("blocked") == std::string::npos;
    });
  }
}
