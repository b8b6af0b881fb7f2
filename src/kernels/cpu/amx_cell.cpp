// One cell of a product of squares, in scalar C++: the specification of both families' products.
#include <cmath>
#include <limits>

#include "kernels/cpu/amx.h"

namespace dsa {
namespace {

constexpr float kLeast = std::numeric_limits<float>::min();

float without_subnormals(float x) { return std::abs(x) < kLeast ? std::copysign(0.0F, x) : x; }

}  // namespace

float square_fma(float a, float b, float c) {
  a = without_subnormals(a), b = without_subnormals(b), c = without_subnormals(c);
  const float rounded = std::fma(a, b, c);
  if (std::abs(rounded) != kLeast) return without_subnormals(rounded);
  // What is below the least number when rounded to 24 bits is flushed, though among subnormals, which have
  // fewer bits, it would have been rounded up to that number: all below `edge`.
  const double edge = 0x1p-126 - 0x1p-151;
  const double product = static_cast<double>(a) * b;  // exact
  const double sum = product + c, back = sum - product;
  const double error = (product - (sum - back)) + (c - back);
  const double size = std::abs(sum), beyond = sum < 0 ? -error : error;
  return size < edge || (size == edge && beyond < 0) ? std::copysign(0.0F, rounded) : rounded;
}

float square_cell(float c, const bf16* a, const bf16* b, std::int64_t b_stride, std::int64_t pairs) {
  float even = 0, odd = 0;
  for (std::int64_t k = 0; k < pairs; ++k) {
    even = square_fma(static_cast<float>(a[2 * k]), static_cast<float>(b[k * b_stride]), even);
    odd = square_fma(static_cast<float>(a[2 * k + 1]), static_cast<float>(b[k * b_stride + 1]), odd);
  }
  // Sums of two floats have no bits below the least subnormal: they are flushed by their size alone.
  const float sum = without_subnormals(even + odd);
  return without_subnormals(without_subnormals(c) + sum);
}

}  // namespace dsa
