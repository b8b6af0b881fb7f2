// A chat model with grouped queries learns from tasks through what is added to its matrices.
#include "rl/train/gqa_policy.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <numeric>

#include "base/rng.h"
#include "engine/model_runner.h"
#include "rl/train/grpo_trainer.h"
#include "rl/train/sft_trainer.h"
#include "testing/gqa_letters.h"
#include "testing/played_sample.h"

namespace dsa::rl {
namespace {

using test::GqaLetterModel;

template <class Settings>
Settings gqa_settings() {
  Settings s;
  s.domains = "letters";
  s.hardest = 1;
  s.context = 96;
  s.style = "steps";
  s.lora = 8;
  s.seed = 3;
  return s;
}
SftSettings gqa_sft() {
  auto s = gqa_settings<SftSettings>();
  s.batch = 16;
  s.lr = 1e-2;
  s.rise = 5;
  return s;
}
GrpoSettings gqa_grpo() {
  auto s = gqa_settings<GrpoSettings>();
  s.tasks = 8;
  s.samples = 8;
  s.message_tokens = 3;
  s.lr = 4e-3;
  s.rise = 2;
  return s;
}

/// Trains from `context`'s base, or goes on; the folder holds the model only at the end.
template <class Trainer, class Settings, class... Curricula>
std::vector<train::StepRecord> trained(const TrainingContext& context, const Settings& settings,
                                       std::int64_t until, Curricula&... curricula) {
  const auto file = context.folder / train::kCheckpointFile;
  Trainer trainer(context, curricula...,
                  std::filesystem::exists(file) ? read_policy_checkpoint<Settings>(file)
                                                : new_policy_checkpoint(context.base, settings, "letters",
                                                                        {.tokens = 200000, .hours = 0}));
  train::TrainingLoop loop(trainer, {.folder = context.folder, .save_seconds = 1e9});
  std::atomic<bool> cancel = false;
  loop.run({.step = [&](const train::StepRecord& r) { cancel = r.step >= until; }, .saved = {}}, cancel);
  return loop.log().records();
}

TEST(GqaPolicy, WhatIsTrainedOnIsWhatWasPlayed) {
  GqaLetterModel letters;
  for (const char* attention : {"sparse", "dense"})
    for (const double top_p : {1.0, 0.7})
      for (const bool again : {true, false}) {
        auto s = gqa_settings<TaskSettings>();
        s.attention = attention;
        GqaPolicy policy(letters.base, letters.base.tensors.get(), {.context = s.context, .run_tokens = 300},
                         {.rank = s.lora, .seed = 1}, letters.exec);
        // Weights that add something.
        train::WeightsCheckpoint some(policy.indexer().shape());
        std::ranges::copy(policy.indexer().values(), some.indexer.values().begin());
        const CounterRng rng(2);
        for (std::size_t i = 0; i < policy.trained().values().size(); ++i)
          some.main.push_back(static_cast<float>(0.4 * (rng.unit(i) - 0.5)));
        policy.restore(some, "");

        const auto model = loaded(policy.snapshot("policy"), s.context, 32, letters.exec);
        auto sample = test::played_sample(*model, Wording(letters.base.config, letters.tokenizer),
                                          letters.domains, s, /*tasks=*/4, top_p);
        for (const Trace& trace : sample.traces) EXPECT_EQ(trace.selections.empty(), s.attention == "dense");
        test::expect_trained_as_played(policy, sample, s, again);
      }
}

TEST(GqaPolicy, GetsBetterByRewardAloneAndGoesOnToTheSameBits) {
  GqaLetterModel letters;
  TempFolder start, better, whole, parts;
  SftSettings sft = gqa_sft();
  sft.hardest = 0;
  sft.lora = 0;
  TaskCurriculum curriculum(letters.domains, sft, Wording(letters.base.config, letters.tokenizer), {});
  trained<SftTrainer>(letters.context(start.path()), sft, 60, curriculum);
  const ModelFiles taught = open_model(start.path());
  EXPECT_TRUE(taught.config.indexer.has_value()) << "the folder has lost its indexer";
  const auto from_there = [&](const std::filesystem::path& folder) {
    return TrainingContext{.base = taught,
                           .tokenizer = letters.tokenizer,
                           .exec = letters.exec,
                           .domains = letters.domains,
                           .folder = folder};
  };
  GrpoSettings s = gqa_grpo();
  s.hardest = 0;
  s.lora = 0;
  s.tasks = 16;
  std::vector<double> solved;
  for (const auto& r : trained<GrpoTrainer>(from_there(better.path()), s, 40))
    if (!r.held_out) {
      solved.push_back(r.reward->solved);
      EXPECT_LT(r.reward->mismatch, 5e-5) << "step " << r.step;
    }
  const auto mean = [](std::span<const double> x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  };
  const double first = mean(std::span(solved).first(3)), last = mean(std::span(solved).last(10));
  EXPECT_LT(first, 0.4) << "it was taught too much: what is left to learn?";
  EXPECT_GT(last, first + 0.1) << fmt::format("{:.2f}", fmt::join(solved, " "));

  s.lora = 8;
  s.tasks = 4;
  trained<GrpoTrainer>(from_there(whole.path()), s, 6);
  for (const std::int64_t until : {2, 3, 6}) trained<GrpoTrainer>(from_there(parts.path()), s, until);
  const auto a = read_policy_checkpoint<GrpoSettings>(whole.path() / train::kCheckpointFile),
             b = read_policy_checkpoint<GrpoSettings>(parts.path() / train::kCheckpointFile);
  EXPECT_EQ(a.progress.step, 6);
  EXPECT_GT(a.main_moments.steps, 0) << "nothing was learnt";
  EXPECT_EQ(a.main, b.main);
  EXPECT_EQ(a.main_moments.second, b.main_moments.second);
}

TEST(GqaPolicy, AModelOfAnotherKindIsRefusedBeforeItIsTrained) {
  GqaLetterModel letters;
  const auto refused = [&](const ModelFiles& base, const TaskSettings& s, const char* why) {
    try {
      check_trainable(base, letters.tokenizer, s);
      ADD_FAILURE() << "was taken: " << why;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  };
  auto s = gqa_settings<TaskSettings>();
  s.indexers = "train";
  refused(letters.base, s, "--indexers train");
  s = gqa_settings<TaskSettings>();
  ModelFiles dense = open_model(letters.folder.path());
  dense.config.indexer.reset();
  refused(dense, s, "has no indexer");
  s.attention = "dense";
  check_trainable(dense, letters.tokenizer, s);
  dense.config.moe.emplace();
  refused(dense, s, "has experts");
  const test::LetterModel latent;
  refused(latent.base, s, "--lora 8");
}

// Where an answer ends, what its domain wants, how a tool replies.
TEST(Wording, IsTheChatFormatOfAModelThatHasOne) {
  GqaLetterModel letters;
  const Wording wording(letters.base.config, letters.tokenizer);
  const auto text = [&](const std::vector<std::int32_t>& ids) {
    return letters.tokenizer.decode(ids, /*skip_special=*/false);
  };
  const auto task = test::kLetters.make({.number = 0, .difficulty = 1});
  const std::string asked = "<|im_start|>user\nask<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_EQ(text(wording.prompt({.task = task.get()})), asked);
  EXPECT_EQ(text(wording.prompt({.task = task.get(), .instruction = "Be right."})),
            "<|im_start|>system\nBe right.<|im_end|>\n" + asked);
  EXPECT_NE(text(wording.prompt({.task = task.get(), .style = Style::brief})), asked);
  EXPECT_EQ(text(wording.message("?")), "?<|im_end|>");
  EXPECT_EQ(text(wording.reply("2")), "\n<|im_start|>user\n2<|im_end|>\n<|im_start|>assistant\n");
}

}  // namespace
}  // namespace dsa::rl
