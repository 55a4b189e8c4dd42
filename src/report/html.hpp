// Text in HTML.
#pragma once

#include <string>
#include <string_view>

namespace synfire::report {

/// A text as HTML's and SVG's: in elements and in quoted attributes.
std::string escaped(std::string_view text);

}  // namespace synfire::report
