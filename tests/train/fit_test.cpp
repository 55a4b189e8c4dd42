#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include <nlohmann/json.hpp>

#include "linear.hpp"

using namespace synfire;
using namespace synfire::test;

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
  CHECK(std::memcmp(second.parameters().tensor(0).data(), whole.parameters().tensor(0).data(),
                    sizeof(float) * 18) == 0);
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
  CHECK(second.weights() == first.weights());
  CHECK(same.epochs.size() == 2);
  CHECK_FALSE(same.stopped);
  const auto more = fit(third, data, options_of(4), {{}, path}, {});
  CHECK(third.weights() == whole.weights());
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
  other.optimizer = Adam{.beta2 = 0.5f};
  CHECK(holds(refused(data, other),
              "optimizer is adam:beta1=0.9,beta2=0.5,epsilon=1e-07: it must be adam:beta1=0.9"));
  other.optimizer = Sgd{};
  CHECK(holds(refused(data, other), "optimizer is sgd:momentum=0,nesterov=false"));
  other = options_of(3);
  other.learning_rate = ExponentialDecay{1e-3f, 5, 0.5f};
  CHECK(holds(refused(data, other), "learning rate is exponential:initial=0.001"));
  other = options_of(3);
  other.dt_schedule = 0.001f;
  CHECK(holds(refused(data, other), "dt schedule is 0.001 by step: it must be none"));
  other = options_of(3);
  other.loss = Loss::Hinge;
  CHECK(holds(refused(data, other), "loss is hinge: it must be categorical_crossentropy"));
  other = options_of(3);
  other.metrics.clear();
  CHECK(holds(refused(data, other), "metrics is none: it must be accuracy"));
  other = options_of(3);
  other.validation_split = 0.25;
  CHECK(holds(refused(data, other), "validation split is 0.25: it must be 0"));
  CHECK(holds(refused(data, options_of(1)), "epochs is 1: it must be at least 2"));

  CHECK(holds(refused(make_data(21), options_of(3)), "number of training samples is 21"));
  auto changed = data;
  changed.pixels[3] ^= 1;
  CHECK(holds(refused(changed, options_of(3)), "SHA-256 of the training inputs is"));
  changed = data;
  changed.labels[3] = static_cast<std::uint8_t>((changed.labels[3] + 1) % 3);
  CHECK(holds(refused(changed, options_of(3)), "SHA-256 of the training targets is"));

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
  using Json = nlohmann::json;
  const Json sound = Json::parse(read_safetensors(path).metadata.at("training.progress"));
  const auto damaged = [&](const char* where, const Json& value) {
    Json json = sound;
    json[Json::json_pointer(where)] = value;
    INFO(json.dump());
    CHECK(holds(rewritten("training.progress", json.dump()), "damaged checkpoint"));
  };
  for (const char* text : {"{", "[]", "7", "{}"})
    CHECK(holds(rewritten("training.progress", text), "damaged checkpoint"));
  for (const auto& [key, value] : sound.items()) {
    damaged(("/" + key).c_str(), "x");
    Json json = sound;
    json.erase(key);
    CHECK(holds(rewritten("training.progress", json.dump()), "damaged checkpoint"));
  }
  for (const Json& batch : {Json(3), Json(-1), Json(1.5)}) damaged("/batch", batch);
  damaged("/loss_sum", -1);
  damaged("/loss_sum", nullptr);
  damaged("/correct", 9);
  damaged("/metric_sums", Json::array());
  damaged("/metric_sums/1", 1);
  damaged("/finished/0/0", "x");
  damaged("/finished/0/3/loss", -1);
  damaged("/finished/0/3/other", 1);
  damaged("/finished/0/3", Json::object());
  CHECK(holds(
      rewritten("training.progress", R"({"finished":[],"batch":1,"loss_sum":1e999,"correct":1})"),
      "damaged checkpoint"));
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
        "label of training sample 17 is 200: it must be below 3");
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

TEST_CASE("rows of values are shuffled with their inputs") {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  const std::size_t n = 21;
  std::vector<float> x(n * kPixels), y(n * kClasses);
  for (float& value : x) value = normal(random);
  for (float& value : y) value = normal(random);
  Linear linear(0.1f, Loss::MeanSquaredError);
  auto options = options_of(2);
  options.loss = Loss::MeanSquaredError;
  options.metrics = {Metric{Metric::Kind::MeanAbsoluteError}};
  const auto result = fit(linear, Samples(n, x, y), options, {}, {});
  REQUIRE(linear.seen.size() == 6);
  for (const auto& call : linear.seen)
    for (std::size_t i = 0; i < call.samples.size(); ++i) {
      const std::size_t s = call.samples[i];
      CHECK(std::equal(call.x.begin() + static_cast<std::ptrdiff_t>(i * kPixels),
                       call.x.begin() + static_cast<std::ptrdiff_t>((i + 1) * kPixels),
                       x.begin() + static_cast<std::ptrdiff_t>(s * kPixels)));
      CHECK(std::equal(call.rows.begin() + static_cast<std::ptrdiff_t>(i * kClasses),
                       call.rows.begin() + static_cast<std::ptrdiff_t>((i + 1) * kClasses),
                       y.begin() + static_cast<std::ptrdiff_t>(s * kClasses)));
    }
  const Logs& logs = result.epochs.back().logs;
  CHECK(logs.size() == 2);
  CHECK(logs.at("loss") == result.epochs.back().loss);
  CHECK(logs.at("mean_absolute_error") > 0);
}

TEST_CASE("a linear relation is learned from values, whatever trains it, and resumed to the bit") {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  const std::size_t n = 40;
  std::vector<float> x(n * kPixels), y(n * kClasses);
  for (float& value : x) value = normal(random);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < kClasses; ++c) y[i * kClasses + c] = x[i * kPixels + c] / 2;
  const Samples data(n, x, y);
  auto options = options_of(30);
  options.loss = Loss::MeanSquaredError;
  options.metrics = {Metric{Metric::Kind::MeanAbsoluteError}};
  options.validation_split = 0.25;
  Folder folder;
  const fs::path path = folder / "c";
  Linear whole(0.1f, options.loss), first(0.1f, options.loss), second(0.1f, options.loss);
  const auto result = fit(whole, data, options, {}, {});
  CHECK(result.epochs.back().logs.at("val_loss") < 1e-3);
  CHECK(result.epochs.back().logs.at("val_mean_absolute_error") < 0.05);
  fit(first, data, options, {path, {}}, stop_after(30));
  const auto resumed = fit(second, data, options, {path, path}, {});
  CHECK(second.weights() == whole.weights());
  for (std::size_t e = 0; e < 30; ++e) CHECK(resumed.epochs[e].logs == result.epochs[e].logs);

  auto other = y;
  other[3] += 1;
  Linear refused(0.1f, options.loss);
  CHECK_THROWS_AS(fit(refused, Samples(n, x, other), options, {{}, path}, {}), InvalidSetting);
}

TEST_CASE("the last samples are held back and run after each epoch") {
  const auto data = make_data(40);
  auto options = options_of(3);
  options.validation_split = 0.3;
  options.metrics.push_back({Metric::Kind::TopK, 2});
  Linear linear;
  std::vector<Logs> at_end;
  const auto result = fit(linear, data, options, {}, [&](const TrainProgress& p) {
    CHECK(p.logs.contains("val_loss") == p.epoch_ended);
    if (p.epoch_ended) at_end.push_back(p.logs);
    return true;
  });
  std::set<std::uint32_t> trained;
  for (const auto& call : linear.seen) trained.insert(call.samples.begin(), call.samples.end());
  CHECK(trained.size() == 28);
  CHECK(*trained.rbegin() == 27);
  CHECK(linear.inferred.size() == 3);

  // The last epoch's logs are what the final weights give.
  const Samples held_back = Samples(data).part(28, 12);
  std::vector<float> outputs(12 * kClasses), gradient(12 * kClasses);
  linear.infer(held_back, 1, outputs.data());
  const auto targets = held_back.targets_from(0);
  const auto wanted =
      softmax_cross_entropy(outputs.data(), targets.labels, 12, kClasses, gradient.data());
  const Logs& logs = result.epochs.back().logs;
  CHECK(logs.size() == 6);
  CHECK(logs.at("val_loss") == Approx(wanted.loss_sum / 12));
  CHECK(logs.at("val_accuracy") == Approx(static_cast<double>(wanted.correct) / 12));
  CHECK(logs.at("val_top_2_accuracy") >= logs.at("val_accuracy"));
  CHECK(logs.at("accuracy") == result.epochs.back().accuracy);
  CHECK(at_end.back() == logs);
}

TEST_CASE("dt and the learning rate follow their schedules over epochs, and past a resumption") {
  const auto data = make_data(20);
  auto options = options_of(3);
  options.learning_rate = InverseTimeDecay{0.1f, 2, 1};
  options.dt_schedule = ExponentialDecay{1, 3, 0.5f, true};
  options.dt_by_epoch = GENERATE(false, true);
  options.validation_split = 0.1;
  Folder folder;
  const fs::path path = folder / "c";
  std::vector<float> dts, rates;
  const auto note = [&](std::size_t until) {
    return [&, until](const TrainProgress& p) {
      dts.push_back(p.dt);
      rates.push_back(p.learning_rate);
      return dts.size() < until;
    };
  };
  Linear first, second;
  fit(first, data, options, {path, {}}, note(4));
  const auto result = fit(second, data, options, {{}, path}, note(99));
  REQUIRE(dts.size() == 9);
  for (std::size_t step = 0; step < 9; ++step) {
    CHECK(rates[step] == options.learning_rate.at(step));
    CHECK(dts[step] == options.dt_schedule->at(options.dt_by_epoch ? step / 3 : step));
  }
  CHECK(result.dt == dts.back());
  CHECK(second.inferred.back() == dts.back());
  Linear third;
  fit(third, data, options, {path, {}}, {});
  CHECK(fit(second, data, options, {{}, path}, {}).dt == dts.back());  // nothing left to do
}
