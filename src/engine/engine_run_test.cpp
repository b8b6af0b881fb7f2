// The engine on a real model whose attention selects: what is shared, restored and resumed has the bits of
// the plain run, whatever the sequences ask of their attention.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "base/numeric.h"
#include "engine/ask.h"
#include "engine/model_runner.h"
#include "engine/threaded_engine.h"
#include "model/sequence_pass.h"
#include "testing/map_store.h"
#include "testing/test_files.h"
#include "testing/text_model.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

constexpr std::int64_t kTopk = 16;

struct Case {
  const char* model;
  std::vector<std::int64_t> topk_layers = {};
  bool int8_keys = false;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.model << (c.topk_layers.empty() ? "" : " by layer") << (c.int8_keys ? " int8 keys" : "");
}

class EngineRun : public testing::TestWithParam<Case> {
 protected:
  EngineRun()
      : opened_(with_indexer(open_model(text_model(folder_.path() / "model")), options())),
        tokenizer_(fitting_tokenizer(opened_.files)),
        model_(std::move(opened_), options()),
        runner_(model_) {
    for (const char* part : {"All happy families are alike; each unhappy family is unhappy in its own way. ",
                             "Everything was in confusion in the house of the Oblonskys. "})
      text_ += part;
    prompt_ = tokenizer_.encode(text_, SpecialTokens::as_text);
  }

  static bool selects() { return std::string_view(GetParam().model).ends_with("v32"); }
  static LoadOptions options() {
    return {.topk = selects() ? kTopk : 0,
            .context = 256,
            .threads = 2,
            .int8_keys = GetParam().int8_keys,
            .topk_layers = GetParam().topk_layers};
  }
  // Up to here nobody's attention selects, whoever asks for 7 or more.
  [[nodiscard]] std::int64_t same_for_all() const {
    return selects() ? model_.transformer().selection_rule({.topk = 7}).least_topk() : 7;
  }
  static std::filesystem::path text_model(const std::filesystem::path& folder) {
    test::write_text_model(std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models" / GetParam().model,
                           folder);
    return folder;
  }
  [[nodiscard]] EngineOptions engine_options(PageStore* store = nullptr) const {
    const CacheIdentity identity = cache_identity(model_);
    return {.store = store, .root = [identity](const std::string& tenant) {
              CacheIdentity own = identity;
              own.tenant = tenant;
              return root_key(own);
            }};
  }
  [[nodiscard]] Request request(const RunOptions& run = {}) const {
    Request out{.prompt = prompt_};
    out.sampling.temperature = 0.8;
    out.sampling.seed = 5;
    out.max_tokens = 40;
    out.run = run;
    return out;
  }
  Answer answer(Engine& engine, const Request& asked) { return ask(engine, asked, {}, never_); }
  Answer fresh(const Request& asked) {
    ThreadedEngine engine(runner_, tokenizer_, engine_options());
    return answer(engine, asked);
  }
  struct Watched {
    std::vector<std::int32_t> tokens;
    std::vector<LogProbs> of_prompt, of_answer;
    Finished finished;
  };
  static Watched watch(Engine& engine, const Request& asked) {
    Watched out;
    std::promise<void> over;
    engine.submit(asked, [&](Event&& event) {
      if (const auto* token = std::get_if<PromptToken>(&event.what))
        out.of_prompt.push_back(token->log_probs);
      if (const auto* token = std::get_if<NewToken>(&event.what)) {
        out.of_answer.push_back(token->log_probs.value());
        out.tokens.push_back(token->id);
      }
      if (const auto* finished = std::get_if<Finished>(&event.what)) {
        out.finished = *finished;
        over.set_value();
      }
    });
    over.get_future().wait();
    return out;
  }
  static std::vector<RunOptions> ways(bool has_indexer) {
    if (!has_indexer) return {{}, {.attention = AttentionMode::dense}};
    return {{},
            {.attention = AttentionMode::dense},
            {.attention = AttentionMode::sparse},
            {.attention = AttentionMode::sparse, .topk = 7}};
  }

  TempFolder folder_;
  OpenedModel opened_;
  Tokenizer tokenizer_;
  LoadedModel model_;
  ModelRunner runner_;
  std::string text_;
  std::vector<std::int32_t> prompt_;
  const std::atomic<bool> never_{false};
};

TEST_P(EngineRun, AHitHasTheBitsOfAMissHoweverAttentionSelects) {
  for (const RunOptions& from : ways(model_.has_indexer()))
    for (const RunOptions& to : ways(model_.has_indexer())) {
      const Answer expected = fresh(request(to));
      ThreadedEngine engine(runner_, tokenizer_, engine_options());
      static_cast<void>(answer(engine, request(from)));
      const Answer got = answer(engine, request(to));
      EXPECT_EQ(got.tokens, expected.tokens);
      EXPECT_GE(got.timings.cached_tokens, from == to ? std::ssize(prompt_) - 1 : same_for_all());
      EXPECT_EQ(expected.timings.cached_tokens, 0);
    }
}

TEST_P(EngineRun, TheIndexersTimeIsAPartOfThePasses) {
  ThreadedEngine engine(runner_, tokenizer_, engine_options());
  static_cast<void>(answer(engine, request()));
  const EngineStatus status = engine.status();
  EXPECT_GT(status.pass_ms, status.indexer_ms);
  EXPECT_EQ(status.indexer_ms > 0, model_.has_indexer());
}

TEST_P(EngineRun, APageFromTheStoreHasTheBitsOfAComputedOne) {
  for (const RunOptions& run : ways(model_.has_indexer())) {
    test::MapStore store;
    const Answer expected = fresh(request(run));
    {
      ThreadedEngine engine(runner_, tokenizer_, engine_options(&store));
      static_cast<void>(answer(engine, request(run)));
    }
    EXPECT_GE(store.size(), 2U);
    ThreadedEngine engine(runner_, tokenizer_, engine_options(&store));
    const Answer got = answer(engine, request(run));
    EXPECT_EQ(got.tokens, expected.tokens);
    EXPECT_EQ(got.timings.disk_tokens, 2 * kPageTokens);
  }
}

TEST_P(EngineRun, ManyAtOnceAnswerAsEachAlone) {
  std::vector<Request> requests;
  for (const RunOptions& run : ways(model_.has_indexer()))
    for (const std::int64_t length : {10, 64, 130}) {
      requests.push_back(request(run));
      requests.back().prompt.resize(usize(length));
      requests.back().sampling.seed = usize(length);
    }
  StepEngine engine(runner_, tokenizer_, engine_options());  // with room for one context: they must make room
  std::vector<std::vector<std::int32_t>> together(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i)
    engine.add(std::make_shared<const Submission>(
        Submission{.request = requests[i],
                   .sink =
                       [&tokens = together[i]](Event&& event) {
                         if (const auto* token = std::get_if<NewToken>(&event.what))
                           tokens.push_back(token->id);
                       },
                   .cancelled = std::make_shared<std::atomic<bool>>(false),
                   .submitted = {}}));
  while (engine.step()) {
  }
  EXPECT_GT(engine.status().put_away, 0) << "the test shows less";
  for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(together[i], fresh(requests[i]).tokens) << i;
}

TEST_P(EngineRun, LogProbabilitiesArePartOfTheAnswerAndChangeNothing) {
  Request asked = request();
  const Answer plain = fresh(asked);
  asked.log_probs = 3;
  asked.prompt_log_probs = true;
  ThreadedEngine engine(runner_, tokenizer_, engine_options());
  const Watched first = watch(engine, asked);
  EXPECT_EQ(first.tokens, plain.tokens);
  EXPECT_EQ(first.of_prompt.size(), prompt_.size() - 1);
  // What a token of the answer was given, it is given as part of a prompt.
  Request longer = asked;
  longer.prompt.insert(longer.prompt.end(), first.tokens.begin(), first.tokens.end());
  longer.max_tokens = 0;
  const Watched again = watch(engine, longer);
  ASSERT_EQ(again.of_prompt.size(), first.of_prompt.size() + first.of_answer.size());
  for (std::size_t i = 0; i < first.of_answer.size(); ++i) {
    const LogProbs& later = again.of_prompt[first.of_prompt.size() + i];
    EXPECT_EQ(later.log_prob, first.of_answer[i].log_prob);
    ASSERT_EQ(later.best.size(), 3U);
    EXPECT_EQ(later.best[0].id, first.of_answer[i].best[0].id);
  }
}

TEST_P(EngineRun, GuessesChangeNoBitWhateverTheChunks) {
  LoadOptions in_chunks = options();
  in_chunks.chunk = 7;
  LoadedModel chunked(with_indexer(open_model(folder_.path() / "model"), in_chunks), in_chunks);
  ModelRunner chunked_runner(chunked);
  const auto watched = [&](Runner& runner, Speculation speculation, const Request& asked) {
    EngineOptions options = engine_options();
    options.speculation = speculation;
    // On a clock that ticks with every look guesses cost the same everywhere.
    options.clock = [ticks = std::make_shared<std::atomic<int>>(0)] {
      return EngineTime() + std::chrono::microseconds(++*ticks);
    };
    ThreadedEngine engine(runner, tokenizer_, options);
    return watch(engine, asked);
  };
  std::int64_t drafted = 0, accepted = 0;
  for (const RunOptions& run : ways(model_.has_indexer()))
    for (const double temperature : {0.0, 0.3, 0.8}) {
      Request asked = request(run);
      asked.prompt.resize(70);
      asked.prompt.insert(asked.prompt.end(), prompt_.begin(), prompt_.begin() + 50);
      asked.max_tokens = 100;
      asked.log_probs = 2;
      asked.sampling.temperature = temperature;
      asked.sampling.frequency_penalty = temperature == 0.3 ? 0.1 : 0;
      // Two letters to write with: some guesses hold.
      asked.sampling.logit_bias = {{.id = 'a', .bias = 50}, {.id = 'b', .bias = 50}};
      const Watched expected = watched(runner_, Speculation::off, asked);
      for (ModelRunner* runner : {&runner_, &chunked_runner}) {
        const Watched got = watched(*runner, Speculation::automatic, asked);
        EXPECT_EQ(got.tokens, expected.tokens);
        ASSERT_EQ(got.of_answer.size(), expected.of_answer.size());
        for (std::size_t i = 0; i < got.of_answer.size(); ++i) {
          EXPECT_EQ(got.of_answer[i].log_prob, expected.of_answer[i].log_prob) << i;
          EXPECT_EQ(got.of_answer[i].best[1].log_prob, expected.of_answer[i].best[1].log_prob) << i;
        }
        EXPECT_EQ(got.finished.attention.sparse_rows, expected.finished.attention.sparse_rows);
        EXPECT_EQ(got.finished.attention.dense_rows, expected.finished.attention.dense_rows);
        drafted += got.finished.timings.drafted_tokens;
        accepted += got.finished.timings.accepted_tokens;
      }
    }
  EXPECT_GT(accepted, 30) << "the test shows little";
  EXPECT_GT(drafted, accepted);
}

// Beside a pass over the same tokens that shows what was selected for its last row.
TEST_P(EngineRun, WhatWasSelectedForATokenIsToldAndChangesNothing) {
  Request asked = request({.attention = selects() ? AttentionMode::sparse : AttentionMode::automatic});
  const Answer plain = fresh(asked);
  asked.traced_tokens = 5;
  std::vector<Selected> told;
  std::vector<std::int32_t> tokens;
  {
    ThreadedEngine engine(runner_, tokenizer_, engine_options());
    std::promise<void> over;
    engine.submit(asked, [&](Event&& event) {
      if (auto* selected = std::get_if<Selected>(&event.what)) {
        EXPECT_EQ(told.size(), tokens.size()) << "before its token";
        told.push_back(std::move(*selected));
      }
      if (const auto* token = std::get_if<NewToken>(&event.what)) tokens.push_back(token->id);
      if (std::holds_alternative<Finished>(event.what)) over.set_value();
    });
    over.get_future().wait();
  }
  EXPECT_EQ(tokens, plain.tokens);
  ASSERT_EQ(told.size(), 5U);
  for (std::size_t i = 0; i < told.size(); ++i) {
    auto seen = prompt_;
    seen.insert(seen.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(told[i].visible, std::ssize(seen));
    std::vector<LayerSelection> truth;
    runner_.show_selections([&](std::int64_t layer, auto idx, auto count) {
      if (count.back() == 0) return;
      const auto row = idx.span(std::ssize(count) - 1).first(usize(count.back()));
      truth.push_back({.layer = layer, .positions = {row.begin(), row.end()}});
    });
    SequencePass pass(model_);
    pass.extend({.tokens = seen, .run = asked.run, .chunk = std::ssize(seen)}, {}, {}, never_);
    runner_.show_selections({});
    EXPECT_EQ(!truth.empty(), selects());
    ASSERT_EQ(told[i].layers.size(), truth.size());
    for (std::size_t layer = 0; layer < truth.size(); ++layer) {
      EXPECT_EQ(told[i].layers[layer].layer, truth[layer].layer);
      EXPECT_EQ(told[i].layers[layer].positions, truth[layer].positions);
    }
  }
}

TEST_P(EngineRun, WhatTheModelCannotDoIsRefused) {
  ThreadedEngine engine(runner_, tokenizer_, engine_options());
  EXPECT_THROW(answer(engine, request({.topk = -1})), RequestError);
  EXPECT_THROW(answer(engine, request({.topk = kTopk + 1})), RequestError);
  engine.drain(std::chrono::seconds(1));
  EXPECT_THROW(answer(engine, request()), RequestError);
}

INSTANTIATE_TEST_SUITE_P(Models, EngineRun,
                         testing::Values(Case{"deepseek_v32"}, Case{"deepseek_v32", {4, 400, 9}},
                                         Case{.model = "deepseek_v32", .int8_keys = true}, Case{"llama_gqa"},
                                         Case{"deepseek_v3"}));

}  // namespace
}  // namespace dsa
