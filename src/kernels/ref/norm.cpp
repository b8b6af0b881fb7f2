#include <cmath>

#include "kernels/ref/ref.h"

namespace dsa {

void ref::rms_norm(Exec& exec, const RmsNormArgs& args) {
  const std::int64_t dim = args.x.cols();
  DSA_CHECK(args.y.shape() == args.x.shape());
  DSA_CHECK(static_cast<std::int64_t>(args.weight.size()) == dim);
  exec.parallel_for(args.x.rows(), 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* x = args.x.row(t);
      float* y = args.y.row(t);
      double squares = 0;
      for (std::int64_t i = 0; i < dim; ++i) squares += static_cast<double>(x[i]) * x[i];
      const auto inverse = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(dim) + args.eps));
      for (std::int64_t i = 0; i < dim; ++i) y[i] = x[i] * inverse * args.weight[i];
    }
  });
}

void ref::layer_norm(Exec& exec, const LayerNormArgs& args) {
  const std::int64_t dim = args.x.cols();
  DSA_CHECK(args.y.shape() == args.x.shape());
  DSA_CHECK(static_cast<std::int64_t>(args.weight.size()) == dim);
  DSA_CHECK(static_cast<std::int64_t>(args.bias.size()) == dim);
  exec.parallel_for(args.x.rows(), 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* x = args.x.row(t);
      float* y = args.y.row(t);
      double mean = 0;
      for (std::int64_t i = 0; i < dim; ++i) mean += x[i];
      mean /= static_cast<double>(dim);
      double variance = 0;
      for (std::int64_t i = 0; i < dim; ++i) variance += (x[i] - mean) * (x[i] - mean);
      variance /= static_cast<double>(dim);
      const double inverse = 1.0 / std::sqrt(variance + args.eps);
      for (std::int64_t i = 0; i < dim; ++i)
        y[i] = static_cast<float>((x[i] - mean) * inverse) * args.weight[i] + args.bias[i];
    }
  });
}

}  // namespace dsa
