#include <hwy/detect_compiler_arch.h>

#include <cstdint>

#include <synfire/kernels.hpp>

#if HWY_ARCH_X86
// 64-bit processors without the instruction take it for one that does nothing.
#define SYNFIRE_FETCHES [[gnu::target("prfchw")]]
#else
#define SYNFIRE_FETCHES
#endif

namespace synfire::kernels {

SYNFIRE_FETCHES void fetch_to_write(const void* first, std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  const auto address = reinterpret_cast<std::uintptr_t>(first);
  for (std::size_t i = 0; i < bytes; i += kLine)
    __builtin_prefetch(reinterpret_cast<const void*>(address + i), 1);
  if (bytes != 0) __builtin_prefetch(reinterpret_cast<const void*>(address + bytes - 1), 1);
}

}  // namespace synfire::kernels
