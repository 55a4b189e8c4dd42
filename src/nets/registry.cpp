#include <array>
#include <utility>

#include <synfire/error.hpp>

#include "nets.hpp"

namespace synfire {
namespace {

constexpr std::array<std::pair<std::string_view, std::unique_ptr<Model> (*)()>, 11> kNets{{
    {"nonspiking", nets::nonspiking},
    {"spiking", nets::spiking},
    {"spiking_bfloat16", nets::spiking_bfloat16},
    {"spiking_int8", nets::spiking_int8},
    {"spiking_csr", nets::spiking_csr},
    {"spiking_blocked", nets::spiking_blocked},
    {"deep", nets::deep},
    {"wide", nets::wide},
    {"wide_blocked", nets::wide_blocked},
    {"lif", nets::lif},
    {"lowpass", nets::lowpass},
}};

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kNets) names.emplace_back(name);
  return names;
}

std::unique_ptr<Model> make_model(std::string_view name) {
  std::string known;
  for (const auto& [known_name, make] : kNets) {
    if (known_name == name) return make();
    known += (known.empty() ? "" : ", ") + std::string(known_name);
  }
  throw InvalidSetting("the net", "'" + std::string(name) + "'", "one of " + known);
}

}  // namespace synfire
