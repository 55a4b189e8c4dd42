// Text in HTML, and what every page is made of.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <synfire/tables_page.hpp>

namespace synfire::report {

/// A text as HTML's and SVG's: in elements and in quoted attributes.
std::string escaped(std::string_view text);

/// A picture under its title and what it shows.
std::string figure(const std::string& title, const std::string& note, const std::string& svg);

/// A page's title and what it was made from.
using Facts = std::vector<std::pair<std::string, std::string>>;
std::string header(const std::string& title, const Facts& facts);

/// A paragraph each.
std::string notes(const std::vector<std::string>& sentences);

/// A table in a box that scrolls where it is wider than the page; `label` is its name for those who
/// do not see it.
std::string scrolled(const Table& table, const std::string& label);

/// A table under its title and note.
std::string section(const PageTable& table);

/// The whole page, light and dark, which loads nothing and runs no script.
std::string document(const std::string& title, const std::string& body);

}  // namespace synfire::report
