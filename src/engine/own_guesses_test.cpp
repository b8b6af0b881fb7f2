// Guesses by a trained model's own layer: the answers are those without, bit for bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

#include "engine/model_runner.h"
#include "engine/step_engine.h"
#include "grammar/grammar_compiler.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

using EventTexts = std::vector<std::string>;  // a line for each event

class OwnGuesses : public testing::Test {
 protected:
  explicit OwnGuesses()
      : opened_(with_indexer(open_model(std::filesystem::path(DSA_SOURCE_DIR) / "models/tiny-v32"), {})),
        tokenizer_(fitting_tokenizer(opened_.files)),
        grammars_(tokenizer_, opened_.files.config.vocab_size) {}

  struct Outcome {
    std::vector<EventTexts> told;
    std::int64_t own_drafted = 0, own_accepted = 0;
  };
  // All requests at once.
  Outcome answer(LoadedModel& model, Speculation speculation, const std::vector<Request>& requests) const {
    ModelRunner runner(model);
    // A clock by which a pass takes ten times what guesses take.
    bool ran = false;
    model.transformer().set_hooks({.layer_output = [&](std::int64_t, auto) { ran = true; }});
    EngineTime now;
    StepEngine engine(runner, tokenizer_,
                      {.speculation = speculation, .clock = [&] {
                         return now += std::chrono::microseconds(std::exchange(ran, false) ? 100 : 10);
                       }});
    Outcome out;
    out.told.resize(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      engine.check(requests[i]);
      engine.add(std::make_shared<const Submission>(
          Submission{.request = requests[i],
                     .sink = [&out, i](Event&& event) { note(out, out.told[i], event); },
                     .cancelled = std::make_shared<std::atomic<bool>>(false),
                     .submitted = now}));
    }
    while (engine.step()) {
    }
    model.transformer().set_hooks({});
    return out;
  }
  static void note(Outcome& out, EventTexts& told, const Event& event) {
    if (const auto* token = std::get_if<NewToken>(&event.what)) {
      told.push_back(fmt::format("{} '{}'", token->id, token->text));
      if (!token->log_probs) return;
      told.back() += fmt::format(" {:a}", token->log_probs->log_prob);
      for (const auto& [id, value] : token->log_probs->best)
        told.back() += fmt::format(" {}:{:a}", id, value);
    }
    if (const auto* over = std::get_if<Finished>(&event.what)) {
      told.push_back(fmt::format("{} '{}' {}", name(over->reason), over->text, over->error));
      out.own_drafted += over->timings.mtp_drafted_tokens;
      out.own_accepted += over->timings.mtp_accepted_tokens;
    }
  }

  [[nodiscard]] Request text(const std::string& prompt, double temperature) const {
    Request r{.prompt = tokenizer_.encode(prompt, SpecialTokens::as_text)};
    r.sampling.temperature = temperature;
    r.sampling.seed = 3;
    r.max_tokens = 24;
    return r;
  }
  // Everything that decides the next token, at least once.
  [[nodiscard]] std::vector<Request> requests() {
    std::vector<Request> out;
    for (const double temperature : {0.0, 0.6}) {
      const auto add = [&](const std::string& prompt) -> Request& {
        return out.emplace_back(text(prompt, temperature));
      };
      add("Once upon a time there was");
      Request& penalised = add("The function returns the number of");
      penalised.sampling.repetition_penalty = 1.1;
      penalised.sampling.frequency_penalty = 0.2;
      penalised.log_probs = 2;
      Request& stops = add("It is said that the");
      stops.stop_strings = {" of", "."};
      stops.stop_tokens = {1};
      stops.min_tokens = 10;
      Request& held = add("The answer as numbers: ");
      held.grammar = grammars_.compile({.kind = StructureKind::regex, .text = "[0-9]{2}(, [0-9]{2}){4,9}"});
      held.log_probs = 0;
      // Past top-k, where attention selects.
      std::string longer;
      for (int i = 0; i < 6; ++i) longer += fmt::format("Chapter {}: the king went to see the old man. ", i);
      add(longer).run = {.attention = AttentionMode::sparse, .topk = 32};
    }
    return out;
  }

  OpenedModel opened_;
  Tokenizer tokenizer_;
  GrammarCompiler grammars_;
};

TEST_F(OwnGuesses, ChangeNothingWhateverIsAskedAloneAndTogether) {
  const std::vector<Request> asked = requests();
  std::vector<EventTexts> expected;
  for (const std::int64_t chunk : {0, 13}) {
    LoadedModel model(
        with_indexer(open_model(opened_.files.path), {}),
        {.context = 512, .cache = 4096, .chunk = chunk, .threads = 1, .mtp = LoadMtp::if_whole});
    ASSERT_NE(model.transformer().mtp(), nullptr);
    if (expected.empty()) expected = answer(model, Speculation::off, asked).told;
    for (const Speculation speculation :
         chunk == 0 ? std::vector{Speculation::mtp, Speculation::automatic} : std::vector{Speculation::mtp}) {
      const Outcome together = answer(model, speculation, asked);
      EXPECT_EQ(together.told, expected) << "chunk " << chunk;
      for (std::size_t i = chunk == 0 ? 0 : asked.size() - 1; i < asked.size(); i += 4) {
        const Outcome alone = answer(model, speculation, {asked[i]});
        EXPECT_EQ(alone.told.front(), expected[i]) << "chunk " << chunk << ", request " << i;
        if (speculation == Speculation::mtp) {
          EXPECT_GT(alone.own_drafted, 0) << "the test shows less";
        }
      }
      EXPECT_GT(together.own_accepted, 0);
      EXPECT_GT(together.own_drafted, together.own_accepted);
    }
  }
}

}  // namespace
}  // namespace dsa
