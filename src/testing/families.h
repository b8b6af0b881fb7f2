// Tests that run once per kernel family that this machine can run.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/cpu/cpu.h"
#include "testing/cases.h"
#include "testing/compare.h"

namespace dsa::test {

class PerFamily : public ::testing::TestWithParam<const KernelTable*> {
 protected:
  [[nodiscard]] static const KernelTable& kernels() { return *GetParam(); }
};

/// What can run here, and what stands in for a family of other processors.
inline std::vector<const KernelTable*> tested_families() {
  std::vector<const KernelTable*> out(runnable().begin(), runnable().end());
  if (!kAmxEmulatedKernels.refuse()) out.push_back(&kAmxEmulatedKernels);
  return out;
}

/// Letters, digits and underscores.
inline std::string family_name(const ::testing::TestParamInfo<const KernelTable*>& info) {
  std::string name(info.param->name);
  std::ranges::replace(name, '-', '_');
  return name;
}

/// The promise every op makes: a row's result is the same bits whatever n, its neighbours,
/// the thread count and the run.  run(exec, first, count) computes rows [first, first + count)
/// and returns their outputs in order.
template <class Run>
void expect_rows_independent(std::int64_t n, Run run) {
  Exec alone(1);
  const std::vector<float> expected = run(alone, std::int64_t{0}, n);
  EXPECT_TRUE(same_bits(run(alone, std::int64_t{0}, n), expected)) << "the same call twice";
  for (const int threads : kThreadCounts) {
    Exec exec(threads);
    EXPECT_TRUE(same_bits(run(exec, std::int64_t{0}, n), expected)) << threads << " threads";
    for (const std::int64_t chunk : {1, 3, 5}) {
      std::vector<float> joined;
      for (std::int64_t first = 0; first < n; first += chunk) {
        const std::vector<float> part = run(exec, first, std::min(chunk, n - first));
        joined.insert(joined.end(), part.begin(), part.end());
      }
      EXPECT_TRUE(same_bits(joined, expected)) << threads << " threads, chunks of " << chunk;
    }
  }
}

}  // namespace dsa::test

/// Runs the cases of `suite` (a PerFamily) with every family.
#define DSA_FOR_EACH_FAMILY(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(Family, suite, ::testing::ValuesIn(::dsa::test::tested_families()), \
                           ::dsa::test::family_name)
