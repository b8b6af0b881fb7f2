#include "kernels/quantize.h"

#include <gtest/gtest.h>

#include <vector>

#include "testing/cases.h"
#include "testing/compare.h"

namespace dsa {
namespace {

using test::kInf;
using test::kNaN;

struct Q8 {
  std::vector<std::int8_t> q;
  std::vector<float> scale, sum;
};

Q8 q8(const std::vector<float>& x) {
  Q8 out{std::vector<std::int8_t>(x.size()), std::vector<float>(x.size() / 32),
         std::vector<float>(x.size() / 32)};
  q8_blocks(x, out.q, out.scale, out.sum);
  return out;
}

/// A block of 32 that starts with `head`, the rest zero.
std::vector<float> block(std::vector<float> head) {
  head.resize(32);
  return head;
}

TEST(Q8Blocks, RoundsHalfAwayFromZero) {
  // max 127: the scale is exactly 1.
  const Q8 out = q8(block({127, 0.5F, -0.5F, 1.5F, -1.5F, 2.49F, -126.5F, 0.49F}));
  EXPECT_EQ(out.scale[0], 1.0F);
  EXPECT_EQ((std::vector<int>(out.q.begin(), out.q.begin() + 8)),
            (std::vector<int>{127, 1, -1, 2, -2, 2, -127, 0}));
  EXPECT_EQ(out.sum[0], 127 + 1 - 1 + 2 - 2 + 2 - 127);
}

TEST(Q8Blocks, EachBlockHasItsOwnScale) {
  std::vector<float> x(96, 0.0F);
  x[3] = -254;  // block 0: scale 2
  x[70] = 12.7F;
  const Q8 out = q8(x);
  EXPECT_EQ(out.scale[0], 2.0F);
  EXPECT_EQ(out.q[3], -127);
  EXPECT_EQ(out.scale[1], 0.0F);  // all zero
  EXPECT_EQ(out.sum[1], 0.0F);
  EXPECT_FLOAT_EQ(out.scale[2], 0.1F);
  EXPECT_EQ(out.q[70], 127);
}

TEST(Q8Blocks, ErrorIsAtMostHalfAStep) {
  test::Padded<1> x({32 * 50});
  x.fill(1, 3.0F);
  const auto values = x.values();
  const Q8 out = q8(values);
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_LE(std::fabs(values[i] - out.scale[i / 32] * static_cast<float>(out.q[i])),
              0.5001F * out.scale[i / 32])
        << i;
}

TEST(Q8Blocks, NonFiniteReachesScaleAndSum) {
  for (const float bad : {kNaN, kInf, -kInf}) {
    for (const std::size_t at : {0U, 31U}) {
      auto x = block({1, 2, 3});
      x[at] = bad;
      const Q8 out = q8(x);
      EXPECT_FALSE(std::isfinite(out.scale[0])) << bad;
      EXPECT_FALSE(std::isfinite(out.sum[0])) << bad;
    }
  }
}

TEST(Q8Blocks, SubnormalInputsStayInRange) {
  const Q8 out = q8(block({190 * 0x1p-149F, -190 * 0x1p-149F, 0x1p-149F}));
  EXPECT_EQ(out.scale[0], 0x1p-149F);
  EXPECT_EQ((std::vector<int>(out.q.begin(), out.q.begin() + 3)), (std::vector<int>{127, -127, 1}));
  const Q8 tiny = q8(block({0x1p-149F}));  // the scale underflows to 0
  EXPECT_EQ(tiny.scale[0], 0.0F);
  EXPECT_EQ(tiny.q[0], 0);
}

TEST(ActQuant, HandComputed) {
  // amax 448: scale 1; e4m3 has steps of 32 at [256, 448], 1/8 at [1, 2), 2^-9 below 2^-6.
  std::vector<float> x{448, 300, 272, 240.5F, 1.06F, 1.0625F, 1.1F, -1.1875F, 0.001F, 0.0009F, 0.0F};
  std::vector<float> y(x.size());
  act_quant(x, y);
  EXPECT_EQ(y, (std::vector<float>{448, 288, 256, 240, 1, 1, 1.125F, -1.25F, 0x1p-9F, 0, 0}));
}

TEST(ActQuant, ScaleIsTheNextPowerOfTwo) {
  const auto rounded = [](std::vector<float> x) {
    std::vector<float> y(x.size());
    act_quant(x, y);
    return y;
  };
  // 448 needs scale 1, the next float above it scale 2: there the step at 17 is 2 * 1 instead of 2 / 2 ...
  // hence 18 or 17.
  EXPECT_EQ(rounded({448, 17})[1], 16);                // step 2 in [16, 32): ties to even
  EXPECT_EQ(rounded({448, 19})[1], 20);                // ties to even
  EXPECT_EQ(rounded({448.00003F, 9})[1], 9);           // scale 2: 4.5 is exact
  EXPECT_EQ(rounded({448.00003F, 0.0019F})[1], 0.0F);  // below half of 2 * 2^-9
  EXPECT_EQ(rounded({448, 0.0019F})[1], 0x1p-9F);      // kept with scale 1
  EXPECT_EQ(rounded({448.00003F, 0.0021F})[1], 0x1p-8F);
  // amax is clamped to 1e-4: scale 2^ceil(log2(1e-4 / 448)) = 2^-22.
  EXPECT_EQ(rounded({0x1p-31F, 0, 0})[0], 0x1p-31F);  // the smallest step: 2^-22 * 2^-9
  EXPECT_EQ(rounded({0x1p-32F, 0, 0})[0], 0.0F);      // half a step: ties to even
}

TEST(ActQuant, GroupsOf128AndAShortLastOne) {
  std::vector<float> x(128 + 5, 0.001F);
  x[0] = 448;      // first group: scale 1, so 0.001 becomes 2^-9 * round(0.512) = 2^-9
  x[130] = 1.75F;  // second group: 1.75 / 448 = 2^-8 exactly
  std::vector<float> y(x.size());
  act_quant(x, y);
  EXPECT_EQ(y[127], 0x1p-9F);
  EXPECT_EQ(y[130], 1.75F);
  EXPECT_EQ(y[128], 0.0009765625F);  // 0.256 in units of 1/32 below 0.25..0.5: 0.25 * 2^-8
}

TEST(ActQuant, NonFinite) {
  std::vector<float> x{1, kNaN, 2};
  act_quant(x, x);  // in place
  EXPECT_EQ(x[0], 1);
  EXPECT_TRUE(std::isnan(x[1]));
  EXPECT_EQ(x[2], 2);
  std::vector<float> y{1, -kInf};
  act_quant(y, y);
  EXPECT_FALSE(std::isfinite(y[1]));
}

TEST(ActQuant, IsIdempotent) {
  test::Padded<1> x({300});
  x.fill(3, 10.0F);
  std::vector<float> once = x.values();
  act_quant(once, once);
  std::vector<float> twice = once;
  act_quant(twice, twice);
  // Rounding never changes a group's amax by more than to a neighbour of e4m3, so the scale stays.
  EXPECT_TRUE(test::same_bits(twice, once));
}

TEST(Hadamard, IsOrthogonalAndSymmetric) {
  constexpr std::size_t kSize = 64;
  std::vector<std::vector<float>> rows;
  for (std::size_t i = 0; i < kSize; ++i) {
    std::vector<float> unit(kSize, 0.0F);
    unit[i] = 1;
    hadamard(unit);
    rows.push_back(unit);
  }
  for (std::size_t i = 0; i < kSize; ++i)
    for (std::size_t j = 0; j < kSize; ++j) {
      double dot = 0;
      for (std::size_t k = 0; k < kSize; ++k) dot += static_cast<double>(rows[i][k]) * rows[j][k];
      EXPECT_NEAR(dot, i == j ? 1 : 0, 1e-6) << i << " " << j;
      EXPECT_EQ(rows[i][j], rows[j][i]);
    }
}

TEST(Hadamard, HandComputed) {
  std::vector<float> x{1, 2, 3, 4};
  hadamard(x);
  EXPECT_EQ(x, (std::vector<float>{5, -1, -2, 0}));
  std::vector<float> one{7};
  hadamard(one);
  EXPECT_EQ(one[0], 7);
}

}  // namespace
}  // namespace dsa
