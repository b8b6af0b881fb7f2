// What of a cached talk outlives a change of attention.
#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/session.h"
#include "testing/test_files.h"
#include "testing/text_model.h"

namespace dsa {
namespace {

constexpr std::int64_t kTopk = 16;

class SessionRun : public testing::Test {
 protected:
  SessionRun()
      : opened_(with_indexer(open_model(text_model(folder_.path() / "model")), options())),
        tokenizer_(fitting_tokenizer(opened_.files)),
        model_(std::move(opened_), options()),
        prompt_(tokenizer_.encode("All happy families are alike; each unhappy family is unhappy in its way.",
                                  SpecialTokens::as_text)) {}

  static LoadOptions options() { return {.topk = kTopk, .context = 192, .threads = 2}; }
  static std::filesystem::path text_model(const std::filesystem::path& folder) {
    test::write_text_model(std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models/deepseek_v32",
                           folder);
    return folder;
  }
  GenerateResult answer(Session& session) {
    GenerateRequest request;
    request.prompt = prompt_;
    request.sampling.temperature = 0;
    request.max_tokens = 24;
    return session.generate(request, {}, cancel_);
  }
  std::vector<std::int32_t> fresh(const RunOptions& run) {
    Session session(model_, tokenizer_, run);
    return answer(session).tokens;
  }

  TempFolder folder_;
  OpenedModel opened_;
  Tokenizer tokenizer_;
  LoadedModel model_;
  std::vector<std::int32_t> prompt_;
  const std::atomic<bool> cancel_{false};
};

TEST_F(SessionRun, TheCacheKeepsWhatWouldHaveBeenComputedSoAsWell) {
  const auto whole = static_cast<std::int64_t>(prompt_.size()) - 1;
  ASSERT_GT(whole, kTopk);
  struct Change {
    RunOptions from, to;
    std::int64_t kept;
  };
  const Change changes[] = {
      // Up to top-k the selection is everything.
      {{.attention = AttentionMode::dense}, {.attention = AttentionMode::sparse}, kTopk},
      {{.attention = AttentionMode::sparse}, {.attention = AttentionMode::dense}, kTopk},
      {{.attention = AttentionMode::sparse}, {.attention = AttentionMode::automatic}, whole},
      {{.attention = AttentionMode::sparse}, {.attention = AttentionMode::sparse, .topk = kTopk}, whole},
      {{.attention = AttentionMode::sparse}, {.attention = AttentionMode::sparse, .topk = 7}, 7},
      {{.attention = AttentionMode::dense}, {.attention = AttentionMode::dense, .topk = 7}, whole}};
  for (const Change& change : changes) {
    const auto expected = fresh(change.to);
    Session session(model_, tokenizer_, change.from);
    static_cast<void>(answer(session));
    session.set_run(change.to);
    const auto got = answer(session);
    EXPECT_EQ(got.timings.cached_tokens, change.kept);
    EXPECT_EQ(got.tokens, expected);
  }
  EXPECT_NE(fresh({.attention = AttentionMode::dense}), fresh({.attention = AttentionMode::sparse}))
      << "the selection changed nothing: the test shows nothing";
}

TEST_F(SessionRun, WhatTheModelCannotDoIsRefused) {
  Session session(model_, tokenizer_);
  EXPECT_THROW(session.set_run({.topk = -1}), Error);
  EXPECT_THROW(session.set_run({.topk = kTopk + 1}), Error);
}

}  // namespace
}  // namespace dsa
