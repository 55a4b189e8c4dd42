// The weights of one network.
#pragma once

#include <span>

#include <synfire/dsl/network.hpp>
#include <synfire/parameter_set.hpp>

namespace synfire {

/// Every tensor of `Net`, in the order of its layers. Constants (biases, time constants) have their
/// initial values when made; weights are zero until initialize() or read().
template <class Net>
class Parameters : public ParameterSet {
 public:
  Parameters() : ParameterSet(signatures(), placements()) {}

  /// Throws FileError or SignatureMismatch (see ParameterSet::read).
  static Parameters load(const std::filesystem::path& path) {
    Parameters parameters;
    parameters.read(path);
    return parameters;
  }

  static Parameters initial(std::uint64_t seed) {
    Parameters parameters;
    parameters.initialize(seed);
    return parameters;
  }

 private:
  static std::vector<std::string> signatures() {
    std::vector<std::string> texts;
    for (LayerInfo& layer : describe<Net>()) texts.push_back(std::move(layer.signature));
    return texts;
  }
  static std::vector<PlacedTensor> placements() {
    std::vector<PlacedTensor> placed;
    for_each_layer<Net>([&placed](auto layer) {
      using Node = typename decltype(layer)::type::Node;
      for (const TensorSpec& spec : Node::Layer::template tensors<typename Node::In>)
        placed.push_back({Node::index, spec});
    });
    return placed;
  }
};

}  // namespace synfire
