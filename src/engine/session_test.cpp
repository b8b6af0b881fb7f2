// A conversation with the default model (fetched by ./test; elsewhere: DSA_TEST_MODEL).
#include "engine/session.h"

#include <gtest/gtest.h>

#include "base/env.h"
#include "base/error.h"

namespace dsa {
namespace {

std::filesystem::path default_model() {
  return env_or("DSA_TEST_MODEL", (dsa_home() / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf").string());
}

class SessionTest : public testing::Test {
 protected:
  SessionTest()
      : opened_(with_indexer(open_model(default_model()), {})),
        tokenizer_(fitting_tokenizer(opened_.files)),
        model_(std::move(opened_), {.context = 256}) {}

  GenerateResult answer(Session& session, const std::vector<std::int32_t>& prompt, std::int64_t max_tokens,
                        const std::vector<std::string>& stops = {}) {
    SamplingParams greedy;
    greedy.temperature = 0;
    std::string streamed;
    const auto result = session.generate(
        {.prompt = prompt,
         .sampling = greedy,
         .max_tokens = max_tokens,
         .stop_tokens = {2},
         .stop_strings = stops},
        {.on_prefill = {}, .on_text = [&](std::string_view text) { streamed += text; }}, cancel_);
    EXPECT_EQ(streamed, result.text);
    return result;
  }

  OpenedModel opened_;
  Tokenizer tokenizer_;
  LoadedModel model_;
  std::atomic<bool> cancel_{false};
};

TEST_F(SessionTest, ACachedPrefixChangesNothing) {
  Session session(model_, tokenizer_);
  const auto prompt = tokenizer_.encode("One, two, three, four,", SpecialTokens::as_text);
  const auto first = answer(session, prompt, 8);
  EXPECT_EQ(first.finish_reason, FinishReason::length);
  EXPECT_EQ(first.tokens.size(), 8U);
  EXPECT_EQ(first.timings.cached_tokens, 0);
  EXPECT_GT(first.timings.ttft_ms, 0);

  auto longer = prompt;
  longer.insert(longer.end(), first.tokens.begin(), first.tokens.end());
  for (const auto id : tokenizer_.encode(" and then", SpecialTokens::as_text)) longer.push_back(id);
  const auto second = answer(session, longer, 8);
  EXPECT_GE(second.timings.cached_tokens, static_cast<std::int64_t>(prompt.size()));

  // The same prompt again: all but its last token is cached; and after reset none is.
  const auto again = answer(session, longer, 8);
  EXPECT_EQ(again.timings.cached_tokens, static_cast<std::int64_t>(longer.size()) - 1);
  EXPECT_EQ(again.tokens, second.tokens);
  session.reset();
  const auto from_scratch = answer(session, longer, 8);
  EXPECT_EQ(from_scratch.timings.cached_tokens, 0);
  EXPECT_EQ(from_scratch.tokens, second.tokens);
}

TEST_F(SessionTest, StopStringsEndTheTextBeforeThem) {
  Session session(model_, tokenizer_);
  const auto prompt = tokenizer_.encode("1, 2, 3, 4,", SpecialTokens::as_text);
  const std::string whole = answer(session, prompt, 24).text;
  // A stop that begins inside one token and ends inside another.
  ASSERT_GT(whole.size(), 8U);
  const std::string stop = whole.substr(3, 4);
  const auto cut = answer(session, prompt, 24, {stop});
  EXPECT_EQ(cut.finish_reason, FinishReason::stop);
  EXPECT_EQ(cut.text, whole.substr(0, whole.find(stop)));
}

TEST_F(SessionTest, TheContextIsALimitAndNoCrash) {
  Session session(model_, tokenizer_);
  std::vector<std::int32_t> prompt(250, 100);
  const auto result = answer(session, prompt, -1);
  if (result.finish_reason == FinishReason::length) {
    EXPECT_EQ(result.tokens.size(), 256U - 250U + 1U);  // the last token needs no room
  }
  prompt.resize(257, 100);
  EXPECT_THROW(answer(session, prompt, 1), Error);
  EXPECT_THROW(answer(session, {}, 1), Error);
  EXPECT_THROW(answer(session, {-1}, 1), Error);
  EXPECT_THROW(answer(session, {1'000'000}, 1), Error);
}

TEST_F(SessionTest, CancelledBeforeItStartsSaysSoAndLeavesTheSessionUsable) {
  Session session(model_, tokenizer_);
  const auto prompt = tokenizer_.encode("Hello", SpecialTokens::as_text);
  cancel_ = true;
  EXPECT_EQ(answer(session, prompt, 4).finish_reason, FinishReason::cancelled);
  cancel_ = false;
  EXPECT_EQ(answer(session, prompt, 4).tokens, answer(session, prompt, 4).tokens);
}

TEST_F(SessionTest, LogitsOfAllPositions) {
  const std::vector<std::int32_t> tokens(100, 7);
  std::int64_t rows = 0;
  const auto visit = [&](std::int64_t first, TensorView<const float, 2> logits) {
    EXPECT_EQ(first, rows);
    EXPECT_EQ(logits.cols(), 49152);
    rows += logits.rows();
  };
  EXPECT_TRUE(SequencePass(model_).run(tokens, {}, visit, /*progress=*/{}, cancel_));
  EXPECT_EQ(rows, 100);
}

}  // namespace
}  // namespace dsa
