// Text as a template argument: Named<"hidden", ...>, Probe<"hidden">.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace synfire {

template <std::size_t N>
struct Name {
  char text[N]{};

  constexpr Name(const char (&from)[N]) { std::copy_n(from, N, text); }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

}  // namespace synfire
