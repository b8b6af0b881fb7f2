#include "eval/selection_probe.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dsa {
namespace {

TEST(SamplePositions, OneOfEachStratumAndTheSameForTheSameSeed) {
  const auto positions = sample_positions(128, 8192, 64, 7, 3);
  ASSERT_EQ(positions.size(), 64U);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    EXPECT_GE(positions[i], 128 + static_cast<std::int64_t>(i) * 126);
    EXPECT_LT(positions[i], 128 + static_cast<std::int64_t>(i + 1) * 126);
  }
  EXPECT_EQ(positions, sample_positions(128, 8192, 64, 7, 3));
  EXPECT_NE(positions, sample_positions(128, 8192, 64, 8, 3));
  EXPECT_NE(positions, sample_positions(128, 8192, 64, 7, 4));
}

TEST(SamplePositions, AskedForMoreThanThereAreItTakesAll) {
  EXPECT_EQ(sample_positions(5, 9, 100, 0, 0), (std::vector<std::int64_t>{5, 6, 7, 8}));
}

}  // namespace
}  // namespace dsa
