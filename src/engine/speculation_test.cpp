// The engine that guesses against the one that does not.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "engine/step_engine.h"
#include "testing/chat_tokenizer.h"
#include "testing/fake_runner.h"
#include "testing/map_store.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

using Tokens = std::vector<std::int32_t>;
using EventLines = std::vector<std::string>;  // a line for each event of a choice

using test::kVocabulary;
constexpr std::int64_t kEcho = 20;
constexpr Runner::Limits kRoomy{.context = 1024, .rows = 96, .pages = 40, .vocabulary = kVocabulary};
constexpr Runner::Limits kRoomyOwn{
    .context = 1024, .rows = 96, .pages = 40, .vocabulary = kVocabulary, .mtp_places = 2};

std::string line(const std::optional<LogProbs>& log_probs) {
  if (!log_probs) return "";
  std::string out = fmt::format("{:a}", log_probs->log_prob);
  for (const auto& [id, value] : log_probs->best) out += fmt::format(" {}:{:a}", id, value);
  return out;
}
std::string line(const NewToken& t) {
  return fmt::format("{} '{}' {} {}", t.id, t.text, line(t.log_probs), t.stops ? "stops" : "");
}
std::string line(const PromptToken& t) { return fmt::format("prompt {} {}", t.id, line(t.log_probs)); }
std::string line(const Finished& f) {
  return fmt::format("{} '{}' '{}' '{}' {} of them {} reasoning", name(f.reason), f.text, f.error,
                     f.stop_string.value_or(""), f.timings.completion_tokens, f.timings.reasoning_tokens);
}

class SpeculationTest : public testing::Test {
 protected:
  SpeculationTest() : tokenizer_(test::chat_tokenizer_spec()) {}

  struct Asked {
    std::vector<EventLines> told;  // of each choice
    std::vector<Finished> finished;
  };
  // An engine that is asked things.
  struct Bench {
    Bench(const Tokenizer& tokenizer, Speculation speculation, const Runner::Limits& limits = kRoomy,
          PageStore* store = nullptr)
        : runner(limits),
          engine(runner, tokenizer, {.speculation = speculation, .store = store, .clock = [this] {
                                       // A pass takes ten times what guesses take.
                                       const bool ran = std::exchange(passes, runner.passes) != runner.passes;
                                       return now += std::chrono::microseconds(ran ? 100 : 10);
                                     }}) {
      runner.echo = kEcho;
    }
    std::shared_ptr<Asked> add(const Request& request) {
      engine.check(request);
      auto asked = std::make_shared<Asked>();
      asked->told.resize(usize(request.choices));
      engine.add(std::make_shared<const Submission>(
          Submission{.request = request,
                     .sink = [asked](Event&& event) { note(*asked, event); },
                     .cancelled = std::make_shared<std::atomic<bool>>(false),
                     .submitted = now}));
      return asked;
    }
    static void note(Asked& asked, const Event& event) {
      EventLines& told = asked.told[usize(event.choice)];
      if (const auto* prompt = std::get_if<PromptToken>(&event.what)) told.push_back(line(*prompt));
      if (const auto* token = std::get_if<NewToken>(&event.what)) told.push_back(line(*token));
      if (const auto* finished = std::get_if<Finished>(&event.what)) {
        told.push_back(line(*finished));
        asked.finished.push_back(*finished);
      }
    }
    std::shared_ptr<Asked> answer(const Request& request) {
      auto asked = add(request);
      run();
      return asked;
    }
    void run() {
      while (engine.step()) {
      }
    }

    EngineTime now;
    std::int64_t passes = 0;  // when the clock was last looked at
    test::FakeRunner runner;
    StepEngine engine;
  };

  static Tokens text(std::int64_t length, std::uint32_t seed) {
    std::mt19937 draw(seed);
    Tokens out(usize(length));
    for (auto& id : out) id = static_cast<std::int32_t>('a' + draw() % 26);
    return out;
  }
  static Request greedy(Tokens prompt, std::int64_t max_tokens) {
    Request request{.prompt = std::move(prompt)};
    request.sampling.temperature = 0;
    request.max_tokens = max_tokens;
    return request;
  }
  // Of all that can be asked of an answer.
  static Request any(std::mt19937& draw) {
    const auto below = [&](std::uint32_t n) { return static_cast<std::int32_t>(draw() % n); };
    const auto one_in = [&](std::uint32_t n) { return below(n) == 0; };
    Request r =
        greedy(text(1 + below(150), static_cast<std::uint32_t>(below(5))), one_in(8) ? -1 : below(90));
    for (const auto id : text(below(30), static_cast<std::uint32_t>(draw()))) r.prompt.push_back(id);
    r.sampling.seed = draw();
    if (one_in(2)) r.sampling.temperature = one_in(2) ? 0.1 : 0.2;
    if (one_in(3)) r.sampling.top_k = 1 + below(5);
    if (one_in(4)) r.sampling.top_p = 0.9;
    if (one_in(6)) r.sampling.min_p = 0.1;
    if (one_in(5)) r.sampling.repetition_penalty = 1.1;
    if (one_in(5)) r.sampling.presence_penalty = 0.01 * below(100);
    if (one_in(5)) r.sampling.frequency_penalty = 0.1;
    if (one_in(6)) r.sampling.logit_bias = {{.id = 'e', .bias = -INFINITY}, {.id = 'q', .bias = 0.5}};
    if (one_in(5)) r.choices = 1 + below(3);
    if (one_in(3)) r.stop_tokens = {'e', test::kImEnd};
    if (one_in(3)) r.stop_strings = {"sz", text_of(text(2, static_cast<std::uint32_t>(draw())))};
    if (one_in(4)) r.min_tokens = below(30);
    if (one_in(4)) r.log_probs = below(4);
    if (one_in(12)) r.prompt_log_probs = true;
    if (one_in(6)) r.thinking = {.tokens = below(20), .end = {test::kNewlines, 'x'}};
    if (one_in(6)) r.stop_repetition = true;
    if (one_in(4)) r.run = {.attention = AttentionMode::sparse, .topk = 1 + below(100)};
    r.priority = below(3);
    return r;
  }
  static std::string text_of(const Tokens& tokens) { return {tokens.begin(), tokens.end()}; }

  Tokenizer tokenizer_;
};

TEST_F(SpeculationTest, AnAnswerThatCopiesTakesFewerPassesAndIsTheSame) {
  Bench plain(tokenizer_, Speculation::off), guesses(tokenizer_, Speculation::automatic);
  for (const bool sparse : {false, true}) {
    Request request = greedy(text(100, 1), 400);
    if (sparse) request.run = {.attention = AttentionMode::sparse, .topk = 200};
    const auto expected = plain.answer(request), got = guesses.answer(request);
    EXPECT_EQ(got->told, expected->told);
    const Finished &a = expected->finished[0], &b = got->finished[0];
    EXPECT_EQ(a.timings.drafted_tokens, 0);
    EXPECT_GT(b.timings.accepted_tokens, 150);
    EXPECT_GE(b.timings.drafted_tokens, b.timings.accepted_tokens);
    EXPECT_EQ(b.attention.dense_rows, a.attention.dense_rows) << "a wrong guess counts";
    EXPECT_EQ(b.attention.sparse_rows, a.attention.sparse_rows);
  }
  const EngineStatus a = plain.engine.status(), b = guesses.engine.status();
  EXPECT_EQ(b.written_tokens, a.written_tokens);
  EXPECT_EQ(b.steps + b.accepted_tokens, a.steps) << "each that held saves a pass";
  EXPECT_GT(b.drafted_tokens, b.accepted_tokens);
}

TEST_F(SpeculationTest, WhatNothingIsCopiedOfTheModelsOwnLayerGuesses) {
  Bench plain(tokenizer_, Speculation::off), guesses(tokenizer_, Speculation::automatic, kRoomyOwn),
      copies(tokenizer_, Speculation::ngram, kRoomyOwn), own(tokenizer_, Speculation::mtp, kRoomyOwn);
  const Request request = greedy(text(100, 1), 400);
  for (Bench* bench : {&plain, &guesses, &copies, &own}) bench->runner.echo = 0;
  const auto expected = plain.answer(request);
  for (Bench* bench : {&guesses, &own}) {
    const auto got = bench->answer(request);
    EXPECT_EQ(got->told, expected->told);
    const Timings& timings = got->finished[0].timings;
    EXPECT_GT(timings.mtp_accepted_tokens, 100);
    EXPECT_GT(timings.mtp_drafted_tokens, timings.mtp_accepted_tokens);
    EXPECT_EQ(bench->engine.status().steps + timings.accepted_tokens, plain.engine.status().steps);
  }
  EXPECT_EQ(copies.answer(request)->finished[0].timings.mtp_drafted_tokens, 0);
  EXPECT_EQ(copies.runner.guesses, 0);
}

TEST_F(SpeculationTest, PlacesOfTheModelsOwnLayerAreGivenBack) {
  Bench bench(tokenizer_, Speculation::mtp, kRoomyOwn), plain(tokenizer_, Speculation::off);
  std::vector<std::shared_ptr<Asked>> asked, expected;
  std::int64_t guessed = 0;
  for (std::uint32_t i = 0; i < 12; ++i) {
    asked.push_back(bench.add(greedy(text(30, i), 60)));
    expected.push_back(plain.add(greedy(text(30, i), 60)));
    for (int steps = 0; steps < 25; ++steps) bench.engine.step();
  }
  bench.run();
  plain.run();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(asked[i]->told, expected[i]->told);
    guessed += asked[i]->finished[0].timings.mtp_drafted_tokens > 0 ? 1 : 0;
  }
  EXPECT_GT(guessed, 2) << "more than there are places";
}

TEST_F(SpeculationTest, WhateverIsAskedTheAnswerIsThatWithoutGuesses) {
  std::mt19937 draw(11);
  for (const Runner::Limits& limits :
       {Runner::Limits{.context = 384, .rows = 64, .pages = 12, .vocabulary = kVocabulary},
        Runner::Limits{.context = 384, .rows = 64, .pages = 12, .vocabulary = kVocabulary, .mtp_places = 3},
        Runner::Limits{.context = 256, .rows = 5, .pages = 30, .vocabulary = kVocabulary}}) {
    test::MapStore store;
    Bench together(tokenizer_, Speculation::automatic, limits, &store);
    std::vector<Request> requests;
    std::vector<std::shared_ptr<Asked>> asked;
    for (int i = 0; i < 160; ++i) {
      requests.push_back(any(draw));
      asked.push_back(together.add(requests.back()));
      for (auto steps = draw() % 60; steps > 0; --steps) together.engine.step();
    }
    together.run();
    Bench alone(tokenizer_, Speculation::off, limits);
    for (std::size_t i = 0; i < requests.size(); ++i)
      ASSERT_EQ(asked[i]->told, alone.answer(requests[i])->told) << i;
    const EngineStatus status = together.engine.status();
    EXPECT_GT(status.accepted_tokens, 500);
    EXPECT_GT(status.drafted_tokens, status.accepted_tokens);
    EXPECT_EQ(together.runner.guesses > 250, limits.mtp_places > 0);
    EXPECT_GT(status.ram_tokens + status.disk_tokens, 0);
    EXPECT_EQ(status.pages_free + status.pages_cached, status.pages) << "a page was lost";
    if (limits.pages < 20) {
      EXPECT_GT(status.put_away, 0) << "the test shows less";
    }
    // What was kept is whole: an engine that finds it all in the store says the same.
    Bench later(tokenizer_, Speculation::automatic, limits, &store);
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(later.answer(requests[i])->told, asked[i]->told);
    EXPECT_GT(later.engine.status().disk_tokens, 0);
  }
}

TEST_F(SpeculationTest, AGuessThatCannotBeComputedIsNotTheAnswersEnd) {
  Bench bench(tokenizer_, Speculation::automatic), plain(tokenizer_, Speculation::off);
  const Request request = greedy(text(100, 2), 100);
  int tried = 0;
  bench.runner.on_slice = [&](const SequenceSlice& slice) {
    const bool guessed = slice.first_position >= 100 && slice.tokens.size() > 1;
    bench.runner.bad_token = guessed ? slice.tokens[1] : -1;
    tried += guessed ? 1 : 0;
  };
  EXPECT_EQ(bench.answer(request)->told, plain.answer(request)->told);
  EXPECT_EQ(tried, 1) << "once is enough";
}

TEST_F(SpeculationTest, NobodyGuessesWhileAPromptIsRead) {
  Bench bench(tokenizer_, Speculation::automatic);
  bool guessed = false, beside = false;
  bench.runner.on_slice = [&](const SequenceSlice& slice) {
    guessed = guessed || (slice.first_position >= 100 && slice.logits_rows.size() > 1);
  };
  const auto first = bench.add(greedy(text(100, 3), 800));
  while (!guessed) ASSERT_TRUE(bench.engine.step());
  const auto second = bench.add(greedy(text(600, 4), 1));
  while (second->finished.empty()) {
    guessed = false;
    ASSERT_TRUE(bench.engine.step());
    beside = beside || bench.engine.status().reading > 0;
    EXPECT_FALSE(guessed);
  }
  EXPECT_TRUE(beside);
  EXPECT_TRUE(first->finished.empty()) << "the test shows nothing";
}

TEST_F(SpeculationTest, GuessesEndWhereTheContextDoes) {
  // Two answers that fill the cache to its last page.
  const Runner::Limits limits{.context = 256, .rows = 96, .pages = 8, .vocabulary = kVocabulary};
  Bench bench(tokenizer_, Speculation::automatic, limits), plain(tokenizer_, Speculation::off, limits);
  std::vector<std::shared_ptr<Asked>> asked, expected;
  for (const std::uint32_t seed : {5U, 6U}) {
    asked.push_back(bench.add(greedy(text(100, seed), -1)));
    expected.push_back(plain.add(greedy(text(100, seed), -1)));
  }
  bench.run();
  plain.run();
  for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(asked[i]->told, expected[i]->told);
  EXPECT_GT(bench.engine.status().accepted_tokens, 50);
  EXPECT_EQ(bench.engine.status().put_away, 0);
}

}  // namespace
}  // namespace dsa
