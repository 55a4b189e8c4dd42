#include "synfire/target.hpp"

#define HWY_WANT_AVX3_DL  // as the kernels that have it
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/target.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/tiles.hpp"
#include "synfire/error.hpp"

HWY_BEFORE_NAMESPACE();
namespace synfire::HWY_NAMESPACE {

const char* target_name() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace synfire::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace synfire {

HWY_EXPORT(target_name);

namespace {

// Tiles are one target more: Highway's, with them.
constexpr const char* kWithTiles = "AVX3_DL+AMX";

// The baseline that the compiler takes for granted is always supported, whether or not Highway's
// own library was compiled with the same one.
std::vector<std::int64_t> supported() {
  auto targets = hwy::SupportedAndGeneratedTargets();
  if (targets.empty() || targets.back() != HWY_STATIC_TARGET) targets.push_back(HWY_STATIC_TARGET);
  return targets;
}

bool supports_tiles() {
  return kernels::tiles_granted() && supported().front() == HWY_AVX3_DL;
}

}  // namespace

std::string active_target() {
  const std::string name = HWY_DYNAMIC_DISPATCH(target_name)();
  return name == hwy::TargetName(HWY_AVX3_DL) && kernels::has_tiles() ? kWithTiles : name;
}

std::vector<std::string> supported_targets() {
  std::vector<std::string> names;
  if (supports_tiles()) names.emplace_back(kWithTiles);
  for (const auto target : supported()) names.emplace_back(hwy::TargetName(target));
  return names;
}

void force_target(const std::string& name) {
  const bool with_tiles = supports_tiles() && name == kWithTiles;
  std::string known = supports_tiles() ? kWithTiles : "";
  for (const auto target : supported()) {
    if (with_tiles || name.empty() || name == hwy::TargetName(target)) {
      kernels::allow_tiles(with_tiles || name.empty());
      // Kernels that were not compiled for this one take the next (a lower bit is a better target).
      hwy::GetChosenTarget().Update(hwy::SupportedTargets() & -target);
      return;
    }
    known += (known.empty() ? "" : ", ") + std::string(hwy::TargetName(target));
  }
  throw InvalidSetting("target", "'" + name + "'", "one that this processor supports: " + known);
}

}  // namespace synfire
#endif
