#include <catch2/catch.hpp>

#include "files.hpp"

using namespace synfire;
using namespace synfire::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

/// The fault of `name` in a folder where everything else is sound.
std::string fault_with(const char* name, const std::string& bytes) {
  const TemporaryFolder folder;
  put_small_dataset(folder.path());
  put(folder / name, bytes);
  return fault_of(folder / name, [&] { load_idx_folder(folder.path()); });
}

std::vector<std::string> sources(const std::vector<DataPlace>& places) {
  std::vector<std::string> names;
  for (const DataPlace& place : places) names.push_back(place.source);
  return names;
}

}  // namespace

TEST_CASE("a folder of IDX files is read as data of that form, named after itself") {
  const TemporaryFolder folder;
  put_small_dataset(folder / "clothes");
  const Dataset data = load_idx_folder(folder / "clothes");
  CHECK(data.name == "clothes");
  CHECK(data.origin == (folder / "clothes").string());
  CHECK_FALSE(data.is_fashion_mnist);
  CHECK(data.classes.size() == 10);
  CHECK(data.train.size() == 3);
  CHECK(data.train.height == 2);
  CHECK(data.train.width == 2);
  CHECK(data.train.labels == std::vector<std::uint8_t>{0, 9, 5});
  CHECK(data.train.image(1)[0] == 'e');
  CHECK(data.train.image(2)[3] == 'l');
  CHECK(data.test.labels == std::vector<std::uint8_t>{1, 2});
  CHECK(data.test.image(1)[0] == 'q');

  // The same contents packed have the same fingerprint; one other byte has another.
  for (const char* name : kDataFiles) {
    put(folder / "clothes" / (std::string(name) + ".gz"),
        gzip(bytes_of(folder / "clothes" / name)));
    fs::remove(folder / "clothes" / name);
  }
  CHECK(load_idx_folder(folder / "clothes").fingerprint == data.fingerprint);
  put(folder / "clothes" / (std::string(kDataFiles[3]) + ".gz"), idx_labels(2, "\x01\x03"));
  CHECK(load_idx_folder(folder / "clothes").fingerprint != data.fingerprint);
}

TEST_CASE("a packed file goes before the plain one of that name") {
  const TemporaryFolder folder;
  put_small_dataset(folder.path());
  put(folder / (std::string(kDataFiles[3]) + ".gz"), gzip(idx_labels(2, "\x07\x08")));
  CHECK(load_idx_folder(folder.path()).test.labels == std::vector<std::uint8_t>{7, 8});
}

TEST_CASE("images and labels that do not belong together") {
  CHECK(fault_with(kDataFiles[1], idx_labels(2, "\x01\x02")) ==
        "has 2 labels for the 3 images of train-images-idx3-ubyte");
  CHECK(fault_with(kDataFiles[3], idx_labels(3, "\x01\x02\x03")) ==
        "has 3 labels for the 2 images of t10k-images-idx3-ubyte");
  CHECK(fault_with(kDataFiles[2], idx_images(2, 2, 3, "abcdefghijkl")) ==
        "has images of another size than the training images");
  CHECK(fault_with(kDataFiles[0], idx_labels(3, "\x01\x02\x03")) ==
        "has 1 dimensions where 3 (images) are expected");
  CHECK(fault_with(kDataFiles[1], idx_images(3, 1, 1, "\x01\x02\x03")) ==
        "has 3 dimensions where 1 (labels) are expected");
}

TEST_CASE("labels of classes that there are not") {
  CHECK(fault_with(kDataFiles[1], idx_labels(3, "\x01\x02\xc8")) ==
        "label 2 (byte 10 unpacked) is 200 where 0 to 9 are expected");
  CHECK(fault_with(kDataFiles[3], idx_labels(2, "\x0a\x02")) ==
        "label 0 (byte 8 unpacked) is 10 where 0 to 9 are expected");
}

TEST_CASE("data of nothing") {
  CHECK(fault_with(kDataFiles[1], idx_labels(0, "")) == "has no values where some are expected");
  CHECK(fault_with(kDataFiles[0], idx_images(3, 0, 28, "")) ==
        "has no values where some are expected");
  CHECK(fault_with(kDataFiles[2], "") == "is empty where an IDX file is expected");
}

TEST_CASE("a file that is missing from a folder is named") {
  for (const char* name : kDataFiles) {
    const TemporaryFolder folder;
    put_small_dataset(folder.path());
    fs::remove(folder / name);
    CHECK(fault_of(folder / name, [&] { load_idx_folder(folder.path()); }) ==
          "there is no such file, plain or with .gz");
    CHECK_FALSE(data_places(folder.path().string())[0].present);
    CHECK_THROWS_AS(load_dataset(folder.path().string()), DataNotFound);
  }
}

TEST_CASE("data is looked for in $SYNFIRE_DATA, the cache, and what the system ships") {
  const TemporaryFolder folder;
  const Environment data("SYNFIRE_DATA", (folder / "data").string());
  const Environment cache("XDG_CACHE_HOME", (folder / "cache").string());
  const Environment home("HOME", (folder / "home").string());
  auto places = data_places();
  CHECK(sources(places) == std::vector<std::string>{"$SYNFIRE_DATA", "cache", "system"});
  CHECK(places[0].folder == folder / "data");
  CHECK(places[1].folder == folder / "cache" / "synfire");
  CHECK(places[2].folder == "/usr/share/datasets/fashion-mnist");
  CHECK_FALSE(places[0].present);
  CHECK_FALSE(places[1].present);

  put_small_dataset(folder / "cache" / "synfire");
  CHECK(data_places()[1].present);
  CHECK(load_dataset().origin == (folder / "cache" / "synfire").string());
  put_small_dataset(folder / "data");
  CHECK(data_places()[0].present);
  CHECK(load_dataset().origin == (folder / "data").string());

  // The first that is there is used, or refused: a damaged one is not passed over.
  put(folder / "data" / kDataFiles[0], "damaged");
  CHECK_THROWS_AS(load_dataset(), FileError);
}

TEST_CASE("a folder that is given is the only place") {
  const TemporaryFolder folder;
  put_small_dataset(folder / "data");
  const Environment data("SYNFIRE_DATA", (folder / "data").string());
  const std::string given = (folder / "given").string();
  const auto places = data_places(given);
  REQUIRE(sources(places) == std::vector<std::string>{"--data"});
  CHECK(places[0].folder == folder / "given");
  CHECK_FALSE(places[0].present);
  CHECK_THROWS_AS(load_dataset(given), DataNotFound);
  CHECK_THROWS_WITH(load_dataset(given),
                    Contains(given + ": is neither \"silhouettes\" nor a folder"));
  put_small_dataset(given);
  CHECK(load_dataset(given).origin == given);
}

TEST_CASE("the cache is in $HOME where XDG says nothing, or nothing absolute") {
  const TemporaryFolder folder;
  const Environment data("SYNFIRE_DATA", std::nullopt);
  const Environment home("HOME", folder.path().string());
  for (const auto& given : {std::optional<std::string>(), std::optional<std::string>(""),
                            std::optional<std::string>("relative/cache")}) {
    const Environment cache("XDG_CACHE_HOME", given);
    const auto places = data_places();
    REQUIRE(sources(places) == std::vector<std::string>{"cache", "system"});
    CHECK(places[0].folder == folder / ".cache/synfire");
  }
  const Environment cache("XDG_CACHE_HOME", std::nullopt), nowhere("HOME", std::nullopt);
  CHECK(sources(data_places()) == std::vector<std::string>{"system"});
}

TEST_CASE("an empty $SYNFIRE_DATA is none") {
  const Environment data("SYNFIRE_DATA", "");
  for (const DataPlace& place : data_places()) CHECK(place.source != "$SYNFIRE_DATA");
}

TEST_CASE("silhouettes are made when asked for, whatever data there is") {
  const TemporaryFolder folder;
  put_small_dataset(folder / "data");
  const Environment data("SYNFIRE_DATA", (folder / "data").string());
  const Dataset made = load_dataset("silhouettes");
  CHECK(made.name == "silhouettes");
  CHECK(made.train.size() == 10000);
  CHECK(made.test.size() == 2000);
}

TEST_CASE("where there is no data at all, silhouettes are made") {
  const TemporaryFolder folder;
  const Environment data("SYNFIRE_DATA", (folder / "none").string());
  const Environment cache("XDG_CACHE_HOME", (folder / "none").string());
  const bool installed = data_places().back().present;
  CHECK(load_dataset().name == (installed ? "Fashion-MNIST" : "silhouettes"));
}

TEST_CASE("the real Fashion-MNIST is known by its sums") {
  const auto folder = installed_fashion_mnist();
  if (!folder) return;
  const Dataset data = load_idx_folder(*folder);
  CHECK(data.is_fashion_mnist);
  CHECK(data.name == "Fashion-MNIST");
  CHECK(data.train.size() == 60000);
  CHECK(data.test.size() == 10000);
  CHECK(data.train.height == 28);
  CHECK(data.train.width == 28);
  for (std::uint8_t label = 0; label < 10; ++label) {
    CHECK(std::count(data.train.labels.begin(), data.train.labels.end(), label) == 6000);
    CHECK(std::count(data.test.labels.begin(), data.test.labels.end(), label) == 1000);
  }
  CHECK(data.train.labels[0] == 9);  // the first image is an ankle boot
}
