#include <cmath>

#include "kernels/ref/ref.h"

namespace dsa {

void ref::rope_angles(Exec& exec, const RopeAnglesArgs& args) {
  const std::int64_t pairs = std::ssize(args.frequencies);
  DSA_CHECK(args.cos_sin.rows() == std::ssize(args.positions) && args.cos_sin.cols() == 2 * pairs);
  exec.parallel_for(args.cos_sin.rows(), 8, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      float* row = args.cos_sin.row(t);
      for (std::int64_t i = 0; i < pairs; ++i) {
        const float angle = static_cast<float>(args.positions[t]) * args.frequencies[i];
        row[i] = std::cos(angle) * args.magnitude;
        row[pairs + i] = std::sin(angle) * args.magnitude;
      }
    }
  });
}

void ref::rope(Exec& exec, const RopeArgs& args) {
  const std::int64_t half = args.dim / 2;
  DSA_CHECK(args.dim % 2 == 0 && args.dim <= args.x.dim(2));
  DSA_CHECK(args.cos_sin.rows() == args.x.rows() && args.cos_sin.cols() == args.dim);
  const bool split = args.layout == RopeLayout::half_split;
  exec.parallel_for(args.x.rows(), 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* cosine = args.cos_sin.row(t);
      const float* sine = cosine + half;
      for (std::int64_t h = 0; h < args.x.dim(1); ++h) {
        float* x = args.x.row(t, h);
        for (std::int64_t i = 0; i < half; ++i) {
          float& first = split ? x[i] : x[2 * i];
          float& second = split ? x[i + half] : x[2 * i + 1];
          const float a = first;
          const float b = second;
          first = a * cosine[i] - b * sine[i];
          second = a * sine[i] + b * cosine[i];
        }
      }
    }
  });
}

}  // namespace dsa
