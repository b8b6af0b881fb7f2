#include "eval/retrieval_comparison.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dsa {
namespace {

RetrievalResult result(RetrievalTask task, std::int64_t number, double dense, double sparse) {
  return {.task = task,
          .length = 1024,
          .number = number,
          .prompt_tokens = 1000,
          .answer_tokens = 4,
          .dense = {.match = false, .log_prob = dense, .said = ""},
          .sparse = {.match = false, .log_prob = sparse, .said = ""}};
}

TEST(RetrievalComparison, PairsTheSamplesThatBothHave) {
  const std::vector<RetrievalResult> here{
      result(RetrievalTask::words, 0, -4, -6), result(RetrievalTask::single, 1, -4, -5),
      result(RetrievalTask::single, 0, -4, -4), result(RetrievalTask::single, 7, -1, -9)};
  const std::vector<RetrievalResult> there{
      result(RetrievalTask::single, 0, -8, -12), result(RetrievalTask::single, 1, -8, -9),
      result(RetrievalTask::words, 0, -4, -5), result(RetrievalTask::variables, 0, -1, -1)};
  const auto c = compare(here, there);
  ASSERT_EQ(c.cells.size(), 2U);
  const auto& single = c.cells[0];
  EXPECT_EQ(single.task, RetrievalTask::single);
  EXPECT_EQ(single.differences.samples, 2);
  EXPECT_NEAR(single.differences.sparse.mean, (8 + 4) / 2.0 / 4, 1e-12);
  EXPECT_NEAR(single.differences.loss.mean, (4 + 0) / 2.0 / 4, 1e-12) << "0 and -1 here, -4 and -1 there";
  EXPECT_NEAR(single.differences.to_dense.mean, (4 + 3) / 2.0 / 4, 1e-12);
  ASSERT_TRUE(single.differences.sparse.interval);
  EXPECT_EQ(c.all.samples, 3);
  EXPECT_NEAR(c.all.sparse.mean, (8 + 4 - 1) / 3.0 / 4, 1e-12);
  EXPECT_NE(to_text(c).find("+1.500"), std::string::npos) << to_text(c);
  EXPECT_EQ(to_json(c)["cells"][0]["samples"], 2);
}

TEST(RetrievalComparison, RefusesOtherSamples) {
  const std::vector<RetrievalResult> here{result(RetrievalTask::single, 0, -1, -1)};
  auto there = here;
  there[0].prompt_tokens = 999;
  EXPECT_THROW(static_cast<void>(compare(here, there)), Error);
  there[0].number = 1;
  EXPECT_THROW(static_cast<void>(compare(here, there)), Error) << "nothing in common";
}

}  // namespace
}  // namespace dsa
