#include "base/rng.h"

#include <gtest/gtest.h>

#include <limits>

namespace dsa {
namespace {

TEST(CounterRng, KnownAnswers) {
  // The published first output of SplitMix64 with state 0.
  EXPECT_EQ(mix64(0x9E3779B97F4A7C15U), 0xe220a8397b1dcdafU);
  // From the Python in rng.h.
  EXPECT_EQ(CounterRng(0).at(0), 0x568a9b0b1a2c05ecU);
  EXPECT_EQ(CounterRng(0).at(1), 0x44e5b8b147ef718bU);
  EXPECT_EQ(CounterRng(1).at(0), 0x6ec85f1f8547bc0cU);
  EXPECT_EQ(CounterRng(42, 7).at(1000000), 0xacc65b34dc97344eU);
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(CounterRng(kMax, kMax).at(kMax), 0xbf5ce0170453275cU);
}

TEST(CounterRng, UnitIsUniformAndBelowOne) {
  constexpr int kBins = 64;
  constexpr int kDraws = 64000;
  int bins[kBins] = {};
  const CounterRng rng(3);
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.unit(static_cast<std::uint64_t>(i));
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++bins[static_cast<int>(u * kBins)];
  }
  double chi2 = 0;
  for (const int n : bins) chi2 += (n - 1000.0) * (n - 1000.0) / 1000.0;
  EXPECT_LT(chi2, 103.4);  // 63 degrees of freedom, one in a thousand
  EXPECT_GT(chi2, 33.0);   // and not too even to be random
}

}  // namespace
}  // namespace dsa
