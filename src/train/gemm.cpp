#include <synfire/gemm.hpp>

#include <dnnl.h>

#include <string>

#include <synfire/error.hpp>

// Two functions of OpenMP's standard interface, from the runtime that oneDNN itself uses: <omp.h>
// belongs to a compiler, and clang's to another runtime.
extern "C" {
int omp_get_max_threads();
void omp_set_num_threads(int threads);
}

namespace synfire {
namespace {

// oneDNN cuts a product over OpenMP's threads, whose number belongs to the calling thread: one
// while this lives, so that the order of sums is fixed and callers may come from threads of their
// own.
class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneOpenMpThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  int before_;
};

}  // namespace

void gemm(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const float* a, std::size_t a_stride, const float* b, std::size_t b_stride, float beta,
          float* c, std::size_t c_stride) {
  const auto describe = [&] {
    return "the product of " + std::to_string(m) + "x" + std::to_string(k) + " and " +
           std::to_string(k) + "x" + std::to_string(n) + " matrices";
  };
  // oneDNN leaves c as it was when k is 0, whatever beta says.
  if (m == 0 || n == 0 || k == 0) throw Error(describe() + " is empty");

  const auto dim = [](std::size_t x) { return static_cast<dnnl_dim_t>(x); };
  const OneOpenMpThread one_thread;
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', dim(m), dim(n), dim(k), 1.0f, a,
                 dim(a_stride), b, dim(b_stride), beta, c, dim(c_stride));
  if (status != dnnl_success)
    throw Error("oneDNN refused " + describe() + " (status " + std::to_string(status) + ")");
}

}  // namespace synfire
