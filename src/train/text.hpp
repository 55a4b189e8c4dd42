// A choice with settings, as text: a word, then its fields, "sgd:momentum=0.9,nesterov=true"; lists
// have slashes between their values. A kind says its `name`, and its `fields` one by one.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <synfire/error.hpp>

namespace synfire {

template <class Number>
bool read_number(std::string_view text, Number& value) {
  const char* const end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && behind == end;
}

inline std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  for (std::size_t first = 0; first <= text.size();) {
    const std::size_t end = std::min(text.find(by, first), text.size());
    parts.push_back(text.substr(first, end - first));
    first = end + 1;
  }
  return parts;
}

namespace detail {

inline bool read(const std::string& text, float& value) {
  return read_number(text, value);
}
inline bool read(const std::string& text, double& value) {
  return read_number(text, value);
}
inline bool read(const std::string& text, int& value) {
  return read_number(text, value);
}
inline bool read(const std::string& text, std::uint64_t& value) {
  return read_number(text, value);
}
inline bool read(const std::string& text, bool& value) {
  value = text == "true";
  return value || text == "false";
}
inline bool read(const std::string& text, std::optional<float>& value) {
  return read_number(text, value.emplace());
}
template <class Number>
bool read(const std::string& text, std::vector<Number>& values) {
  values.clear();
  for (const std::string& part : split(text, '/'))
    if (!read(part, values.emplace_back())) return false;
  return true;
}

template <class Number>
std::optional<std::string> write(const Number& value) {
  return fmt::to_string(value);
}
inline std::optional<std::string> write(const std::optional<float>& value) {
  if (!value) return std::nullopt;
  return fmt::to_string(*value);
}
template <class Number>
std::optional<std::string> write(const std::vector<Number>& values) {
  return fmt::format("{}", fmt::join(values, "/"));
}

template <class Kind>
void read_fields(const std::string& what, const std::string& text, Kind& kind) {
  for (const std::string& part : split(text, ',')) {
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string key = part.substr(0, equals);
    const std::string value = part.substr(std::min(equals + 1, part.size()));
    std::vector<std::string_view> known;
    bool found = false;
    Kind::fields(kind, [&](std::string_view field, auto& place) {
      known.push_back(field);
      if (field != key) return;
      found = true;
      constexpr bool flag = std::is_same_v<std::remove_reference_t<decltype(place)>, bool>;
      if (!read(value, place))
        throw InvalidSetting(fmt::format("{} of the {}", key, what), "'" + value + "'",
                             flag ? "true or false" : "a number, and one for each place of a list");
    });
    if (!found)
      throw InvalidSetting(fmt::format("a field of the {}", what), "'" + part + "'",
                           fmt::format("{}=VALUE", fmt::join(known, "=VALUE, ")));
  }
}

}  // namespace detail

template <class... Kinds>
std::string text_of(const std::variant<Kinds...>& choice) {
  return std::visit(
      [](const auto& kind) {
        std::string text(kind.name);
        char before = ':';
        kind.fields(kind, [&](std::string_view field, const auto& value) {
          const std::optional<std::string> written = detail::write(value);
          if (!written) return;
          text += fmt::format("{}{}={}", before, field, *written);
          before = ',';
        });
        return text;
      },
      choice);
}

/// Throws InvalidSetting, which calls the choice `what`.
template <class... Kinds>
std::variant<Kinds...> choice_from(const std::string& what, const std::string& text,
                                   std::type_identity<std::variant<Kinds...>>) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string word = text.substr(0, colon);
  std::optional<std::variant<Kinds...>> choice;
  const auto attempt = [&]<class Kind>(Kind kind) {
    if (word != Kind::name) return;
    if (colon < text.size()) detail::read_fields(what, text.substr(colon + 1), kind);
    choice = std::move(kind);
  };
  (attempt(Kinds{}), ...);
  if (!choice)
    throw InvalidSetting("the " + what, "'" + text + "'",
                         fmt::format("one of {}, with fields like word:field=value,field=value",
                                     fmt::join({std::string_view(Kinds::name)...}, ", ")));
  return *std::move(choice);
}

}  // namespace synfire
