// A whole small training from scratch: stages train what they say and freeze the rest, and an interrupted
// training ends with the same bits.
#include "train/pretrain/trainer.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <map>

#include "base/rng.h"
#include "checkpoint/open_model.h"
#include "testing/test_files.h"

namespace dsa::train {
namespace {

namespace fs = std::filesystem;

/// Text that can be learnt: one of two tunes again and again.
std::vector<Document> tunes(std::int64_t vocabulary) {
  Document d{.path = "tunes", .tokens = {}};
  const CounterRng rng(2);
  for (std::uint64_t tune = 0; d.tokens.size() < 6000; ++tune)
    for (std::int64_t note = 0; note < 12; ++note)
      d.tokens.push_back(
          static_cast<std::int32_t>((note * (rng.at(tune) % 2 == 0 ? 7 : 5) + 3) % vocabulary));
  return {d};
}

struct SmallTraining {
  ModelConfig config = open_model(fs::path(DSA_SOURCE_DIR) / "tests/goldens/models/deepseek_v32_mtp").config;
  std::vector<Document> text = tunes(config.vocab_size);
  Exec exec{1};
  TempFolder folder;

  PretrainCheckpoint begin() {
    PretrainSettings settings;
    settings.stages = "dense:0.5,warmup:0.25,sparse:0.25";
    settings.context = 40;
    settings.batch = 2;
    settings.lr = 1e-2;
    settings.rise = 3;
    settings.compute = "f32";
    return new_pretrain_checkpoint(config, {.model = "m", .corpus = "c"}, settings,
                                   {.tokens = 48 * 80, .hours = 0});
  }
  /// Runs it; the records.
  std::vector<StepRecord> run(PretrainCheckpoint checkpoint, const TrainerEvents& events = {},
                              const std::atomic<bool>& cancel = false) {
    PretrainTrainer trainer(
        {.config = config, .exec = exec, .text = text, .held_out = text, .folder = folder.path()},
        std::move(checkpoint));
    TrainingLoop loop(trainer, {.folder = folder.path(), .save_seconds = 0});
    loop.run(events, cancel);
    return loop.log().records();
  }
};

struct Weights {
  std::vector<float> main, indexer;
};

TEST(PretrainTrainer, StagesTrainTheirOwnAndLossesFall) {
  SmallTraining training;
  std::map<std::int64_t, Weights> after;  // by step
  after[0] = {.main = {}, .indexer = {}};
  const auto saved = [&](const fs::path& path) {
    const PretrainCheckpoint c = read_pretrain_checkpoint(path);
    after[c.progress.step] = {.main = c.main,
                              .indexer = {c.indexer.values().begin(), c.indexer.values().end()}};
  };
  const auto records = training.run(training.begin(), {.step = {}, .saved = saved});

  ASSERT_EQ(after.rbegin()->first, 48);
  for (std::int64_t step = 2; step <= 48; ++step) {
    EXPECT_EQ(after[step].main != after[step - 1].main, step <= 24 || step > 36) << step;
    EXPECT_EQ(after[step].indexer != after[step - 1].indexer, step > 24) << step;
  }
  std::vector<double> loss, kl;
  const StepRecord* last_look = nullptr;
  for (const StepRecord& r : records) {
    if (r.held_out) last_look = &r;
    if (r.held_out) continue;
    EXPECT_EQ(r.main.has_value(), r.stage != "warmup") << r.step;
    EXPECT_EQ(r.indexer.kl > 0, r.stage != "dense") << r.step;
    EXPECT_TRUE(r.experts.has_value());
    if (r.stage == "dense") loss.push_back(r.main->language_model);
    if (r.stage == "warmup") kl.push_back(r.indexer.kl);
  }
  EXPECT_LT(loss.back(), 0.7 * loss.front());
  EXPECT_LT(kl.back(), kl.front());
  ASSERT_NE(last_look, nullptr);
  EXPECT_GT(last_look->main->dense, 0);
  EXPECT_TRUE(last_look->indexer.kept.has_value());
  EXPECT_TRUE(fs::exists(training.folder.path() / "model.safetensors"));
}

TEST(PretrainTrainer, GoesOnToTheSameBits) {
  SmallTraining whole;
  whole.run(whole.begin());

  SmallTraining parts;
  for (const std::int64_t until : {5, 25, 37, 1000}) {  // in every stage
    const fs::path file = parts.folder.path() / kCheckpointFile;
    std::atomic<bool> cancel = false;
    parts.run(fs::exists(file) ? read_pretrain_checkpoint(file) : parts.begin(),
              {.step = [&](const StepRecord& r) { cancel = !r.held_out && r.step >= until; }, .saved = {}},
              cancel);
  }
  PretrainCheckpoint a = read_pretrain_checkpoint(whole.folder.path() / kCheckpointFile);
  PretrainCheckpoint b = read_pretrain_checkpoint(parts.folder.path() / kCheckpointFile);
  EXPECT_EQ(a.main, b.main);
  EXPECT_EQ(a.main_moments.second, b.main_moments.second);
  EXPECT_TRUE(std::ranges::equal(a.indexer.values(), b.indexer.values()));
  EXPECT_EQ(a.indexer_moments.first, b.indexer_moments.first);
}

}  // namespace
}  // namespace dsa::train
