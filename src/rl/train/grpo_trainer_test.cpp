// Training on tasks with a small model: what it plays is what it trains on, it gets better by reward alone,
// and an interrupted training ends with the same bits.
#include "rl/train/grpo_trainer.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "checkpoint/config_json.h"
#include "engine/model_runner.h"
#include "rl/train/mla_policy.h"
#include "rl/train/sequence_run.h"
#include "rl/train/sft_trainer.h"
#include "testing/letter_tasks.h"
#include "testing/played_sample.h"

namespace dsa::rl {
namespace {

using test::LetterModel;

SftSettings sft_settings() {
  SftSettings s;
  s.domains = "letters";
  s.hardest = 1;
  s.context = 24;
  s.style = "steps";
  s.batch = 16;
  s.lr = 2e-2;
  s.rise = 5;
  s.seed = 3;
  return s;
}
GrpoSettings grpo_settings() {
  GrpoSettings s;
  static_cast<TaskSettings&>(s) = sft_settings();
  s.tasks = 8;
  s.samples = 8;
  s.message_tokens = 3;
  s.lr = 3e-3;
  s.rise = 2;
  return s;
}

std::vector<train::StepRecord> run(const TrainingContext& context, train::Training& trainer,
                                   std::int64_t until) {
  begin_folder(context);
  train::TrainingLoop loop(trainer, {.folder = context.folder, .save_seconds = 1e9});
  std::atomic<bool> cancel = false;
  loop.run({.step = [&](const train::StepRecord& r) { cancel = r.step >= until; }, .saved = {}}, cancel);
  return loop.log().records();
}

std::vector<train::StepRecord> run_sft(const TrainingContext& context, SftTrainer::Checkpoint checkpoint,
                                       std::int64_t until, std::span<const Example> examples = {}) {
  const SftSettings settings = checkpoint.settings;
  TaskCurriculum curriculum(context.domains, settings, Wording(context.tokenizer), examples);
  SftTrainer trainer(context, curriculum, std::move(checkpoint));
  return run(context, trainer, until);
}
std::vector<train::StepRecord> run_grpo(const TrainingContext& context, GrpoTrainer::Checkpoint checkpoint,
                                        std::int64_t until, Judge* judge = nullptr) {
  GrpoTrainer trainer(context, std::move(checkpoint), judge);
  return run(context, trainer, until);
}

/// A model that has learnt what a message looks like.
struct Taught {
  LetterModel model;
  TempFolder folder;
  std::unique_ptr<ModelFiles> files;

  explicit Taught(std::int64_t steps = 60) {
    const TrainingContext context = model.context(folder.path());
    run_sft(context,
            new_policy_checkpoint(model.base, sft_settings(), "letters", {.tokens = 100000, .hours = 0}),
            steps);
    files = std::make_unique<ModelFiles>(open_model(folder.path()));
  }
  [[nodiscard]] TrainingContext context(const std::filesystem::path& out) {
    return {.base = *files,
            .tokenizer = model.tokenizer,
            .exec = model.exec,
            .domains = model.domains,
            .folder = out};
  }
};

GrpoTrainer::Checkpoint begin(const Taught& taught, const GrpoSettings& settings) {
  return new_policy_checkpoint(*taught.files, settings, "letters", {.tokens = 100000, .hours = 0});
}

TEST(SequenceRun, SharesWhatSequencesHaveInCommon) {
  const std::vector<std::int32_t> a{1, 2, 3, 4, 5, 6, 7}, b{1, 2, 3, 4, 8, 9}, c{1, 2, 3, 4, 8, 9, 9},
      d{1, 2, 3, 7}, e{1, 2, 3, 9, 5};
  const std::int32_t fourth[] = {4}, third[] = {3};
  const Policy::Sequence sequences[] = {{.tokens = a, .trained = fourth},
                                        {.tokens = b, .trained = fourth},  // four in common with a
                                        {.tokens = c, .trained = fourth},  // six with b
                                        {.tokens = c, .trained = fourth},  // all of it: the last is its own
                                        {.tokens = d, .trained = third},   // three: not worth it
                                        {.tokens = e, .trained = fourth}};
  const auto shapes = [](std::span<const SequenceRun> runs) {
    std::vector<std::vector<std::int64_t>> out;
    for (const SequenceRun& run : runs) {
      out.push_back({run.rows});
      for (const auto& part : run.parts)
        out.back().insert(out.back().end(), {part.rows, part.of, part.shared});
    }
    return out;
  };
  using Shapes = std::vector<std::vector<std::int64_t>>;
  EXPECT_EQ(shapes(runs_of(sequences, {.rows = 100})),
            (Shapes{{20, 7, -1, 0, 2, 0, 4, 1, 1, 6, 1, 1, 6, 4, -1, 0, 5, -1, 0}}));
  EXPECT_EQ(shapes(runs_of(sequences, {.rows = 9})),
            (Shapes{{9, 7, -1, 0, 2, 0, 4}, {8, 7, -1, 0, 1, 0, 6}, {9, 4, -1, 0, 5, -1, 0}}));
  EXPECT_EQ(shapes(runs_of(sequences, {.rows = 100, .sequences = 3, .share = false})),
            (Shapes{{20, 7, -1, 0, 6, -1, 0, 7, -1, 0}, {16, 7, -1, 0, 4, -1, 0, 5, -1, 0}}));
}

TEST(GrpoTrainer, GetsBetterByRewardAlone) {
  Taught taught;
  TempFolder out;
  GrpoSettings s = grpo_settings();
  s.hardest = 0;
  s.tasks = 16;
  s.lr = 5e-3;
  s.kl = 0.001;
  s.overlong = 0.05;
  const auto records = run_grpo(taught.context(out.path()), begin(taught, s), 100);
  std::vector<double> solved;
  for (const auto& r : records)
    if (!r.held_out) solved.push_back(r.reward->solved);
  const auto mean = [](std::span<const double> x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  };
  const double first = mean(std::span(solved).first(3)), last = mean(std::span(solved).last(5));
  EXPECT_LT(first, 0.45) << "it was taught too much: what is left to learn?";
  EXPECT_GT(last, first + 0.35) << fmt::format("{:.2f}", fmt::join(solved, " "));
  for (const auto& r : records) {
    // Sharper weights than those below, and a token of a chance of one in thousands now and then.
    EXPECT_LT(r.reward->mismatch, 5e-5) << "step " << r.step;
    EXPECT_TRUE(std::isfinite(r.reward->kl));
  }
  EXPECT_GT(records.back().reward->kl, records.front().reward->kl);
  EXPECT_TRUE(std::filesystem::exists(out.path() / "report.html"));
}

// The log-probability that training computes for a token is the rollout's own, whether its choices are made
// again or anew.
TEST(GrpoTrainer, WhatIsTrainedOnIsWhatWasPlayed) {
  Taught taught(20);
  for (const char* attention : {"sparse", "dense"})
    for (const double top_p : {1.0, 0.7})
      for (const bool again : {true, false}) {
        TaskSettings s = sft_settings();
        s.attention = attention;
        MlaPolicy policy(taught.files->config, {.context = s.context, .run_tokens = 200}, taught.model.exec);
        policy.read(*taught.files->tensors);
        const auto model = loaded(policy.snapshot("policy"), s.context, 32, taught.model.exec);
        auto sample = test::played_sample(*model, Wording(taught.model.tokenizer), taught.model.domains, s,
                                          /*tasks=*/6, top_p);
        std::size_t longest = 0, i = 0;
        for (const auto& group : sample.groups)
          for (const Played& p : group) {
            const Trace& trace = sample.traces[i++];
            ASSERT_EQ(p.written.size(), p.log_probs.size());
            longest = std::max(longest, p.tokens.size());
            if (top_p == 1) {
              EXPECT_EQ(trace.log_probs, p.log_probs) << "reading again gives other bits";
              EXPECT_TRUE(trace.kept.empty());
            } else {
              EXPECT_LT(trace.kept.front().size(), 200U) << "nothing is cut away";
            }
          }
        EXPECT_GT(longest, 8U) << "nothing is selected";
        test::expect_trained_as_played(policy, sample, s, again);
      }
}

TEST(GrpoTrainer, AnEpisodeDoesNotDependOnWhoElsePlays) {
  Taught taught(20);
  const TaskSettings s = sft_settings();
  MlaPolicy policy(taught.files->config, {.context = s.context}, taught.model.exec);
  policy.read(*taught.files->tensors);
  const auto model = loaded(policy.snapshot("policy"), s.context, 8, taught.model.exec);
  const TaskSource source(taught.model.domains, s);
  std::vector<TaskSource::Drawn> drawn;
  std::vector<Seat> seats;
  for (std::int64_t i = 0; i < 5; ++i) drawn.push_back(source.training(i));
  for (const auto& d : drawn) seats.push_back(d.seat());
  const PlaySettings settings{
      .samples = 4, .message_tokens = 8, .context = s.context, .seed = 5, .run = run_options(s)};
  const auto tokens = [&](std::size_t count) {
    ModelRunner runner(*model);
    std::vector<std::vector<std::int32_t>> out;
    const auto groups =
        play(runner, Wording(taught.model.tokenizer), std::span(seats).first(count), settings, false);
    for (const auto& group : *groups)
      for (const Played& p : group) out.push_back(p.tokens);
    return out;
  };
  auto all = tokens(5);
  const auto few = tokens(2);
  EXPECT_NE(std::set(all.begin(), all.begin() + 4).size(), 1U) << "samples of a group are alike";
  all.resize(few.size());
  EXPECT_EQ(all, few);
}

TEST(GrpoTrainer, AnEpisodeEndsWithItsOwnTokenWithinTheContext) {
  Taught taught(20);
  TaskSettings s = sft_settings();
  s.easiest = 1;  // a tool replies
  MlaPolicy policy(taught.files->config, {.context = s.context}, taught.model.exec);
  policy.read(*taught.files->tensors);
  const TaskSource source(taught.model.domains, s);
  const auto drawn = source.training(0);
  const Seat seats[] = {drawn.seat()};
  const Wording wording(taught.model.tokenizer);
  bool cut = false, whole = false;
  for (std::int64_t context = std::ssize(wording.prompt(seats[0])) + 1; context < 16; ++context) {
    const auto model = loaded(policy.snapshot("policy"), context, 8, taught.model.exec);
    ModelRunner runner(*model);
    const auto groups = play(runner, wording, seats,
                             {.samples = 8, .message_tokens = 8, .context = context, .seed = 5}, false);
    for (const Played& p : groups->front()) {
      EXPECT_LE(std::ssize(p.tokens), context);
      EXPECT_EQ(p.written.back() + 1, std::ssize(p.tokens)) << "a reply that nobody reads";
      (p.cut ? cut : whole) = true;
    }
  }
  EXPECT_TRUE(cut && whole) << "the test shows nothing";
}

TEST(GrpoTrainer, GoesOnToTheSameBits) {
  Taught taught(20);
  GrpoSettings s = grpo_settings();
  s.updates = 2;
  s.indexers = "train";
  TempFolder whole, parts;
  const auto records = run_grpo(taught.context(whole.path()), begin(taught, s), 8);
  // Episodes are of ten tokens, a selection is of four.
  const auto& kept = records.front().indexer.kept;
  ASSERT_TRUE(kept.has_value());
  EXPECT_GT(kept->indexer, 0);
  EXPECT_LE(kept->indexer, kept->best + 1e-9);
  const auto file = parts.path() / train::kCheckpointFile;
  for (const std::int64_t until : {3, 4, 8})
    run_grpo(taught.context(parts.path()),
             std::filesystem::exists(file) ? read_policy_checkpoint<GrpoSettings>(file) : begin(taught, s),
             until);
  const auto a = read_policy_checkpoint<GrpoSettings>(whole.path() / train::kCheckpointFile),
             b = read_policy_checkpoint<GrpoSettings>(file);
  EXPECT_EQ(a.progress.step, 8);
  EXPECT_EQ(a.main, b.main);
  EXPECT_EQ(a.main_moments.second, b.main_moments.second);
  EXPECT_TRUE(std::ranges::equal(a.indexer.values(), b.indexer.values()));
  EXPECT_EQ(a.progress.tokens, b.progress.tokens);
}

TEST(GrpoTrainer, AJudgeIsHeardAndPutBesideTheRules) {
  Taught taught(20);
  const auto steps = [&](double weight) {
    Judge judge(with_indexer(open_model(taught.model.folder.path()), {}), taught.model.tokenizer,
                taught.model.base.config.max_position_embeddings, taught.model.exec);
    GrpoSettings s = grpo_settings();
    s.hardest = 0;
    s.judge = "a judge";
    s.judge_weight = weight;
    s.outcome = 0;
    s.language = weight == 0 ? 1 : 0;  // something must be wanted
    TempFolder out;
    return run_grpo(taught.context(out.path()), begin(taught, s), 2, &judge);
  };
  const auto heard = steps(1).front().reward.value(), not_heard = steps(0).front().reward.value();
  EXPECT_GT(heard.judged, 0) << "the judge was not asked";
  EXPECT_GT(heard.rubric, 0);
  EXPECT_DOUBLE_EQ(heard.judged, not_heard.judged) << "the first step's episodes are the same";
  EXPECT_DOUBLE_EQ(heard.reward, heard.judged);
  EXPECT_DOUBLE_EQ(not_heard.reward, not_heard.language);
}

TEST(GrpoTrainer, GivesUpWhereNothingCanBeLearnt) {
  LetterModel model;  // was taught nothing: no letter is ever right
  TempFolder out;
  GrpoSettings s = grpo_settings();
  s.patience = 3;
  const auto context = model.context(out.path());
  GrpoTrainer trainer(context,
                      new_policy_checkpoint(model.base, s, "letters", {.tokens = 100000, .hours = 0}));
  const auto records = run(context, trainer, 10);
  EXPECT_TRUE(trainer.gave_up());
  EXPECT_EQ(trainer.progress().step, 3);
  EXPECT_TRUE(records.back().held_out) << "it is looked at once more";
  EXPECT_TRUE(std::filesystem::exists(out.path() / "README.md")) << "what it was is lost";
}

TEST(SftTrainer, LearnsWhatEpisodesSayAndGoesOnToTheSameBits) {
  LetterModel model;
  // Always the right letter: of these it learns what no solution says.
  std::vector<Example> examples;
  for (std::int64_t number = 0; number < 40; ++number) {
    const TaskId id{.number = number};
    const auto task = test::kLetters.make(id);
    examples.push_back(
        {.domain = &test::kLetters, .id = id, .messages = {std::string(1, "bdac"[task->prompt()[0] - '0'])}});
  }
  TempFolder whole, parts;
  const auto checkpoint = [&] {
    return new_policy_checkpoint(model.base, sft_settings(), "letters", {.tokens = 100000, .hours = 0});
  };
  const std::span<const Example> all = examples;
  const auto records = run_sft(model.context(whole.path()), checkpoint(), 40, all);
  EXPECT_LT(records.back().main->language_model, 0.2);
  const auto file = parts.path() / train::kCheckpointFile;
  for (const std::int64_t until : {7, 40})
    run_sft(model.context(parts.path()),
            std::filesystem::exists(file) ? read_policy_checkpoint<SftSettings>(file) : checkpoint(), until,
            all);
  const auto a = read_policy_checkpoint<SftSettings>(whole.path() / train::kCheckpointFile),
             b = read_policy_checkpoint<SftSettings>(file);
  EXPECT_EQ(a.main, b.main);
  EXPECT_TRUE(std::ranges::equal(a.indexer.values(), b.indexer.values()));
}

}  // namespace
}  // namespace dsa::rl
