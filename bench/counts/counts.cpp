// Question: what does counting every layer's steps cost a run?
//
// counts NET WEIGHTS: test images one by one, some by an engine that counts, then the same ones by
// one that does not, for some seconds; the ratio of their times, pair by pair. Engines are made
// anew every now and then: where its weights happen to lie in memory can double the time of a wide
// net. And so all of them in batches, on one thread.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <synfire/dataset.hpp>
#include <synfire/kernels.hpp>
#include <synfire/model.hpp>
#include <synfire/percentile.hpp>
#include <vector>

int main(int argc, char** argv) {
  using namespace synfire;
  using Clock = std::chrono::steady_clock;
  if (argc != 3) {
    std::cerr << "usage: counts NET WEIGHTS\n";
    return 2;
  }
  const auto model = make_model(argv[1]);
  model->load(argv[2]);
  const Dataset data = load_dataset();
  constexpr std::size_t kImages = 256, kEngines = 20, kPairs = 100;
  std::vector<Buffer<float>> images;
  for (std::size_t i = 0; i < std::min(kImages, data.test.size()); ++i) {
    const auto pixels = data.test.image(i);
    kernels::scale_pixels(pixels.data(), pixels.size(), images.emplace_back(pixels.size()).data());
  }
  const auto microseconds = [&](ModelEngine& by, std::size_t first) {
    const auto start = Clock::now();
    for (std::size_t i = first; i < first + 64; ++i) by.run(images[i], i);
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count() / 64;
  };
  std::vector<double> plain, counted, ratios;
  for (std::size_t e = 0; e < kEngines; ++e) {
    const auto engine = model->engine(model->info().defaults);
    const auto counting = model->counting_engine(model->info().defaults);
    for (std::size_t pair = 0; pair < kPairs; ++pair) {
      const std::size_t first = pair % (images.size() / 64) * 64;
      counted.push_back(microseconds(*counting, first));
      plain.push_back(microseconds(*engine, first));
      ratios.push_back(counted.back() / plain.back());
    }
  }
  const auto print = [&](const char* how) {
    std::cout << argv[1] << ", " << how << ": us an image " << percentile(plain, 0.5)
              << ", counted " << percentile(counted, 0.5) << "; times " << percentile(ratios, 0.5)
              << " (p50), "
              << *std::min_element(counted.begin(), counted.end()) /
                     *std::min_element(plain.begin(), plain.end())
              << " (least)\n";
  };
  print("one at a time");
  plain.clear(), counted.clear(), ratios.clear();
  const double each = 1e6 / static_cast<double>(data.test.size());
  for (int pair = 0; pair < 21; ++pair) {
    counted.push_back(model->profile(data.test, model->info().defaults, 1, {}).seconds * each);
    plain.push_back(model->evaluate(data.test, model->info().defaults, 1).seconds * each);
    ratios.push_back(counted.back() / plain.back());
  }
  print("in batches");
}
