// What a layer says of a tensor that it holds, and the tensors of a whole network by run-time
// index.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <synfire/buffer.hpp>
#include <synfire/weights.hpp>

namespace synfire {

/// Where a tensor's values come from before anyone trained it.
struct Initializer {
  /// Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010) with the fans of a matrix
  /// [fan_in][fan_out], or `value` everywhere.
  enum class Kind { Constant, GlorotUniform } kind = Kind::Constant;
  float value = 0;
};

/// Changes a tensor's values, in C order, to what they may be.
using Constraint = void (*)(float* values, const std::array<std::size_t, 2>& extents);

struct TensorSpec {
  using Extents = std::array<std::size_t, 2>;

  std::string_view name;  // within its layer: "kernel", "bias", "tau"
  Extents extents;        // a vector has {n, 0}
  Initializer initializer;
  bool trainable = true;
  Constraint constraint = nullptr;  // kept after each step of training
  /// Where only values that are not 0 are synapses: how many neighbours in a row are pruned
  /// together. Training leaves a value of 0 as it is.
  std::size_t group = 0;

  static constexpr std::size_t size_of(const Extents& extents) {
    return extents[0] * (extents[1] == 0 ? 1 : extents[1]);
  }
  constexpr std::size_t rank() const { return extents[1] == 0 ? 1 : 2; }
  constexpr std::size_t size() const { return size_of(extents); }
};

/// A tensor's place in a network.
struct PlacedTensor {
  std::size_t layer;  // index in the network
  TensorSpec spec;

  std::string name() const;  // "2.kernel": index and name, for labels are free to change
  std::vector<std::size_t> shape() const;
};

/// The tensors of one network, its signature, and their file.
class ParameterSet {
 public:
  /// `layers` holds each layer's own signature; together they are the network's.
  ParameterSet(std::vector<std::string> layers, std::vector<PlacedTensor> placed);

  std::size_t count() const { return placed_.size(); }
  std::size_t size() const;  // values in all tensors
  const PlacedTensor& placed(std::size_t i) const { return placed_[i]; }
  Buffer<float>& tensor(std::size_t i) { return values_[i]; }
  const Buffer<float>& tensor(std::size_t i) const { return values_[i]; }
  /// "synfire/1|input(28,28)|flatten|..."
  const std::string& signature() const { return signature_; }

  /// Draws every tensor anew from its initializer. Different layers draw from different streams.
  void initialize(std::uint64_t seed);

  /// Applies the constraint of each trainable tensor that has one.
  void constrain();

  /// Takes the values of a safetensors file. With a signature in its metadata the signature must be
  /// this network's and the tensors' names "LAYER.NAME"; without one (files of other programs) the
  /// tensors must have this network's shapes in this network's order, extents of 1 in front aside.
  /// Throws FileError or SignatureMismatch and changes nothing then. Returns the metadata.
  std::map<std::string, std::string> read(const std::filesystem::path& path);

  /// Throws SignatureMismatch, naming the first layer that differs, or FileError where the file
  /// says no signature.
  void check_signature(const TensorFile& file, const std::filesystem::path& path) const;

  /// Writes all tensors, the signature, and `metadata` beside it.
  void write(const std::filesystem::path& path,
             std::map<std::string, std::string> metadata = {}) const;

 private:
  std::vector<std::string> layers_;
  std::vector<PlacedTensor> placed_;
  std::vector<Buffer<float>> values_;
  std::string signature_;
};

}  // namespace synfire
