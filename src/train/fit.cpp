#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <synfire/buffer.hpp>
#include <synfire/error.hpp>
#include <synfire/kernels.hpp>
#include <synfire/random.hpp>
#include <synfire/training.hpp>

namespace synfire {
namespace {

using Json = nlohmann::json;

// A checkpoint is the trainable's own tensors and metadata, and these metadata: each setting under
// its name behind the prefix, and how far the training is.
const std::string kSettingPrefix = "training.setting.";
const std::string kProgressKey = "training.progress";

/// How far a training is: what a checkpoint holds beside the trainable's state.
struct Progress {
  std::vector<EpochResult> finished;  // epochs
  std::size_t batch = 0;              // batches done in the epoch under way
  double loss_sum = 0;                // over the samples of those batches
  std::size_t correct = 0;            // of those samples
  double seconds = 0;                 // that they took
};

void check_data(const ImageSet& data, const Trainable& trainable) {
  const std::size_t n = data.size();
  if (n == 0) throw InvalidSetting("number of training images", "0", "at least 1");
  if (n > std::numeric_limits<std::uint32_t>::max())
    throw InvalidSetting("number of training images", std::to_string(n), "below 4294967296");
  if (data.pixels_per_image() != trainable.input_size())
    throw ShapeMismatch("a training image", trainable.input_size(), data.pixels_per_image());
  if (data.pixels.size() != n * data.pixels_per_image())
    throw ShapeMismatch("the training images' pixels", n * data.pixels_per_image(),
                        data.pixels.size());
  for (std::size_t i = 0; i < n; ++i)
    if (data.labels[i] >= trainable.classes())
      throw InvalidSetting(fmt::format("label of training image {}", i),
                           std::to_string(data.labels[i]),
                           fmt::format("below {}", trainable.classes()));
}

/// Whatever decides the bits of a training, by name. The text of a float reads back to the same
/// float.
using Settings = std::vector<std::pair<std::string, std::string>>;

Settings settings_of(const ImageSet& data, const Trainable& trainable,
                     const TrainOptions& options) {
  return {{"seed", fmt::to_string(options.seed)},
          {"batch", fmt::to_string(options.batch)},
          {"dt", fmt::to_string(options.dt)},
          {"steps", fmt::to_string(options.steps)},
          {"spiking_aware", fmt::to_string(options.spiking_aware)},
          {"learning rate", fmt::to_string(options.learning_rate)},
          {"beta1", fmt::to_string(options.beta1)},
          {"beta2", fmt::to_string(options.beta2)},
          {"epsilon", fmt::to_string(options.epsilon)},
          {"regularizers", trainable.regularizers()},
          {"number of training images", fmt::to_string(data.size())},
          {"SHA-256 of the training images", sha256(data.pixels)},
          {"SHA-256 of the training labels", sha256(data.labels)}};
}

std::string to_text(const Progress& progress) {
  Json finished = Json::array();
  for (const EpochResult& e : progress.finished)
    finished.push_back({e.loss, e.accuracy, e.seconds});
  return Json{{"finished", finished},
              {"batch", progress.batch},
              {"loss_sum", progress.loss_sum},
              {"correct", progress.correct},
              {"seconds", progress.seconds}}
      .dump();
}

/// Throws Json::exception or Error where the text is not what to_text() makes.
Progress progress_from(const std::string& text) {
  const auto whole = [](const Json& value) {
    if (!value.is_number_unsigned()) throw Error("not a whole number");
    return value.get<std::size_t>();
  };
  const auto real = [](const Json& value) {
    const auto x = value.get<double>();
    if (!std::isfinite(x) || x < 0) throw Error("not a finite number from 0 on");
    return x;
  };
  const Json json = Json::parse(text);
  Progress progress;
  for (const Json& e : json.at("finished"))
    progress.finished.push_back({real(e.at(0)), real(e.at(1)), real(e.at(2))});
  progress.batch = whole(json.at("batch"));
  progress.loss_sum = real(json.at("loss_sum"));
  progress.correct = whole(json.at("correct"));
  progress.seconds = real(json.at("seconds"));
  return progress;
}

/// Throws unless a training with these settings goes on from the checkpoint to the same bits.
Progress check_checkpoint(const TensorFile& file, const std::filesystem::path& path,
                          const Settings& settings, const TrainOptions& options,
                          std::size_t batches) {
  const auto metadata = [&](const std::string& key) -> const std::string& {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end())
      throw FileError(path, 0, "not a checkpoint of a training: it says nothing of " + key);
    return found->second;
  };
  const std::string& text = metadata(kProgressKey);
  for (const auto& [name, value] : settings) {
    const std::string& theirs = metadata(kSettingPrefix + name);
    if (value != theirs)
      throw InvalidSetting(name, value, theirs + ", as in the checkpoint " + path.string());
  }

  const auto damaged = [&] {
    return FileError(path, 0, "damaged checkpoint: what it says of its progress cannot be");
  };
  Progress progress;
  try {
    progress = progress_from(text);
  } catch (const Json::exception&) {
    throw damaged();
  } catch (const Error&) {
    throw damaged();
  }
  if (progress.batch >= batches || progress.correct > progress.batch * options.batch)
    throw damaged();
  const std::size_t begun = progress.finished.size() + (progress.batch > 0 ? 1 : 0);
  if (options.epochs < begun)
    throw InvalidSetting(
        "epochs", std::to_string(options.epochs),
        fmt::format("at least {}, where the checkpoint {} is", begun, path.string()));
  return progress;
}

/// Finds out before the training, and not an epoch later, that a checkpoint cannot be written.
void require_writable(const std::filesystem::path& path) {
  std::error_code none;
  if (!path.has_filename() || std::filesystem::is_directory(path, none))
    throw FileError(path, 0, "a checkpoint wants the name of a file, and this is a folder");
  std::filesystem::path probe = path;
  probe += ".probe";
  try {
    write_file(probe, "");
  } catch (const FileError& error) {
    throw FileError(path, 0, fmt::format("no checkpoint can be written here ({})", error.what()));
  }
  std::filesystem::remove(probe, none);
}

void write_checkpoint(const std::filesystem::path& path, const Trainable& trainable,
                      const Settings& settings, const Progress& progress) {
  TensorFile file;
  trainable.save_state(file);
  for (const Tensor& tensor : file.tensors) {
    if (tensor.dtype != DType::F32) continue;
    const std::vector<float> values = tensor.floats();
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); }))
      throw Error(
          fmt::format("training diverged: {} is no longer finite after batch {} of epoch {}",
                      tensor.name, progress.batch, progress.finished.size() + 1));
  }
  for (const auto& [name, value] : settings) file.metadata[kSettingPrefix + name] = value;
  file.metadata[kProgressKey] = to_text(progress);
  write_safetensors(path, file);
}

}  // namespace

TrainResult fit(Trainable& trainable, const ImageSet& data, const TrainOptions& options,
                const FitFiles& files, const TrainCallback& callback) {
  options.validate();
  check_data(data, trainable);
  const std::size_t size = data.size(), pixels = data.pixels_per_image();
  const std::size_t batches = (size - 1) / options.batch + 1;

  Settings settings;
  if (files.checkpoint || files.resume) settings = settings_of(data, trainable, options);
  if (files.checkpoint) require_writable(*files.checkpoint);
  Progress progress;
  if (files.resume) {
    const TensorFile file = read_safetensors(*files.resume);
    progress = check_checkpoint(file, *files.resume, settings, options, batches);
    trainable.load_state(file, *files.resume);
  }
  const auto save = [&] {
    if (files.checkpoint) write_checkpoint(*files.checkpoint, trainable, settings, progress);
  };

  const std::size_t most = std::min(options.batch, size);
  Buffer<float> x(most * pixels);
  std::vector<std::uint8_t> labels(most);
  std::vector<std::uint32_t> order(size);

  while (progress.finished.size() < options.epochs) {
    const auto epoch = static_cast<std::uint32_t>(progress.finished.size());
    permutation({options.seed, Stream::Shuffle, epoch}, order.data(), size);
    const auto began = std::chrono::steady_clock::now();
    const double seconds_before = progress.seconds;
    std::size_t samples_here = 0;

    for (bool epoch_ended = false; !epoch_ended;) {
      const std::size_t first = progress.batch * options.batch;
      const std::size_t count = std::min(options.batch, size - first);
      const std::uint32_t* samples = order.data() + first;
      for (std::size_t i = 0; i < count; ++i) {
        kernels::scale_pixels(data.image(samples[i]).data(), pixels, x.data() + i * pixels);
        labels[i] = data.labels[samples[i]];
      }

      const auto result = trainable.train_batch(x.data(), labels.data(), samples, count, epoch);
      if (!std::isfinite(result.loss_sum))
        throw Error(fmt::format("training diverged: the loss of batch {} of epoch {} is {}",
                                progress.batch + 1, epoch + 1, result.loss_sum));

      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
      ++progress.batch;
      progress.loss_sum += result.loss_sum;
      progress.correct += result.correct;
      progress.seconds = seconds_before + passed.count();
      samples_here += count;
      epoch_ended = progress.batch == batches;

      const auto done = static_cast<double>(first + count);
      TrainProgress report{};
      report.epoch = epoch + 1;
      report.epochs = options.epochs;
      report.batch = progress.batch;
      report.batches = batches;
      report.loss = progress.loss_sum / done;
      report.accuracy = static_cast<double>(progress.correct) / done;
      report.seconds = passed.count();
      report.samples_per_second = static_cast<double>(samples_here) / passed.count();
      report.epoch_ended = epoch_ended;

      if (epoch_ended) {
        std::vector<EpochResult> finished = std::move(progress.finished);
        finished.push_back({report.loss, report.accuracy, progress.seconds});
        progress = {};
        progress.finished = std::move(finished);
        save();
      }
      if (callback && !callback(report)) {
        if (!epoch_ended) save();
        return {std::move(progress.finished), true};
      }
    }
  }
  return {std::move(progress.finished), false};
}

}  // namespace synfire
