// What a warm-up is made of: its curriculum, settings and checkpoint.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "testing/test_files.h"
#include "train/loop/settings_json.h"
#include "train/warmup/checkpoint.h"
#include "train/warmup/curriculum.h"

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

TEST(Curriculum, RefusesNonsense) {
  for (const char* text : {"", "a", "100:", "100:0", "100:-1", "1:1", "200:1,100:1", "100:1,100:1", "100:nan",
                           "100:1,", "99999999999999999999:1"})
    expect_error([&] { Curriculum::parse(text); }, {"curriculum"});
}

WarmupSettings settings() {
  WarmupSettings s;
  s.curriculum = "64:1";
  s.target = "blend";
  return s;
}

TEST(WarmupSettings, AreChecked) {
  const auto broken = [](auto&& change) {
    WarmupSettings s = settings();
    change(s);
    return error_of([&] { validate(s); });
  };
  EXPECT_NE(broken([](auto& s) { s.lr = 0; }).find("`lr` 0"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.rows = 0; }).find("rows"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.target = "mean"; }).find("sum, max or blend"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.clip = -1; }).find("clip"), std::string::npos);
  EXPECT_NE(broken([](auto& s) { s.compute = "f16"; }).find("auto or f32"), std::string::npos);
  const auto json = settings_to_json(settings());
  EXPECT_EQ(settings_to_json(read_settings<WarmupSettings>(json, "x")), json);
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
  EXPECT_EQ(settings_to_json(back.settings), settings_to_json(c.settings));
  c.optimizer_steps = 0;
  c.first_moment.clear();
  c.second_moment.clear();
  write_warmup_checkpoint(path, c);
  EXPECT_TRUE(read_warmup_checkpoint(path).first_moment.empty());
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

}  // namespace
}  // namespace dsa::train
