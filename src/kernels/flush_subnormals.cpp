#include <hwy/detect_compiler_arch.h>

#include <synfire/kernels.hpp>

#if HWY_ARCH_X86
#include <xmmintrin.h>
#endif

namespace synfire::kernels {
namespace {

#if HWY_ARCH_X86

constexpr std::uint64_t kFlush = 0x8040;  // flush to zero, denormals are zero
std::uint64_t mode() {
  return _mm_getcsr();
}
void set_mode(std::uint64_t mode) {
  _mm_setcsr(static_cast<unsigned>(mode));
}

#elif HWY_ARCH_ARM_A64

constexpr std::uint64_t kFlush = std::uint64_t{1} << 24;
std::uint64_t mode() {
  std::uint64_t fpcr;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  return fpcr;
}
void set_mode(std::uint64_t mode) {
  asm volatile("msr fpcr, %0" : : "r"(mode));
}

#else

constexpr std::uint64_t kFlush = 0;
std::uint64_t mode() {
  return 0;
}
void set_mode(std::uint64_t) {}

#endif

}  // namespace

FlushSubnormals::FlushSubnormals() : before_(mode()) {
  set_mode(before_ | kFlush);
}

FlushSubnormals::~FlushSubnormals() {
  set_mode(before_);
}

}  // namespace synfire::kernels
