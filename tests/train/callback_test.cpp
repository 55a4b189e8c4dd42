#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include <golden.hpp>
#include <synfire/callback.hpp>

#include "linear.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

/// Writes down what is called.
struct Diary : Callback {
  void train_begin(const TrainState& state) override {
    lines.push_back("train begins, epochs " + std::to_string(state.finished.size()));
  }
  void train_end(const TrainState&, const TrainResult& result) override {
    lines.push_back(result.stopped ? "train stopped" : "train ends");
  }
  void epoch_begin(const TrainState&, std::size_t epoch) override {
    lines.push_back("epoch " + std::to_string(epoch) + " begins");
  }
  bool epoch_end(const TrainState& state) override {
    lines.push_back("epoch ends, epochs " + std::to_string(state.finished.size()));
    return state.finished.size() != end_after;
  }
  void batch_begin(const TrainState&, std::size_t epoch, std::size_t batch) override {
    lines.push_back("batch " + std::to_string(epoch) + "." + std::to_string(batch) + " begins");
  }
  bool batch_end(const TrainState&, const TrainProgress& progress) override {
    lines.push_back("batch ends, batches " + std::to_string(progress.batch));
    if (lines.size() == throw_at) throw Error("enough");
    return lines.size() != stop_at;
  }

  std::vector<std::string> lines;
  std::size_t end_after = 0, stop_at = 0, throw_at = 0;
};

/// Puts a validation loss into each epoch's logs, as if it had been found, before others look.
struct Script : Callback {
  Script(std::string to, std::vector<double> what) : name(std::move(to)), values(std::move(what)) {}
  bool epoch_end(const TrainState& state) override {
    auto& finished = const_cast<std::vector<EpochResult>&>(state.finished);
    finished.back().logs[name] = values[finished.size() - 1];
    return true;
  }

  std::string name;
  std::vector<double> values;
};

/// Notes the weights at each epoch's end.
struct Weights : Callback {
  bool epoch_end(const TrainState& state) override {
    const auto& w = state.trainable.parameters().tensor(0);
    seen.emplace_back(w.begin(), w.end());
    return true;
  }

  std::vector<std::vector<float>> seen;
};

TrainOptions validating(std::size_t epochs) {
  auto options = options_of(epochs);
  options.validation_split = 0.25;
  return options;
}

}  // namespace

TEST_CASE("callbacks hear of everything in its order") {
  const auto data = make_data(20);
  Linear linear;
  Diary diary;
  fit(linear, data, options_of(2, 10), {}, {}, {&diary});
  CHECK(diary.lines ==
        std::vector<std::string>{"train begins, epochs 0", "epoch 0 begins", "batch 0.0 begins",
                                 "batch ends, batches 1", "batch 0.1 begins",
                                 "batch ends, batches 2", "epoch ends, epochs 1", "epoch 1 begins",
                                 "batch 1.0 begins", "batch ends, batches 1", "batch 1.1 begins",
                                 "batch ends, batches 2", "epoch ends, epochs 2", "train ends"});
}

TEST_CASE("a callback that says no at a batch interrupts, and the training goes on from there") {
  const auto data = make_data(20);
  Folder folder;
  const fs::path path = folder / "c";
  Linear whole, first, second;
  fit(whole, data, options_of(2, 10), {}, {});
  Diary diary;
  diary.stop_at = 10;
  const auto part = fit(first, data, options_of(2, 10), {path, {}}, {}, {&diary});
  CHECK(part.stopped);
  CHECK_FALSE(part.ended_early);
  CHECK(part.epochs.size() == 1);
  CHECK(diary.lines.back() == "train stopped");
  Diary other;
  fit(second, data, options_of(2, 10), {path, path}, {}, {&other});
  CHECK(second.weights() == whole.weights());
  CHECK(other.lines[0] == "train begins, epochs 1");
  CHECK(other.lines[2] == "batch 1.1 begins");
}

TEST_CASE("a callback that says no at an epoch's end ends the training for good") {
  const auto data = make_data(20);
  Folder folder;
  const fs::path path = folder / "c";
  Linear first, second;
  Diary diary;
  diary.end_after = 2;
  const auto result = fit(first, data, options_of(5), {path, {}}, {}, {&diary});
  CHECK(result.ended_early);
  CHECK_FALSE(result.stopped);
  CHECK(result.epochs.size() == 2);
  const auto again = fit(second, data, options_of(5), {path, path}, {}, {&diary});
  CHECK(again.ended_early);
  CHECK(again.epochs.size() == 2);
  CHECK(second.seen.empty());
  CHECK(second.weights() == first.weights());
}

TEST_CASE("an exception of a callback comes out, and the last checkpoint stands") {
  const auto data = make_data(20);
  Folder folder;
  const fs::path path = folder / "c";
  Linear one, other;
  fit(one, data, options_of(1, 10), {path, {}}, {});
  const std::string before = contents(path);
  Diary diary;
  diary.throw_at = 4;
  CHECK(message_of<Error>([&] {
          fit(other, data, options_of(2, 10), {path, path}, {}, {&diary});
        }) == "enough");
  CHECK(contents(path) == before);
  CHECK(folder.files() == 1);
  CHECK(other.step == 3);  // the batch is done as a whole
}

TEST_CASE("early stopping decides as Keras's does") {
  const auto golden = read_json(golden_path("optimizers.json"));
  REQUIRE(golden.at("early_stopping").size() == 36);
  const auto data = make_data(16);
  for (const auto& c : golden["early_stopping"]) {
    INFO(c.dump());
    EarlyStopping::Options how;
    how.monitor = {c.at("monitor")};
    how.patience = c.at("patience");
    how.min_delta = c.at("min_delta");
    if (!c.at("baseline").is_null()) how.baseline = c["baseline"].get<double>();
    how.restore_best = c.at("restore_best_weights");
    how.start_from_epoch = c.at("start_from_epoch");
    EarlyStopping stopping(how);
    Script script(how.monitor.name, c.at("values"));
    Weights weights;
    Linear linear;
    const auto result = fit(linear, data, validating(25), {}, {}, {&script, &weights, &stopping});
    const int stopped = c.at("stopped"), restored = c.at("restored");
    REQUIRE(stopped >= 0);
    CHECK(result.ended_early);
    CHECK(result.epochs.size() == static_cast<std::size_t>(stopped) + 1);
    CHECK(linear.weights() == weights.seen.at(static_cast<std::size_t>(restored)));
  }
}

TEST_CASE("early stopping resumed anywhere ends at the same epoch with the same weights") {
  const auto data = make_data(40);
  const auto options = validating(30);
  const EarlyStopping::Options how{.patience = 2, .min_delta = 0.02, .restore_best = true};
  Linear whole(2.0f);
  EarlyStopping stopping(how);
  const auto want = fit(whole, data, options, {}, {}, {&stopping});
  REQUIRE(want.ended_early);
  REQUIRE(want.epochs.size() > 3);
  for (std::size_t stop = 1; stop < want.epochs.size() * 4; stop += 3) {
    INFO("stopped after " << stop);
    Folder folder;
    const fs::path path = folder / "c";
    Linear first(2.0f), second(2.0f);
    EarlyStopping one(how), other(how);
    fit(first, data, options, {path, {}}, stop_after(stop), {&one});
    const auto result = fit(second, data, options, {path, path}, {}, {&other});
    CHECK(result.ended_early);
    CHECK(result.epochs.size() == want.epochs.size());
    CHECK(second.weights() == whole.weights());
    // And there is nothing more to do.
    Linear third(2.0f);
    fit(third, data, options, {{}, path}, {}, {&other});
    CHECK(third.seen.empty());
    CHECK(third.weights() == whole.weights());
  }
}

TEST_CASE("a training is resumed with the same early stopping, or refused") {
  const auto data = make_data(40);
  Folder folder;
  const fs::path path = folder / "c";
  EarlyStopping one({.patience = 2}), other({.patience = 3});
  Linear linear;
  fit(linear, data, validating(2), {path, {}}, {}, {&one});
  CHECK(holds(message_of<InvalidSetting>([&] {
                fit(linear, data, validating(2), {{}, path}, {}, {&other});
              }),
              "what callbacks decide is early stopping by val_loss (patience 3, min_delta 0, "
              "baseline none, last weights kept, from epoch 0): it must be early stopping by "
              "val_loss (patience 2"));
  CHECK(holds(message_of<InvalidSetting>([&] {
                fit(linear, data, validating(2), {{}, path}, {});
              }),
              "what callbacks decide is nothing: it must be early stopping"));

  EarlyStopping best({.patience = 2, .restore_best = true});
  fit(linear, data, validating(2), {path, {}}, {}, {&best});
  TensorFile file = read_safetensors(path);
  file.tensors.erase(std::remove_if(file.tensors.begin(), file.tensors.end(),
                                    [](const Tensor& tensor) {
                                      return tensor.name.starts_with("early_stopping.");
                                    }),
                     file.tensors.end());
  write_safetensors(path, file);
  CHECK(holds(message_of<Error>([&] {
                fit(linear, data, validating(2), {{}, path}, {}, {&best});
              }),
              "damaged checkpoint: it does not hold the best epoch's weights"));
}

TEST_CASE("what callbacks cannot go by or write is refused before the training") {
  const auto data = make_data(20);
  Folder folder;
  const auto refused = [&](Callback& callback) {
    Linear linear;
    const auto message =
        message_of<Error>([&] { fit(linear, data, options_of(1), {}, {}, {&callback}); });
    CHECK(linear.seen.empty());
    CHECK(folder.files() == 0);
    return message;
  };
  EarlyStopping stopping({});
  CHECK(refused(stopping) == "the monitor is 'val_loss': it must be one of accuracy, loss");
  BestCheckpoint nowhere(folder / "missing" / "best", {"loss"}), blind(folder / "best", {"speed"});
  CHECK(holds(refused(nowhere), "missing"));
  CHECK(holds(refused(blind), "the monitor is 'speed'"));
  CsvLog log(folder / "missing" / "log.csv");
  CHECK(holds(refused(log), "missing"));
  CHECK_THROWS_AS(EarlyStopping({.min_delta = -1}), InvalidSetting);
  CHECK_THROWS_AS(EarlyStopping({.baseline = std::numeric_limits<double>::infinity()}),
                  InvalidSetting);
}

TEST_CASE("the best epoch's weights lie in their file, past a resumption too") {
  const auto data = make_data(16);
  const std::vector<double> losses{0.9, 0.5, 0.7, 0.3, 0.3, 0.8, 0.4};
  Folder folder;
  const fs::path path = folder / "best", checkpoint = folder / "c";
  Weights weights;
  Script script("val_loss", losses);
  for (std::size_t epochs : {3u, 5u, 7u}) {
    BestCheckpoint best(path, {"val_loss"}, {{"net", "linear"}});
    FitFiles files{checkpoint, {}};
    if (epochs > 3) files.resume = checkpoint;
    Linear linear;
    auto options = validating(epochs);
    options.dt_schedule = Schedule(0.25f);
    fit(linear, data, options, files, {}, {&script, &weights, &best});
    const std::size_t wanted = epochs == 3 ? 1 : 3;
    ParameterSet& kept = linear.parameters();
    const auto metadata = kept.read(path);
    CHECK(linear.weights() == weights.seen.at(wanted));
    CHECK(metadata.at("net") == "linear");
    CHECK(metadata.at("epoch") == std::to_string(wanted + 1));
    CHECK(metadata.at("dt") == "0.25");
  }
  CHECK(folder.files() == 2);
}

TEST_CASE("the log has a row for every epoch under Keras's columns") {
  const auto data = make_data(20);
  Folder folder;
  const fs::path path = folder / "log.csv", checkpoint = folder / "c";
  CsvLog log(path);
  Linear whole, first, second;
  const auto result = fit(whole, data, validating(4), {}, {}, {&log});
  const std::string text = contents(path);
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  CHECK(line == "epoch,accuracy,loss,val_accuracy,val_loss");
  for (std::size_t epoch = 0; epoch < 4; ++epoch) {
    REQUIRE(std::getline(lines, line));
    const auto cells = nlohmann::json::parse("[" + line + "]").get<std::vector<double>>();
    REQUIRE(cells.size() == 5);
    CHECK(cells[0] == static_cast<double>(epoch));
    CHECK(cells[2] == result.epochs[epoch].loss);
    CHECK(cells[4] == result.epochs[epoch].logs.at("val_loss"));
  }
  CHECK_FALSE(std::getline(lines, line));

  fit(first, data, validating(4), {checkpoint, {}}, stop_after(5), {&log});
  CHECK(contents(path) != text);
  fit(second, data, validating(4), {{}, checkpoint}, {}, {&log});
  CHECK(contents(path) == text);
}
