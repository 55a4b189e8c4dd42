#include <synfire/sweep.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include <synfire/error.hpp>

namespace synfire {
namespace {

constexpr std::size_t kUsualValues = 7, kMostValues = 1000;
constexpr const char* kForm =
    "SETTING=VALUES, of dt, steps, threshold, stop and regularize, like dt=1e-3..1";

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0;;) {
    const std::size_t comma = text.find(',', at);
    parts.push_back(text.substr(at, comma - at));
    if (comma == std::string_view::npos) return parts;
    at = comma + 1;
  }
}

struct Range {
  std::string_view first, last;
  std::optional<std::size_t> values;  // none where what is behind the slash is no number
};

std::optional<Range> range_of(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  Range range{text.substr(0, dots), text.substr(dots + 2), kUsualValues};
  if (const std::size_t slash = range.last.find('/'); slash != std::string_view::npos) {
    range.values = number<std::size_t>(range.last.substr(slash + 1));
    range.last = range.last.substr(0, slash);
  }
  return range;
}

/// A setting's name, for sentences, what each of its values must be, and how one is read.
template <class T>
struct Setting {
  std::string name;
  const char* wanted;
  std::optional<T> (*read)(std::string_view);
  T (*rounded)(double);
};

template <class T>
void add(std::vector<T>& values, T value) {
  if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
}

template <class T>
std::vector<T> values_of(const Setting<T>& setting, std::string_view text) {
  std::vector<T> values;
  const auto refuse = [&](std::string_view part, const char* wanted) {
    return InvalidSetting("--sweep " + setting.name, fmt::format("'{}'", part), wanted);
  };
  for (const std::string_view part : split(text)) {
    const auto range = range_of(part);
    if (!range) {
      const auto value = setting.read(part);
      if (!value) throw refuse(part, setting.wanted);
      add(values, *value);
      continue;
    }
    const auto first = setting.read(range->first), last = setting.read(range->last);
    if (!first || !last) throw refuse(part, setting.wanted);
    if (!(*first > T(0)) || *first > *last)
      throw refuse(part, "a range A..B with 0 < A <= B, like 0.001..1");
    if (!range->values || *range->values < 2 || *range->values > kMostValues)
      throw refuse(part, "a range A..B/N with N from 2 to 1000");
    const std::size_t n = *range->values;
    const auto low = static_cast<double>(*first), high = static_cast<double>(*last);
    for (std::size_t i = 0; i < n; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(n - 1);
      add(values, i == 0       ? *first
                  : i == n - 1 ? *last
                               : std::clamp(setting.rounded(low * std::pow(high / low, share)),
                                            *first, *last));
    }
  }
  return values;
}

std::optional<float> positive(std::string_view text) {
  const auto value = number<float>(text);
  return value && std::isfinite(*value) && *value > 0 ? value : std::nullopt;
}

std::optional<float> not_negative(std::string_view text) {
  const auto value = number<float>(text);
  return value && std::isfinite(*value) && *value >= 0 ? std::optional(std::abs(*value))
                                                       : std::nullopt;
}

std::optional<std::size_t> count(std::string_view text) {
  const auto value = number<std::size_t>(text);
  return value && *value >= 1 && *value <= std::size_t{1} << 24 ? value : std::nullopt;
}

float four_digits(double value) {
  return number<float>(fmt::format("{:.4g}", value)).value();
}

std::size_t whole(double value) {
  return static_cast<std::size_t>(std::llround(value));
}

}  // namespace

SweepGrid SweepGrid::parse(std::span<const std::string> texts) {
  SweepGrid grid;
  std::set<std::string> seen;
  if (texts.empty()) throw InvalidSetting("--sweep", "empty", kForm);
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals == std::string::npos) throw InvalidSetting("--sweep", "'" + text + "'", kForm);
    if (!seen.insert(name).second)
      throw InvalidSetting("--sweep", "'" + text + "'", "given once for each setting");
    const std::string_view values = std::string_view(text).substr(equals + 1);
    if (name == "dt") {
      grid.dt = values_of<float>({name, "finite numbers of seconds above 0", positive, four_digits},
                                 values);
    } else if (name == "steps") {
      grid.steps =
          values_of<std::size_t>({name, "whole numbers from 1 to 16777216", count, whole}, values);
    } else if (name == "threshold") {
      grid.threshold =
          values_of<float>({name, "finite numbers above 0", positive, four_digits}, values);
    } else if (name == "regularize") {
      grid.regularize =
          values_of<float>({name, "finite numbers from 0 on", not_negative, four_digits}, values);
    } else if (name == "stop") {
      for (const std::string_view part : split(values)) {
        const Stop stop = Stop::parse("--sweep stop", std::string(part));
        const auto same = [&](const Stop& known) { return known.text() == stop.text(); };
        if (std::none_of(grid.stop.begin(), grid.stop.end(), same)) grid.stop.push_back(stop);
      }
    } else {
      throw InvalidSetting("--sweep", "'" + text + "'", kForm);
    }
  }
  if (grid.size() > kMostPoints)
    throw InvalidSetting("--sweep", fmt::format("a grid of {} points", grid.size()),
                         fmt::format("at most {}: fewer values, or A..B/N", kMostPoints));
  return grid;
}

std::size_t SweepGrid::size() const {
  std::size_t product = 1;
  for (const std::size_t n :
       {dt.size(), steps.size(), threshold.size(), stop.size(), regularize.size()})
    if (product < std::size_t{1} << 40) product *= std::max<std::size_t>(n, 1);  // no overflow
  return product;
}

namespace {

/// Calls work(value) for each, or once with none.
template <class T, class Work>
void each(const std::vector<T>& values, const Work& work) {
  if (values.empty()) work(std::optional<T>());
  for (const T& value : values) work(std::optional<T>(value));
}

}  // namespace

std::vector<SweepPoint> SweepGrid::points() const {
  std::vector<SweepPoint> all;
  SweepPoint p;
  each(regularize, [&](auto strength) {
    p.regularize = strength;
    each(dt, [&](auto seconds) {
      p.dt = seconds;
      each(steps, [&](auto n) {
        p.steps = n;
        each(threshold, [&](auto scale) {
          p.threshold = scale;
          each(stop, [&](auto rule) {
            p.stop = rule;
            all.push_back(p);
          });
        });
      });
    });
  });
  return all;
}

}  // namespace synfire
