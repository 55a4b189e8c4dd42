#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <utility>

#include "synfire/kernels.hpp"
#include "targets.hpp"

namespace synfire {
namespace {

using namespace test;

/// A matrix of which each group of `size` neighbouring columns is there or all zero.
struct Matrix {
  Matrix(std::mt19937& random, std::size_t rows, std::size_t columns, std::size_t size,
         double density)
      : rows(rows), columns(columns), weights(ordinary_floats(random, rows * columns, -2, 2)) {
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; j += size)
        if (static_cast<double>(random() % 1000) >= density * 1000)
          std::fill_n(weights.begin() + static_cast<std::ptrdiff_t>(i * columns + j),
                      std::min(size, columns - j), 0.0f);
  }

  bool empty(std::size_t i, std::size_t j, std::size_t size) const {
    for (std::size_t c = j; c < std::min(j + size, columns); ++c)
      if (weights[i * columns + c] != 0) return false;
    return true;
  }

  /// From start on, in the order of the events.
  std::vector<float> product(const std::vector<std::uint32_t>& index, const std::vector<float>& x,
                             std::vector<float> start) const {
    for (const auto i : index)
      for (std::size_t j = 0; j < columns; ++j)
        start[j] = std::fma(x[i], weights[i * columns + j], start[j]);
    return start;
  }

  std::size_t rows, columns;
  std::vector<float> weights;
};

template <class T>
Buffer<T> buffer(const std::vector<T>& values) {
  Buffer<T> made(values.size());
  std::copy(values.begin(), values.end(), made.begin());
  return made;
}

struct Events {
  Events(std::mt19937& random, std::size_t rows, double density)
      : dense(ordinary_floats(random, rows, 0.1f, 100.0f)) {
    for (std::uint32_t i = 0; i < rows; ++i) {
      if (static_cast<double>(random() % 1000) >= density * 1000) dense[i] = 0;
      if (dense[i] != 0) index.push_back(i);
    }
  }
  std::vector<float> dense;
  std::vector<std::uint32_t> index;
};

template <class Check>
void for_shapes(std::size_t size, const Check& check) {
  on_every_target([&] {
    std::mt19937 random(static_cast<unsigned>(size));
    for (const std::size_t rows : {1, 7, 784})
      for (const std::size_t columns : {1, 8, 15, 16, 31, 32, 33, 128, 200})
        for (const double density : {0.0, 0.1, 1.0})
          for (const double active : {0.0, 0.1, 1.0}) {
            INFO("matrix " << rows << " x " << columns << ", synapses " << density << ", events "
                           << active);
            check(random, Matrix(random, rows, columns, size, density),
                  Events(random, rows, active));
          }
  });
}

}  // namespace

TEST_CASE("accumulate_csr sums the synapses that are there") {
  for_shapes(1, [](std::mt19937& random, const Matrix& m, const Events& events) {
    std::vector<std::uint32_t> begin{0};
    std::vector<kernels::Synapse> synapses;
    for (std::size_t i = 0; i < m.rows; ++i) {
      for (std::uint32_t j = 0; j < m.columns; ++j)
        if (!m.empty(i, j, 1)) synapses.push_back({j, m.weights[i * m.columns + j]});
      begin.push_back(static_cast<std::uint32_t>(synapses.size()));
    }
    const auto start = ordinary_floats(random, m.columns, -1, 1);
    std::vector<float> out(m.columns);
    kernels::accumulate_csr({begin.data(), synapses.data()}, start.data(), m.columns,
                            events.index.data(), events.dense.data(), events.index.size(),
                            out.data());
    REQUIRE(first_difference(m.product(events.index, events.dense, start), out) == -1);
  });
}

TEST_CASE("accumulate_blocks and gather_blocks sum the blocks that are there") {
  for (const std::size_t size : {8, 16, 32, 64})
    for_shapes(size, [size](std::mt19937& random, const Matrix& m, const Events& events) {
      const std::size_t stride =
          (m.columns + kernels::kBlockGroup - 1) / kernels::kBlockGroup * kernels::kBlockGroup;
      const auto append = [&](std::vector<float>& to, std::size_t i, std::size_t j) {
        for (std::size_t c = j; c < j + size; ++c)
          to.push_back(c < m.columns ? m.weights[i * m.columns + c] : 0);
      };
      const auto start = ordinary_floats(random, m.columns, -1, 1);
      Buffer<float> from(stride), out(stride + size);
      std::copy(start.begin(), start.end(), from.begin());

      Buffer<std::uint32_t> begin(m.rows + 1), degree(m.rows);
      std::vector<std::uint32_t> columns;
      std::vector<float> weight;
      for (std::size_t i = 0; i < m.rows; ++i) {
        degree[i] = static_cast<std::uint32_t>(random() % 100);
        for (std::size_t j = 0; j < m.columns; j += size) {
          if (m.empty(i, j, size)) continue;
          columns.push_back(static_cast<std::uint32_t>(j));
          append(weight, i, j);
        }
        begin[i + 1] = static_cast<std::uint32_t>(columns.size());
      }
      const auto column = buffer(columns);
      const auto row_weight = buffer(weight);
      const kernels::BlockRows rows{size, begin.data(), degree.data(), column.data(),
                                    row_weight.data()};
      const auto index = buffer(events.index);
      Buffer<std::uint32_t> block(columns.size());
      Buffer<float> value(columns.size());

      // Counts of spikes, mostly 1, in units of any size.
      for (const float unit : {1.0f, 0.01f}) {
        std::vector<float> count, x(m.rows);
        std::size_t blocks = 0, synapses = 0;
        for (const auto i : events.index) {
          const bool once = random() % 8 != 0;
          count.push_back(once ? 1.0f : static_cast<float>(random() % 5) - 2.0f);
          x[i] = count.back() / unit;
          blocks += begin[i + 1] - begin[i];
          synapses += static_cast<std::size_t>(std::abs(count.back())) * degree[i];
        }
        const auto counts = poisoned(count);
        const kernels::BlockEvents spikes{index.data(), counts.data(), count.size(),
                                          unit,         block.data(),  value.data()};
        const auto add = [&](const kernels::BlockRows& of, std::size_t most) {
          return kernels::accumulate_blocks(of, from.data(), stride, spikes, most, out.data());
        };
        const auto read = add(rows, blocks);
        REQUIRE(read.blocks == blocks);
        REQUIRE(read.synapses == synapses);
        REQUIRE(first_difference(m.product(events.index, x, start), {out.data(), m.columns}) == -1);

        if (blocks != 0) {
          std::fill(out.begin(), out.end(), 7.0f);
          REQUIRE(add(rows, blocks - 1).blocks == blocks);
          REQUIRE(std::all_of(out.begin(), out.end(), [](float y) { return y == 7; }));
        }
        auto uncounted = rows;
        uncounted.degree = nullptr;
        REQUIRE(add(uncounted, blocks).synapses == 0);
      }

      // Columns of blocks in any order; here from the last to the first, and each in two parts, the
      // second of which goes on from the sums of the first.
      const auto expected = m.product(events.index, events.dense, start);
      const std::size_t together = kernels::kBlockGroup / size;
      std::vector<std::uint32_t> length, place, input;
      weight.clear();
      for (std::size_t g = 0; g < stride / kernels::kBlockGroup; ++g)
        for (const bool later : {false, true}) {
          std::vector<std::vector<std::uint32_t>> readers(together);
          std::vector<std::size_t> from_column(together);
          std::size_t turns = 0;
          for (std::size_t b = 0; b < together; ++b) {
            const std::size_t j = stride - (g * together + b + 1) * size;
            from_column[b] = j;
            for (std::uint32_t i = 0; i < m.rows && j < m.columns; ++i)
              if (!m.empty(i, j, size) && (i > m.rows / 3) == later) readers[b].push_back(i);
            place.push_back(static_cast<std::uint32_t>(readers[b].empty() ? stride : j));
            turns = std::max(turns, readers[b].size());
          }
          length.push_back(static_cast<std::uint32_t>(turns));
          for (std::size_t t = 0; t < turns; ++t)
            for (std::size_t b = 0; b < together; ++b) {
              const bool is_there = t < readers[b].size();
              input.push_back(is_there ? readers[b][t] : 0);
              if (is_there)
                append(weight, input.back(), from_column[b]);
              else
                weight.resize(weight.size() + size);
            }
        }
      const auto column_weight = buffer(weight);
      kernels::gather_blocks(
          {size, length.size(), length.data(), place.data(), input.data(), column_weight.data()},
          events.dense.data(), from.data(), stride, out.data());
      REQUIRE(first_difference(expected, {out.data(), m.columns}) == -1);
    });
}

TEST_CASE("nonzero_values lists what is not zero") {
  on_every_target([] {
    std::mt19937 random(5);
    for (std::size_t n = 0; n <= 100; ++n) {
      const auto x = awkward_floats(random, n);
      std::vector<std::uint32_t> expected;
      std::vector<float> values;
      for (std::uint32_t i = 0; i < n; ++i)
        if (!(x[i] == 0)) {
          expected.push_back(i);
          values.push_back(x[i]);
        }
      Buffer<std::uint32_t> index(n);
      Buffer<float> value(n);
      REQUIRE(kernels::nonzero_values(x.data(), n, index.data(), value.data()) == expected.size());
      REQUIRE(std::equal(expected.begin(), expected.end(), index.begin()));
      REQUIRE(first_difference(values, {value.data(), values.size()}) == -1);
    }
  });
}

TEST_CASE("count_inputs counts what is not zero") {
  on_every_target([] {
    std::mt19937 random(16);
    constexpr float some[] = {-1, -0.0f, 0, 0x1p-149f, std::numeric_limits<float>::quiet_NaN()};
    for (std::size_t n = 0; n < 100; ++n) {
      INFO("n " << n);
      std::vector<float> x(n);
      for (float& value : x) value = some[random() % 5];
      const auto counted = kernels::count_inputs(x.data(), n);
      REQUIRE(counted.nonzero ==
              n - static_cast<std::size_t>(std::count(x.begin(), x.end(), 0.0f)));
      REQUIRE(counted.graded == kernels::any_graded(x.data(), n));
    }
  });
}

TEST_CASE("any_graded finds what is not -1, 0 or 1") {
  on_every_target([] {
    std::mt19937 random(13);
    constexpr float plain[] = {-1, -0.0f, 0, 1};
    for (std::size_t n = 0; n < 70; ++n) {
      INFO("n " << n);
      std::vector<float> x(n);
      for (float& value : x) value = plain[random() % 4];
      REQUIRE_FALSE(kernels::any_graded(x.data(), n));
      for (const float other : {0.5f, -2.0f, std::nanf(""), 0x1p-149f})
        for (std::size_t i = 0; i < n; ++i) {
          const float before = std::exchange(x[i], other);
          REQUIRE(kernels::any_graded(x.data(), n));
          x[i] = before;
        }
    }
  });
}

TEST_CASE("reached counts what is not zero, and what it is worth") {
  on_every_target([] {
    std::mt19937 random(4);
    for (std::size_t n = 1; n <= 100; ++n) {
      const auto x = awkward_floats(random, n);
      Buffer<std::uint32_t> worth(n);
      for (auto& w : worth) w = static_cast<std::uint32_t>(random() % 1000);
      kernels::Reached expected{0, 0};
      for (std::size_t i = 0; i < n; ++i)
        if (x[i] != 0) {
          ++expected.inputs;
          expected.worth += worth[i];
        }
      const auto all = kernels::reached(x.data(), n, worth.data());
      REQUIRE(all.inputs == expected.inputs);
      REQUIRE(all.worth == expected.worth);
    }
  });
}

}  // namespace synfire
