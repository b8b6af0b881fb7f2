#include "engine/step_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "testing/chat_tokenizer.h"
#include "testing/fake_runner.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

using Tokens = std::vector<std::int32_t>;

using test::kVocabulary;

// What one choice was told.
struct Told {
  Tokens tokens, of_prompt;
  std::vector<Reading> readings;
  std::optional<Finished> finished;
};

class StepEngineTest : public testing::Test {
 protected:
  StepEngineTest() : tokenizer_(test::chat_tokenizer_spec()) {
    make({.context = 1024, .rows = 96, .pages = 40});
  }

  void make(Runner::Limits limits, EngineOptions options = {}) {
    limits.vocabulary = kVocabulary;
    engine_.reset();
    runner_ = std::make_unique<test::FakeRunner>(limits);
    options.clock = [this] { return now_ += std::chrono::microseconds(100); };
    engine_ = std::make_unique<StepEngine>(*runner_, tokenizer_, std::move(options));
  }

  struct Asked {
    std::vector<Told> told;
    Handle handle;
  };
  std::shared_ptr<Asked> add(Request request) {
    engine_->check(request);
    auto flag = std::make_shared<std::atomic<bool>>(false);
    auto asked = std::make_shared<Asked>(
        Asked{.told = std::vector<Told>(usize(request.choices)), .handle = Handle(flag)});
    engine_->add(std::make_shared<const Submission>(Submission{
        .request = std::move(request),
        .sink = [asked](Event&& event) { note(asked->told[usize(event.choice)], std::move(event)); },
        .cancelled = flag,
        .submitted = now_}));
    return asked;
  }
  static void note(Told& told, Event&& event) {
    EXPECT_FALSE(told.finished) << "something was told after the end";
    if (const auto* reading = std::get_if<Reading>(&event.what)) told.readings.push_back(*reading);
    if (const auto* token = std::get_if<NewToken>(&event.what); token != nullptr && !token->stops)
      told.tokens.push_back(token->id);
    if (const auto* token = std::get_if<PromptToken>(&event.what)) told.of_prompt.push_back(token->id);
    if (auto* finished = std::get_if<Finished>(&event.what)) told.finished = std::move(*finished);
  }
  void run() {
    while (engine_->step()) expect_sound();
  }
  // No page is lost: each is free, cached for nobody, or somebody's.
  void expect_sound() const {
    const auto status = engine_->status();
    ASSERT_LE(status.pages_free + status.pages_cached, status.pages);
    if (status.reading + status.writing == 0) {
      ASSERT_EQ(status.pages_free + status.pages_cached, status.pages);
    }
  }

  static Request greedy(Tokens prompt, std::int64_t max_tokens = 12) {
    Request request{.prompt = std::move(prompt)};
    request.sampling.temperature = 0;
    request.max_tokens = max_tokens;
    return request;
  }
  // What the answer must be, whatever happened on the way.
  Tokens expected(const Request& request) const {
    Tokens all = request.prompt, answer;
    while (std::ssize(answer) < request.max_tokens) {
      const auto next = test::FakeRunner::next(all, runner_->rule(request.run), kVocabulary);
      if (std::ranges::find(request.stop_tokens, next) != request.stop_tokens.end()) break;
      answer.push_back(next);
      all.push_back(next);
      if (std::ssize(all) > runner_->limits().context) break;
    }
    return answer;
  }
  static Tokens text(std::int64_t length, std::uint32_t seed) {
    std::mt19937 draw(seed);
    Tokens out(usize(length));
    for (auto& id : out) id = static_cast<std::int32_t>(draw() % 256);
    return out;
  }

  Tokenizer tokenizer_;
  EngineTime now_;
  std::unique_ptr<test::FakeRunner> runner_;
  std::unique_ptr<StepEngine> engine_;
};

TEST_F(StepEngineTest, AnAnswerIsWhatTheModelSays) {
  const Request request = greedy(text(200, 1));
  const auto asked = add(request);
  run();
  ASSERT_TRUE(asked->told[0].finished);
  EXPECT_EQ(asked->told[0].finished->reason, FinishReason::length);
  EXPECT_EQ(asked->told[0].tokens, expected(request));
  EXPECT_EQ(asked->told[0].readings.back().done, 200);
  EXPECT_EQ(asked->told[0].finished->timings.completion_tokens, 12);
}

TEST_F(StepEngineTest, WhatWasReadOnceIsFoundToTheToken) {
  const Tokens first = text(200, 1);
  add(greedy(first));
  run();
  struct Case {
    std::int64_t kept, more, cached;
  };
  // In the middle of a page, at its end, behind the whole text, and all of it but the token that wants
  // logits.
  for (const Case& c :
       {Case{100, 50, 100}, Case{128, 50, 128}, Case{200, 50, 200}, Case{200, 0, 199}, Case{0, 50, 0}}) {
    Tokens prompt(first.begin(), first.begin() + c.kept);
    for (const auto id : text(c.more, 2)) prompt.push_back((id + 1) % 256);
    if (c.kept < 200) {
      ASSERT_NE(prompt[usize(c.kept)], first[usize(c.kept)]) << "the case shows nothing";
    }
    const Request request = greedy(prompt);
    const auto asked = add(request);
    run();
    EXPECT_EQ(asked->told[0].tokens, expected(request));
    const Timings& timings = asked->told[0].finished->timings;
    EXPECT_EQ(timings.cached_tokens, c.cached);
    EXPECT_EQ(timings.first_difference, c.more > 0 ? std::optional(c.kept) : std::nullopt);
  }
}

TEST_F(StepEngineTest, ATalkGoesOnBehindItsLastAnswer) {
  Request request = greedy(text(70, 3), 30);
  const auto first = add(request);
  run();
  Tokens prompt = request.prompt;
  for (const auto id : first->told[0].tokens) prompt.push_back(id);
  for (const auto id : text(10, 4)) prompt.push_back(id);
  const auto second = add(greedy(prompt));
  run();
  EXPECT_EQ(second->told[0].tokens, expected(greedy(prompt)));
  EXPECT_FALSE(second->told[0].finished->timings.first_difference) << "nothing else was kept";
  EXPECT_EQ(second->told[0].finished->timings.cached_tokens,
            70 + 30 - 1);  // nobody needed the last one's entry
}

TEST_F(StepEngineTest, ThoseWhoReadTheSameReadItOnce) {
  const Tokens document = text(640, 5);
  std::vector<std::shared_ptr<Asked>> asked;
  std::vector<Request> requests;
  for (std::uint32_t i = 0; i < 4; ++i) {
    Tokens prompt = document;
    for (const auto id : text(20, 100 + i)) prompt.push_back(id);
    requests.push_back(greedy(prompt));
    asked.push_back(add(requests.back()));
  }
  run();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(asked[i]->told[0].tokens, expected(requests[i]));
  EXPECT_LE(engine_->status().computed_tokens, 640 + 4 * 20);
}

TEST_F(StepEngineTest, ChoicesShareTheirPrompt) {
  Request request = greedy(text(300, 6));
  request.choices = 3;
  const auto asked = add(request);
  run();
  for (const Told& told : asked->told) EXPECT_EQ(told.tokens, expected(request));
  EXPECT_EQ(engine_->status().computed_tokens, 300 + 2);  // the last token of each wants its own logits
}

TEST_F(StepEngineTest, ChoicesShareWhatFillsNoPage) {
  Request one = greedy(text(40, 6)), other = greedy(one.prompt);
  for (std::size_t i = 10; i < 40; ++i) other.prompt[i] = (other.prompt[i] + 1) % 256;
  one.choices = other.choices = 3;
  const auto first = add(one), second = add(other);
  run();
  for (const Told& told : first->told) EXPECT_EQ(told.tokens, expected(one));
  for (const Told& told : second->told) EXPECT_EQ(told.tokens, expected(other));
  // Both begin in one pass; what one has read then is no reason to read the rest three times.
  EXPECT_EQ(engine_->status().computed_tokens, 2 * (40 + 2));
  const auto third = add(other);
  run();
  for (const Told& told : third->told) EXPECT_EQ(told.finished->timings.cached_tokens, 39);
}

TEST_F(StepEngineTest, WhoTookAShortPartWaitsForTheLongerOne) {
  add(greedy(text(40, 6)));
  run();
  Request other = greedy(text(40, 6));
  for (std::size_t i = 10; i < 40; ++i) other.prompt[i] = (other.prompt[i] + 1) % 256;
  other.choices = 3;
  const auto asked = add(other);
  run();
  for (const Told& told : asked->told) EXPECT_EQ(told.tokens, expected(other));
  EXPECT_EQ(engine_->status().computed_tokens, 40 + 30 + 2);
}

TEST_F(StepEngineTest, AttentionThatComputesOtherEntriesSharesWhatIsAlike) {
  Request dense = greedy(text(200, 7)), sparse = greedy(text(200, 7));
  sparse.run = {.attention = AttentionMode::sparse, .topk = 100};
  add(dense);
  run();
  const auto asked = add(sparse);
  run();
  EXPECT_EQ(asked->told[0].tokens, expected(sparse));
  EXPECT_EQ(asked->told[0].finished->timings.cached_tokens, 100);
  EXPECT_NE(expected(sparse), expected(dense));
}

TEST_F(StepEngineTest, TenantsShareNothing) {
  make({.context = 1024, .rows = 96, .pages = 40},
       {.root = [](const std::string& tenant) { return PageKey{std::byte(tenant.size())}; }});
  for (const std::string tenant : {"", "a", "", "a"}) {
    Request request = greedy(text(200, 8));
    request.tenant = tenant;
    const auto asked = add(request);
    run();
    EXPECT_EQ(asked->told[0].tokens, expected(request));
  }
  EXPECT_EQ(engine_->status().computed_tokens, 2 * 200 + 2 * 1);
}

TEST_F(StepEngineTest, WhoMakesRoomAnswersAsIfUndisturbed) {
  make({.context = 640, .rows = 96, .pages = 12});
  std::vector<std::shared_ptr<Asked>> asked;
  std::vector<Request> requests;
  for (std::uint32_t i = 0; i < 4; ++i) {
    requests.push_back(greedy(text(120 + 40 * i, 20 + i), 200));
    asked.push_back(add(requests.back()));
  }
  run();
  EXPECT_GT(engine_->status().put_away, 0) << "the test shows nothing";
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(asked[i]->told[0].tokens, expected(requests[i])) << i;
}

TEST_F(StepEngineTest, APromptThatIsReadTwiceIsToldOnce) {
  make({.context = 512, .rows = 96, .pages = 8});
  add(greedy(text(60, 1), 100));
  Request asked = greedy(text(400, 2), 4);  // it finds room, which the first then needs
  asked.prompt_log_probs = true;
  const auto second = add(asked);
  run();
  EXPECT_GT(engine_->status().put_away, 0) << "the test shows nothing";
  EXPECT_EQ(second->told[0].of_prompt, Tokens(asked.prompt.begin() + 1, asked.prompt.end()));
  EXPECT_EQ(second->told[0].tokens, expected(asked));
}

TEST_F(StepEngineTest, ThePriorOnesGoFirst) {
  make({.context = 640, .rows = 32, .pages = 40}, {.max_running = 1});
  const auto low = add(greedy(text(50, 1))), also_low = add(greedy(text(40, 2)));
  Request urgent = greedy(text(300, 3));
  urgent.priority = 1;
  const auto high = add(urgent);
  while (!high->told[0].finished) ASSERT_TRUE(engine_->step());
  EXPECT_FALSE(low->told[0].finished);
  EXPECT_FALSE(also_low->told[0].finished);
  run();
}

TEST_F(StepEngineTest, CancelTakesEffectWithinAStepAndKeepsWhatWasRead) {
  const auto asked = add(greedy(text(500, 9)));
  for (int i = 0; i < 3; ++i) engine_->step();
  asked->handle.cancel();
  engine_->step();
  ASSERT_TRUE(asked->told[0].finished);
  EXPECT_EQ(asked->told[0].finished->reason, FinishReason::cancelled);
  const auto again = add(greedy(text(500, 9)));
  run();
  EXPECT_GE(again->told[0].finished->timings.cached_tokens, 3 * 96);
  EXPECT_EQ(again->told[0].tokens, expected(greedy(text(500, 9))));
}

TEST_F(StepEngineTest, OneThatMeetsANonFiniteValueEndsAlone) {
  runner_->bad_token = 259;
  Tokens poisoned = text(100, 10);
  poisoned[50] = 259;
  Request request = greedy(text(100, 11));
  const auto bad = add(greedy(poisoned)), good = add(request);
  run();
  EXPECT_EQ(bad->told[0].finished->reason, FinishReason::failed);
  EXPECT_EQ(bad->told[0].finished->error, "not finite");
  EXPECT_EQ(good->told[0].tokens, expected(request));
}

TEST_F(StepEngineTest, TheContextIsALimit) {
  make({.context = 128, .rows = 96, .pages = 3});
  Request request = greedy(text(120, 12), -1);
  const auto asked = add(request);
  run();
  EXPECT_EQ(asked->told[0].finished->reason, FinishReason::length);
  EXPECT_EQ(asked->told[0].tokens.size(), 128U - 120U + 1U);  // the last token needs no room
  EXPECT_THROW(add(greedy(text(129, 1))), RequestError);
  EXPECT_THROW(add(greedy({})), RequestError);
  EXPECT_THROW(add(greedy({-1})), RequestError);
  EXPECT_THROW(add(greedy({kVocabulary})), RequestError);
}

TEST_F(StepEngineTest, ReasoningEndsWhenItsBudgetDoes) {
  Request request = greedy(text(30, 13), 20);
  request.thinking = {.tokens = 5, .end = {257, 258}};
  const auto asked = add(request);
  run();
  const Tokens& tokens = asked->told[0].tokens;
  ASSERT_GE(tokens.size(), 8U);
  EXPECT_EQ(tokens[5], 257);
  EXPECT_EQ(tokens[6], 258);
  EXPECT_EQ(asked->told[0].finished->timings.reasoning_tokens, 7);
  Tokens so_far = request.prompt;
  so_far.insert(so_far.end(), tokens.begin(), tokens.begin() + 7);
  EXPECT_EQ(tokens[7], test::FakeRunner::next(so_far, {}, kVocabulary));
}

TEST_F(StepEngineTest, NoStopTokenEndsItBeforeTheLeast) {
  Request request = greedy(text(30, 14), 20);
  const Tokens free = expected(request);
  request.stop_tokens = {free[3]};
  request.min_tokens = 10;
  const auto asked = add(request);
  run();
  EXPECT_GE(asked->told[0].tokens.size(), 10U);
}

// Arrivals, cancellations, priorities and prompts that share beginnings, in a cache that is too small for
// them.
TEST_F(StepEngineTest, WhateverComesEveryAnswerIsRightAndEndsOnce) {
  make({.context = 512, .rows = 64, .pages = 20}, {.max_running = 8});
  std::mt19937 draw(7);
  struct One {
    Request request;
    std::shared_ptr<Asked> asked;
    bool cancelled = false;
  };
  std::vector<One> all;
  for (int i = 0; i < 10'000; ++i) {
    Tokens prompt = text(1 + draw() % 300, draw() % 6);
    if (draw() % 2 == 0)
      for (const auto id : text(1 + draw() % 60, 1000 + draw())) prompt.push_back(id);
    Request request = greedy(prompt, draw() % 12);
    request.priority = static_cast<std::int32_t>(draw() % 3);
    if (draw() % 4 == 0)
      request.run = {.attention = AttentionMode::sparse, .topk = static_cast<std::int64_t>(1 + draw() % 100)};
    request.stop_tokens = {static_cast<std::int32_t>(draw() % 256)};
    all.push_back({.request = request, .asked = add(request)});
    if (One& one = all[draw() % all.size()]; draw() % 8 == 0) {
      one.asked->handle.cancel();
      one.cancelled = true;
    }
    for (auto steps = draw() % 6; steps > 0; --steps) {
      engine_->step();
      expect_sound();
    }
  }
  run();
  for (const One& one : all) {
    const Told& told = one.asked->told[0];
    ASSERT_TRUE(told.finished);
    const Tokens whole = expected(one.request);
    if (told.finished->reason == FinishReason::cancelled) {
      EXPECT_TRUE(one.cancelled);
      EXPECT_TRUE(std::equal(told.tokens.begin(), told.tokens.end(), whole.begin()));
    } else {
      EXPECT_EQ(told.tokens, whole);
    }
  }
  EXPECT_GT(engine_->status().put_away, 0) << "the cache was large enough: the test shows less";
  EXPECT_GT(engine_->status().ram_tokens, 0);
}

}  // namespace
}  // namespace dsa
