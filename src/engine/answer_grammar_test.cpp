// Answers held to a grammar, with everything else that a request may ask for, in every pair.
#include "engine/answer_grammar.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/step_engine.h"
#include "grammar/grammar_compiler.h"
#include "testing/chat_tokenizer.h"
#include "testing/fake_runner.h"
#include "testing/toy_grammar.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

using Tokens = std::vector<std::int32_t>;

using test::kVocabulary;
constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr std::int64_t kCopied = 20;

// What one choice was told.
struct ToldAnswer {
  Tokens tokens;
  std::vector<LogProbs> log_probs;
  std::optional<Finished> finished;
};

// All of it that anybody can see, as a text, with every bit.
std::string seen_of(const ToldAnswer& told) {
  std::string out = fmt::format("{}\n", fmt::join(told.tokens, " "));
  for (const LogProbs& one : told.log_probs) {
    out += fmt::format("{:a}", one.log_prob);
    for (const auto& [id, value] : one.best) out += fmt::format(" {}:{:a}", id, value);
    out += '\n';
  }
  if (told.finished) out += fmt::format("{} {}", name(told.finished->reason), told.finished->text);
  return out;
}

class AnswerGrammarTest : public testing::Test {
 protected:
  AnswerGrammarTest() : tokenizer_(test::chat_tokenizer_spec()) {}

  // All requests at once, on so many pages; `echo`: the model repeats itself, so that guesses hold.
  struct Way {
    std::int64_t pages = 40;
    std::int64_t echo = 0;
    Speculation speculation = Speculation::automatic;
  };
  std::vector<std::vector<ToldAnswer>> answer(const std::vector<Request>& requests, const Way& way,
                                              EngineStatus* status = nullptr) const {
    test::FakeRunner runner({.context = 640, .rows = 96, .pages = way.pages, .vocabulary = kVocabulary});
    runner.echo = way.echo;
    EngineTime now;
    StepEngine engine(runner, tokenizer_, {.speculation = way.speculation, .clock = [&] {
                                             return now += std::chrono::microseconds(100);
                                           }});
    std::vector<std::vector<ToldAnswer>> told(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      engine.check(requests[i]);
      told[i].resize(usize(requests[i].choices));
      engine.add(std::make_shared<const Submission>(
          Submission{.request = requests[i],
                     .sink =
                         [&told, i](Event&& event) {
                           ToldAnswer& one = told[i][usize(event.choice)];
                           if (const auto* token = std::get_if<NewToken>(&event.what)) {
                             if (!token->stops) one.tokens.push_back(token->id);
                             if (token->log_probs) one.log_probs.push_back(*token->log_probs);
                           }
                           if (auto* over = std::get_if<Finished>(&event.what)) one.finished = *over;
                         },
                     .cancelled = std::make_shared<std::atomic<bool>>(false),
                     .submitted = now}));
    }
    while (engine.step()) {
    }
    if (status != nullptr) *status = engine.status();
    return told;
  }
  ToldAnswer alone(const Request& request) const { return answer({request}, {}).front().front(); }

  static Request held(std::uint32_t seed = 1) {
    Request request{.prompt = Tokens(50, static_cast<std::int32_t>(seed % 256))};
    request.max_tokens = 40;
    request.stop_tokens = {test::kImEnd};
    request.sampling.seed = seed;
    request.grammar = std::make_shared<test::DigitGrammar>();
    return request;
  }

  Tokenizer tokenizer_;
};

TEST_F(AnswerGrammarTest, EveryAnswerIsOfTheGrammarAndEndsWhereItIsWhole) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const ToldAnswer told = alone(held(seed));
    const auto state = test::DigitGrammar().start();
    for (const auto id : told.tokens) ASSERT_TRUE(state->accept(id)) << seed;
    ASSERT_TRUE(told.finished);
    EXPECT_EQ(told.finished->reason, FinishReason::stop) << told.finished->error;
    EXPECT_TRUE(state->complete()) << seed;
  }
}

TEST_F(AnswerGrammarTest, WithoutStopTokensAnAnswerEndsWhenNothingMayFollow) {
  Request request = held();
  request.stop_tokens.clear();
  const ToldAnswer told = alone(request);
  EXPECT_EQ(told.tokens.size(), 8U);
  EXPECT_EQ(told.finished->reason, FinishReason::stop);
}

TEST_F(AnswerGrammarTest, OneWithoutAWayOnEndsAloneWithAnError) {
  Request stuck = held();
  for (std::int32_t c = '0'; c <= '9'; ++c)
    stuck.sampling.logit_bias.push_back({c, -std::numeric_limits<double>::infinity()});
  const auto told = answer({stuck, held(2)}, {});
  EXPECT_EQ(told[0][0].finished->reason, FinishReason::failed);
  EXPECT_NE(told[0][0].finished->error.find("structure"), std::string::npos);
  EXPECT_EQ(told[1][0].finished->reason, FinishReason::stop);
  EXPECT_EQ(told[1][0].tokens, alone(held(2)).tokens);
}

// A text of it can be read in as many ways as there are trees: what the library has to keep of them grows
// with every token.
TEST_F(AnswerGrammarTest, AnAmbiguousOneEndsItsOwnRequestBeforeItKeepsOthersWaiting) {
  GrammarCompiler compiler(tokenizer_, kVocabulary);
  const std::string ambiguous = "root ::= s\ns ::= s s s | s s | [a-z] | \"\"";
  Request nasty = held();
  nasty.grammar = compiler.compile({StructureKind::ebnf, ambiguous});
  nasty.max_tokens = 500;
  nasty.stop_tokens.clear();
  nasty.choices = 3;
  Request other = held(2);
  other.grammar = std::make_shared<test::DigitGrammar>(60, 70);
  other.max_tokens = 100;
  const auto told = answer({nasty, other}, {});
  for (const ToldAnswer& choice : told[0]) {
    ASSERT_TRUE(choice.finished);
    EXPECT_EQ(choice.finished->reason, FinishReason::failed);
    EXPECT_NE(choice.finished->error.find("too long to follow"), std::string::npos) << choice.finished->error;
    EXPECT_GT(choice.tokens.size(), 5U);
    EXPECT_LT(choice.tokens.size(), 500U);
  }
  EXPECT_EQ(told[1][0].finished->reason, FinishReason::stop) << "its time is its own";
  EXPECT_EQ(told[1][0].tokens, alone(other).tokens);
}

TEST_F(AnswerGrammarTest, TheTimeOfARequestIsThatOfAllItsChoices) {
  GrammarTime time;
  time.spend(GrammarTime::kMs + GrammarTime::kMsPerToken - 1);
  EXPECT_FALSE(time.over());
  time.spend(GrammarTime::kMsPerToken);
  EXPECT_FALSE(time.over()) << "what a token brings it may take";
  time.spend(GrammarTime::kMsPerToken + 2);
  EXPECT_TRUE(time.over());
}

TEST_F(AnswerGrammarTest, ABiasLiftsNoBanAndTopKLooksAtWhatIsPermitted) {
  Request request = held();
  request.sampling.logit_bias = {{'x', 100}, {'5', 50}, {'6', 40}};
  request.sampling.temperature = 0;
  // The last of eight must be even.
  EXPECT_EQ(alone(request).tokens, (Tokens{'5', '5', '5', '5', '5', '5', '5', '6'}));
  request.sampling.temperature = 1;
  request.sampling.top_k = 1;
  EXPECT_EQ(alone(request).tokens, (Tokens{'5', '5', '5', '5', '5', '5', '5', '6'}));
}

TEST_F(AnswerGrammarTest, LogProbabilitiesAreTheModelsOwn) {
  Request request = held();
  request.log_probs = 1;
  const ToldAnswer told = alone(request);
  Tokens so_far = request.prompt;
  const double log_sum = std::log(std::exp(1.0) + (kVocabulary - 1));
  for (std::size_t i = 0; i < told.tokens.size(); ++i) {
    const auto best = test::FakeRunner::next(so_far, {}, kVocabulary);
    EXPECT_NEAR(told.log_probs[i].log_prob, (told.tokens[i] == best ? 1 : 0) - log_sum, 1e-5);
    EXPECT_EQ(told.log_probs[i].best.at(0).id, best) << "also where the grammar forbids it";
    so_far.push_back(told.tokens[i]);
  }
}

TEST_F(AnswerGrammarTest, ItBeginsBehindTheReasoning) {
  Request request = held();
  request.thinking = {.tokens = 5, .end = {257, 256}};
  const ToldAnswer told = alone(request);
  ASSERT_GE(told.tokens.size(), 7U + 3U);
  const Tokens free(told.tokens.begin(), told.tokens.begin() + 5);
  EXPECT_FALSE(std::ranges::all_of(free, [](int id) { return id >= '0' && id <= '9'; }));
  const auto state = test::DigitGrammar().start();
  for (const auto id : std::span(told.tokens).subspan(7)) EXPECT_TRUE(state->accept(id));
  EXPECT_TRUE(state->complete());
}

TEST_F(AnswerGrammarTest, AGrammarThatPermitsAllChangesNothing) {
  struct Any final : Grammar {
    struct State final : GrammarState {
      void mask(std::span<std::uint32_t> bits) override { std::ranges::fill(bits, ~0U); }
      bool accept(std::int32_t) override { return true; }
      [[nodiscard]] bool complete() const override { return true; }
      [[nodiscard]] std::unique_ptr<GrammarState> clone() const override { return std::make_unique<State>(); }
    };
    [[nodiscard]] std::unique_ptr<GrammarState> start() const override { return std::make_unique<State>(); }
    [[nodiscard]] std::size_t bytes() const override { return 0; }
  };
  Request request = held();
  request.grammar = std::make_shared<Any>();
  Request free = request;
  free.grammar = nullptr;
  EXPECT_EQ(alone(request).tokens, alone(free).tokens);
}

TEST_F(AnswerGrammarTest, RestrictWritesEveryForbiddenLogitAndNoOther) {
  const test::DigitGrammar grammar;
  const Tokens stops{test::kImEnd, 5000, -1};
  AnswerGrammar answer(grammar, stops, kVocabulary);
  const auto permitted = [&] {
    std::vector<float> logits(usize(kVocabulary), 1.0F);
    answer.restrict(logits);
    Tokens out;
    for (std::size_t id = 0; id < logits.size(); ++id) {
      if (logits[id] == 1.0F)
        out.push_back(static_cast<std::int32_t>(id));
      else
        EXPECT_EQ(logits[id], kNever);
    }
    return out;
  };
  Tokens digits;
  for (std::int32_t c = '0'; c <= '9'; ++c) digits.push_back(c);
  EXPECT_EQ(permitted(), digits);
  for (const char c : {'1', '2', '4'}) answer.accept(c);
  digits.push_back(test::kImEnd);
  EXPECT_EQ(permitted(), digits) << "it is whole: it may end";
}

// Whatever else is asked for, in every pair: the answer is of the grammar, and neither a neighbour nor a
// guess shows in it.
TEST_F(AnswerGrammarTest, ItHoldsBesideEverythingElseInEveryPair) {
  struct Feature {
    const char* name;
    void (*add)(Request&);
  };
  const std::vector<Feature> features{
      {"greedy", [](Request& r) { r.sampling.temperature = 0; }},
      {"top-k, top-p, min-p",
       [](Request& r) {
         r.sampling.top_k = 3;
         r.sampling.top_p = 0.9;
         r.sampling.min_p = 0.01;
       }},
      {"n", [](Request& r) { r.choices = 3; }},
      {"log-probabilities", [](Request& r) { r.log_probs = 2; }},
      {"of the prompt", [](Request& r) { r.prompt_log_probs = true; }},
      {"penalties",
       [](Request& r) {
         r.sampling.repetition_penalty = 1.3;
         r.sampling.frequency_penalty = 0.5;
         r.sampling.presence_penalty = 0.5;
       }},
      {"bias",
       [](Request& r) {
         r.sampling.logit_bias = {{'7', 3}, {'x', 9}};
       }},
      {"least tokens", [](Request& r) { r.min_tokens = 6; }},
      {"most tokens", [](Request& r) { r.max_tokens = 5; }},
      {"stop string", [](Request& r) { r.stop_strings = {"44"}; }},
      {"reasoning", [](Request& r) { r.thinking = ThinkingBudget{.tokens = 4, .end = {257}}; }},
      {"no stop token", [](Request& r) { r.stop_tokens.clear(); }},
      {"sparse", [](Request& r) { r.run = {.attention = AttentionMode::sparse, .topk = 20}; }},
      {"long prompt", [](Request& r) { r.prompt.resize(300, 17); }},
  };
  std::int64_t put_away = 0, accepted = 0;
  for (std::size_t i = 0; i < features.size(); ++i)
    for (std::size_t j = i + 1; j < features.size(); ++j) {
      const test::DigitGrammar grammar(40, 60);
      Request request = held(static_cast<std::uint32_t>(100 * i + j));
      request.grammar = std::make_shared<test::DigitGrammar>(grammar);
      request.max_tokens = 100;
      features[i].add(request);
      features[j].add(request);
      const std::string what = std::string(features[i].name) + " and " + features[j].name;
      const auto undisturbed = answer({request}, {.echo = kCopied, .speculation = Speculation::off}).front();
      EngineStatus status;
      const auto guessed = answer({request}, {.echo = kCopied}, &status).front();
      accepted += status.accepted_tokens;
      // Few pages; before and behind it others that write for longer.
      Request other{.prompt = Tokens(120, 9)};
      other.max_tokens = 80;
      other.sampling.temperature = 0;
      Request later = other;
      later.prompt.front() = 8;
      later.priority = 1;
      const auto crowd = answer({other, request, later, other}, {.pages = 11, .echo = kCopied}, &status);
      put_away += status.put_away;
      for (std::size_t choice = 0; choice < undisturbed.size(); ++choice) {
        const ToldAnswer& told = undisturbed[choice];
        ASSERT_TRUE(told.finished) << what;
        EXPECT_EQ(seen_of(told), seen_of(guessed[choice])) << what;
        EXPECT_EQ(seen_of(told), seen_of(crowd[1][choice])) << what;
        EXPECT_NE(told.finished->reason, FinishReason::failed) << what << ": " << told.finished->error;
        Tokens tokens = told.tokens;
        if (request.thinking)
          tokens.erase(tokens.begin(), tokens.begin() + std::min<std::ptrdiff_t>(5, std::ssize(tokens)));
        const auto state = grammar.start();
        for (const auto id : tokens) EXPECT_TRUE(state->accept(id)) << what;
        if (told.finished->reason == FinishReason::stop && !told.finished->stop_string) {
          EXPECT_TRUE(state->complete()) << what;
        }
      }
    }
  EXPECT_GT(put_away, 0) << "the crowd shows nothing";
  EXPECT_GT(accepted, 500) << "the guesses show nothing";
}

}  // namespace
}  // namespace dsa
