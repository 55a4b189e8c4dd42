// Blocks of Size neighbouring targets that a presynaptic neuron reaches together, so that vectors
// stay whole. A block with a weight that is not 0 is kept as it is.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include <synfire/dsl/connectivity.hpp>
#include <synfire/dsl/weights/float32.hpp>

namespace synfire {

template <std::size_t Size>
struct Blocked {
  static constexpr std::string_view name = Size == 8 ? "blocked(8)" : "blocked(16)";
  /// 0, which makes it no connectivity, where there is no kernel for the size.
  static constexpr std::size_t group = Size == 8 || Size == 16 ? Size : 0;

  template <std::size_t inputs, std::size_t width>
  using Clocked = float32::Clocked<inputs, width>;

  template <std::size_t inputs, std::size_t width>
  struct Packed;

  /// The blocks lie in memory twice: by rows for few events, by columns for many. By columns the
  /// sums stay in registers and no row's end is guessed wrongly, but inputs that are 0 are read,
  /// too. Where few blocks are missing, whole rows are read, zeros and all.
  template <std::size_t inputs, std::size_t width>
  class Event {
   public:
    static constexpr std::size_t stride = Packed<inputs, width>::stride;

    Event(const float* kernel, const float* bias, const RunOptions&)
        : packed_(std::make_shared<const Packed<inputs, width>>(kernel, bias)),
          index_(inputs),
          amount_(inputs) {}

    ReadWeights add(Values in, float* out) {
      const auto [active, synapses] = kernels::reached(in.data(), inputs, packed_->degree.data());
      const Way way = cheapest(active, synapses / Size);
      if (way == Way::Columns) return by_columns(in.data(), synapses, out);
      const std::size_t n = kernels::nonzeros(in.data(), inputs, index_.data());
      const std::size_t blocks = way == Way::Rows ? packed_->blocks(index_.data(), n) : 0;
      return by_rows(way, index_.data(), in.data(), n, blocks, synapses, out);
    }

    ReadWeights add(SpikeView in, float* out) {
      const std::uint64_t synapses = packed_->synapses(in.index, in.count, in.size);
      const std::size_t blocks = packed_->blocks(in.index, in.size);
      const Way way = cheapest(in.size, blocks);
      for (std::size_t k = 0; k < in.size; ++k) amount_[in.index[k]] = in.count[k] / in.unit;
      const ReadWeights read = way == Way::Columns ? by_columns(amount_.data(), synapses, out)
                                                   : by_rows(way, in.index, amount_.data(), in.size,
                                                             blocks, synapses, out);
      for (std::size_t k = 0; k < in.size; ++k) amount_[in.index[k]] = 0;
      return read;
    }

   private:
    enum class Way { Rows, WholeRows, Columns };

    /// On AVX-512 a block takes as long by rows as by columns, the end of an event's row as long as
    /// 9 blocks, and 16 neighbouring weights as long as a block.
    Way cheapest(std::size_t events, std::size_t blocks) const {
      const std::size_t rows = 9 * events + blocks, columns = packed_->input.size();
      if (events * stride / 16 < std::min(rows, columns)) return Way::WholeRows;
      return rows <= columns ? Way::Rows : Way::Columns;
    }

    ReadWeights by_rows(Way way, const std::uint32_t* index, const float* x, std::size_t n,
                        std::size_t blocks, std::uint64_t synapses, float* out) const {
      if (way == Way::WholeRows) return {synapses, n, packed_->whole.add(index, x, n, out).bytes};
      kernels::accumulate_blocks(packed_->rows(), packed_->bias.data(), stride, index, x, n, out);
      return {synapses, n, blocks * Size * sizeof(float)};
    }
    ReadWeights by_columns(const float* x, std::uint64_t synapses, float* out) const {
      kernels::gather_blocks(packed_->columns(), x, packed_->bias.data(), stride, out);
      const std::size_t blocks = packed_->input.size();
      return {synapses, blocks, blocks * Size * sizeof(float)};
    }

    std::shared_ptr<const Packed<inputs, width>> packed_;  // one copy for all engines of a batch
    Buffer<std::uint32_t> index_;
    Buffer<float> amount_;  // of the inputs that fire; 0 between calls
  };

  /// The layouts of kernels::BlockRows and kernels::BlockColumns.
  template <std::size_t inputs, std::size_t width>
  struct Packed : SparseRows<Packed<inputs, width>> {
    static constexpr std::size_t together = kernels::kBlockGroup / Size;
    static constexpr std::size_t groups = (width + kernels::kBlockGroup - 1) / kernels::kBlockGroup;
    static constexpr std::size_t stride = groups * kernels::kBlockGroup;

    Packed(const float* kernel, const float* from)
        : whole(kernel, from),
          begin(inputs + 1),
          degree(inputs),
          length(groups),
          place(groups * together),
          bias(stride) {
      std::copy_n(from, width, bias.data());
      std::vector<std::vector<std::uint32_t>> readers(groups *
                                                      together);  // of each column's blocks
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
        begin[i + 1] =
            (begin[i + 1] + kernels::kBlockTurn - 1) / kernels::kBlockTurn * kernels::kBlockTurn;
      }
      const auto copy = [&](std::size_t i, std::size_t j, float* to) {
        std::copy_n(kernel + i * width + j, std::min(Size, width - j), to);
      };

      column = Buffer<std::uint32_t>(begin[inputs]);
      std::fill(column.begin(), column.end(), static_cast<std::uint32_t>(stride));
      weight = Buffer<float>(begin[inputs] * Size);
      std::vector<std::uint32_t> next(begin.begin(), begin.end());
      for (std::size_t c = 0; c < readers.size(); ++c)
        for (const std::uint32_t i : readers[c]) {
          column[next[i]] = static_cast<std::uint32_t>(c * Size);
          copy(i, c * Size, weight.data() + next[i]++ * Size);
        }

      // Columns of like length together, so that little is filled up.
      std::iota(place.begin(), place.end(), 0u);
      std::stable_sort(place.begin(), place.end(), [&](std::uint32_t a, std::uint32_t b) {
        return readers[a].size() > readers[b].size();
      });
      for (std::size_t g = 0; g < groups; ++g)
        length[g] = static_cast<std::uint32_t>(readers[place[g * together]].size());
      const std::size_t turns = std::accumulate(length.begin(), length.end(), std::size_t{0});
      input = Buffer<std::uint32_t>(turns * together);
      gathered = Buffer<float>(turns * kernels::kBlockGroup);
      std::size_t first = 0;
      for (std::size_t c = 0; c < place.size(); ++c) {
        const auto& reader = readers[place[c]];
        for (std::size_t t = 0; t < reader.size(); ++t) {
          const std::size_t at = first + t * together + c % together;
          input[at] = reader[t];
          copy(reader[t], place[c] * Size, gathered.data() + at * Size);
        }
        if ((c + 1) % together == 0) first += length[c / together] * together;
      }
      for (std::uint32_t& p : place) p *= static_cast<std::uint32_t>(Size);
    }

    kernels::BlockRows rows() const { return {Size, begin.data(), column.data(), weight.data()}; }
    kernels::BlockColumns columns() const {
      return {Size, length.data(), place.data(), input.data(), gathered.data()};
    }
    std::uint64_t synapses_of(std::uint32_t input) const { return degree[input]; }
    std::size_t blocks(const std::uint32_t* index, std::size_t n) const {
      std::size_t sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += begin[index[k] + 1] - begin[index[k]];
      return sum;
    }

    float32::Rows<inputs, width> whole;
    Buffer<std::uint32_t> begin, degree, column;  // of the blocks by rows; synapses of an input
    Buffer<float> weight;
    Buffer<std::uint32_t> length, place, input;  // by columns
    Buffer<float> gathered, bias;
  };
};

}  // namespace synfire
