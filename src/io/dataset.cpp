#include "synfire/dataset.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "fashion_mnist.hpp"
#include "idx.hpp"
#include "synfire/error.hpp"

namespace synfire {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kSilhouettes = "silhouettes";

/// The path of one of the four files: packed, as it is published, before unpacked.
std::optional<fs::path> find_file(const fs::path& folder, std::string_view name) {
  std::error_code ignored;
  for (const std::string_view suffix : {".gz", ""}) {
    fs::path path = folder / (std::string(name) + std::string(suffix));
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return std::nullopt;
}

bool has_all_files(const fs::path& folder) {
  return std::all_of(io::kFashionMnistFiles.begin(), io::kFashionMnistFiles.end(),
                     [&](const auto& file) { return find_file(folder, file.name).has_value(); });
}

struct LoadedFile {
  fs::path path;
  IdxFile idx;
  std::string sum;
};

LoadedFile load_file(const fs::path& folder, std::string_view name, std::size_t rank) {
  const auto path = find_file(folder, name);
  if (!path) throw FileError(folder / name, 0, "there is no such file, plain or with .gz");
  LoadedFile loaded{*path, IdxFile::read(*path), {}};
  if (loaded.idx.shape.size() != rank) {
    throw FileError(*path, 3,
                    "has " + std::to_string(loaded.idx.shape.size()) + " dimensions where " +
                        std::to_string(rank) + (rank == 1 ? " (labels)" : " (images)") +
                        " are expected");
  }
  if (loaded.idx.values.empty()) throw FileError(*path, 4, "has no values where some are expected");
  loaded.sum = io::unpacked_sha256(loaded.idx);
  return loaded;
}

ImageSet join(LoadedFile& images, LoadedFile& labels) {
  if (images.idx.shape[0] != labels.idx.shape[0]) {
    throw FileError(labels.path, 4,
                    "has " + std::to_string(labels.idx.shape[0]) + " labels for the " +
                        std::to_string(images.idx.shape[0]) + " images of " +
                        images.path.filename().string());
  }
  const auto& values = labels.idx.values;
  const auto bad = std::find_if(values.begin(), values.end(), [](auto label) { return label > 9; });
  if (bad != values.end()) {
    const auto index = static_cast<std::uint64_t>(bad - values.begin());
    constexpr std::uint64_t kHeaderBytes = 8;
    throw FileError(labels.path, kHeaderBytes + index,
                    "label " + std::to_string(index) + " (byte " +
                        std::to_string(kHeaderBytes + index) + " unpacked) is " +
                        std::to_string(*bad) + " where 0 to 9 are expected");
  }
  return {images.idx.shape[1], images.idx.shape[2], std::move(images.idx.values),
          std::move(labels.idx.values)};
}

/// An environment variable; an empty one counts as none.
std::optional<fs::path> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

}  // namespace

const std::array<std::string_view, 10>& fashion_mnist_classes() {
  static constexpr std::array<std::string_view, 10> kClasses{
      "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  return kClasses;
}

Dataset load_idx_folder(const fs::path& folder) {
  std::array<LoadedFile, 4> files;
  bool published = true;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& file = io::kFashionMnistFiles[i];
    files[i] = load_file(folder, file.name, file.rank);
    published = published && files[i].sum == file.sha256;
  }

  Dataset data;
  data.train = join(files[0], files[1]);
  data.test = join(files[2], files[3]);
  if (data.train.height != data.test.height || data.train.width != data.test.width) {
    throw FileError(files[2].path, 8, "has images of another size than the training images");
  }
  std::error_code ignored;
  const fs::path resolved = fs::canonical(folder, ignored);
  data.name = published ? "Fashion-MNIST" : resolved.filename().string();
  data.origin = folder.string();
  data.fingerprint = io::fingerprint({files[0].sum, files[1].sum}, {files[2].sum, files[3].sum});
  data.classes.assign(fashion_mnist_classes().begin(), fashion_mnist_classes().end());
  data.is_fashion_mnist = published;
  return data;
}

std::vector<DataPlace> data_places(const std::optional<std::string>& given) {
  std::vector<DataPlace> places;
  const auto add = [&](const char* source, const fs::path& folder) {
    places.push_back({source, folder, has_all_files(folder)});
  };
  if (given) {
    add("--data", *given);
    return places;
  }
  if (const auto folder = environment("SYNFIRE_DATA")) add("$SYNFIRE_DATA", *folder);
  // The XDG base directory specification has relative paths ignored.
  if (const auto cache = environment("XDG_CACHE_HOME"); cache && cache->is_absolute()) {
    add("cache", *cache / "synfire");
  } else if (const auto home = environment("HOME")) {
    add("cache", *home / ".cache" / "synfire");
  }
  add("system", "/usr/share/datasets/fashion-mnist");
  return places;
}

Dataset load_dataset(const std::optional<std::string>& given) {
  if (given == kSilhouettes) return make_silhouettes();
  for (const DataPlace& place : data_places(given)) {
    if (place.present) return load_idx_folder(place.folder);
  }
  if (!given) return make_silhouettes();
  std::string names;
  for (const auto& file : io::kFashionMnistFiles) {
    names += (names.empty() ? "" : ", ") + std::string(file.name);
  }
  throw DataNotFound(*given + ": is neither \"silhouettes\" nor a folder with the four files " +
                     names + ", plain or with .gz");
}

}  // namespace synfire
