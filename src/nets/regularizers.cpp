// Regularizers as text: what a command line can say of dsl/regularizers/.
#include <synfire/dsl/regularizers/l1_l2.hpp>
#include <synfire/dsl/regularizers/over_time.hpp>
#include <synfire/dsl/regularizers/percentile.hpp>
#include <synfire/error.hpp>

#include "train/text.hpp"

namespace synfire {
namespace {

struct Common {
  std::vector<float> target;  // one value, or the ends of a range; 0 where there is none
  bool over_time = false;

  Target range() const {
    if (target.empty()) return 0;
    if (target.size() == 1) return target[0];
    if (target.size() == 2) return {target[0], target[1]};
    throw InvalidSetting("target of the regularizer", fmt::format("{}", fmt::join(target, "/")),
                         "one value, or the two ends of a range");
  }
  template <class R>
  std::shared_ptr<const Regularizer> made(R settings) const {
    if (over_time) return regularizer(OverTime<R>{std::move(settings)});
    return regularizer(std::move(settings));
  }
};

struct L1Text : Common {
  static constexpr std::string_view name = "l1";
  float l1 = 0.01f;
  auto make() const { return made(L1{.l1 = l1, .target = range()}); }
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("l1", self.l1);
    field("target", self.target);
    field("over_time", self.over_time);
  }
};

struct L2Text : Common {
  static constexpr std::string_view name = "l2";
  float l2 = 0.01f;
  auto make() const { return made(L2{.l2 = l2, .target = range()}); }
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("l2", self.l2);
    field("target", self.target);
    field("over_time", self.over_time);
  }
};

struct L1L2Text : Common {
  static constexpr std::string_view name = "l1l2";
  float l1 = 0.01f, l2 = 0.01f;
  auto make() const { return made(L1L2{.l1 = l1, .l2 = l2, .target = range()}); }
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("l1", self.l1);
    field("l2", self.l2);
    field("target", self.target);
    field("over_time", self.over_time);
  }
};

struct PercentileText : Common {
  static constexpr std::string_view name = "percentile";
  double percentile = 100;
  std::vector<int> axis;  // 0 where there is none
  float l1 = 0, l2 = 0.01f;
  auto make() const {
    return made(
        Percentile{.percentile = percentile, .axis = axis, .target = range(), .l1 = l1, .l2 = l2});
  }
  template <class Self, class Field>
  static void fields(Self& self, Field&& field) {
    field("percentile", self.percentile);
    field("axis", self.axis);
    field("l1", self.l1);
    field("l2", self.l2);
    field("target", self.target);
    field("over_time", self.over_time);
  }
};

}  // namespace

std::shared_ptr<const Regularizer> parse_regularizer(const std::string& text) {
  using Choice = std::variant<L1Text, L2Text, L1L2Text, PercentileText>;
  return std::visit([](const auto& kind) { return kind.make(); },
                    choice_from("regularizer", text, std::type_identity<Choice>{}));
}

}  // namespace synfire
