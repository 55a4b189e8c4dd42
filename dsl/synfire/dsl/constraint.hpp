// A constraint on a tensor: a struct in constraints/ with
//   accepts<rank>           whether it takes tensors of so many axes
//   apply(values, extents)  makes the values keep to it, after each step of training
#pragma once

#include <cstddef>

#include <synfire/parameter_set.hpp>

namespace synfire {

template <class C, std::size_t rank>
concept ConstraintOf = requires(float* values, const TensorSpec::Extents& extents) {
  requires C::template accepts<rank>;
  C::apply(values, extents);
};

/// Several constraints, one after the other.
template <class... Constraints>
void constrain(float* values, const TensorSpec::Extents& extents) {
  (Constraints::apply(values, extents), ...);
}

}  // namespace synfire
