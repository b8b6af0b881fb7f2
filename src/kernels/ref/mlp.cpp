#include <cmath>

#include "kernels/ref/ref.h"

namespace dsa {

void ref::swiglu(Exec& exec, const SwigluArgs& args) {
  DSA_CHECK(args.gate.shape() == args.out.shape() && args.up.shape() == args.out.shape());
  exec.parallel_for(args.out.rows(), 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* gate = args.gate.row(t);
      const float* up = args.up.row(t);
      float* out = args.out.row(t);
      for (std::int64_t i = 0; i < args.out.cols(); ++i)
        out[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
    }
  });
}

void ref::add_rows(Exec& exec, const AddRowsArgs& args) {
  DSA_CHECK(args.x.cols() == args.y.cols());
  DSA_CHECK(args.rows.empty() || static_cast<std::int64_t>(args.rows.size()) == args.x.rows());
  DSA_CHECK(args.scale.empty() || args.scale.size() == args.rows.size());
  exec.parallel_for(args.x.rows(), 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* x = args.x.row(i);
      float* y = args.y.row(args.rows.empty() ? i : args.rows[i]);
      const float scale = args.scale.empty() ? 1.0F : args.scale[i];
      for (std::int64_t k = 0; k < args.x.cols(); ++k) y[k] += scale * x[k];
    }
  });
}

}  // namespace dsa
