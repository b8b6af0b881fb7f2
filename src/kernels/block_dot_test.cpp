#include "kernels/block_dot.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/dequantize.h"
#include "testing/cases.h"
#include "testing/compare.h"

namespace dsa {
namespace {

class BlockDot : public ::testing::TestWithParam<DType> {};

/// Two decoders of the same bytes, written apart: they must agree to the bit.
TEST_P(BlockDot, UnitsAreWhatDequantizeGives) {
  constexpr std::int64_t kCols = 3 * 256;
  const test::TestWeight weight(GetParam(), 20, kCols, 5);
  for (std::int64_t r = 0; r < 20; ++r) {
    std::vector<float> expected(kCols);
    dequantize_row(weight.view(), r, expected);
    std::vector<float> actual(kCols);
    for (std::int64_t u = 0; u < kCols / 32; ++u) {
      const QuantUnit unit = unpack_unit(
          GetParam(), weight.view().data + static_cast<std::size_t>(r) * weight.view().row_bytes, u);
      for (std::int64_t i = 0; i < 32; ++i)
        actual[u * 32 + i] = unit.d * static_cast<float>(unit.scale[i / 16]) * static_cast<float>(unit.q[i]) +
                             unit.m * static_cast<float>(unit.min[i / 16]);
    }
    for (std::int64_t i = 0; i < kCols; ++i)
      ASSERT_EQ(actual[i], expected[i]) << "row " << r << " element " << i;
  }
}

TEST_P(BlockDot, DotIsTheSumOfProducts) {
  constexpr std::int64_t kCols = 256;
  const test::TestWeight weight(GetParam(), 50, kCols, 6);
  const CounterRng rng(7);
  for (std::int64_t r = 0; r < 50; ++r) {
    std::vector<float> w(kCols);
    dequantize_row(weight.view(), r, w);
    std::array<std::int8_t, 32> q;
    for (std::size_t i = 0; i < 32; ++i) q[i] = static_cast<std::int8_t>(rng.at(r * 32 + i) % 255 - 127);
    if (r == 0) q.fill(127);
    if (r == 1) q.fill(-127);
    for (std::int64_t u = 0; u < kCols / 32; ++u) {
      double expected = 0;
      double size = 0;
      for (std::size_t i = 0; i < 32; ++i) {
        const double product = static_cast<double>(w[u * 32 + i]) * q[i] * 0.125;
        expected += product;
        size += std::fabs(product);
      }
      const QuantUnit unit = unpack_unit(
          GetParam(), weight.view().data + static_cast<std::size_t>(r) * weight.view().row_bytes, u);
      // d * isum and m * msum may each be far larger than a single product.
      EXPECT_NEAR(unit_dot(unit, q, 0.125F), expected, 1e-6 * size + 1e-6) << "row " << r << " unit " << u;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, BlockDot,
                         ::testing::Values(DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0,
                                           DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace dsa
