#include "eval/retrieval_summary.h"

#include <gtest/gtest.h>

namespace dsa {
namespace {

// Ten samples; dense is right in the first `dense`, sparse in the first `sparse`; sparse's answer is `lower`
// nats less likely, a little more or less from sample to sample.
void add(std::vector<RetrievalResult>& out, RetrievalTask task, int dense, int sparse, double lower) {
  for (int i = 0; i < 10; ++i)
    out.push_back(
        {.task = task,
         .length = 1024,
         .number = i,
         .prompt_tokens = 1000,
         .answer_tokens = 4,
         .dense = {.match = i < dense, .log_prob = -1, .said = ""},
         .sparse = {.match = i < sparse, .log_prob = -1 - lower + 0.01 * (i % 2 == 0 ? 1 : -1), .said = ""}});
}

TEST(RetrievalSummary, HandComputed) {
  std::vector<RetrievalResult> results;
  add(results, RetrievalTask::multi_key, 8, 2, 0);
  add(results, RetrievalTask::single, 9, 9, 0.4);
  add(results, RetrievalTask::words, 0, 0, 0);
  const auto summary = summarise(results);
  ASSERT_EQ(summary.cells.size(), 3U);
  const RetrievalCell &single = summary.cells[0], &multi = summary.cells[1], &words = summary.cells[2];

  EXPECT_EQ(single.task, RetrievalTask::single);
  EXPECT_EQ(single.dense_matches, 9);
  EXPECT_EQ(single.only_dense, 0);
  EXPECT_NEAR(single.dense_log_prob, -0.25, 1e-12);
  EXPECT_NEAR(single.sparse_log_prob, -0.35, 1e-12);
  EXPECT_NEAR(single.log_prob.mean, -0.1, 1e-12);
  EXPECT_LT(single.log_prob_p, 0.001);
  EXPECT_TRUE(single.worse()) << "by its log-probability";

  // Six pairs for dense, none for sparse: 1/64, times the two cells that matches judge.
  EXPECT_EQ(multi.only_dense, 6);
  EXPECT_EQ(multi.only_sparse, 0);
  EXPECT_NEAR(multi.match_p, 2.0 / 64, 1e-12);
  EXPECT_TRUE(multi.worse()) << "by its matches";

  EXPECT_FALSE(words.judged_by_match) << "dense matches nothing";
  EXPECT_EQ(words.match_p, 1);
  EXPECT_FALSE(words.worse());
  EXPECT_NEAR(summary.pooled.mean, -0.4 * 10 / 120, 1e-12);
}

TEST(RetrievalSummary, OneTenthIsEnoughForMatchesToJudge) {
  std::vector<RetrievalResult> results;
  add(results, RetrievalTask::single, 1, 0, 0);
  EXPECT_TRUE(summarise(results).cells.at(0).judged_by_match);
  EXPECT_TRUE(summarise({}).cells.empty());
}

}  // namespace
}  // namespace dsa
