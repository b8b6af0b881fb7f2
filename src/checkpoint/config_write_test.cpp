// A config.json that is written says what the model is that it was written for.
#include "checkpoint/config_write.h"

#include <gtest/gtest.h>

#include "checkpoint/config_json.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

ModelFiles golden_model(const std::string& name) {
  return open_model(fs::path(DSA_SOURCE_DIR) / "tests/goldens" / name);
}

void expect_same(const ModelConfig& a, const ModelConfig& b) {
  EXPECT_EQ(a.architecture, b.architecture);
  EXPECT_EQ(a.vocab_size, b.vocab_size);
  EXPECT_EQ(a.hidden_size, b.hidden_size);
  EXPECT_EQ(a.intermediate_size, b.intermediate_size);
  EXPECT_EQ(a.num_hidden_layers, b.num_hidden_layers);
  EXPECT_EQ(a.num_attention_heads, b.num_attention_heads);
  EXPECT_EQ(a.num_key_value_heads, b.num_key_value_heads);
  EXPECT_EQ(a.head_dim, b.head_dim);
  EXPECT_EQ(a.max_position_embeddings, b.max_position_embeddings);
  EXPECT_EQ(a.rms_norm_eps, b.rms_norm_eps);
  EXPECT_EQ(a.tie_word_embeddings, b.tie_word_embeddings);
  EXPECT_EQ(a.qkv_bias, b.qkv_bias);
  EXPECT_EQ(a.o_bias, b.o_bias);
  EXPECT_EQ(a.mlp_bias, b.mlp_bias);
  EXPECT_EQ(a.qk_norm, b.qk_norm);
  EXPECT_EQ(a.rope, b.rope);
  EXPECT_EQ(a.eos_token_ids, b.eos_token_ids);
  EXPECT_EQ(a.bos_token_id, b.bos_token_id);
}

class ConfigWrite : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, ConfigWrite,
                         ::testing::Values("models/llama_gqa", "models/llama_rope_llama3", "models/llama_f16",
                                           "models/llama_mqa_bias", "models/qwen3",
                                           "models_gguf/llama_blocks.gguf", "models_gguf/qwen2.gguf",
                                           "models_gguf/qwen3.gguf"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (c == '/' || c == '.') c = '_';
                           return name;
                         });

TEST_P(ConfigWrite, ReadsBackAsTheSameModel) {
  const ModelFiles files = golden_model(GetParam());
  const std::string text = bf16_config_json(files);
  EXPECT_NE(text.find("\"bfloat16\""), std::string::npos);
  expect_same(parse_hf_config(text, "config.json").config, files.config);
}

TEST(ConfigWriteProblem, ListsOfFrequenciesCannotBeSaid) {
  const ModelFiles files = golden_model("models_gguf/llama_rope_llama3.gguf");
  expect_error([&] { bf16_config_json(files); }, {"rope_freqs.weight"});
}

}  // namespace
}  // namespace dsa
