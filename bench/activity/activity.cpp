// Question: how does the time of an image grow with the share of neurons that fire in a step?
//
// A net of 784-512-512-10, 10 steps; in each step that share of the first layer's neurons fires.
// Prints microseconds an image: a line a share, a column a contender.
#include "contenders.hpp"

int main() {
  using namespace contest;
  Sweep sweep("activity", 0.05);
  for (const double share : {0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.96, 1.0}) {
    const Task task = make_task(share);
    std::vector<Contender> all;
    for (const auto make : {synfire, eigen, onednn})
      for (Contender& some : make(task)) all.push_back(std::move(some));
    sweep.race(share, all, [](const Contender&) { return true; });
  }
}
