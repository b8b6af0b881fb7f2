// The engine with the default model (fetched by ./test; elsewhere: DSA_TEST_MODEL).
#include <gtest/gtest.h>

#include "base/env.h"
#include "base/error.h"
#include "engine/ask.h"
#include "engine/model_runner.h"
#include "engine/threaded_engine.h"
#include "model/sequence_pass.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

std::filesystem::path default_model() {
  return env_or("DSA_TEST_MODEL", (dsa_home() / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf").string());
}

class EngineModel : public testing::Test {
 protected:
  EngineModel()
      : opened_(with_indexer(open_model(default_model()), {})),
        tokenizer_(fitting_tokenizer(opened_.files)),
        model_(std::move(opened_), {.context = 256}),
        runner_(model_) {}

  Answer answer(Engine& engine, const std::vector<std::int32_t>& prompt, std::int64_t max_tokens,
                const std::vector<std::string>& stops = {}) {
    Request request{.prompt = prompt};
    request.sampling.temperature = 0;
    request.max_tokens = max_tokens;
    request.stop_tokens = {2};
    request.stop_strings = stops;
    std::string streamed;
    Answer result =
        ask(engine, request, {.on_text = [&](std::string_view text) { streamed += text; }}, cancel_);
    EXPECT_EQ(streamed, result.text);
    return result;
  }

  OpenedModel opened_;
  Tokenizer tokenizer_;
  LoadedModel model_;
  ModelRunner runner_;
  std::atomic<bool> cancel_{false};
};

TEST_F(EngineModel, ACachedPrefixChangesNothing) {
  ThreadedEngine engine(runner_, tokenizer_, {});
  const auto prompt = tokenizer_.encode("One, two, three, four,", SpecialTokens::as_text);
  const auto first = answer(engine, prompt, 8);
  EXPECT_EQ(first.finish_reason, FinishReason::length);
  EXPECT_EQ(first.tokens.size(), 8U);
  EXPECT_EQ(first.timings.cached_tokens, 0);
  EXPECT_GT(first.timings.ttft_ms, 0);

  auto longer = prompt;
  longer.insert(longer.end(), first.tokens.begin(), first.tokens.end());
  for (const auto id : tokenizer_.encode(" and then", SpecialTokens::as_text)) longer.push_back(id);
  const auto second = answer(engine, longer, 8);
  EXPECT_GE(second.timings.cached_tokens, std::ssize(prompt));

  // The same prompt again: all but its last token is cached; with another engine none is.
  const auto again = answer(engine, longer, 8);
  EXPECT_EQ(again.timings.cached_tokens, std::ssize(longer) - 1);
  EXPECT_EQ(again.tokens, second.tokens);
  ThreadedEngine other(runner_, tokenizer_, {});
  const auto from_scratch = answer(other, longer, 8);
  EXPECT_EQ(from_scratch.timings.cached_tokens, 0);
  EXPECT_EQ(from_scratch.tokens, second.tokens);
}

TEST_F(EngineModel, StopStringsEndTheTextBeforeThem) {
  ThreadedEngine engine(runner_, tokenizer_, {});
  const auto prompt = tokenizer_.encode("1, 2, 3, 4,", SpecialTokens::as_text);
  const std::string whole = answer(engine, prompt, 24).text;
  // A stop that begins inside one token and ends inside another.
  ASSERT_GT(whole.size(), 8U);
  const std::string stop = whole.substr(3, 4);
  const auto cut = answer(engine, prompt, 24, {stop});
  EXPECT_EQ(cut.finish_reason, FinishReason::stop);
  EXPECT_EQ(cut.text, whole.substr(0, whole.find(stop)));
}

TEST_F(EngineModel, CancelledBeforeItStartsSaysSoAndLeavesTheEngineUsable) {
  ThreadedEngine engine(runner_, tokenizer_, {});
  const auto prompt = tokenizer_.encode("Hello", SpecialTokens::as_text);
  cancel_ = true;
  EXPECT_EQ(answer(engine, prompt, 4).finish_reason, FinishReason::cancelled);
  cancel_ = false;
  EXPECT_EQ(answer(engine, prompt, 4).tokens, answer(engine, prompt, 4).tokens);
}

TEST_F(EngineModel, AnAnswerThatGoesRoundInCirclesIsEnded) {
  ThreadedEngine engine(runner_, tokenizer_, {});
  Request request{.prompt = tokenizer_.encode("a b a b a b a b a b a b a b", SpecialTokens::as_text)};
  request.sampling.temperature = 0;
  request.stop_repetition = true;
  EXPECT_EQ(ask(engine, request, {}, cancel_).finish_reason, FinishReason::repetition);
  request.stop_repetition = false;
  EXPECT_EQ(ask(engine, request, {}, cancel_).finish_reason, FinishReason::length);
}

TEST_F(EngineModel, LogitsOfAllPositions) {
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
