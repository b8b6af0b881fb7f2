#include "model/opened_model.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "checkpoint/fingerprint.h"
#include "checkpoint/safetensors_write.h"
#include "model/kv_cache.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// An indexer of one head of two dims for a golden model, of top-k `topk`.
class WithIndexer : public ::testing::Test {
 protected:
  WithIndexer() : files_(open()) {}

  static void write_text(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }
  void write(const fs::path& folder, std::int64_t topk, const std::string& fingerprint) {
    const ModelConfig& c = files_.config;
    fs::create_directories(folder);
    const json config{{"model_type", "dsa_indexer"},
                      {"format_version", 1},
                      {"index_n_heads", 1},
                      {"index_head_dim", 2},
                      {"index_rope_head_dim", 2},
                      {"index_topk", topk},
                      {"trained_context", 64},
                      {"base_model",
                       {{"hidden_size", c.hidden_size},
                        {"num_hidden_layers", c.num_hidden_layers},
                        {"num_attention_heads", c.num_attention_heads},
                        {"num_key_value_heads", c.num_key_value_heads},
                        {"head_dim", c.head_dim},
                        {"vocab_size", c.vocab_size},
                        {"fingerprint", fingerprint}}}};
    write_text(folder / "config.json", json_text(config));
    const std::vector<float> zeros(static_cast<std::size_t>(2 * c.hidden_size));
    std::vector<TensorToWrite> tensors;
    const auto add = [&](std::int64_t layer, const char* name, std::vector<std::int64_t> shape) {
      std::size_t count = 1;
      for (const auto n : shape) count *= static_cast<std::size_t>(n);
      tensors.push_back({"model.layers." + std::to_string(layer) + ".self_attn.indexer." + name, DType::f32,
                         std::move(shape), std::as_bytes(std::span(zeros).first(count))});
    };
    for (std::int64_t layer = 0; layer < c.num_hidden_layers; ++layer) {
      add(layer, "wq.weight", {2, c.hidden_size});
      add(layer, "wk.weight", {2, c.hidden_size});
      add(layer, "weights_proj.weight", {1, c.hidden_size});
      add(layer, "k_norm.weight", {2});
      add(layer, "k_norm.bias", {2});
    }
    write_safetensors(folder / "indexer.safetensors", tensors);
  }
  [[nodiscard]] std::string own() const { return fingerprint(*files_.tensors, files_.config); }
  static ModelFiles open() { return open_model(fs::path(DSA_SOURCE_DIR) / "tests/goldens/models/llama_gqa"); }
  static std::int64_t topk(const LoadOptions& options) {
    const OpenedModel opened = with_indexer(open(), options);
    EXPECT_EQ(opened.indexer_tensors != nullptr, opened.has_indexer());
    EXPECT_EQ(opened.indexer_folder.empty(), !opened.has_indexer());
    return opened.has_indexer() ? opened.files.config.indexer->topk : 0;
  }

  static const std::string kOther;
  TempFolder folder_;
  ModelFiles files_;
};
const std::string WithIndexer::kOther(64, 'a');

TEST_F(WithIndexer, TheShippedOneOfThisModel) {
  write(folder_.path() / "a", 1, kOther);
  write(folder_.path() / "b", 2, own());
  write(folder_.path() / "c", 3, own());
  fs::create_directories(folder_.path() / "d");
  const LoadOptions options{.indexer_folders = {folder_.path() / "nowhere", folder_.path()}};
  EXPECT_EQ(topk(options), 2);
  EXPECT_EQ(topk({}), 0);
  EXPECT_EQ(topk({.use_indexer = false, .indexer_folders = {folder_.path()}}), 0);
  EXPECT_EQ(topk({.indexer = folder_.path() / "c", .indexer_folders = {folder_.path()}}), 3);
}

TEST_F(WithIndexer, ABrokenShippedOneIsPassedOver) {
  write(folder_.path() / "a", 1, own());
  write_text(folder_.path() / "a" / "config.json", "{");
  write(folder_.path() / "b", 2, own());
  EXPECT_EQ(topk({.indexer_folders = {folder_.path()}}), 2);
}

TEST_F(WithIndexer, AModelKeepsItsOwnUnlessAnotherIsAskedForOrNone) {
  write(folder_.path() / "a", 1, own());
  const auto opened = [](const LoadOptions& options) {
    ModelFiles files = open();
    files.config.indexer.emplace().topk = 7;
    return with_indexer(std::move(files), options);
  };
  const OpenedModel kept = opened({.indexer_folders = {folder_.path()}});
  EXPECT_EQ(kept.files.config.indexer->topk, 7);
  EXPECT_EQ(kept.indexer_tensors, nullptr);
  EXPECT_EQ(opened({.indexer = folder_.path() / "a"}).files.config.indexer->topk, 1);
  EXPECT_FALSE(opened({.use_indexer = false}).has_indexer());
}

TEST_F(WithIndexer, ItsTokensAreDividedByHandIfSomebodySaysHow) {
  write(folder_.path() / "a", 8, own());
  const auto with = [&](std::vector<std::int64_t> list) {
    return with_indexer(open(), {.indexer = folder_.path() / "a", .topk_layers = std::move(list)});
  };
  const OpenedModel divided = with({4, 40, 16});
  EXPECT_EQ(divided.files.config.indexer->topk, 20);
  EXPECT_EQ(divided.files.config.indexer->layer_topk.of(1, 20), 40);
  const OpenedModel one = with({5});
  EXPECT_EQ(one.files.config.indexer->topk, 5);
  EXPECT_TRUE(one.files.config.indexer->layer_topk.uniform());
  expect_error([&] { with({4, 40}); }, {"`index_topk_layers` lists 2 numbers", "expected 3"});
  expect_error([&] { with({4, 0, 40}); }, {"`index_topk_layers` is 0 for layer 1"});
  expect_error([&] { with_indexer(open(), {.use_indexer = false, .topk_layers = {4}}); },
               {"`index_topk_layers`", "no indexer"});
}

TEST_F(WithIndexer, ItsKeysAreKeptInInt8IfSomebodyAsks) {
  write(folder_.path() / "a", 8, own());
  for (const bool asked : {true, false}) {
    const auto opened = with_indexer(open(), {.indexer = folder_.path() / "a", .int8_keys = asked});
    EXPECT_EQ(kv_layout(opened.files.config, 0, Compute::automatic).int8_keys, asked);
    EXPECT_FALSE(kv_layout(opened.files.config, 0, Compute::f32).int8_keys);
  }
  expect_error([&] { with_indexer(open(), {.use_indexer = false, .int8_keys = true}); },
               {"`index_keys` int8", "no indexer"});
  expect_error(
      [&] {
        with_indexer(open(), {.compute = Compute::f32, .indexer = folder_.path() / "a", .int8_keys = true});
      },
      {"`index_keys` int8", "`compute` auto"});
}

TEST_F(WithIndexer, OneThatWasAskedForMustFit) {
  write(folder_.path() / "a", 2, kOther);
  expect_error([&] { topk({.indexer = folder_.path() / "a"}); }, {"fingerprint", kOther});
  EXPECT_EQ(topk({.indexer = folder_.path() / "a", .force_indexer = true}), 2);
}

}  // namespace
}  // namespace dsa
