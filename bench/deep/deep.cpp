// Question: is `deep` by its events faster than by a dense product a step, on every image, and do
// its synaptic operations explain its time?
//
// deep WEIGHTS: the first thousand test images, each alone, in turns of the two ways; the least of
// each image's times. The dense way is the same engine reading every row at every step.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <synfire/dataset.hpp>
#include <synfire/dsl.hpp>
#include <synfire/kernels.hpp>
#include <vector>

namespace {

using namespace synfire;

// clang-format off
struct Deep : Network<
    Input<28, 28>,
    Flatten,
    Named<"hidden_1", Dense<256>>,
    Spiking<Relu>,
    Named<"hidden_2", Dense<256>>,
    Spiking<Relu>,
    MeanOverTime,
    Dense<10>> {};
// clang-format on

using Engine = EventEngine<Deep>;

double microseconds(Engine& engine, Values image, std::size_t i) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  engine.run(image, i);
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: deep WEIGHTS\n";
    return 2;
  }
  constexpr std::size_t kImages = 1000, kTurns = 25;
  const auto parameters = Parameters<Deep>::load(argv[1]);
  const RunOptions by_events{.dt = 0.1f, .steps = 10};
  RunOptions dense = by_events;
  dense.dense_above = -1;
  Engine event_engine(parameters, by_events), dense_engine(parameters, dense);
  const Dataset data = load_dataset();
  Buffer<float> image(data.test.pixels_per_image());

  std::vector<double> event_us, dense_us, operations;
  for (std::size_t i = 0; i < std::min(kImages, data.test.size()); ++i) {
    kernels::scale_pixels(data.test.image(i).data(), image.size(), image.data());
    event_engine.forget();
    event_engine.run(image, i);
    double done = 0;
    for (const LayerActivity& layer : event_engine.activity().layers)
      done += static_cast<double>(layer.synaptic_operations);
    operations.push_back(done);
    double event = 1e9, each_step = 1e9;
    for (std::size_t turn = 0; turn < kTurns; ++turn) {
      event = std::min(event, microseconds(event_engine, image, i));
      if (turn % 5 == 0) each_step = std::min(each_step, microseconds(dense_engine, image, i));
    }
    event_us.push_back(event);
    dense_us.push_back(each_step);
  }

  const auto n = static_cast<double>(event_us.size());
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0, least = 1e9;
  for (std::size_t i = 0; i < event_us.size(); ++i) {
    mean_x += operations[i] / n;
    mean_y += event_us[i] / n;
    least = std::min(least, dense_us[i] / event_us[i]);
  }
  for (std::size_t i = 0; i < event_us.size(); ++i) {
    const double x = operations[i] - mean_x, y = event_us[i] - mean_y;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  const double slope = xy / xx;
  std::cout << "images: " << event_us.size() << "\nby events, mean us: " << mean_y
            << "\ndense / events, least: " << least << "\nus = " << mean_y - slope * mean_x << " + "
            << 1000 * slope << " * synaptic operations / 1000\nR2: " << xy * xy / (xx * yy) << '\n';
}
