// Schedule, sampling, settings, checkpoints, log and report of a training.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "checkpoint/safetensors.h"
#include "testing/test_files.h"
#include "train/loop/report.h"
#include "train/loop/sampler.h"
#include "train/loop/schedule.h"
#include "train/loop/svg_plot.h"
#include "train/loop/train_log.h"
#include "train/loop/training_run.h"
#include "train/warmup/checkpoint.h"

namespace dsa::train {
namespace {

namespace fs = std::filesystem;

TEST(Curriculum, DoublesUpToTheContext) {
  EXPECT_EQ(Curriculum::up_to(8192).text(), "2048:0.125,4096:0.125,8192:0.75");
  EXPECT_EQ(Curriculum::up_to(3000).text(), "2048:0.25,3000:0.75");
  EXPECT_EQ(Curriculum::up_to(2048).text(), "2048:1");
  EXPECT_EQ(Curriculum::up_to(64).text(), "64:1");
  EXPECT_EQ(Curriculum::parse("100:1,200:3").text(), "100:0.25,200:0.75");
  EXPECT_EQ(Curriculum::parse("100").longest(), 100);
}

TEST(Curriculum, StagesFollowTheTokens) {
  const auto c = Curriculum::parse("100:1,200:1,400:2");
  EXPECT_EQ(c.stage_at(0, 1000), 0U);
  EXPECT_EQ(c.stage_at(249, 1000), 0U);
  EXPECT_EQ(c.stage_at(250, 1000), 1U);
  EXPECT_EQ(c.stage_at(500, 1000), 2U);
  EXPECT_EQ(c.stage_at(5000, 1000), 2U);
  EXPECT_EQ(c.stage_at(5000, 0), 0U) << "the budget is not known yet";
}

TEST(Curriculum, RefusesNonsense) {
  for (const char* text : {"", "a", "100:", "100:0", "100:-1", "1:1", "200:1,100:1", "100:1,100:1", "100:nan",
                           "100:1,", "99999999999999999999:1"})
    expect_error([&] { Curriculum::parse(text); }, {"--curriculum"});
}

TEST(LearningRate, RisesAndFalls) {
  EXPECT_DOUBLE_EQ(learning_rate(1, 0, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(1, 9, 0), 1);
  EXPECT_NEAR(learning_rate(1, 1000, 0.5), 0.5005, 1e-9);
  EXPECT_NEAR(learning_rate(1, 1000, 1), 1e-3, 1e-9);
}

Document document(std::int64_t tokens, std::int32_t first) {
  Document d{.path = "d", .tokens = {}};
  for (std::int64_t i = 0; i < tokens; ++i) d.tokens.push_back(first + static_cast<std::int32_t>(i));
  return d;
}

TEST(WindowSampler, EveryWindowOnceAnEpochInAnotherOrder) {
  const std::vector<Document> text{document(105, 0), document(9, 1000), document(60, 2000)};
  WindowSampler sampler(text, 10, 7);
  ASSERT_EQ(sampler.windows(), 16);
  std::vector<std::int32_t> epochs[2];
  for (std::int64_t i = 0; i < 32; ++i) {
    const auto tokens = sampler.tokens(sampler.at(i));
    ASSERT_EQ(tokens.size(), 10U);
    epochs[i / 16].push_back(tokens[0]);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_EQ(std::set(epochs[0].begin(), epochs[0].end()), std::set(epochs[1].begin(), epochs[1].end()));
  EXPECT_EQ(std::set(epochs[0].begin(), epochs[0].end()).size(), 16U);
  EXPECT_EQ(sampler.tokens(sampler.at(5))[0], epochs[0][5]) << "a pure function of the number";
}

TEST(SampleRows, OneFromEachPart) {
  for (const auto& [first, context, count] :
       {std::array<std::int64_t, 3>{0, 100, 10}, {512, 2048, 256}, {0, 8, 100}, {3, 4, 1}}) {
    const auto rows = sample_rows(first, context, count, 1, 2);
    ASSERT_EQ(static_cast<std::int64_t>(rows.size()), std::min(count, context - first));
    EXPECT_GE(rows.front(), first);
    EXPECT_LT(rows.back(), context);
    EXPECT_TRUE(std::ranges::is_sorted(rows, std::less_equal<>())) << "ascending, none twice";
    EXPECT_EQ(rows, sample_rows(first, context, count, 1, 2));
  }
  EXPECT_NE(sample_rows(0, 1000, 10, 1, 2), sample_rows(0, 1000, 10, 1, 3));
  EXPECT_NE(sample_rows(0, 1000, 10, 1, 2), sample_rows(0, 1000, 10, 2, 2));
}

WarmupSettings settings() {
  WarmupSettings s;
  s.curriculum = "64:1";
  s.target = "blend";
  return s;
}

TEST(Settings, AreChecked) {
  const auto broken = [](auto&& change) {
    WarmupSettings s = settings();
    change(s);
    return error_of([&] { validate(s); });
  };
  EXPECT_NE(broken([](auto& s) { s.lr = 0; }).find("--lr 0"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.rows = 0; }).find("--rows"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.target = "mean"; }).find("sum, max or blend"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.clip = -1; }).find("--clip"), std::string::npos);
  const auto json = to_json(settings());
  EXPECT_EQ(to_json(settings_from_json(json, "x")), json);
}

WarmupCheckpoint checkpoint() {
  WarmupCheckpoint c({.layers = 2, .hidden = 6, .heads = 2, .dim = 4, .rope_dim = 2});
  initialize(c.parameters, 3);
  c.settings = settings();
  c.identity = {.model = "m", .weights = "w", .corpus = "c"};
  c.progress = {.step = 5, .tokens = 320, .stage = 0, .stage_step = 5, .budget = 0, .hours = 0.1};
  c.optimizer_steps = 5;
  c.first_moment.assign(c.parameters.values().begin(), c.parameters.values().end());
  c.second_moment.assign(c.first_moment.size(), 0.1F);
  return c;
}

TEST(WarmupCheckpoint, ComesBackBitForBit) {
  const TempFolder folder;
  const fs::path path = folder.path() / kCheckpointFile;
  WarmupCheckpoint c = checkpoint();
  write_warmup_checkpoint(path, c);
  WarmupCheckpoint back = read_warmup_checkpoint(path);
  EXPECT_TRUE(std::ranges::equal(back.parameters.values(), c.parameters.values()));
  EXPECT_EQ(back.first_moment, c.first_moment);
  EXPECT_EQ(back.second_moment, c.second_moment);
  EXPECT_EQ(back.optimizer_steps, 5);
  EXPECT_EQ(back.progress.tokens, 320);
  EXPECT_EQ(back.progress.hours, 0.1);
  EXPECT_EQ(back.identity.weights, "w");
  EXPECT_EQ(back.identity.corpus, "c");
  EXPECT_EQ(to_json(back.settings), to_json(c.settings));
  c.optimizer_steps = 0;
  c.first_moment.clear();
  c.second_moment.clear();
  write_warmup_checkpoint(path, c);
  EXPECT_TRUE(read_warmup_checkpoint(path).first_moment.empty());
}

TEST(WarmupCheckpoint, KnowsModelWeightsAndText) {
  const Identity then{.model = "m", .weights = "w", .corpus = "c"};
  const auto check = [&](const Identity& now, const Identity& before) {
    check_identity(before, now, "model.gguf", "out");
  };
  EXPECT_NO_THROW(check(then, then));
  expect_error([&] { check({.model = "n", .weights = "w", .corpus = "c"}, then); },
               {"out/checkpoint.safetensors", "fingerprint m, model.gguf has n"});
  expect_error([&] { check({.model = "m", .weights = "v", .corpus = "c"}, then); },
               {"out/checkpoint.safetensors", "digest w, model.gguf has v", "give the file it began with"});
  expect_error([&] { check({.model = "m", .weights = "w", .corpus = "d"}, then); },
               {"out/checkpoint.safetensors", "SHA-256 c, --text now has d"});
  // Made before checkpoints had the digest.
  EXPECT_NO_THROW(check(then, {.model = "m", .corpus = "c"}));
}

TEST(WarmupCheckpoint, DamageIsOneClearLine) {
  const TempFolder folder;
  const fs::path path = folder.path() / kCheckpointFile;
  WarmupCheckpoint c = checkpoint();
  write_warmup_checkpoint(path, c);
  std::ifstream in(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  for (const std::size_t size : {whole.size() - 1, whole.size() / 2, std::size_t{20}, std::size_t{0}}) {
    folder.write("cut.safetensors", whole.substr(0, size));
    expect_error([&] { read_warmup_checkpoint(folder.path() / "cut.safetensors"); }, {"cut.safetensors"});
  }
  folder.write("other.safetensors", safetensors_file("{}"));
  expect_error([&] { read_warmup_checkpoint(folder.path() / "other.safetensors"); },
               {"no checkpoint of dsa train indexer"});
}

TEST(TrainLog, AResumedOneForgetsWhatCameAfterTheCheckpoint) {
  const TempFolder folder;
  const fs::path path = folder.path() / "log.jsonl";
  {
    TrainLog log(path, 0);
    for (std::int64_t step = 1; step <= 4; ++step)
      log.add({.step = step,
               .tokens = 64 * step,
               .context = 64,
               .kl = 0.1 / static_cast<double>(step),
               .elapsed = 2.0 * static_cast<double>(step),
               .recall = step == 2
                             ? std::optional(PassSummary{.recall = 0.5, .best = 0.75, .has_recall = true})
                             : std::nullopt,
               .layer_kl = {0.1, 0.2}});
    std::ofstream(path, std::ios::app) << "{\"step\": 5, \"tok";  // killed in the middle of a line
  }
  TrainLog log(path, 3);
  ASSERT_EQ(log.records().size(), 3U);
  EXPECT_EQ(log.records()[2].kl, 0.1 / 3);
  EXPECT_EQ(log.records()[1].recall->best, 0.75);
  EXPECT_EQ(log.elapsed(), 6);
  log.add({.step = 4, .tokens = 256, .context = 64, .recall = {}, .layer_kl = {}});
  EXPECT_EQ(TrainLog(path, 9).records().size(), 4U);
  EXPECT_TRUE(TrainLog(path, 0).records().empty());
}

TEST(Report, IsOneFileThatNeedsNoNetwork) {
  const TempFolder folder;
  TrainLog log(folder.path() / "log", 0);
  for (std::int64_t step = 1; step <= 30; ++step)
    log.add({.step = step,
             .tokens = step,
             .context = 8,
             .kl = 1,
             .recall = PassSummary{.recall = 0.5},
             .layer_kl = {1, 2}});
  const std::string page = html_report("<model>", checkpoint(), log);
  EXPECT_NE(page.find("&lt;model&gt;"), std::string::npos);
  EXPECT_NE(page.find("<polyline"), std::string::npos);
  for (const char* outside : {"src=", "href=", "url(", "<script", "nan", "inf"})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
}

TEST(SvgPlot, LeavesOutWhatCannotBeDrawn) {
  const std::string plot = svg_plot(
      "t", "x", {{"a", {{0, 0}, {1, std::numeric_limits<double>::quiet_NaN()}, {2, -1}, {3, 10}, {4, 1000}}}},
      Scale::logarithmic);
  EXPECT_EQ(plot.find("nan"), std::string::npos);
  EXPECT_NE(svg_plot("t", "x", {{"a", {}}}, Scale::linear).find("</svg>"), std::string::npos);
}

}  // namespace
}  // namespace dsa::train
