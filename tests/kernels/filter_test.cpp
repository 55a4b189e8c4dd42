#include <rapidcheck.h>

#include <catch2/catch.hpp>

#include "synfire/kernels.hpp"
#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;

using Rows = std::vector<float>;  // their allocations end where the last unit does

struct Case {
  std::size_t order, units, steps, stride;
  Rows coefficients, derivatives, x, start, g, dx;

  kernels::FilterBank bank() const { return {order, units, stride, coefficients.data()}; }
  std::size_t row(std::size_t r) const { return r * stride; }
};

/// Filters whose rows are `stride` apart, with values that fill() makes.
template <class Fill>
Case make_case(std::mt19937& random, std::size_t order, std::size_t units, const Fill& fill) {
  Case c{order, units, random() % 6, units + random() % 5, {}, {}, {}, {}, {}, {}};
  const auto rows = [&](std::size_t n) { return n == 0 ? 0 : (n - 1) * c.stride + units; };
  c.coefficients = fill(random, rows(order * order + order));
  c.derivatives = fill(random, rows(order * order + order));
  c.x = fill(random, rows(c.steps));
  c.start = fill(random, rows(order));
  c.g = fill(random, rows(c.steps));
  c.dx = fill(random, rows(c.steps));
  return c;
}

/// A s + B x, row r, of unit i.
float row_of(const Case& c, const Rows& rows, std::size_t r, const float* s, float x,
             std::size_t i) {
  float sum = rows[c.row(r * c.order) + i] * s[i];
  if (c.order == 2) sum = sum + rows[c.row(r * 2 + 1) + i] * s[c.stride + i];
  return sum + rows[c.row(c.order * c.order + r) + i] * x;
}

void check(const Case& c) {
  const std::size_t last = c.order - 1, all = c.steps * c.order;
  const std::size_t size = all == 0 ? 0 : c.row(all - 1) + c.units;
  Rows states(size, 7), found(size, 7);
  const auto before = [&](std::size_t t) {
    return t == 0 ? c.start.data() : states.data() + c.row((t - 1) * c.order);
  };
  for (std::size_t t = 0; t < c.steps; ++t)
    for (std::size_t i = 0; i < c.units; ++i)
      for (std::size_t r = 0; r < c.order; ++r)
        states[c.row(t * c.order + r) + i] =
            row_of(c, c.coefficients, r, before(t), c.x[c.row(t) + i], i);
  const kernels::FilterRun run{c.steps,        c.x.data(),   c.stride,
                               c.start.data(), found.data(), c.order * c.stride};
  kernels::filter(c.bank(), run);
  REQUIRE(first_difference(states, found) == -1);

  // A step in place.
  if (c.steps != 0) {
    Rows state = c.start;
    kernels::filter(c.bank(), {1, c.x.data(), 0, state.data(), state.data(), 0});
    for (std::size_t r = 0; r < c.order; ++r)
      for (std::size_t i = 0; i < c.units; ++i)
        REQUIRE(same(state[c.row(r) + i], states[c.row(r) + i]));
  }

  Rows dx = c.dx, found_dx = c.dx, dparameter(c.units), dstart(c.units);
  Rows found_dparameter(c.units, 7), found_dstart(c.units, 7);
  for (std::size_t i = 0; i < c.units; ++i) {
    const auto a = [&](std::size_t r, std::size_t col) {
      return c.coefficients[c.row(r * c.order + col) + i];
    };
    const auto b = [&](std::size_t r) { return c.coefficients[c.row(c.order * c.order + r) + i]; };
    float l[2] = {0, 0};
    const auto back = [&] {
      const float l0 = l[0], l1 = l[1];
      for (std::size_t col = 0; col < c.order; ++col)
        l[col] = c.order == 1 ? a(0, 0) * l0 : a(0, col) * l0 + a(1, col) * l1;
    };
    float sum = 0;
    for (std::size_t t = c.steps; t-- != 0;) {
      back();
      l[last] += c.g[c.row(t) + i];
      dx[c.row(t) + i] = c.order == 1 ? b(0) * l[0] : b(0) * l[0] + b(1) * l[1];
      const auto term = [&](std::size_t r) {
        return l[r] * row_of(c, c.derivatives, r, before(t), c.x[c.row(t) + i], i);
      };
      sum += c.order == 1 ? term(0) : term(0) + term(1);
    }
    back();
    dparameter[i] = sum;
    dstart[i] = l[last];
  }
  kernels::filter_gradient(c.bank(), run,
                           {c.derivatives.data(), c.g.data(), c.stride, found_dx.data(), c.stride,
                            found_dparameter.data(), found_dstart.data()});
  REQUIRE(first_difference(dx, found_dx) == -1);
  REQUIRE(first_difference(dparameter, found_dparameter) == -1);
  REQUIRE(first_difference(dstart, found_dstart) == -1);

  // The same input at every step: its gradient is the sum, from the last step on.
  if (c.steps != 0) {
    kernels::FilterRun held = run;
    held.x_stride = 0;
    kernels::filter(c.bank(), held);
    Rows each = c.dx, sum(c.units, 7);
    kernels::FilterGradient gradient{c.derivatives.data(), c.g.data(), c.stride,
                                     each.data(),          c.stride,   found_dparameter.data(),
                                     found_dstart.data()};
    kernels::filter_gradient(c.bank(), held, gradient);
    gradient.dx = sum.data();
    gradient.dx_stride = 0;
    kernels::filter_gradient(c.bank(), held, gradient);
    for (std::size_t i = 0; i < c.units; ++i) {
      float wanted = each[c.row(c.steps - 1) + i];
      for (std::size_t t = c.steps - 1; t-- != 0;) wanted += each[c.row(t) + i];
      REQUIRE(same(sum[i], wanted));
    }
  }

  // Weighted rows: g as weights of x, and spread over the rows.
  Rows out(c.units, 0.5f), found_out = out, spread = c.dx, found_spread = c.dx;
  for (std::size_t t = 0; t < c.steps; ++t)
    for (std::size_t i = 0; i < c.units; ++i) {
      out[i] += c.g[c.row(t) + i] * c.x[c.row(t) + i];
      spread[c.row(t) + i] = c.g[c.row(t) + i] * c.start[i];
    }
  kernels::add_weighted_rows(c.g.data(), c.stride, c.x.data(), c.stride, c.units, c.steps,
                             found_out.data());
  kernels::spread_rows(c.g.data(), c.stride, c.start.data(), c.units, c.steps, found_spread.data(),
                       c.stride);
  REQUIRE(first_difference(out, found_out) == -1);
  REQUIRE(first_difference(spread, found_spread) == -1);
}

TEST_CASE("filters step as their definition does, both ways, at every size") {
  on_every_target([] {
    std::mt19937 random(9);
    for (std::size_t order : {1u, 2u})
      for (std::size_t units = 1; units <= 130; ++units) {
        INFO("order " << order << ", units " << units);
        check(make_case(random, order, units,
                        [](auto& r, std::size_t n) { return ordinary_floats(r, n, -1.0f, 1.0f); }));
      }
  });
}

TEST_CASE("filters carry zeros of both signs, huge numbers, infinities and NaN") {
  on_every_target([] {
    CHECK(rc::check("awkward numbers", [](unsigned seed) {
      std::mt19937 random(seed);
      const std::size_t order = 1 + random() % 2, units = 1 + random() % 70;
      check(make_case(random, order, units, awkward_floats));
    }));
  });
}

}  // namespace
}  // namespace synfire
