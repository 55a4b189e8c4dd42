#include <unistd.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <synfire/error.hpp>
#include <synfire/training.hpp>

namespace fs = std::filesystem;
using namespace synfire;

namespace {

constexpr std::size_t kPixels = 6, kClasses = 3;

// Classes that a linear classifier tells apart: the pixels 2c and 2c+1 are bright in class c.
ImageSet make_data(std::size_t n, unsigned seed = 5) {
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

// Softmax regression by gradient descent with momentum, whose rate falls with the step count: going
// on to the same bits needs weights, momentum and step.
class Linear : public Trainable {
 public:
  explicit Linear(float rate = 0.1f) : rate_(rate) {}

  std::size_t input_size() const override { return kPixels; }
  std::size_t classes() const override { return kClasses; }

  BatchResult train_batch(const float* x, const std::uint8_t* labels, const std::uint32_t* samples,
                          std::size_t count, std::uint32_t epoch) override {
    seen.push_back(
        {{samples, samples + count}, {x, x + count * kPixels}, {labels, labels + count}, epoch});
    std::vector<float> logits(count * kClasses), gradient(count * kClasses);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t c = 0; c < kClasses; ++c)
        for (std::size_t p = 0; p < kPixels; ++p)
          logits[i * kClasses + c] += x[i * kPixels + p] * weights[p * kClasses + c];
    auto result = softmax_cross_entropy(logits.data(), labels, count, kClasses, gradient.data());
    const float rate = rate_ / (1.0f + 0.01f * static_cast<float>(step));
    for (std::size_t p = 0; p < kPixels; ++p)
      for (std::size_t c = 0; c < kClasses; ++c) {
        float g = 0;
        for (std::size_t i = 0; i < count; ++i)
          g += x[i * kPixels + p] * gradient[i * kClasses + c];
        float& m = momentum[p * kClasses + c];
        m = 0.9f * m + g;
        weights[p * kClasses + c] -= rate * m;
      }
    ++step;
    if (step == poison_loss_at) result.loss_sum = std::numeric_limits<double>::quiet_NaN();
    if (step == poison_weight_at) weights[0] = std::numeric_limits<float>::infinity();
    return result;
  }
  void save_state(TensorFile& file) const override {
    file.tensors.push_back(Tensor::of("weights", {kPixels, kClasses}, weights.data()));
    file.tensors.push_back(Tensor::of("momentum", {kPixels, kClasses}, momentum.data()));
    file.tensors.push_back(Tensor::of("step", {step}));
    file.metadata["signature"] = "linear";
  }
  void load_state(const TensorFile& file, const fs::path& path) override {
    const auto found = file.metadata.find("signature");
    if (found == file.metadata.end() || found->second != "linear")
      throw FileError(path, 0, "not a linear classifier's");
    weights = file.find("weights")->floats();
    momentum = file.find("momentum")->floats();
    step = file.find("step")->integers()[0];
    ++loads;
  }

  struct Call {
    std::vector<std::uint32_t> samples;
    std::vector<float> x;
    std::vector<std::uint8_t> labels;
    std::uint32_t epoch;
  };
  std::vector<Call> seen;
  std::vector<float> weights = std::vector<float>(kPixels * kClasses);
  std::vector<float> momentum = std::vector<float>(kPixels * kClasses);
  std::uint64_t step = 0;
  std::uint64_t poison_loss_at = 0, poison_weight_at = 0;
  int loads = 0;

 private:
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

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TrainOptions options_of(std::size_t epochs, std::size_t batch = 8) {
  TrainOptions options;
  options.seed = 42;
  options.epochs = epochs;
  options.batch = batch;
  return options;
}

// Stops after this many batches.
TrainCallback stop_after(std::size_t batches) {
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

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("fit learns what can be learned, and reports each epoch") {
  const auto data = make_data(200);
  Linear linear;
  const auto result = fit(linear, data, options_of(20), {}, {});
  REQUIRE(result.epochs.size() == 20);
  CHECK_FALSE(result.stopped);
  CHECK(result.epochs.front().loss > result.epochs.back().loss);
  CHECK(result.epochs.back().loss < 0.3);
  CHECK(result.epochs.back().accuracy > 0.95);
  for (const auto& epoch : result.epochs) CHECK(epoch.seconds >= 0);
}

TEST_CASE("fit shows every image once an epoch, in another order each epoch and seed") {
  const std::size_t n = GENERATE(1u, 7u, 8u, 50u);
  const auto data = make_data(n);
  const auto orders = [&](std::uint64_t seed) {
    Linear linear;
    auto options = options_of(3);
    options.seed = seed;
    fit(linear, data, options, {}, {});
    std::vector<std::vector<std::uint32_t>> orders(3);
    for (const auto& call : linear.seen) {
      REQUIRE(call.epoch < 3);
      auto& order = orders[call.epoch];
      order.insert(order.end(), call.samples.begin(), call.samples.end());
      // Full batches but for the last of the epoch.
      REQUIRE((call.samples.size() == 8 || order.size() == n));
      for (std::size_t i = 0; i < call.samples.size(); ++i) {
        REQUIRE(call.labels[i] == data.labels[call.samples[i]]);
        for (std::size_t p = 0; p < kPixels; ++p)
          REQUIRE(call.x[i * kPixels + p] ==
                  static_cast<float>(data.image(call.samples[i])[p]) / 255.0f);
      }
    }
    return orders;
  };
  const auto first = orders(1);
  std::vector<std::uint32_t> every(n);
  std::iota(every.begin(), every.end(), 0u);
  for (auto order : first) {
    std::sort(order.begin(), order.end());
    CHECK(order == every);
  }
  CHECK(orders(1) == first);
  if (n == 50) {
    CHECK(first[0] != first[1]);
    CHECK(first[1] != first[2]);
    CHECK(first[0] != every);
    CHECK(orders(2)[0] != first[0]);
  }
}

TEST_CASE("fit tells the callback of every batch, with running means") {
  const auto data = make_data(20);
  Linear linear;
  std::vector<TrainProgress> seen;
  const auto result = fit(linear, data, options_of(2), {}, [&](const TrainProgress& progress) {
    seen.push_back(progress);
    return true;
  });
  REQUIRE(seen.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(seen[i].epoch == i / 3 + 1);
    CHECK(seen[i].epochs == 2);
    CHECK(seen[i].batch == i % 3 + 1);
    CHECK(seen[i].batches == 3);
    CHECK(seen[i].epoch_ended == (i % 3 == 2));
    CHECK(seen[i].samples_per_second > 0);
  }
  CHECK(seen[0].loss == Approx(std::log(3.0)).epsilon(1e-6));  // weights are 0 then
  for (std::size_t e = 0; e < 2; ++e) {
    CHECK(seen[e * 3 + 2].loss == result.epochs[e].loss);
    CHECK(seen[e * 3 + 2].accuracy == result.epochs[e].accuracy);
  }

  // The mean is over samples, the smaller last batch by its size.
  Linear again;
  double loss = 0, correct = 0;
  std::vector<float> logits, gradient;
  fit(again, data, options_of(1), {}, {});
  Linear replay;
  for (const auto& call : again.seen) {
    const auto r = replay.train_batch(call.x.data(), call.labels.data(), call.samples.data(),
                                      call.samples.size(), 0);
    loss += r.loss_sum;
    correct += static_cast<double>(r.correct);
  }
  CHECK(result.epochs[0].loss == loss / 20);
  CHECK(result.epochs[0].accuracy == correct / 20);
}

TEST_CASE("fit stops where the callback says so, at a batch boundary") {
  const auto data = make_data(20);
  Linear linear;
  auto result = fit(linear, data, options_of(5), {}, stop_after(4));
  CHECK(linear.seen.size() == 4);
  CHECK(result.stopped);
  CHECK(result.epochs.size() == 1);

  Linear at_end;
  result = fit(at_end, data, options_of(5), {}, stop_after(6));
  CHECK(at_end.seen.size() == 6);
  CHECK(result.stopped);
  CHECK(result.epochs.size() == 2);
}

TEST_CASE("a training resumed from any batch goes on to the same bits") {
  const auto data = make_data(20);
  const std::size_t stop = GENERATE(1u, 2u, 3u, 4u, 6u, 8u, 9u);
  Folder folder;
  Linear whole;
  const auto want = fit(whole, data, options_of(3), {}, {});

  const fs::path path = folder / "checkpoint.safetensors";
  Linear first;
  const auto part = fit(first, data, options_of(3), {path, {}}, stop_after(stop));
  CHECK(part.stopped);
  CHECK(folder.files() == 1);

  Linear second;
  std::vector<TrainProgress> seen;
  const auto result = fit(second, data, options_of(3), {path, path}, [&](const TrainProgress& p) {
    seen.push_back(p);
    return true;
  });
  CHECK(second.seen.size() == 9 - stop);
  CHECK(std::memcmp(second.weights.data(), whole.weights.data(), sizeof(float) * 18) == 0);
  CHECK(std::memcmp(second.momentum.data(), whole.momentum.data(), sizeof(float) * 18) == 0);
  CHECK(second.step == 9);
  REQUIRE(result.epochs.size() == 3);
  CHECK_FALSE(result.stopped);
  for (std::size_t e = 0; e < 3; ++e) {
    CHECK(result.epochs[e].loss == want.epochs[e].loss);
    CHECK(result.epochs[e].accuracy == want.epochs[e].accuracy);
  }
  if (stop < 9) {
    CHECK(seen.front().epoch == stop / 3 + 1);
    CHECK(seen.front().batch == stop % 3 + 1);
  }
}

TEST_CASE("a finished training can be resumed for more epochs, or for none") {
  const auto data = make_data(20);
  Folder folder;
  const fs::path path = folder / "c";
  Linear whole, first, second, third;
  const auto want = fit(whole, data, options_of(4), {}, {});
  fit(first, data, options_of(2), {path, {}}, {});
  const auto same = fit(second, data, options_of(2), {{}, path}, {});
  CHECK(second.seen.empty());
  CHECK(second.weights == first.weights);
  CHECK(same.epochs.size() == 2);
  CHECK_FALSE(same.stopped);
  const auto more = fit(third, data, options_of(4), {{}, path}, {});
  CHECK(third.weights == whole.weights);
  CHECK(more.epochs.size() == 4);
  CHECK(more.epochs[3].loss == want.epochs[3].loss);
}

TEST_CASE("each epoch leaves its checkpoint before the callback hears that it ended") {
  const auto data = make_data(20);
  Folder folder;
  const fs::path path = folder / "c";
  Linear linear;
  std::set<std::string> written;
  fit(linear, data, options_of(3), {path, {}}, [&](const TrainProgress& progress) {
    if (progress.epoch_ended) written.insert(contents(path));
    if (!progress.epoch_ended && progress.epoch == 1) CHECK_FALSE(fs::exists(path));
    return true;
  });
  CHECK(written.size() == 3);
  CHECK(folder.files() == 1);
}

TEST_CASE(
    "resuming with other settings or data is refused with what differs, and changes nothing") {
  const auto data = make_data(20);
  Folder folder;
  const fs::path path = folder / "c";
  Linear trained;
  fit(trained, data, options_of(3), {path, {}}, stop_after(4));
  const std::string before = contents(path);

  const auto refused = [&](const ImageSet& set, const TrainOptions& options) {
    Linear linear;
    const auto message = message_of<InvalidSetting>([&] {
      fit(linear, set, options, {path, path}, {});
    });
    CHECK(linear.loads == 0);
    CHECK(linear.seen.empty());
    CHECK(contents(path) == before);
    CHECK(folder.files() == 1);
    return message;
  };
  auto other = options_of(3);
  other.seed = 7;
  CHECK(refused(data, other) == "seed is 7: it must be 42, as in the checkpoint " + path.string());
  other = options_of(3, 4);
  CHECK(holds(refused(data, other), "batch is 4: it must be 8"));
  other = options_of(3);
  other.dt = 0.01f;
  CHECK(holds(refused(data, other), "dt is 0.01: it must be 0.001"));
  other = options_of(3);
  other.dt = std::nextafter(other.dt, 1.0f);
  CHECK(holds(refused(data, other), "dt is 0.001"));
  other = options_of(3);
  other.steps = 10;
  CHECK(holds(refused(data, other), "steps is 10: it must be 1,"));
  other = options_of(3);
  other.spiking_aware = false;
  CHECK(holds(refused(data, other), "spiking_aware is false: it must be true"));
  other = options_of(3);
  other.learning_rate = 0.5f;
  CHECK(holds(refused(data, other), "learning rate is 0.5"));
  other = options_of(3);
  other.beta1 = 0.5f;
  CHECK(holds(refused(data, other), "beta1 is 0.5"));
  other = options_of(3);
  other.beta2 = 0.5f;
  CHECK(holds(refused(data, other), "beta2 is 0.5"));
  other = options_of(3);
  other.epsilon = 0.5f;
  CHECK(holds(refused(data, other), "epsilon is 0.5"));
  CHECK(holds(refused(data, options_of(1)), "epochs is 1: it must be at least 2"));

  CHECK(holds(refused(make_data(21), options_of(3)), "number of training images is 21"));
  auto changed = data;
  changed.pixels[3] ^= 1;
  CHECK(holds(refused(changed, options_of(3)), "SHA-256 of the training images is"));
  changed = data;
  changed.labels[3] = static_cast<std::uint8_t>((changed.labels[3] + 1) % 3);
  CHECK(holds(refused(changed, options_of(3)), "SHA-256 of the training labels is"));

  // Threads change nothing and may differ.
  other = options_of(3);
  other.threads = 7;
  Linear linear;
  CHECK(fit(linear, data, other, {{}, path}, {}).epochs.size() == 3);
}

TEST_CASE("a damaged checkpoint is refused, and changes nothing") {
  const auto data = make_data(20);
  Folder folder;
  const fs::path path = folder / "c", bad = folder / "bad";
  Linear trained;
  fit(trained, data, options_of(3), {path, {}}, stop_after(4));
  const auto refused = [&] {
    Linear linear;
    const auto message = message_of<FileError>([&] {
      fit(linear, data, options_of(3), {{}, bad}, {});
    });
    CHECK(linear.loads == 0);
    CHECK(linear.seen.empty());
    return message;
  };

  CHECK(holds(refused(), bad.string()));  // missing
  const std::string bytes = contents(path);
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{7}, bytes.size() / 2, bytes.size() - 1}) {
    std::ofstream(bad, std::ios::binary) << bytes.substr(0, length);
    CHECK(holds(refused(), bad.string()));
  }

  const auto rewritten = [&](const std::string& key, const std::string& value) {
    TensorFile file = read_safetensors(path);
    REQUIRE(file.metadata.erase(key) == 1);
    if (!value.empty()) file.metadata[key] = value;
    write_safetensors(bad, file);
    return refused();
  };
  CHECK(holds(rewritten("training.progress", ""), "not a checkpoint"));
  CHECK(holds(rewritten("training.setting.dt", ""), "not a checkpoint"));
  for (const char* progress :
       {"{", "[]", "7", R"({"finished":[[1,1,1]],"batch":1,"loss_sum":1,"correct":1})",
        R"({"finished":[[1,1,1]],"batch":3,"loss_sum":1,"correct":1,"seconds":1})",
        R"({"finished":[[1,1,1]],"batch":-1,"loss_sum":1,"correct":1,"seconds":1})",
        R"({"finished":[[1,1,1]],"batch":1.5,"loss_sum":1,"correct":1,"seconds":1})",
        R"({"finished":[[1,1,1]],"batch":1,"loss_sum":-1,"correct":1,"seconds":1})",
        R"({"finished":[[1,1,1]],"batch":1,"loss_sum":1e999,"correct":1,"seconds":1})",
        R"({"finished":[[1,1,1]],"batch":1,"loss_sum":1,"correct":9,"seconds":1})",
        R"({"finished":[[1,1]],"batch":1,"loss_sum":1,"correct":1,"seconds":1})",
        R"({"finished":[[1,1,"x"]],"batch":1,"loss_sum":1,"correct":1,"seconds":1})",
        R"({"finished":5,"batch":1,"loss_sum":1,"correct":1,"seconds":1})"})
    CHECK(holds(rewritten("training.progress", progress), "damaged checkpoint"));
  CHECK(holds(rewritten("signature", "something else"), "not a linear classifier's"));
}

TEST_CASE("a checkpoint that cannot be written is refused before the training begins") {
  const auto data = make_data(20);
  Folder folder;
  std::ofstream(folder / "file") << "x";
  fs::create_directories(folder / "sub");
  for (const fs::path& path : {folder / "missing" / "c", folder / "file" / "c", folder / "sub",
                               folder / "sub/", fs::path()}) {
    Linear linear;
    CHECK_THROWS_AS(fit(linear, data, options_of(1), {path, {}}, {}), FileError);
    CHECK(linear.seen.empty());
  }
  CHECK(folder.files() == 2);
}

TEST_CASE("a training that diverges says where, and keeps the last good checkpoint") {
  const auto data = make_data(20);
  Folder folder;
  const fs::path path = folder / "c";
  Linear good;
  fit(good, data, options_of(1), {path, {}}, {});
  const std::string after_first = contents(path);

  Linear bad;
  bad.poison_loss_at = 5;
  const auto message = message_of<Error>([&] { fit(bad, data, options_of(3), {path, path}, {}); });
  CHECK(holds(message, "training diverged"));
  CHECK(holds(message, "batch 2 of epoch 2 is nan"));
  CHECK(contents(path) == after_first);

  // Weights may diverge one batch before the loss shows it.
  Linear worse;
  worse.poison_weight_at = 6;
  CHECK(holds(message_of<Error>([&] {
                fit(worse, data, options_of(3), {path, path}, {});
              }),
              "weights"));
  CHECK(contents(path) == after_first);
  CHECK(folder.files() == 1);
}

TEST_CASE("data that the network cannot take are refused before anything happens") {
  Folder folder;
  const FitFiles files{folder / "c", {}};
  Linear linear;
  const auto train = [&](const ImageSet& data) { fit(linear, data, options_of(1), files, {}); };

  CHECK_THROWS_AS(train(ImageSet{2, 3, {}, {}}), InvalidSetting);
  auto data = make_data(20);
  data.width = 4;
  CHECK_THROWS_AS(train(data), ShapeMismatch);
  data = make_data(20);
  data.pixels.pop_back();
  CHECK_THROWS_AS(train(data), ShapeMismatch);
  data = make_data(20);
  data.labels.push_back(0);
  CHECK_THROWS_AS(train(data), ShapeMismatch);
  data = make_data(20);
  data.labels[17] = 200;
  CHECK(message_of<InvalidSetting>([&] { train(data); }) ==
        "label of training image 17 is 200: it must be below 3");
  auto options = options_of(1);
  options.learning_rate = 0;
  CHECK_THROWS_AS(fit(linear, make_data(20), options, files, {}), InvalidSetting);
  CHECK(linear.seen.empty());
  CHECK(folder.files() == 0);
}

TEST_CASE("one batch may hold more than all the data") {
  const auto data = make_data(5);
  Linear linear;
  fit(linear, data, options_of(2, std::numeric_limits<std::size_t>::max()), {}, {});
  REQUIRE(linear.seen.size() == 2);
  CHECK(linear.seen[0].samples.size() == 5);
}
