#include "model/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dsa {
namespace {

TEST(RopeTable, PlainFrequenciesAndAngles) {
  const RopeTable table({.theta = 10000}, 4, 100);
  ASSERT_EQ(table.dim(), 4);
  EXPECT_FLOAT_EQ(table.frequencies()[0], 1.0F);
  EXPECT_FLOAT_EQ(table.frequencies()[1], 0.01F);
  const std::int64_t positions[] = {0, 3};
  std::vector<float> out(8);
  table.fill(positions, {out.data(), {2, 4}});
  const float want[] = {1, 1, 0, 0, std::cos(3.0F), std::cos(0.03F), std::sin(3.0F), std::sin(0.03F)};
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(out[static_cast<std::size_t>(i)], want[i], 1e-6) << i;
}

// The published V3.2 numbers: pairs below 10 keep their frequency, above 23
// are divided by 40 (docs/checkpoints.md, "Attention and YaRN").
TEST(RopeTable, YarnOfDeepSeek) {
  const RopeConfig yarn{.type = RopeConfig::Type::yarn,
                        .theta = 10000,
                        .factor = 40,
                        .original_max_position_embeddings = 4096,
                        .mscale = 1,
                        .mscale_all_dim = 1};
  const RopeTable scaled(yarn, 64, 163840), plain({.theta = 10000}, 64, 163840);
  for (std::size_t i = 0; i < 32; ++i) {
    const float ratio = scaled.frequencies()[i] / plain.frequencies()[i];
    if (i <= 10) {
      EXPECT_FLOAT_EQ(ratio, 1.0F) << i;
    } else if (i >= 23) {
      EXPECT_FLOAT_EQ(ratio, 1.0F / 40) << i;
    } else {
      const float ramp = static_cast<float>(i - 10) / 13.0F;
      EXPECT_NEAR(ratio, (1 - ramp) + ramp / 40, 1e-6) << i;
    }
  }
  const std::int64_t position = 0;
  std::vector<float> out(64);
  scaled.fill({&position, 1}, {out.data(), {1, 64}});
  EXPECT_FLOAT_EQ(out[0], 1.0F);  // mscale / mscale_all_dim: cosines are not stretched
  EXPECT_NEAR(yarn_mscale(40, 1), 1.3688879, 1e-7);
}

// transformers' find_correction_range for Kimi K2: both ends are pair 64 ln(4096 / 2 pi) / (2 ln 50000) =
// 19.17, one rounded down, one up.
TEST(RopeTable, YarnOfEqualBetasIsAStep) {
  RopeConfig yarn{.type = RopeConfig::Type::yarn,
                  .theta = 50000,
                  .factor = 32,
                  .original_max_position_embeddings = 4096,
                  .beta_fast = 1,
                  .beta_slow = 1};
  const RopeTable plain({.theta = 50000}, 64, 131072);
  for (const bool truncate : {true, false}) {
    yarn.truncate = truncate;
    const RopeTable scaled(yarn, 64, 131072);
    for (std::size_t i = 0; i < 32; ++i)
      EXPECT_FLOAT_EQ(scaled.frequencies()[i], plain.frequencies()[i] / (i < 20 ? 1 : 32)) << i;
  }
}

TEST(RopeTable, LinearAndLlama3) {
  const RopeTable plain({.theta = 500000}, 128, 8192);
  const RopeTable linear({.type = RopeConfig::Type::linear, .theta = 500000, .factor = 4}, 128, 8192);
  const RopeTable llama3({.type = RopeConfig::Type::llama3,
                          .theta = 500000,
                          .factor = 8,
                          .original_max_position_embeddings = 8192},
                         128, 131072);
  for (std::size_t i = 0; i < 64; ++i) {
    const float f = plain.frequencies()[i];
    EXPECT_FLOAT_EQ(linear.frequencies()[i], f / 4) << i;
    const double wavelength = 2 * M_PI / f;
    if (wavelength < 8192.0 / 4) {
      EXPECT_FLOAT_EQ(llama3.frequencies()[i], f) << i;
    } else if (wavelength > 8192.0) {
      EXPECT_FLOAT_EQ(llama3.frequencies()[i], f / 8) << i;
    }
    EXPECT_LE(llama3.frequencies()[i], f) << i;
    EXPECT_GE(llama3.frequencies()[i], f / 8.001F) << i;
  }
}

}  // namespace
}  // namespace dsa
