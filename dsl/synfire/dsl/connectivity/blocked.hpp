// Blocks of Size neighbouring targets that a presynaptic neuron reaches together, so that vectors
// stay whole. A block with a weight that is not 0 is kept as it is.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <vector>

#include <synfire/dsl/connectivity.hpp>
#include <synfire/dsl/weights/float32.hpp>

namespace synfire {

template <std::size_t Size>
struct Blocked {
  static constexpr std::string_view name = Size == 8    ? "blocked(8)"
                                           : Size == 16 ? "blocked(16)"
                                           : Size == 32 ? "blocked(32)"
                                                        : "blocked(64)";
  /// 0, which makes it no connectivity, where there is no kernel for the size.
  static constexpr std::size_t group =
      Size == 8 || Size == 16 || Size == 32 || Size == 64 ? Size : 0;

  template <std::size_t inputs, std::size_t width>
  using Clocked = float32::Clocked<inputs, width>;

  template <std::size_t inputs, std::size_t width>
  struct Packed;

  /// The blocks lie in memory twice: by rows for few events, by columns for many. By columns the
  /// sums stay in registers and nothing is searched for, but inputs that are 0 are read, too. Where
  /// few blocks are missing, whole rows are read, zeros and all.
  template <std::size_t inputs, std::size_t width>
  class Event {
   public:
    static constexpr std::size_t stride = Packed<inputs, width>::stride + Size;
    static constexpr bool tells_all_operations = true;  // as EventRows

    Event(const float* kernel, const float* bias, const RunOptions&)
        : packed_(std::make_shared<const Packed<inputs, width>>(kernel, bias)),
          index_(inputs),
          amount_(inputs),
          block_(packed_->begin[inputs]),
          value_(packed_->begin[inputs]) {}

    ReadWeights add(Values in, float* out) {
      const auto [active, synapses] = kernels::reached(in.data(), inputs, packed_->degree.data());
      if (synapses / Size > most_by_rows(active)) {
        if (by_columns(active)) return gather(in.data(), active, synapses, out);
        const std::size_t n = kernels::nonzeros(in.data(), inputs, index_.data());
        return whole(index_.data(), in.data(), n, synapses, out);
      }
      const std::size_t n =
          kernels::nonzero_values(in.data(), inputs, index_.data(), amount_.data());
      const std::size_t all = packed_->begin[inputs];
      const auto read =
          accumulate(packed_->rows(nullptr), {index_.data(), amount_.data(), n, 1}, all, out);
      return {synapses, n, read.blocks * Size * sizeof(float), n};
    }

    ReadWeights add(SpikeView in, float* out) {
      const std::size_t most = most_by_rows(in.size);
      const auto [blocks, synapses] =
          accumulate(packed_->rows(packed_->degree.data()), in, most, out);
      if (blocks <= most) return {synapses, in.size, blocks * Size * sizeof(float), in.size};
      const bool all = by_columns(in.size);
      if (all) std::fill(amount_.begin(), amount_.end(), 0.0f);
      for (std::size_t k = 0; k < in.size; ++k) amount_[in.index[k]] = in.count[k] / in.unit;
      return all ? gather(amount_.data(), in.size, synapses, out)
                 : whole(in.index, amount_.data(), in.size, synapses, out);
    }

   private:
    /// In the time that kernels::kLanes weights of a whole row take, on AVX-512 and AVX2 alike
    /// within a quarter: an event's part in listing blocks, a block in the list beside its weights,
    /// as many weights of one, and a block of a column beside its weights.
    static constexpr double kEvent = 2, kBlock = 0.8, kInRow = 1.25, kInColumn = 0.5;
    static constexpr double kBlockByRow = kBlock + kInRow * Size / kernels::kLanes;
    static constexpr double kBlockByColumn = kInColumn + 0.65 * Size / kernels::kLanes;

    double columns() const { return kBlockByColumn * static_cast<double>(packed_->input.size()); }
    static double whole_rows(std::size_t events) {
      return static_cast<double>(events * kernels::padded(width)) / kernels::kLanes;
    }
    bool by_columns(std::size_t events) const { return columns() < whole_rows(events); }
    /// The most blocks that so many events may have for their rows to be the fastest way.
    std::size_t most_by_rows(std::size_t events) const {
      const double others = std::min(columns(), whole_rows(events));
      const double left = others - kEvent * static_cast<double>(events);
      return left > 0 ? static_cast<std::size_t>(left / kBlockByRow) : 0;
    }

    kernels::BlocksRead accumulate(const kernels::BlockRows& rows, SpikeView in, std::size_t most,
                                   float* out) {
      return kernels::accumulate_blocks(
          rows, packed_->bias.data(), Packed<inputs, width>::stride,
          {in.index, in.count, in.size, in.unit, block_.data(), value_.data()}, most, out);
    }
    ReadWeights gather(const float* x, std::size_t n, std::uint64_t synapses, float* out) const {
      kernels::gather_blocks(packed_->columns(), x, packed_->bias.data(),
                             Packed<inputs, width>::stride, out);
      const std::size_t blocks = packed_->input.size();
      return {synapses, blocks, blocks * Size * sizeof(float), n};
    }
    ReadWeights whole(const std::uint32_t* index, const float* x, std::size_t n,
                      std::uint64_t synapses, float* out) const {
      return {synapses, n, packed_->whole.add(index, x, n, out).bytes, n};
    }

    std::shared_ptr<const Packed<inputs, width>> packed_;  // one copy for all engines of a batch
    Buffer<std::uint32_t> index_;
    Buffer<float> amount_;         // of the inputs that are not 0
    Buffer<std::uint32_t> block_;  // the blocks to be read, and the input of each
    Buffer<float> value_;
  };

  /// The layouts of kernels::BlockRows and kernels::BlockColumns.
  template <std::size_t inputs, std::size_t width>
  struct Packed {
    static constexpr std::size_t together = kernels::kBlockGroup / Size;
    static constexpr std::size_t stride =
        (width + kernels::kBlockGroup - 1) / kernels::kBlockGroup * kernels::kBlockGroup;

    Packed(const float* kernel, const float* from)
        : whole(kernel, from), begin(inputs + 1), degree(inputs), bias(stride) {
      std::copy_n(from, width, bias.data());
      std::vector<std::vector<std::uint32_t>> readers(stride / Size);  // of each column's blocks
      for (std::uint32_t i = 0; i < inputs; ++i) {
        begin[i + 1] = begin[i];
        for (std::size_t j = 0; j < width; j += Size) {
          const float* block = kernel + i * width + j;
          const std::size_t size = std::min(Size, width - j);
          const auto zeros = static_cast<std::size_t>(std::count(block, block + size, 0.0f));
          if (zeros == size) continue;
          readers[j / Size].push_back(i);
          degree[i] += static_cast<std::uint32_t>(size - zeros);
          ++begin[i + 1];
        }
      }
      const auto copy = [&](std::size_t i, std::size_t j, float* to) {
        std::copy_n(kernel + i * width + j, std::min(Size, width - j), to);
      };

      column = Buffer<std::uint32_t>(begin[inputs]);
      weight = Buffer<float>(begin[inputs] * Size);
      std::vector<std::uint32_t> next(begin.begin(), begin.end());
      for (std::size_t c = 0; c < readers.size(); ++c)
        for (const std::uint32_t i : readers[c]) {
          column[next[i]] = static_cast<std::uint32_t>(c * Size);
          copy(i, c * Size, weight.data() + next[i]++ * Size);
        }

      const std::vector<Turns> groups = put_together(readers);
      std::size_t turns = 0;
      for (const Turns& group : groups) turns += group.length;
      length = Buffer<std::uint32_t>(groups.size());
      place = Buffer<std::uint32_t>(groups.size() * together);
      input = Buffer<std::uint32_t>(turns * together);
      gathered = Buffer<float>(turns * kernels::kBlockGroup);
      std::size_t at = 0;
      for (std::size_t g = 0; g < groups.size(); ++g) {
        length[g] = groups[g].length;
        for (std::size_t b = 0; b < together; ++b)
          place[g * together + b] = static_cast<std::uint32_t>(groups[g].column[b] * Size);
        for (std::size_t t = 0; t < groups[g].length; ++t)
          for (std::size_t b = 0; b < together; ++b, ++at) {
            const std::size_t c = groups[g].column[b];
            if (c == readers.size()) continue;
            input[at] = readers[c][groups[g].first[b] + t];
            copy(input[at], c * Size, gathered.data() + at * Size);
          }
      }
    }

    /// `length` blocks of each of some columns, from the first'th on; behind the last column stands
    /// none.
    struct Turns {
      std::uint32_t length;
      std::array<std::size_t, together> column, first;
    };
    /// Columns take turns with others until they end: the longest begin, and where one ends the
    /// next goes on in its place, so that little is filled up.
    static std::vector<Turns> put_together(const std::vector<std::vector<std::uint32_t>>& readers) {
      std::vector<std::size_t> waiting(readers.size());
      std::iota(waiting.begin(), waiting.end(), std::size_t{0});
      std::stable_sort(waiting.begin(), waiting.end(), [&](std::size_t a, std::size_t b) {
        return readers[a].size() < readers[b].size();
      });
      std::vector<Turns> all;
      Turns now{};
      now.column.fill(readers.size());
      const auto left = [&](std::size_t b) { return readers[now.column[b]].size() - now.first[b]; };
      for (;;) {
        std::size_t least = std::numeric_limits<std::uint32_t>::max();
        bool any = false;
        for (std::size_t b = 0; b < together; ++b) {
          if (now.column[b] == readers.size() || left(b) == 0) {
            now.column[b] = readers.size();
            now.first[b] = 0;
            if (waiting.empty() || readers[waiting.back()].empty()) continue;
            now.column[b] = waiting.back();
            waiting.pop_back();
          }
          any = true;
          least = std::min(least, left(b));
        }
        if (!any) return all;
        now.length = static_cast<std::uint32_t>(least);
        all.push_back(now);
        for (std::size_t b = 0; b < together; ++b) now.first[b] += least;
      }
    }

    kernels::BlockRows rows(const std::uint32_t* degrees) const {
      return {Size, begin.data(), degrees, column.data(), weight.data()};
    }
    kernels::BlockColumns columns() const {
      return {Size, length.size(), length.data(), place.data(), input.data(), gathered.data()};
    }
    float32::Rows<inputs, width> whole;
    Buffer<std::uint32_t> begin, degree, column;  // of the blocks by rows; synapses of an input
    Buffer<float> weight;
    Buffer<std::uint32_t> length, place, input;  // by columns
    Buffer<float> gathered, bias;
  };
};

}  // namespace synfire
