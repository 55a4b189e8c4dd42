// The SIMD kernels: compiled once for each target that Highway knows, chosen at run time. Kernels
// know no layer. None allocates. Each (but near_products) does the same floating-point operations
// in the same order as the scalar loop in its comment, so results are the same bits on every
// target: sums over synapses by std::fma, and everything else multiplies, then adds.
//
// Arrays come from Buffer: aligned to kAlignment, with kSlack bytes behind the end that a kernel
// may read and overwrite. A matrix of rows has a stride that is a multiple of kLanes floats, padded
// with zeros.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace synfire::kernels {

inline constexpr std::size_t kLanes = 16;  // floats in kAlignment bytes: the widest vector
constexpr std::size_t padded(std::size_t n) {
  return (n + kLanes - 1) / kLanes * kLanes;
}

/// Writes the index of each nonzero x[0..n), ascending; returns how many. NaN counts as nonzero.
std::size_t nonzeros(const float* x, std::size_t n, std::uint32_t* index);

/// For j < stride: out[j] = start[j], then out[j] = fma(x[i], rows[i*stride+j], out[j]) for each i
/// of index[0..count), in that order.
void accumulate_rows(const float* rows, std::size_t stride, const float* start,
                     const std::uint32_t* index, const float* x, std::size_t count, float* out);

/// nonzeros() and accumulate_rows() of all x[0..n). Where more than the share `dense_above` of them
/// is not zero, all rows are read in their order, and their products with zeros are added, too;
/// index[0..nonzero) is otherwise what nonzeros() makes. x need not come from a Buffer.
struct ReadValues {
  std::size_t nonzero, rows;
};
ReadValues accumulate_values(const float* rows, std::size_t stride, const float* start,
                             const float* x, std::size_t n, double dense_above,
                             std::uint32_t* index, float* out);

/// Of several inputs at once, each x[0..n) as it is: out[j] = start[j] + the products of those x[i]
/// that are not zero with rows[i*stride+j], as nonzeros() and accumulate_rows() make it, for j <
/// columns; what is in out[columns..stride) is left open. Weights are read from a near cache for
/// all but the first of them.
struct Product {
  const float* x;
  float* out;
  std::size_t nonzero;  // set to how many x[i] are not
};
void accumulate_products(const float* rows, std::size_t stride, std::size_t columns,
                         const float* start, std::size_t n, Product* products, std::size_t count);
/// As many at a time as pay, and no more than this.
inline constexpr std::size_t kMostProducts = 32;

/// The same with weights of 16 bits (bfloat16: the upper half of a float) in rows of `stride`
/// words, a multiple of kLanes: word b * kLanes + l holds the weights of the columns 2 * b * kLanes
/// + l, in its lower half, and kLanes columns on.
void accumulate_rows_bf16(const std::uint32_t* rows, std::size_t stride, const float* start,
                          const std::uint32_t* index, const float* x, std::size_t count,
                          float* out);
ReadValues accumulate_values_bf16(const std::uint32_t* rows, std::size_t stride, const float* start,
                                  const float* x, std::size_t n, double dense_above,
                                  std::uint32_t* index, float* out);

/// A float rounded to bfloat16, ties to even, and back. NaN stays NaN.
constexpr std::uint16_t bf16_of_float(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t even = 0x7fffu + (bits >> 16 & 1);
  return static_cast<std::uint16_t>(x == x ? (bits + even) >> 16 : bits >> 16 | 0x40u);
}
constexpr float float_of_bf16(std::uint16_t x) {
  return std::bit_cast<float>(std::uint32_t{x} << 16);
}
/// One row of accumulate_rows_bf16 from n floats; words behind them are zeros.
void pack_bf16(const float* x, std::size_t n, std::uint32_t* row);

/// Of a matrix [rows][columns]: scale[j] = max|x| / 127 of column j, and the whole numbers x * (127
/// / max|x|), rounded to nearest, ties to even. Where 127 / max|x| is no finite number they are 0,
/// with a scale of 0, or NaN where an x is not finite.
void quantize_columns(const float* x, std::size_t rows, std::size_t columns, std::int8_t* out,
                      float* scale);

/// Numbers of 8 bits in quads of neighbours that are not all zero: index and word (the first number
/// in the lowest byte), ascending; first those of the numbers above 0, then of those below,
/// negated.
struct Quantized {
  std::size_t positive, negative;  // quads of each kind
  std::size_t nonzero;             // numbers in them
  float step;                      // what 1 stands for
};
inline constexpr float kMostByte = 255;

/// x[i] in steps of max|x| / kMostByte: x[i] * (kMostByte / max|x|) rounded to nearest, ties to
/// even. There are no quads where kMostByte / max|x| is no finite number; the step is then 0, or
/// NaN where an x is not finite. `scratch` has (n + 3) / 4 words, index and quad 2 * that.
Quantized quantize_quads(const float* x, std::size_t n, std::uint32_t* scratch,
                         std::uint32_t* index, std::uint32_t* quad);

/// Whole numbers count[k] at the places event[k], ascending: themselves, in steps of 1, or, where
/// one is above kMostByte, as quantize_quads.
Quantized quantize_events(const std::uint32_t* event, const float* count, std::size_t n,
                          std::uint32_t* index, std::uint32_t* quad);

/// out[j] = start[j] + s[j] * (scale[j] * in.step), with s[j] the sum of the numbers' products with
/// their weights: rows[(index * stride + j) * 4 + i] is that of the quad's number i for column j.
/// 32 bits must hold every such sum.
void accumulate_quads_int8(const std::int8_t* rows, std::size_t stride, const std::uint32_t* index,
                           const std::uint32_t* quad, const Quantized& in, const float* start,
                           const float* scale, float* out);

/// accumulate_quads_int8 of several inputs at once: see accumulate_products. The indices of quads
/// are below `quads`.
struct QuadProduct {
  const std::uint32_t *index, *quad;
  Quantized in;
  float* out;
};
void accumulate_quad_products(const std::int8_t* rows, std::size_t stride, std::size_t quads,
                              const float* start, const float* scale, const QuadProduct* products,
                              std::size_t count);

/// Whether this processor multiplies whole tiles of bytes (AMX), the system lets this process, and
/// the target in force has them. Asks the system at the first call.
bool has_tiles();

/// quantize_quads and accumulate_quads_int8 of several x[0..n) at once, by tiles; the same bits.
/// Returns false, and what is written counts for nothing, where there are no tiles, where they
/// would not pay, or where an x is below 0. Zeros follow the rows up to a multiple of kLanes quads.
struct ByteProduct {
  const float* x;
  float* out;
  std::size_t nonzero;  // set to how many x[i] are not
  Quantized in;         // set
};
bool byte_products(const std::int8_t* rows, std::size_t stride, std::size_t n, const float* start,
                   const float* scale, ByteProduct* products, std::size_t count);

/// Weights as whole numbers of three digits to the base 256, in units of their column's. Each
/// digit's matrix has `size` bytes, the first digit's first, laid out as rows of
/// accumulate_quads_int8, with zeros up to a multiple of kLanes quads.
inline constexpr std::size_t kNormInputs = 64;
struct DigitRows {
  std::size_t stride, size;
  const std::int8_t* digit;
  const float *unit, *most;  // [stride]; most: the largest magnitude
  // [each kNormInputs rows][stride]: no less than the root of the sum of squares.
  const float* norm;
};
constexpr std::size_t digit_size(std::size_t rows, std::size_t stride) {
  return padded((rows + 3) / 4) * 4 * stride;
}
/// Splits a matrix [rows][stride] into these arrays. Returns false where digits cannot hold it:
/// where a weight is not finite, or a column's largest is not from 1e-8 to 1e15.
bool split_digits(const float* x, std::size_t rows, std::size_t stride, std::int8_t* digit,
                  float* unit, float* most, float* norm);

/// accumulate_products of pixels, x[i] = p / 255 but for rounding (see scale_pixels), by sums of
/// whole numbers: each out[j] is within error[j] of what accumulate_products makes. Returns false,
/// and what is written counts for nothing, where there are no tiles, where they would not pay, or
/// where one input is not made of pixels.
struct NearProduct {
  const float* x;
  float *out, *error;
  std::size_t nonzero;  // set to how many x[i] are not
};
bool near_products(const DigitRows& rows, const float* start, std::size_t n, NearProduct* products,
                   std::size_t count);

/// Synapses of a matrix [inputs][columns] of which few are there: input i has those from begin[i]
/// to begin[i + 1], the columns ascending.
struct Synapse {
  std::uint32_t column;
  float weight;
};
struct CsrRows {
  const std::uint32_t* begin;
  const Synapse* synapse;
};
/// out[j] = start[j], j < columns; then out[column] = fma(x[i], weight, out[column]) over the
/// synapses of each input i of index[0..count), in that order.
void accumulate_csr(const CsrRows& rows, const float* start, std::size_t columns,
                    const std::uint32_t* index, const float* x, std::size_t count, float* out);

/// The same of blocks of `size` (8, 16, 32 or 64) neighbouring columns, of which column[b] is the
/// first of block b: it has the weights from b * size on. start and out have `stride` floats, a
/// multiple of kBlockGroup, here and in gather_blocks. The inputs are x[k] / unit, k < count, of
/// index[k]; block and value have room for the blocks of them all. Where these are more than
/// `most`, nothing is added. Input i has degree[i] synapses; without degrees none are counted.
inline constexpr std::size_t kBlockGroup = 64;
struct BlockRows {
  std::size_t size;
  const std::uint32_t *begin, *degree, *column;
  const float* weight;
};
struct BlockEvents {
  const std::uint32_t* index;
  const float* x;
  std::size_t count;
  float unit;
  std::uint32_t* block;
  float* value;
};
struct BlocksRead {
  std::size_t blocks;
  std::uint64_t
      synapses;  // the sum of |x[k]|, as a whole number, times the degree; see count_spikes
};
BlocksRead accumulate_blocks(const BlockRows& rows, const float* start, std::size_t stride,
                             const BlockEvents& events, std::size_t most, float* out);

/// The same blocks, column by column: fma(x[input], weight, out[j]) over all inputs, ascending,
/// those that are 0 not left out. kBlockGroup / size columns of blocks go together: group g <
/// groups is at the columns column[g * those + i], and goes on from their sums with length[g] turns
/// of one input and one block of weights for each. Where there are fewer columns of blocks to go on
/// with, weights of 0 at the column `stride` fill up, where out has room for another block.
struct BlockColumns {
  std::size_t size, groups;
  const std::uint32_t *length, *column, *input;
  const float* weight;
};
void gather_blocks(const BlockColumns& columns, const float* x, const float* start,
                   std::size_t stride, float* out);

/// Of x[0..n), where x[i] is worth worth[i]: how many are not 0, and what they are worth together.
/// x need not come from a Buffer.
struct Reached {
  std::size_t inputs;
  std::uint32_t worth;
};
Reached reached(const float* x, std::size_t n, const std::uint32_t* worth);

/// Whether one of x[0..n) is not -1, 0 or 1. x need not come from a Buffer.
bool any_graded(const float* x, std::size_t n);

/// How many of x[0..n) are not 0, and any_graded(). x need not come from a Buffer.
struct InputCount {
  std::size_t nonzero;
  bool graded;
};
InputCount count_inputs(const float* x, std::size_t n);

/// Writes index and value of each nonzero x[0..n), ascending; returns how many. x need not come
/// from a Buffer.
std::size_t nonzero_values(const float* x, std::size_t n, std::uint32_t* index, float* value);

/// The sum of all words of the rows rows[index[k]*stride+j], j < stride: what merely reading them
/// costs.
std::uint32_t read_rows(const std::uint32_t* rows, std::size_t stride, const std::uint32_t* index,
                        std::size_t count);

/// Rate neurons (KerasSpiking's SpikingActivation), one step, events out: for i < n
/// v += drive[i]; c = floor(v); v -= c; where c != 0, writes (i, c). Returns the number of events.
std::size_t fire(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                 float* count);

/// The same for `steps` steps of a drive that does not change, with total[i] = the sum of counts.
void fire_total(const float* drive, float* voltage, std::size_t n, std::size_t steps, float* total);

/// The same with the counts of each step t, too: row t of a matrix of rows of that stride.
void fire_steps(const float* drive, float* voltage, std::size_t n, std::size_t steps, float* count,
                std::size_t stride, float* total);

/// The same for one step, added: total[i] += c.
void fire_add(const float* drive, float* voltage, std::size_t n, float* total);

/// fire(), fire_total() and fire_add() of rectified inputs: drive[i] = (x[i] < 0 ? 0 : x[i]) *
/// unit. x need not come from a Buffer.
std::size_t fire_relu(const float* x, float unit, float* voltage, std::size_t n,
                      std::uint32_t* index, float* count);
void fire_relu_total(const float* x, float unit, float* voltage, std::size_t n, std::size_t steps,
                     float* total);
void fire_relu_add(const float* x, float unit, float* voltage, std::size_t n, float* total);

/// Whether fire_relu_total of any x' within error[i] of x[i] has the same counts at every step, and
/// the same census. May say no where it is so.
bool fires_alike(const float* x, const float* error, float unit, const float* voltage,
                 std::size_t n, std::size_t steps);

/// A rate neuron rests where its drive is 0 and its voltage at least +0 and below 1: no step
/// changes it. Writes index, drive and voltage of each that does not, ascending; returns how many.
std::size_t awake(const float* drive, const float* voltage, std::size_t n, std::uint32_t* index,
                  float* awake_drive, float* awake_voltage);
/// fire() of n neurons whose events are called after which[i], with fired[i] += |c|.
std::size_t fire_awake(const float* drive, float* voltage, std::size_t n,
                       const std::uint32_t* which, std::uint32_t* index, float* count,
                       float* fired);

/// Of whole numbers: the sum of |count|, or 0 where no counter could hold it (NaN, infinity), and
/// the largest of them.
struct SpikeCount {
  std::uint64_t all;
  float most;
};
SpikeCount count_spikes(const float* count, std::size_t n);
/// The same, and mean[i] = count[i] / seconds.
SpikeCount mean_rates(const float* count, std::size_t n, float seconds, float* mean);

/// Leaky integrate-and-fire (snnTorch's Leaky), one step, events out: for i < n
/// reset = v > 1 ? 1 : 0; v = (decay*v + drive[i]) - reset; where v > 1, writes (i, 1).
std::size_t leaky(const float* drive, float* voltage, std::size_t n, float decay,
                  std::uint32_t* index, float* count);
void leaky_total(const float* drive, float* voltage, std::size_t n, float decay, std::size_t steps,
                 float* total);
void leaky_add(const float* drive, float* voltage, std::size_t n, float decay, float* total);

/// What a step of neurons did, for engines that count: |counts| summed (as count_spikes), counts
/// that are 0, voltages that are another number than before, and how many neurons there were.
struct Census {
  std::uint64_t spikes = 0, silent = 0, changed = 0, neurons = 0;
};
/// Whether each neuron that integrates its drive (fire, fire_total, fire_awake) fires once or not
/// at all in this step and every later one of the same drive, and changes its voltage in each of
/// them where it is driven: `driven` neurons. Only said where it is cheap to see.
struct Once {
  bool holds;
  std::size_t driven;
  explicit operator bool() const { return holds; }
};
Once fires_once(const float* drive, const float* voltage, std::size_t n);

/// The kernels of those names that add what a step did to census[0], or each of several steps to
/// census[0..steps).
std::size_t fire_counted(const float* drive, float* voltage, std::size_t n, std::uint32_t* index,
                         float* count, Census* census);
void fire_total_counted(const float* drive, float* voltage, std::size_t n, std::size_t steps,
                        float* total, Census* census);
std::size_t fire_relu_counted(const float* x, float unit, float* voltage, std::size_t n,
                              std::uint32_t* index, float* count, Census* census);
void fire_relu_total_counted(const float* x, float unit, float* voltage, std::size_t n,
                             std::size_t steps, float* total, Census* census);
void fire_relu_add_counted(const float* x, float unit, float* voltage, std::size_t n, float* total,
                           Census* census);
std::size_t fire_awake_counted(const float* drive, float* voltage, std::size_t n,
                               const std::uint32_t* which, std::uint32_t* index, float* count,
                               float* fired, Census* census);
std::size_t leaky_counted(const float* drive, float* voltage, std::size_t n, float decay,
                          std::uint32_t* index, float* count, Census* census);
void leaky_total_counted(const float* drive, float* voltage, std::size_t n, float decay,
                         std::size_t steps, float* total, Census* census);

/// Linear filters, one for each of `units`, with `order` states each (1 or 2):
/// s'[r] = (A[r][0]*s[0] + A[r][1]*s[1]) + B[r]*x. `coefficients` holds rows of `stride` floats, a
/// column for each unit: A's, one after the other, then B's. A unit's states are a column of
/// `order` such rows. No filter kernel reads or writes behind the last unit.
struct FilterBank {
  std::size_t order, units, stride;
  const float* coefficients;
};

/// Row t of x starts at x + t*x_stride; the states behind step t are at states + t*states_stride.
struct FilterRun {
  std::size_t steps;
  const float* x;
  std::size_t x_stride;
  const float* start;  // the states before the first step; may be `states`
  float* states;
  std::size_t states_stride;
};
void filter(const FilterBank& bank, const FilterRun& run);

/// Backward through the steps of filter(), where the last state is the output: from the gradient g
/// of each step's output to that of its input (dx; with dx_stride 0, summed over the steps), of the
/// parameter of which `derivatives` are the coefficients', and of the last state at the start. For
/// t = steps-1, ..., 0, with l = 0 before: l'[c] = A[0][c]*l[0] + A[1][c]*l[1]; l'[last] += g; dx
/// += B[0]*l[0] + B[1]*l[1]; dparameter += sum over r of l[r] * ((dA[r][0]*s[0] + dA[r][1]*s[1]) +
/// dB[r]*x), s the states before the step.
struct FilterGradient {
  const float* derivatives;  // laid out as the coefficients
  const float* g;
  std::size_t g_stride;
  float* dx;
  std::size_t dx_stride;
  float *dparameter, *dstart;  // [units], overwritten
};
void filter_gradient(const FilterBank& bank, const FilterRun& run, const FilterGradient& gradient);

/// out[i] += w[0][i]*x[0][i], then + w[1][i]*x[1][i], ... over the rows, for i < n. Nothing is read
/// or written behind n, here and in spread_rows.
void add_weighted_rows(const float* w, std::size_t w_stride, const float* x, std::size_t x_stride,
                       std::size_t n, std::size_t rows, float* out);

/// out[t][i] = w[t][i]*g[i] for each row t.
void spread_rows(const float* w, std::size_t w_stride, const float* g, std::size_t n,
                 std::size_t rows, float* out, std::size_t out_stride);

/// Asks for the memory that will be written soon, without waiting for it: a store to a line that is
/// far away holds up those behind it. Changes nothing, and may be asked for any address.
void fetch_to_write(const void* first, std::size_t bytes);

/// While one lives, this thread's arithmetic takes subnormal floats for zeros and makes none, on
/// x86 and 64-bit Arm. A moment or a weight that decays with nothing to feed it becomes subnormal,
/// and then each operation on it costs a hundred cycles or more.
class FlushSubnormals {
 public:
  FlushSubnormals();
  ~FlushSubnormals();
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  std::uint64_t before_;
};

/// Adam (Kingma and Ba 2015, with Keras's placing of epsilon): m += (g-m)*(1-beta1);
/// v += (g*g-v)*(1-beta2); w -= rate*m/(sqrt(v)+epsilon), where the caller has folded the bias
/// correction sqrt(1-beta2^t)/(1-beta1^t) into `rate`.
struct AdamStep {
  float rate, one_minus_beta1, one_minus_beta2, epsilon;
};
void adam(float* w, float* m, float* v, const float* g, std::size_t n, const AdamStep& step);

/// w -= rate*g.
void descend(float* w, const float* g, std::size_t n, float rate);

/// w -= w*part (decoupled weight decay).
void shrink(float* w, std::size_t n, float part);

/// v = v*momentum - rate*g; w += v, or, nesterov, w += v*momentum - rate*g.
struct MomentumStep {
  float rate, momentum;
  bool nesterov;
};
void momentum(float* w, float* v, const float* g, std::size_t n, const MomentumStep& step);

/// RMSprop: v = v*rho + g*g*one_minus_rho; s = v, or, where there is a mean, mean = mean*rho +
/// g*one_minus_rho and s = v - mean*mean, at least 0; d = rate*g/sqrt(s+epsilon); w -= d, or, where
/// there is a u, u = u*momentum + d and w -= u. u and mean may be null.
struct RmsPropStep {
  float rate, rho, one_minus_rho, momentum, epsilon;
};
void rmsprop(float* w, float* v, float* u, float* mean, const float* g, std::size_t n,
             const RmsPropStep& step);
/// A penalty on the distance d = x - min(max(x, lo), hi) to a range: l1 * |d| + l2 * d * d.
struct Penalty {
  float lo, hi, l1, l2;
};
/// target * unit; where a whole number of units is the target, that number itself.
float in_units(float target, float unit);
/// Of a matrix of `rows` rows of n values x / unit. With d in units, from ends in_units(), adds
/// (scale * (2 * l2) / unit) * d and then sign(d) * (scale * l1) to the gradient, whose stride may
/// be 0, unless that is null. Returns the sum of the penalties by those of |d| and d * d: the
/// columns with equal j % kLanes in one float, those of the last block that is not whole in
/// another.
double penalty(const float* x, std::size_t stride, float unit, std::size_t rows, std::size_t n,
               const Penalty& p, float scale, float* gradient, std::size_t gradient_stride);

/// In the functions below elements are values or, where `range` is not null, the distances
/// |x - min(max(x, lo), hi)| of values x to it. The largest has rank 0, and equal ones descend.
struct Range {
  float lo, hi;
};
/// Columns c < columns of values x[offset[r] + c], r < rows: row r is an element's place.
struct Columns {
  const float* x;
  const std::size_t* offset;
  std::size_t rows, columns;
  const Range* range;
};
/// `count` times n values x[offset[i] + p] that lie side by side: p is an element's place.
struct Lines {
  const float* x;
  const std::size_t* offset;
  std::size_t count, n;
  const Range* range;
};
/// Of column or line i and its k-th selected element, at [k * stride + i]: the element, its place,
/// and its slope by its value (1; of distances -1, 0 or 1). An element is NaN where one of them
/// all is.
struct Selected {
  float* value;
  std::uint32_t* place;
  float* slope;
  std::size_t stride;
};
/// Where the elements of column or line i are likely to be: within reach[i] of near[i], and the
/// k-th of a line in place[k * stride + i] < n, with the stride of Selected. Right guesses save
/// work and wrong ones cost some; what is found is the same.
struct Guess {
  const float *near, *reach;
  const std::uint32_t* place;
};
/// The elements of ranks `rank` to rank + ranks - 1 of each column; ranks is 1 or 2. `guess` may be
/// null, and so may place and slope of what is not wanted. `room` is for rows * kLanes values.
void select_columns(const Columns& of, std::size_t rank, std::size_t ranks, const Guess* guess,
                    float* room, const Selected& to);
/// The largest element, the first place of those equal to it, how many these are, and the sum of
/// their slopes; `equal` is 0 in a column with NaN.
void maximum_columns(const Columns& of, const Selected& to, float* equal);
/// The least element, the first one of those equal to it.
void minimum_columns(const Columns& of, const Selected& to);

/// The same of lines, without slopes. `likely` is an element as the first may be, and then one as
/// the last was: another guess.
void select_lines(const Lines& of, std::size_t rank, std::size_t ranks, const Guess* guess,
                  float& likely, const Selected& to);
void maximum_lines(const Lines& of, const Selected& to, float* equal);
void minimum_lines(const Lines& of, const Selected& to);

/// Adds `share` times its slope to the gradient of each of n values whose element equals `value`.
void share(const float* x, std::size_t n, const Range* range, float value, float share,
           float* gradient);
/// The same of each column c, with value[c], share[c] and gradient[gradient_offset[r] + c].
void share_columns(const Columns& of, const float* value, const float* share, float* gradient,
                   const std::size_t* gradient_offset);

/// out[i] = x[i] / 255, the quotient itself as Keras users write it: no factor gives its bits.
void scale_pixels(const std::uint8_t* x, std::size_t n, float* out);

/// sums[t*stride + c] += the sum of times[t*times_stride + i] * rows[i*stride + c], i < n
/// ascending, for t < kMostSums and each column c < stride, a multiple of kSumColumns: resampled
/// sums, the same bits on every target. sums need not come from a Buffer.
inline constexpr std::size_t kMostSums = 4, kSumColumns = 8;
void add_resampled(const double* rows, std::size_t n, std::size_t stride, const double* times,
                   std::size_t times_stride, double* sums);

/// Philox4x32-10: out[i] = word i%4 of the block at (counter[0] + i/4, counter[1..3]), and 2^-24 *
/// (that word >> 8).
using PhiloxKey = std::array<std::uint32_t, 2>;
using PhiloxCounter = std::array<std::uint32_t, 4>;
void philox_words(const PhiloxKey& key, const PhiloxCounter& counter, std::uint32_t* out,
                  std::size_t n);
void philox_uniform(const PhiloxKey& key, const PhiloxCounter& counter, float* out, std::size_t n);

}  // namespace synfire::kernels
