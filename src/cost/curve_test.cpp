#include "cost/curve.h"

#include <gtest/gtest.h>

namespace dsa::cost {
namespace {

const Curve kRising({{.position = 0, .seconds = 1},
                     {.position = 10, .seconds = 3},
                     {.position = 30, .seconds = 4}});

TEST(Curve, GoesStraightFromPointToPoint) {
  EXPECT_EQ(kRising.at(0), 1);
  EXPECT_EQ(kRising.at(5), 2);
  EXPECT_EQ(kRising.at(10), 3);
  EXPECT_EQ(kRising.at(20), 3.5);
}

TEST(Curve, GoesOnBehindTheLastPointAndIsLevelBeforeTheFirst) {
  EXPECT_EQ(kRising.at(50), 5);
  const Curve late({{.position = 10, .seconds = 2}, {.position = 20, .seconds = 4}});
  EXPECT_EQ(late.at(0), 2);
}

TEST(Curve, NeverFallsBehindTheLastPoint) {
  const Curve falling({{.position = 0, .seconds = 4}, {.position = 10, .seconds = 2}});
  EXPECT_EQ(falling.at(5), 3);
  EXPECT_EQ(falling.at(100), 2);
}

TEST(Curve, OfOnePointIsLevel) {
  const Curve level({{.position = 7, .seconds = 2}});
  EXPECT_EQ(level.at(0), 2);
  EXPECT_EQ(level.mean(0, 1000), 2);
}

TEST(Curve, HasAMeanThatIsTheAreaUnderIt) {
  EXPECT_EQ(kRising.mean(0, 10), 2);
  EXPECT_EQ(kRising.mean(10, 30), 3.5);
  EXPECT_EQ(kRising.mean(0, 30), (2.0 * 10 + 3.5 * 20) / 30);
  EXPECT_EQ(kRising.mean(5, 15), (2.5 * 5 + 3.125 * 5) / 10);
  EXPECT_EQ(kRising.mean(20, 20), 3.5);
}

TEST(Curve, HasAMeanOverALevelBeginning) {
  const Curve late({{.position = 10, .seconds = 2}, {.position = 20, .seconds = 4}});
  EXPECT_EQ(late.mean(0, 20), (2.0 * 10 + 3.0 * 10) / 20);
}

}  // namespace
}  // namespace dsa::cost
