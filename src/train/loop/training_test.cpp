// What the trainings share: shares, rates, sampling, identity, log and report.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <set>

#include "base/svg_plot.h"
#include "testing/test_files.h"
#include "train/loop/learning_rate.h"
#include "train/loop/progress.h"
#include "train/loop/report.h"
#include "train/loop/sampler.h"
#include "train/loop/share_list.h"
#include "train/loop/train_log.h"

namespace dsa::train {
namespace {

namespace fs = std::filesystem;

TEST(ShareList, IsReadAndMadeToAddUp) {
  std::vector<std::string> names;
  const auto shares =
      parse_shares("a:1,b:2.5,c", {.setting = "stages", .form = "NAME:SHARE"}, [&](std::string_view name) {
        names.emplace_back(name);
        return true;
      });
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(shares, (std::vector<double>{1 / 4.5, 2.5 / 4.5, 1 / 4.5}));
  for (const char* text : {"", "b", "a:", "a:0", "a:-1", "a:nan", "a:1,", "a:1000000", "a:1x"})
    expect_error(
        [&] {
          parse_shares(text, {.setting = "stages", .form = "NAME:SHARE"},
                       [](std::string_view name) { return name == "a"; });
        },
        {"`stages`: \"", "is not NAME:SHARE"});
}

TEST(ShareList, PlacesFollowTheTokens) {
  const double shares[] = {0.375, 0.125, 0.5};
  EXPECT_EQ(place_at(shares, 0, 0).stage, 0U) << "the budget is not known yet";
  EXPECT_EQ(place_at(shares, 5000, 0).stage, 0U);
  EXPECT_EQ(place_at(shares, 374, 1000).stage, 0U);
  EXPECT_EQ(place_at(shares, 375, 1000).stage, 1U);
  EXPECT_NEAR(place_at(shares, 450, 1000).done, 0.6, 1e-12);
  EXPECT_EQ(place_at(shares, 500, 1000).stage, 2U);
  EXPECT_DOUBLE_EQ(place_at(shares, 2000, 1000).done, 1);
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

TEST(Identity, IsOfModelWeightsAndText) {
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
               {"out/checkpoint.safetensors", "SHA-256 c, the text given has d"});
  // Made before checkpoints had the digest.
  EXPECT_NO_THROW(check(then, {.model = "m", .corpus = "c"}));
}

StepRecord record(std::int64_t step) {
  return {.step = step,
          .tokens = 64 * step,
          .elapsed = 2.0 * static_cast<double>(step),
          .context = 64,
          .indexer = {.kl = 0.1 / static_cast<double>(step), .layer_kl = {0.1, 0.2}}};
}

TEST(TrainLog, AResumedOneForgetsWhatCameAfterTheCheckpoint) {
  const TempFolder folder;
  const fs::path path = folder.path() / "log.jsonl";
  {
    TrainLog log(path, 0);
    for (std::int64_t step = 1; step <= 4; ++step) log.add(record(step));
    std::ofstream(path, std::ios::app) << "{\"step\": 5, \"tok";  // killed in the middle of a line
  }
  TrainLog log(path, 3);
  ASSERT_EQ(log.records().size(), 3U);
  EXPECT_EQ(log.records()[2].indexer.kl, 0.1 / 3);
  EXPECT_EQ(log.elapsed(), 6);
  log.add({.step = 4, .tokens = 256, .context = 64});
  EXPECT_EQ(TrainLog(path, 9).records().size(), 4U);
  EXPECT_TRUE(TrainLog(path, 0).records().empty());
}

TEST(TrainLog, ALineHoldsWhatTheTrainingHas) {
  const TempFolder folder;
  const fs::path path = folder.path() / "log.jsonl";
  StepRecord all = record(1);
  all.batch = 8;
  all.stage = "sparse";
  all.held_out = true;
  all.indexer.kept = KeptAttention{.indexer = 0.5, .best = 0.75, .worst_layer = 0.25};
  all.main = MainRecord{.language_model = 2, .mtp = 3};
  all.experts = ExpertRecord{.busiest = 4, .idlest = 0.5};
  {
    TrainLog log(path, 0);
    log.add(record(1));
    log.add(all);
  }
  std::ifstream in(path);
  std::string first, second;
  std::getline(in, first);
  std::getline(in, second);
  EXPECT_EQ(first, R"({"step":1,"tokens":64,"context":64,"kl":0.1,"layer_kl":[0.1,0.2],"gradient_norm":0.0,)"
                   R"("learning_rate":0.0,"seconds":0.0,"elapsed":2.0})");
  EXPECT_EQ(second.substr(first.size() - 1),
            R"(,"recall":{"indexer":0.5,"best":0.75,"worst_layer":0.25},"main":{"language_model":2.0,)"
            R"("distill":0.0,"mtp":3.0,"dense":0.0,"gradient_norm":0.0,"learning_rate":0.0},"batch":8,)"
            R"("stage":"sparse","experts":{"busiest":4.0,"idlest":0.5},"held_out":true})");
  const TrainLog log(path, 1);
  ASSERT_EQ(log.records().size(), 2U);
  EXPECT_FALSE(log.records()[0].indexer.kept || log.records()[0].main || log.records()[0].experts);
  const StepRecord& back = log.records()[1];
  EXPECT_EQ(back.indexer.kept->best, 0.75);
  EXPECT_EQ(back.main->mtp, 3);
  EXPECT_EQ(back.experts->idlest, 0.5);
  EXPECT_EQ(back.stage, "sparse");
  EXPECT_EQ(back.step_tokens(), 512);
}

TEST(IndexerRecord, LooksAddUpByTheirShares) {
  IndexerRecord mean;
  add_share(mean, {.kl = 2, .kept = KeptAttention{.indexer = 0.5, .best = 1, .worst_layer = 0.5}}, 0.25);
  EXPECT_EQ(mean.kept->worst_layer, 0.5);
  add_share(mean, {.kl = 4, .kept = KeptAttention{.indexer = 0.25, .best = 0.5, .worst_layer = 0.75}}, 0.75);
  EXPECT_EQ(mean.kl, 3.5);
  EXPECT_EQ(mean.kept->indexer, 0.3125);
  EXPECT_EQ(mean.kept->worst_layer, 0.5);
}

TEST(Report, IsOneFileThatNeedsNoNetwork) {
  const TempFolder folder;
  TrainLog log(folder.path() / "log", 0);
  for (std::int64_t step = 1; step <= 30; ++step) {
    StepRecord r = record(step);
    r.indexer.kept = KeptAttention{.indexer = 0.5};
    log.add(r);
  }
  const Progress progress{.step = 30};
  const Identity identity{.model = "m", .corpus = "c"};
  const std::string page = html_report({.title = "A training",
                                        .command = "dsa train",
                                        .model = "<model>",
                                        .progress = progress,
                                        .identity = identity,
                                        .settings = {{"rows", "8"}}},
                                       log);
  EXPECT_NE(page.find("&lt;model&gt;"), std::string::npos);
  EXPECT_NE(page.find("<polyline"), std::string::npos);
  EXPECT_NE(page.find("Attention that the selection keeps"), std::string::npos);
  EXPECT_EQ(page.find("Language-model loss"), std::string::npos) << "no record has one";
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
