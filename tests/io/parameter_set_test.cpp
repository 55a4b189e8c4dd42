#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include <synfire/parameter_set.hpp>

#include "files.hpp"
#include "golden.hpp"

using namespace synfire;
using namespace synfire::test;
using Catch::Contains;

namespace {

PlacedTensor placed(std::size_t layer, std::string_view name, std::size_t rows,
                    std::size_t columns = 0) {
  return {layer, {name, {rows, columns}, {}}};
}

/// Two dense layers, whose values count up from `first`.
ParameterSet small_net(float first = 0) {
  ParameterSet set({"input(2)", "dense(3)", "spiking(relu)", "dense(1)"},
                   {placed(1, "kernel", 2, 3), placed(1, "bias", 3), placed(3, "kernel", 3, 1),
                    placed(3, "bias", 1)});
  for (std::size_t i = 0; i < set.count(); ++i)
    for (float& value : set.tensor(i)) value = first++;
  return set;
}

std::vector<std::vector<float>> values_of(const ParameterSet& set) {
  std::vector<std::vector<float>> values;
  for (std::size_t i = 0; i < set.count(); ++i)
    values.emplace_back(set.tensor(i).begin(), set.tensor(i).end());
  return values;
}

/// The file that small_net(1) writes, for spoiling.
TensorFile small_file() {
  const TemporaryFolder folder;
  small_net(1).write(folder / "file", {{"dt", "0.01"}});
  return read_safetensors(folder / "file");
}

/// What read() throws, if anything; the set has changed nothing then.
template <class Thrown>
std::optional<Thrown> thrown_by(const TensorFile& file) {
  const TemporaryFolder folder;
  write_safetensors(folder / "file", file);
  ParameterSet set = small_net(100);
  const auto before = values_of(set);
  try {
    set.read(folder / "file");
  } catch (const Thrown& error) {
    CHECK(values_of(set) == before);
    CHECK(one_sentence(error.what()));
    CHECK(std::string(error.what()).starts_with((folder / "file").string() + ": "));
    return error;
  }
  return std::nullopt;
}

SignatureMismatch mismatch_with(const std::string& signature) {
  TensorFile file = small_file();
  file.metadata["signature"] = signature;
  const auto error = thrown_by<SignatureMismatch>(file);
  REQUIRE(error);
  CHECK(error->expected == small_net().signature());
  CHECK(error->found == signature);
  return *error;
}

}  // namespace

TEST_CASE("a parameter set knows its size, signature and names") {
  const ParameterSet set = small_net();
  CHECK(set.signature() == "synfire/1|input(2)|dense(3)|spiking(relu)|dense(1)");
  CHECK(set.count() == 4);
  CHECK(set.size() == 6 + 3 + 3 + 1);
  CHECK(set.placed(2).name() == "3.kernel");
  CHECK(set.placed(0).shape() == std::vector<std::size_t>{2, 3});
  CHECK(set.placed(1).shape() == std::vector<std::size_t>{3});
}

TEST_CASE("a parameter set survives its file, metadata too") {
  const TemporaryFolder folder;
  const ParameterSet saved = small_net(1);
  saved.write(folder / "file", {{"dt", "0.01"}, {"signature", "another"}});
  ParameterSet loaded = small_net(100);
  const auto metadata = loaded.read(folder / "file");
  CHECK(values_of(loaded) == values_of(saved));
  CHECK(metadata ==
        std::map<std::string, std::string>{{"dt", "0.01"}, {"signature", saved.signature()}});
}

TEST_CASE("with a signature, tensors are found by name: order and company do not matter") {
  TensorFile file = small_file();
  std::reverse(file.tensors.begin(), file.tensors.end());
  file.tensors.push_back(Tensor::of("epoch", std::vector<std::uint64_t>{3}));
  const TemporaryFolder folder;
  write_safetensors(folder / "file", file);
  ParameterSet set = small_net(100);
  set.read(folder / "file");
  CHECK(values_of(set) == values_of(small_net(1)));
}

TEST_CASE("another network's signature: the first layer that differs is named") {
  const auto check = [](const std::string& signature, std::size_t layer, const char* sentence) {
    const SignatureMismatch error = mismatch_with(signature);
    CHECK(error.layer == layer);
    CHECK_THAT(error.what(), Contains("belongs to another network: layer " + std::to_string(layer) +
                                      " is " + sentence));
  };
  check("synfire/1|input(5)|dense(3)|spiking(relu)|dense(1)", 0,
        "input(5) there and input(2) here");
  check("synfire/1|input(2)|dense(3)|spiking(lif)|dense(2)", 2,
        "spiking(lif) there and spiking(relu) here");
  check("synfire/1|input(2)|dense(3)|spiking(relu)|dense(10)", 3, "dense(10) there and dense(1)");
  check("synfire/1|input(2)|dense(3)|spiking(relu)", 3, "nothing there and dense(1) here");
  check("synfire/1|input(2)|dense(3)|spiking(relu)|dense(1)|dense(1)", 4,
        "dense(1) there and nothing here");
  check("synfire/1", 0, "nothing there and input(2) here");
  check("synfire/1|\n\x1b[31m|", 0, "\\x0a\\x1b[31m there and input(2) here");
}

TEST_CASE("a signature of another format") {
  for (const char* format : {"synfire/2", "synfire", "", "keras", "\x1b[31m"}) {
    const auto error = mismatch_with(format + std::string("|input(2)|dense(3)"));
    CHECK_THAT(error.what(), Contains("where this program knows 'synfire/1'"));
  }
}

TEST_CASE("with a signature, a tensor that is missing or of another form") {
  TensorFile file = small_file();
  file.tensors[1].name = "1.biases";
  const auto missing = thrown_by<FileError>(file);
  REQUIRE(missing);
  CHECK_THAT(missing->what(), Contains("has no tensor 1.bias"));

  file = small_file();
  std::swap(file.tensors[0].shape[0], file.tensors[0].shape[1]);
  const auto turned = thrown_by<SignatureMismatch>(file);
  REQUIRE(turned);
  CHECK(turned->layer == 1);
  CHECK_THAT(turned->what(),
             Contains("is [3, 2] where layer 1 (dense(3)) wants float32 kernel [2, 3]"));

  file = small_file();
  file.tensors[3].dtype = DType::I32;
  const auto integers = thrown_by<SignatureMismatch>(file);
  REQUIRE(integers);
  CHECK(integers->layer == 3);
}

TEST_CASE("a file of another program is taken by order and shape, extents of 1 in front aside") {
  TensorFile file = small_file();
  file.metadata = {{"format", "pt"}};
  for (std::size_t i = 0; i < file.tensors.size(); ++i)
    file.tensors[i].name = std::string(1, static_cast<char>('z' - i));
  file.tensors[1].shape = {1, 1, 3};
  file.tensors[3].shape = {};
  const TemporaryFolder folder;
  write_safetensors(folder / "file", file);
  ParameterSet set = small_net(100);
  CHECK(set.read(folder / "file") == file.metadata);
  CHECK(values_of(set) == values_of(small_net(1)));

  file.tensors[1].shape = {3, 1};
  const auto trailing = thrown_by<SignatureMismatch>(file);
  REQUIRE(trailing);
  CHECK(trailing->layer == 1);
  CHECK(trailing->found == "");

  file.tensors[1].shape = {3};
  std::swap(file.tensors[0], file.tensors[1]);
  CHECK(thrown_by<SignatureMismatch>(file));

  file.tensors.pop_back();
  const auto fewer = thrown_by<FileError>(file);
  REQUIRE(fewer);
  CHECK_THAT(fewer->what(), Contains("has 3 tensors and no signature, where synfire/1|"));
}

TEST_CASE("a file of another program: its tensors' names come into a sentence tamed") {
  TensorFile file = small_file();
  file.metadata.clear();
  file.tensors[0].name = "\x1b[31m\n";
  file.tensors[0].shape = {6};
  const auto error = thrown_by<SignatureMismatch>(file);
  REQUIRE(error);
  CHECK_THAT(error->what(), Contains(R"(tensor '\x1b[31m\x0a' is [6] where layer 1)"));
}

TEST_CASE("a file that has a signature or none: check_signature") {
  const ParameterSet set = small_net();
  TensorFile file = small_file();
  CHECK_NOTHROW(set.check_signature(file, "file"));
  file.metadata.clear();
  CHECK(fault_of("file", [&] { set.check_signature(file, "file"); }) ==
        "does not say which network it belongs to: it has no signature");
}

TEST_CASE("weights that are not numbers are neither written nor read") {
  const TemporaryFolder folder;
  ParameterSet set = small_net(1);
  set.write(folder / "file");
  const std::string before = bytes_of(folder / "file");
  set.tensor(2)[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(fault_of(folder / "file", [&] { set.write(folder / "file"); }) ==
        "tensor '3.kernel' has NaN or infinity at index 1 where finite values are expected");
  CHECK(bytes_of(folder / "file") == before);
  CHECK(folder.entries() == 1);
}

TEST_CASE("KerasSpiking's weights are taken as it saved them") {
  const auto shared = shared_path();
  if (!shared) {
    WARN("skipped: no reference weights ($SYNFIRE_SHARED/reference/weights)");
    return;
  }
  const std::string file =
      GENERATE("nonspiking", "rate", "aware", "l2", "lowpass", "lowpass_dt001");
  const auto path = *shared / "reference" / "weights" / ("weights_" + file + ".safetensors");
  INFO(path);
  std::vector<PlacedTensor> tensors{placed(2, "kernel", 784, 128), placed(2, "bias", 128)};
  if (file.starts_with("lowpass")) {
    tensors.push_back(placed(3, "initial_level", 128));
    tensors.push_back(placed(3, "tau", 128));
  }
  tensors.push_back(placed(4, "kernel", 128, 10));
  tensors.push_back(placed(4, "bias", 10));
  const std::vector<std::string> layers{"input(28,28)", "flatten", "dense(128)", "any",
                                        "dense(10)"};
  ParameterSet set(layers, tensors);
  set.read(path);

  // The tensors follow one another behind the header.
  const std::string bytes = bytes_of(path);
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::vector<float> found, wanted((bytes.size() - 8 - header) / sizeof(float));
  std::memcpy(wanted.data(), bytes.data() + 8 + header, wanted.size() * sizeof(float));
  for (const auto& values : values_of(set)) found.insert(found.end(), values.begin(), values.end());
  CHECK(found == wanted);

  tensors.back() = placed(4, "bias", 11);
  CHECK_THROWS_AS(ParameterSet(layers, tensors).read(path), SignatureMismatch);
}
