#include <synfire/parameter_set.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <synfire/error.hpp>
#include <synfire/random.hpp>

#include "file.hpp"

namespace synfire {
namespace {

constexpr std::string_view kFormat = "synfire/1";

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == by) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string to_text(const std::vector<std::size_t>& shape) {
  std::string text = "[";
  for (const std::size_t extent : shape)
    text += (text.size() == 1 ? "" : ", ") + std::to_string(extent);
  return text + "]";
}

std::vector<std::size_t> without_leading_ones(const std::vector<std::size_t>& shape) {
  return {std::find_if(shape.begin(), shape.end(), [](std::size_t n) { return n != 1; }),
          shape.end()};
}

}  // namespace

std::string PlacedTensor::name() const {
  return std::to_string(layer) + "." + std::string(spec.name);
}

std::vector<std::size_t> PlacedTensor::shape() const {
  if (spec.rank() == 1) return {spec.extents[0]};
  return {spec.extents[0], spec.extents[1]};
}

ParameterSet::ParameterSet(std::vector<std::string> layers, std::vector<PlacedTensor> placed)
    : layers_(std::move(layers)), placed_(std::move(placed)), signature_(kFormat) {
  for (const std::string& layer : layers_) signature_ += "|" + layer;
  for (const PlacedTensor& p : placed_) {
    values_.emplace_back(p.spec.size());
    if (p.spec.initializer.kind == Initializer::Kind::Constant)
      std::fill(values_.back().begin(), values_.back().end(), p.spec.initializer.value);
  }
}

std::size_t ParameterSet::size() const {
  std::size_t sum = 0;
  for (const Buffer<float>& values : values_) sum += values.size();
  return sum;
}

void ParameterSet::initialize(std::uint64_t seed) {
  for (std::size_t i = 0; i < count(); ++i) {
    const TensorSpec& spec = placed_[i].spec;
    Buffer<float>& values = values_[i];
    if (spec.initializer.kind == Initializer::Kind::Constant) {
      std::fill(values.begin(), values.end(), spec.initializer.value);
      continue;
    }
    const auto fans = static_cast<float>(spec.extents[0] + spec.extents[1]);
    const float limit = std::sqrt(6.0f / fans);
    uniform({.seed = seed,
             .stream = Stream::Weights,
             .layer = static_cast<std::uint32_t>(placed_[i].layer),
             .sample = static_cast<std::uint32_t>(i)},
            values.data(), values.size());
    for (float& value : values) value = (2.0f * value - 1.0f) * limit;
  }
}

void ParameterSet::constrain() {
  for (std::size_t i = 0; i < count(); ++i)
    if (const TensorSpec& spec = placed_[i].spec; spec.trainable && spec.constraint != nullptr)
      spec.constraint(values_[i].data(), spec.extents);
}

void ParameterSet::check_signature(const TensorFile& file,
                                   const std::filesystem::path& path) const {
  const auto found = file.metadata.find("signature");
  if (found == file.metadata.end())
    throw FileError(path, 0, "does not say which network it belongs to: it has no signature");
  if (found->second == signature_) return;
  const std::vector<std::string> theirs = split(found->second, '|');
  if (theirs.front() != kFormat)
    throw SignatureMismatch(signature_, found->second, 0,
                            path.string() + ": its signature starts with " +
                                io::quoted(theirs.front()) + " where this program knows " +
                                io::quoted(kFormat));
  std::size_t layer = 0;
  while (layer < layers_.size() && layer + 1 < theirs.size() && layers_[layer] == theirs[layer + 1])
    ++layer;
  const std::string theirs_here =
      layer + 1 < theirs.size() ? io::escaped(theirs[layer + 1]) : std::string("nothing");
  const std::string ours_here = layer < layers_.size() ? layers_[layer] : std::string("nothing");
  throw SignatureMismatch(signature_, found->second, layer,
                          path.string() + ": belongs to another network: layer " +
                              std::to_string(layer) + " is " + theirs_here + " there and " +
                              ours_here + " here");
}

std::map<std::string, std::string> ParameterSet::read(const std::filesystem::path& path) {
  const TensorFile file = read_safetensors(path);
  std::vector<const Tensor*> sources;
  if (file.metadata.contains("signature")) {
    check_signature(file, path);
    for (const PlacedTensor& p : placed_) {
      const Tensor* tensor = file.find(p.name());
      if (tensor == nullptr) throw FileError(path, 0, "has no tensor " + p.name());
      sources.push_back(tensor);
    }
  } else {
    for (const Tensor& tensor : file.tensors) sources.push_back(&tensor);
    if (sources.size() != count())
      throw FileError(path, 0,
                      "has " + std::to_string(sources.size()) +
                          " tensors and no signature, where " + signature_ + " has " +
                          std::to_string(count()) + " tensors");
  }
  std::vector<std::vector<float>> values;
  for (std::size_t i = 0; i < count(); ++i) {
    const std::vector<std::size_t> wanted = placed_[i].shape();
    if (sources[i]->dtype != DType::F32 ||
        (sources[i]->shape != wanted &&
         without_leading_ones(sources[i]->shape) != without_leading_ones(wanted)))
      throw SignatureMismatch(signature_, "", placed_[i].layer,
                              path.string() + ": tensor " + io::quoted(sources[i]->name) + " is " +
                                  to_text(sources[i]->shape) + " where layer " +
                                  std::to_string(placed_[i].layer) + " (" +
                                  layers_[placed_[i].layer] + ") wants float32 " +
                                  std::string(placed_[i].spec.name) + " " + to_text(wanted));
    values.push_back(sources[i]->floats());
  }
  for (std::size_t i = 0; i < count(); ++i)
    std::copy(values[i].begin(), values[i].end(), values_[i].begin());
  return file.metadata;
}

void ParameterSet::write(const std::filesystem::path& path,
                         std::map<std::string, std::string> metadata) const {
  TensorFile file;
  file.metadata = std::move(metadata);
  file.metadata["signature"] = signature_;
  for (std::size_t i = 0; i < count(); ++i)
    file.tensors.push_back(Tensor::of(placed_[i].name(), placed_[i].shape(), values_[i].data()));
  write_safetensors(path, file);
}

}  // namespace synfire
