// What a request of the default model may ask for, in every pair: neither guesses nor making room for others
// shows in an answer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/env.h"
#include "engine/model_runner.h"
#include "engine/step_engine.h"
#include "grammar/grammar_compiler.h"
#include "model/loaded_model.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

constexpr std::int64_t kContext = 512, kFewPages = 8;

std::filesystem::path model_of_pairs() {
  return env_or("DSA_TEST_MODEL", (dsa_home() / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf").string());
}

using Answers = std::vector<std::string>;  // of each choice all that is told of it, with every bit

class EnginePairs : public testing::Test {
 protected:
  EnginePairs()
      : opened_(with_indexer(
            open_model(model_of_pairs()),
            {.context = kContext, .indexer_folders = {std::filesystem::path(DSA_SOURCE_DIR) / "models"}})),
        tokenizer_(fitting_tokenizer(opened_.files)),
        model_(std::move(opened_), {.context = kContext}),
        runner_(model_),
        compiler_(tokenizer_, runner_.limits().vocabulary) {}

  // All requests at once, by an engine that remembers nothing.
  std::vector<Answers> answer(const std::vector<Request>& requests, Speculation speculation,
                              EngineStatus* status) {
    EngineTime now;
    StepEngine engine(runner_, tokenizer_, {.speculation = speculation, .clock = [&] {
                                              return now += std::chrono::microseconds(100);
                                            }});
    std::vector<Answers> told(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      engine.check(requests[i]);
      told[i].resize(usize(requests[i].choices));
      engine.add(std::make_shared<const Submission>(
          Submission{.request = requests[i],
                     .sink = [&told, i](Event&& event) { note(told[i][usize(event.choice)], event); },
                     .cancelled = std::make_shared<std::atomic<bool>>(false),
                     .submitted = now}));
    }
    while (engine.step()) {
    }
    if (status != nullptr) *status = engine.status();
    return told;
  }
  static void note(std::string& told, const Event& event) {
    if (const auto* token = std::get_if<NewToken>(&event.what)) {
      told += fmt::format("{}{}", token->id, token->stops ? " stops" : "");
      if (token->log_probs) {
        told += fmt::format(" {:a}", token->log_probs->log_prob);
        for (const auto& [id, value] : token->log_probs->best) told += fmt::format(" {}:{:a}", id, value);
      }
      told += '\n';
    }
    if (const auto* over = std::get_if<Finished>(&event.what))
      told += fmt::format("{} {}{}", name(over->reason), over->text, over->error);
  }
  Request asked(const std::string& text, std::int64_t max_tokens) const {
    Request request{.prompt = tokenizer_.encode(text, SpecialTokens::as_text)};
    request.sampling.temperature = 0;
    request.max_tokens = max_tokens;
    return request;
  }

  OpenedModel opened_;
  Tokenizer tokenizer_;
  LoadedModel model_;
  ModelRunner runner_;
  GrammarCompiler compiler_;
};

TEST_F(EnginePairs, NeitherGuessesNorMakingRoomShowInAnAnswer) {
  ASSERT_EQ(runner_.limits().pages, kFewPages) << "four requests are to be too many";
  const auto digits = compiler_.compile({StructureKind::regex, "([0-9]{1,3}, ){12,16}[0-9]+"});
  struct Feature {
    const char* name;
    std::function<void(Request&)> add;
  };
  const std::vector<Feature> features{
      {"grammar", [&](Request& r) { r.grammar = digits; }},
      {"penalties",
       [](Request& r) {
         r.sampling.repetition_penalty = 1.1;
         r.sampling.frequency_penalty = 0.1;
         r.sampling.presence_penalty = 0.1;
       }},
      {"log-probabilities", [](Request& r) { r.log_probs = 3; }},
      {"n", [](Request& r) { r.choices = 2; }},
      {"draws",
       [](Request& r) {
         r.sampling.temperature = 0.5;
         r.sampling.top_k = 20;
         r.sampling.top_p = 0.95;
       }},
      {"bias",
       [&](Request& r) {
         r.sampling.logit_bias = {{tokenizer_.encode(" four", SpecialTokens::as_text).front(), -3}};
       }},
      {"stop", [](Request& r) { r.stop_strings = {"four, five, six, seven, eight, nine, ten"}; }},
      {"sparse", [](Request& r) { r.run = {.attention = AttentionMode::sparse, .topk = 64}; }},
  };
  std::string counting;
  for (int i = 0; i < 6; ++i) counting += " one, two, three, four, five, six, seven, eight, nine, ten,";
  std::int64_t accepted = 0, put_away = 0;
  for (std::size_t i = 0; i < features.size(); ++i)
    for (std::size_t j = i + 1; j < features.size(); ++j) {
      const std::string what = fmt::format("{} and {}", features[i].name, features[j].name);
      Request request = asked("Counting:" + counting, 30);
      request.sampling.seed = 100 * i + j;
      features[i].add(request);
      features[j].add(request);
      Request other = asked("Again:" + counting, 40);
      Request another = asked("Once more:" + counting, 40);
      Request urgent = asked("In a hurry:" + counting, 40);
      urgent.priority = 1;
      const auto plain = answer({request}, Speculation::off, nullptr);
      EngineStatus alone, crowded;
      EXPECT_EQ(answer({request}, Speculation::automatic, &alone)[0], plain[0]) << what;
      const auto crowd = answer({other, request, urgent, another}, Speculation::automatic, &crowded);
      EXPECT_EQ(crowd[1], plain[0]) << what;
      EXPECT_EQ(plain[0][0].find("failed"), std::string::npos) << what << ": " << plain[0][0];
      accepted += alone.accepted_tokens + crowded.accepted_tokens;
      put_away += crowded.put_away;
    }
  EXPECT_GT(accepted, 200) << "the guesses show nothing";
  EXPECT_GT(put_away, 10) << "the crowd shows nothing";
}

}  // namespace
}  // namespace dsa
