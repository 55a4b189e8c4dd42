// Image classification data: the real Fashion-MNIST from its IDX files, and the embedded
// silhouettes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace synfire {

/// Grey images, one byte a pixel, row-major, image after image; labels[i] belongs to image i.
struct ImageSet {
  std::size_t height = 0, width = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;

  std::size_t size() const { return labels.size(); }
  std::size_t pixels_per_image() const { return height * width; }
  std::span<const std::uint8_t> image(std::size_t i) const {
    return std::span(pixels).subspan(i * pixels_per_image(), pixels_per_image());
  }
};

struct Dataset {
  std::string name;    // "Fashion-MNIST" or "silhouettes"
  std::string origin;  // folder that it was read from, or "embedded generator"
  std::string
      fingerprint;  // SHA-256 over the sums of the unpacked train and test images and labels
  std::vector<std::string> classes;
  ImageSet train, test;

  bool is_fashion_mnist = false;  // the four unpacked files have the published SHA-256 sums
};

/// One IDX file (http://yann.lecun.com/exdb/mnist/: big-endian magic, counts, bytes), plain or
/// gzip. Unsigned bytes of rank 1 or 3. Throws FileError when it is missing, empty, truncated,
/// longer than its header says, has another magic, or more than 2^31 bytes. Never allocates what a
/// header merely claims.
struct IdxFile {
  std::vector<std::size_t> shape;
  std::vector<std::uint8_t> values;
  static IdxFile read(const std::filesystem::path& path);
};

/// Hexadecimal SHA-256.
std::string sha256(std::span<const std::uint8_t> bytes);

/// The ten class names of Fashion-MNIST, by label.
const std::array<std::string_view, 10>& fashion_mnist_classes();

/// Reads train-images-idx3-ubyte[.gz] and so on from `folder`. Images and labels must agree in
/// number and labels be below 10 (FileError otherwise). Other contents than the published are
/// accepted as data of that form, named after the folder, with is_fashion_mnist = false.
Dataset load_idx_folder(const std::filesystem::path& folder);

/// A deterministic generator of 28x28 grey silhouettes in Fashion-MNIST's ten classes, varied in
/// pose, width, texture and noise. The same counts give the same bytes on every machine.
Dataset make_silhouettes(std::size_t train = 10000, std::size_t test = 2000);

/// Where Fashion-MNIST is looked for, in order: `given` (--data DIR) alone when it is set; else
/// $SYNFIRE_DATA, $XDG_CACHE_HOME/synfire (or ~/.cache/synfire), /usr/share/datasets/fashion-mnist.
struct DataPlace {
  std::string source;  // "--data", "$SYNFIRE_DATA", "cache", "system"
  std::filesystem::path folder;
  bool present;  // all four files are there
};
std::vector<DataPlace> data_places(const std::optional<std::string>& given = std::nullopt);

/// What `--data` means: "silhouettes" makes them; a folder is read; nothing takes the first present
/// place, and silhouettes where there is none. Throws DataNotFound for a folder without the files,
/// FileError for damaged ones.
Dataset load_dataset(const std::optional<std::string>& given = std::nullopt);

/// $XDG_CACHE_HOME/synfire or ~/.cache/synfire. Throws Error where neither variable is set.
std::filesystem::path cache_folder();

/// Downloads the four files into the cache folder, checks them by SHA-256 and moves them into
/// place. Throws Error with one sentence when that fails, leaving nothing behind. `base_url` is for
/// mirrors.
void fetch_fashion_mnist(const std::string& base_url);
extern const char* const kFashionMnistUrl;

}  // namespace synfire
