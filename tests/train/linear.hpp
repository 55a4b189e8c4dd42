// A small trainable and its surroundings, for tests of the training loop.
#pragma once

#include <unistd.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <synfire/error.hpp>
#include <synfire/training.hpp>

namespace synfire::test {

namespace fs = std::filesystem;

inline constexpr std::size_t kPixels = 6, kClasses = 3;

/// Classes that a linear classifier tells apart: the pixels 2c and 2c+1 are bright in class c.
inline ImageSet make_data(std::size_t n, unsigned seed = 5) {
  std::mt19937 engine(seed);
  ImageSet data{2, 3, std::vector<std::uint8_t>(n * kPixels), std::vector<std::uint8_t>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    data.labels[i] = static_cast<std::uint8_t>(engine() % kClasses);
    for (std::size_t p = 0; p < kPixels; ++p)
      data.pixels[i * kPixels + p] =
          static_cast<std::uint8_t>(engine() % 100 + (p / 2 == data.labels[i] ? 120 : 0));
  }
  return data;
}

/// A linear network by gradient descent with momentum, whose rate falls with the step count: going
/// on to the same bits needs weights, momentum and step.
class Linear : public Trainable {
 public:
  explicit Linear(float rate = 0.1f, Loss by = Loss::CategoricalCrossentropy)
      : loss_(by), rate_(rate) {}

  std::size_t input_size() const override { return kPixels; }
  std::size_t classes() const override { return kClasses; }
  std::span<const float> output() const override { return output_; }
  ParameterSet& parameters() override { return parameters_; }
  std::vector<float> weights() const {
    return {parameters_.tensor(0).begin(), parameters_.tensor(0).end()};
  }

  BatchResult train_batch(const float* x, Targets targets, const std::uint32_t* samples,
                          std::size_t count, std::uint32_t epoch) override {
    Call call{{samples, samples + count}, {x, x + count * kPixels}, {}, {}, epoch};
    if (targets.labels != nullptr)
      call.labels.assign(targets.labels, targets.labels + count);
    else
      call.rows.assign(targets.values, targets.values + count * kClasses);
    seen.push_back(std::move(call));
    output_.assign(count * kClasses, 0.0f);
    for (std::size_t i = 0; i < count; ++i) forward(x + i * kPixels, output_.data() + i * kClasses);
    std::vector<float> gradient(count * kClasses);
    auto result = differentiate(loss_, output_.data(), targets, count, kClasses, gradient.data());
    const float rate = rate_ / (1.0f + 0.01f * static_cast<float>(step));
    for (std::size_t p = 0; p < kPixels; ++p)
      for (std::size_t c = 0; c < kClasses; ++c) {
        float g = 0;
        for (std::size_t i = 0; i < count; ++i)
          g += x[i * kPixels + p] * gradient[i * kClasses + c];
        float& m = momentum[p * kClasses + c];
        m = 0.9f * m + g;
        parameters_.tensor(0)[p * kClasses + c] -= rate * m;
      }
    ++step;
    if (step == poison_loss_at) result.loss_sum = std::numeric_limits<double>::quiet_NaN();
    if (step == poison_weight_at) parameters_.tensor(0)[0] = std::numeric_limits<float>::infinity();
    return result;
  }

  void infer(const Samples& samples, float dt, float* outputs) const override {
    inferred.push_back(dt);
    std::vector<float> x(kPixels);
    std::fill_n(outputs, samples.count * kClasses, 0.0f);
    for (std::size_t i = 0; i < samples.count; ++i) {
      samples.load(i, x.data());
      forward(x.data(), outputs + i * kClasses);
    }
  }

  void save_state(TensorFile& file) const override {
    file.tensors.push_back(
        Tensor::of("weights", {kPixels, kClasses}, parameters_.tensor(0).data()));
    file.tensors.push_back(Tensor::of("momentum", {kPixels, kClasses}, momentum.data()));
    file.tensors.push_back(Tensor::of("step", {step}));
    file.metadata["signature"] = "linear";
  }
  void load_state(const TensorFile& file, const fs::path& path) override {
    const auto found = file.metadata.find("signature");
    if (found == file.metadata.end() || found->second != "linear")
      throw FileError(path, 0, "not a linear classifier's");
    const auto weights = file.find("weights")->floats();
    std::copy(weights.begin(), weights.end(), parameters_.tensor(0).begin());
    momentum = file.find("momentum")->floats();
    step = file.find("step")->integers()[0];
    ++loads;
  }

  struct Call {
    std::vector<std::uint32_t> samples;
    std::vector<float> x;
    std::vector<std::uint8_t> labels;
    std::vector<float> rows;
    std::uint32_t epoch;
  };
  std::vector<Call> seen;
  mutable std::vector<float> inferred;  // dt of each infer()
  std::vector<float> momentum = std::vector<float>(kPixels * kClasses);
  std::uint64_t step = 0;
  std::uint64_t poison_loss_at = 0, poison_weight_at = 0;
  int loads = 0;

 private:
  void forward(const float* x, float* y) const {
    for (std::size_t c = 0; c < kClasses; ++c)
      for (std::size_t p = 0; p < kPixels; ++p)
        y[c] += x[p] * parameters_.tensor(0)[p * kClasses + c];
  }

  ParameterSet parameters_{{"input(6)", "linear(3)"},
                           {PlacedTensor{1, TensorSpec{"kernel", {kPixels, kClasses}, {}}}}};
  std::vector<float> output_;
  Loss loss_;
  float rate_;
};

class Folder {
 public:
  Folder()
      : path_(fs::temp_directory_path() /
              ("synfire_fit_" + std::to_string(::getpid()) + "_" + std::to_string(count_++))) {
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code none;
    fs::remove_all(path_, none);
  }
  fs::path operator/(const char* name) const { return path_ / name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), {}));
  }

 private:
  static inline int count_ = 0;
  fs::path path_;
};

inline std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline TrainOptions options_of(std::size_t epochs, std::size_t batch = 8) {
  TrainOptions options;
  options.seed = 42;
  options.epochs = epochs;
  options.batch = batch;
  return options;
}

/// Stops after this many batches.
inline TrainCallback stop_after(std::size_t batches) {
  return
      [batches, done = std::size_t{0}](const TrainProgress&) mutable { return ++done < batches; };
}

template <class E>
std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace synfire::test
