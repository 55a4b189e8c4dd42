// Dense matrix products, row-major, single-threaded (callers cut the work and run pieces side by
// side).
#pragma once

#include <cstddef>

namespace synfire {

/// c[m][n] = op(a)*op(b) + beta*c, where op transposes when asked: op(a) is m x k, op(b) is k x n.
void gemm(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const float* a, std::size_t a_stride, const float* b, std::size_t b_stride, float beta,
          float* c, std::size_t c_stride);

}  // namespace synfire
