// What contenders keep their data in.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace bench {

/// A vector of floats that starts at a cache line, as any library would have it.
template <class T>
struct CacheLines {
  using value_type = T;
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64)));
  }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  bool operator==(const CacheLines&) const { return true; }
};
using Floats = std::vector<float, CacheLines<float>>;

}  // namespace bench
