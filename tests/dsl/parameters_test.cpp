#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include <synfire/error.hpp>
#include <synfire/weights.hpp>

#include "nets.hpp"

using namespace synfire;
using namespace synfire::test;

namespace {

struct TemporaryFile {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() /
      ("synfire_parameters_" + std::to_string(std::random_device{}()) + ".safetensors");
  ~TemporaryFile() { std::filesystem::remove(path); }
};

}  // namespace

TEST_CASE("weights start Glorot-uniform, biases at zero, from the seed alone") {
  const auto a = Parameters<Seed>::initial(3), b = Parameters<Seed>::initial(3),
             c = Parameters<Seed>::initial(4);
  CHECK(same_bits(a.tensor(0), b.tensor(0)));
  CHECK_FALSE(same_bits(a.tensor(0), c.tensor(0)));
  const float limit = std::sqrt(6.0f / (30 + 19));
  double sum = 0, squares = 0, most = 0;
  for (const float w : a.tensor(0)) {
    sum += w;
    squares += static_cast<double>(w) * w;
    most = std::max(most, std::abs(static_cast<double>(w)));
  }
  const auto n = static_cast<double>(a.tensor(0).size());
  CHECK(most <= limit);
  CHECK(most > 0.97 * limit);
  CHECK(std::abs(sum / n) < 0.1 * limit);
  CHECK(squares / n == Approx(limit * limit / 3).epsilon(0.1));
  for (const float bias : a.tensor(1)) CHECK(bias == 0);
  std::set<float> distinct(a.tensor(0).begin(), a.tensor(0).end());
  CHECK(distinct.size() > 560);
}

TEST_CASE("parameters survive a file, whatever their labels") {
  struct Relabelled : Network<Input<6, 5>, Flatten, Named<"other", Dense<19>>, Spiking<Relu>,
                              MeanOverTime, Dense<7>> {};
  const TemporaryFile file;
  const auto saved = Parameters<Seed>::initial(1);
  saved.write(file.path, {{"dt", "0.01"}});
  auto loaded = Parameters<Relabelled>();
  CHECK(loaded.read(file.path).at("dt") == "0.01");
  for (std::size_t i = 0; i < saved.count(); ++i)
    CHECK(same_bits(saved.tensor(i), loaded.tensor(i)));
}

TEST_CASE("another network's weights are refused by the first layer that differs") {
  const TemporaryFile file;
  Parameters<TwoLayers>::initial(1).write(file.path);
  auto leaky = Parameters<Leaky>::initial(2);
  const auto before = leaky;
  try {
    leaky.read(file.path);
    FAIL("no SignatureMismatch");
  } catch (const SignatureMismatch& e) {
    CHECK(e.layer == 2);
    CHECK(e.expected == leaky.signature());
    CHECK(e.found == Parameters<TwoLayers>().signature());
    CHECK(std::string(e.what()).find("layer 2 is spiking(relu) there and spiking(lif) here") !=
          std::string::npos);
  }
  for (std::size_t i = 0; i < leaky.count(); ++i)
    CHECK(same_bits(before.tensor(i), leaky.tensor(i)));

  struct Longer : Network<Input<23>, Dense<33>, Spiking<Relu>, Dense<40>, Spiking<Relu>,
                          MeanOverTime, Dense<5>, Dense<5>> {};
  CHECK_THROWS_WITH(Parameters<Longer>::load(file.path),
                    Catch::Contains("layer 7 is nothing there and dense(5) here"));
}

TEST_CASE("a file without a signature is taken by order and shape") {
  const TemporaryFile file;
  const auto source = Parameters<Seed>::initial(1);
  TensorFile foreign;
  foreign.tensors = {Tensor::of("a.kernel", {30, 19}, source.tensor(0).data()),
                     Tensor::of("a.bias", {1, 19}, source.tensor(1).data()),
                     Tensor::of("b.kernel", {19, 7}, source.tensor(2).data()),
                     Tensor::of("b.bias", {7}, source.tensor(3).data())};
  write_safetensors(file.path, foreign);
  const auto loaded = Parameters<Seed>::load(file.path);
  for (std::size_t i = 0; i < source.count(); ++i)
    CHECK(same_bits(source.tensor(i), loaded.tensor(i)));

  foreign.tensors[0].shape = {19, 30};
  write_safetensors(file.path, foreign);
  CHECK_THROWS_AS(Parameters<Seed>::load(file.path), SignatureMismatch);
  foreign.tensors.pop_back();
  write_safetensors(file.path, foreign);
  CHECK_THROWS_AS(Parameters<Seed>::load(file.path), FileError);
  std::ofstream(file.path) << "not weights";
  CHECK_THROWS_AS(Parameters<Seed>::load(file.path), FileError);
}
