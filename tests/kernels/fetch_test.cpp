#include <catch2/catch.hpp>
#include <cstdint>
#include <vector>

#include "synfire/kernels.hpp"

namespace synfire {
namespace {

TEST_CASE("a fetch changes nothing, and may be asked for any address") {
  std::vector<std::uint8_t> bytes(1000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  const auto before = bytes;
  for (const std::size_t n : {0, 1, 63, 64, 65, 1000}) kernels::fetch_to_write(bytes.data(), n);
  CHECK(bytes == before);
  kernels::fetch_to_write(nullptr, 100);
  kernels::fetch_to_write(reinterpret_cast<const void*>(std::uintptr_t{1} << 63), 100);
}

}  // namespace
}  // namespace synfire
