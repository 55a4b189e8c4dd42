// Extents of one sample, known to the compiler. C order: the last extent runs fastest.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace synfire {

template <std::size_t... Extents>
struct Shape {
  static constexpr std::size_t rank = sizeof...(Extents);
  static constexpr std::size_t size = (Extents * ... * 1);
  static constexpr std::array<std::size_t, rank> extents{Extents...};

  /// "28,28"
  static std::string text() {
    std::string list;
    for (const std::size_t extent : extents)
      list += (list.empty() ? "" : ",") + std::to_string(extent);
    return list;
  }
};

}  // namespace synfire
