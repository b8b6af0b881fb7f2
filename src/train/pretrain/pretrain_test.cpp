// What a model from scratch is made of: recipe, rates, settings, weights, checkpoint and
// the folder it ends in.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "checkpoint/open_model.h"
#include "model/weights.h"
#include "testing/test_files.h"
#include "train/loop/learning_rate.h"
#include "train/pretrain/checkpoint.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/publish.h"
#include "train/pretrain/router_balance.h"
#include "train/pretrain/stages.h"

namespace dsa::train {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(DSA_SOURCE_DIR) / "tests/goldens/models/deepseek_v32_mtp";

TEST(Recipe, IsTheFirstStagesInTheirOrder) {
  const Recipe r = Recipe::parse("dense:3,warmup:1,sparse:4");
  EXPECT_EQ(r.shares(), (std::vector<double>{0.375, 0.125, 0.5}));
  EXPECT_TRUE(r.has(StageKind::sparse));
  EXPECT_FALSE(Recipe::parse("dense").has(StageKind::warmup));
}

TEST(Recipe, RefusesNonsense) {
  for (const char* text : {"", "dense:0", "dense:-1", "warmup:1", "dense:1,sparse:1", "warmup:1,dense:1",
                           "dense:1,dense:1", "dense:1,", "dense:a", "dense:nan", "fast:1"})
    expect_error([&] { Recipe::parse(text); }, {"stages"});
}

TEST(Course, RisesFallsAndEnds) {
  const Course course{.peak = 2, .rise = 4, .last = 0.1};
  EXPECT_DOUBLE_EQ(rate_at(course, 0, 0), 0.5);
  EXPECT_DOUBLE_EQ(rate_at(course, 3, 0), 2);
  EXPECT_NEAR(rate_at(course, 9, 0.5), 1.1, 1e-12);
  EXPECT_NEAR(rate_at(course, 9, 1), 0.2, 1e-12);
}

TEST(PretrainSettings, AreChecked) {
  const auto broken = [](auto&& change) {
    PretrainSettings s;
    validate(s);
    change(s);
    return error_of([&] { validate(s); });
  };
  EXPECT_NE(broken([](auto& s) { s.lr = 0; }).find("`lr` 0"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.batch = 0; }).find("batch"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.mtp = -1; }).find("mtp"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.weight_decay = 2; }).find("weight_decay"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.stages = "sparse:1"; }).find("stages"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.compute = "f16"; }).find("compute"), std::string::npos);
}

TEST(MlaWeights, RefuseWhatIsNotTrained) {
  ModelConfig c = open_model(kGolden).config;
  check_trainable(c, "x");
  const auto broken = [&](auto&& change) {
    ModelConfig other = c;
    change(other);
    return error_of([&] { check_trainable(other, "config.json"); });
  };
  EXPECT_NE(broken([](auto& x) { x.architecture = Architecture::deepseek_v3; }).find("deepseek_v32 alone"),
            std::string::npos);
  EXPECT_NE(broken([](auto& x) { x.tie_word_embeddings = true; }).find("tie_word_embeddings"),
            std::string::npos);
  EXPECT_NE(broken([](auto& x) { x.qkv_bias = true; }).find("attention_bias"), std::string::npos);
  EXPECT_NE(broken([](auto& x) { x.num_nextn_predict_layers = 2; }).find("num_nextn_predict_layers is 2"),
            std::string::npos);
}

TEST(MlaWeights, BeginTheSameForASeed) {
  const ModelConfig config = open_model(kGolden).config;
  FlatTensors a = mla_weights(config), b = a.zeros(), other = a.zeros();
  initialize(a, config, 3);
  initialize(b, config, 3);
  initialize(other, config, 4);
  EXPECT_TRUE(std::ranges::equal(a.values(), b.values()));
  EXPECT_FALSE(std::ranges::equal(a.values(), other.values()));
  for (const auto& entry : a.entries()) {
    const auto values = std::as_const(a).of(entry);
    if (entry.shape.size() == 1)
      EXPECT_EQ(values[0], entry.name.ends_with("norm.weight") ? 1.0F : 0.0F) << entry.name;
    else
      EXPECT_NE(values[0], values[1]) << entry.name;
  }
}

TEST(BalanceRouters, MoveAgainstTheLoad) {
  const ModelConfig config = open_model(kGolden).config;
  FlatTensors weights = mla_weights(config);
  const MlaModel::Losses losses{.indexers = {}, .expert_load = {{}, {5, 1, 3, 3, 3, 3, 3, 3}, {}}};
  balance_routers(weights, losses, 0.25);
  balance_routers(weights, losses, 0.25);
  EXPECT_TRUE(std::ranges::equal(weights.of(*weights.find(router_bias(1))),
                                 std::vector<float>{-0.5F, 0.5F, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(std::ranges::all_of(weights.of(*weights.find(router_bias(2))), [](float x) { return x == 0; }));
  const auto experts = experts_of(losses);
  EXPECT_DOUBLE_EQ(experts->busiest, 5.0 / 3);
  EXPECT_DOUBLE_EQ(experts->idlest, 1.0 / 3);
  EXPECT_FALSE(experts_of({.indexers = {}, .expert_load = {{}, {}}}).has_value());
}

PretrainCheckpoint checkpoint(const ModelConfig& config) {
  PretrainCheckpoint c(mla_indexer_shape(config));
  initialize(c.indexer, 1);
  c.identity = {.model = "m", .corpus = "c"};
  c.progress = {.step = 7, .tokens = 70, .stage = 1, .stage_step = 2, .budget = 100, .hours = 0};
  c.main = {1, 2, 3};
  c.main_moments = {.steps = 5, .first = {1, 2, 3}, .second = {4, 5, 6}};
  return c;
}

TEST(PretrainCheckpoint, ComesBackBitForBit) {
  const TempFolder folder;
  PretrainCheckpoint c = checkpoint(open_model(kGolden).config);
  c.settings.balance = 0.25;
  AdamW::State main{.steps = 5, .first_moment = c.main_moments.first, .second_moment = c.main_moments.second};
  write_pretrain_checkpoint(folder.path() / kCheckpointFile, c, c.main, {.main = main, .indexer = {}});
  PretrainCheckpoint back = read_pretrain_checkpoint(folder.path() / kCheckpointFile);
  EXPECT_EQ(back.main, c.main);
  EXPECT_EQ(back.main_moments.second, c.main_moments.second);
  EXPECT_EQ(back.indexer_moments.steps, 0) << "its optimizer has made no step";
  EXPECT_TRUE(std::ranges::equal(back.indexer.values(), c.indexer.values()));
  EXPECT_EQ(back.indexer.shape().q_lora_rank, c.indexer.shape().q_lora_rank);
  EXPECT_EQ(back.settings.balance, 0.25);
  EXPECT_EQ(back.progress.stage_step, 2);
}

TEST(ModelFolder, HoldsEveryTensorOfThePublishedLayoutAndNoOther) {
  const TempFolder folder;
  const ModelFiles golden = open_model(kGolden);
  FlatTensors weights = mla_weights(golden.config);
  initialize(weights, golden.config, 1);
  for (float& b : weights.of(*weights.find(router_bias(1)))) b = 0.1F;  // no BF16
  PretrainCheckpoint c = checkpoint(golden.config);
  fs::copy_file(kGolden / "config.json", folder.path() / "config.json");
  publish_pretrained_model(folder.path(), golden.config, weights, c, TrainLog(folder.path() / "log", 0));

  const ModelFiles written = open_model(folder.path());
  std::set<std::string> expected, found;
  golden.tensors->for_each([&](std::string_view name, const StoredTensor&) { expected.emplace(name); });
  written.tensors->for_each([&](std::string_view name, const StoredTensor& t) {
    found.emplace(name);
    EXPECT_EQ(t.shape, golden.tensors->find(name) != nullptr ? golden.tensors->find(name)->shape : t.shape)
        << name;
    EXPECT_EQ(t.type, name.ends_with("e_score_correction_bias") ? DType::f32 : DType::bf16) << name;
  });
  EXPECT_EQ(found, expected);
  Exec exec(1);
  const ModelWeights loaded = load_weights(written.config, *written.tensors, nullptr, choose_kernels(),
                                           Compute::f32, exec, LoadMtp::yes);
  EXPECT_TRUE(loaded.mtp.has_value());
  EXPECT_EQ(loaded.layers[1].moe->e_score_correction_bias[0], 0.1F);

  std::ifstream in(folder.path() / "README.md");
  const std::string card((std::istreambuf_iterator<char>(in)), {});
  EXPECT_NE(card.find("| training text (SHA-256 over its documents' tokens) | `c` |"), std::string::npos);
}

}  // namespace
}  // namespace dsa::train
