// From GGUF metadata and tensor names to a model.
#include "checkpoint/gguf_model.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>

#include "base/env.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_vocabulary.h"
#include "testing/gguf_test_writer.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

using Change = std::function<void(struct Recipe&)>;

// A one-layer model whose parts a test may replace before it is written.
struct Recipe {
  std::string arch = "llama";
  std::map<std::string, std::uint32_t> integers{{"block_count", 1},          {"context_length", 64},
                                                {"embedding_length", 8},     {"feed_forward_length", 12},
                                                {"attention.head_count", 2}, {"attention.head_count_kv", 1},
                                                {"rope.dimension_count", 4}};
  std::map<std::string, float> floats{{"attention.layer_norm_rms_epsilon", 1e-5F},
                                      {"rope.freq_base", 5000.0F}};
  std::vector<std::string> tokens{"a", "b", "c", "d", "<|im_end|>"};
  std::vector<std::int32_t> types{1, 1, 1, 1, 3};
  std::function<void(GgufTestWriter&)> more = [](GgufTestWriter&) {};
  std::vector<std::string> extra_tensors;  // F32 [2]

  [[nodiscard]] std::string build() const {
    GgufTestWriter w;
    w.string("general.architecture", arch);
    for (const auto& [key, value] : integers) w.u32(arch + "." + key, value);
    for (const auto& [key, value] : floats) w.f32(arch + "." + key, value);
    w.string("tokenizer.ggml.model", "gpt2").strings("tokenizer.ggml.tokens", tokens);
    w.numbers("tokenizer.ggml.token_type", GgufType::i32, types);
    more(w);
    w.tensors = {matrix("token_embd.weight", 8, 5),        vector("output_norm.weight", 8),
                 vector("blk.0.attn_norm.weight", 8),      matrix("blk.0.attn_q.weight", 8, 8),
                 matrix("blk.0.attn_k.weight", 8, 4),      matrix("blk.0.attn_v.weight", 8, 4),
                 matrix("blk.0.attn_output.weight", 8, 8), vector("blk.0.ffn_norm.weight", 8),
                 matrix("blk.0.ffn_gate.weight", 8, 12),   matrix("blk.0.ffn_up.weight", 8, 12),
                 matrix("blk.0.ffn_down.weight", 12, 8)};
    for (const auto& name : extra_tensors) w.tensors.push_back(vector(name, 2));
    return w.build();
  }

  static GgufTestTensor vector(std::string name, std::uint64_t size) {
    return {.name = std::move(name), .sizes = {size}, .bytes = size * 4};
  }
  static GgufTestTensor matrix(std::string name, std::uint64_t cols, std::uint64_t rows) {
    return {.name = std::move(name), .sizes = {cols, rows}, .bytes = rows * cols * 4};
  }
};

ModelConfig config_of(const Recipe& recipe) {
  const std::string text = recipe.build();
  const std::vector<char> bytes(text.begin(), text.end());
  const GgufFile file(as_span(bytes), "x.gguf");
  return read_gguf_config(file);
}

ModelFiles open(const TempFolder& folder, const Recipe& recipe) {
  return open_gguf_model(folder.write("m.gguf", recipe.build()));
}

TEST(GgufModel, Llama) {
  const TempFolder folder;
  Recipe recipe;
  recipe.extra_tensors = {"blk.0.attn_q.bias", "blk.9.attn_q.weight", "blk.00.attn_v.weight",
                          "blk.0.attn_v.scale", "v.patch_embd"};  // the last four: unknown, one warning
  const ModelFiles m = open(folder, recipe);
  EXPECT_EQ(m.format, ModelFiles::Format::gguf);
  ASSERT_NE(m.gguf, nullptr);
  const ModelConfig& c = m.config;
  EXPECT_EQ(c.architecture, Architecture::llama);
  EXPECT_EQ(c.vocab_size, 5);
  EXPECT_EQ(c.hidden_size, 8);
  EXPECT_EQ(c.intermediate_size, 12);
  EXPECT_EQ(c.num_hidden_layers, 1);
  EXPECT_EQ(c.num_attention_heads, 2);
  EXPECT_EQ(c.num_key_value_heads, 1);
  EXPECT_EQ(c.head_dim, 4);
  EXPECT_EQ(c.max_position_embeddings, 64);
  EXPECT_EQ(c.rms_norm_eps, static_cast<double>(1e-5F));
  EXPECT_EQ(c.rope.theta, 5000);
  EXPECT_EQ(c.rope.type, RopeConfig::Type::plain);
  EXPECT_TRUE(c.tie_word_embeddings);
  EXPECT_TRUE(c.qkv_bias);
  EXPECT_FALSE(c.o_bias);
  EXPECT_EQ(c.eos_token_ids, (std::vector<std::int32_t>{4}));

  int count = 0;
  m.tensors->for_each([&](std::string_view name, const StoredTensor& t) {
    EXPECT_EQ(m.tensors->find(name), &t);
    ++count;
  });
  EXPECT_EQ(count, 12);
  const StoredTensor* k = m.tensors->find("model.layers.0.self_attn.k_proj.weight");
  ASSERT_NE(k, nullptr);
  EXPECT_EQ(k->shape, (std::vector<std::int64_t>{4, 8}));
  EXPECT_TRUE(k->rope_permuted);
  EXPECT_TRUE(m.tensors->find("model.layers.0.self_attn.q_proj.bias")->rope_permuted);
  EXPECT_FALSE(m.tensors->find("model.layers.0.self_attn.v_proj.weight")->rope_permuted);
  EXPECT_EQ(m.tensors->find("model.layers.0.mlp.down_proj.weight")->shape,
            (std::vector<std::int64_t>{8, 12}));
  for (const char* name :
       {"model.embed_tokens.weight", "model.norm.weight", "model.layers.0.input_layernorm.weight",
        "model.layers.0.post_attention_layernorm.weight", "model.layers.0.self_attn.o_proj.weight",
        "model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight"})
    EXPECT_NE(m.tensors->find(name), nullptr) << name;
}

TEST(GgufModel, QwenRowsAreNotPermuted) {
  const TempFolder folder;
  Recipe recipe;
  recipe.arch = "qwen2";
  recipe.extra_tensors = {"output.weight"};
  const ModelFiles qwen2 = open(folder, recipe);
  EXPECT_EQ(qwen2.config.architecture, Architecture::qwen2);
  EXPECT_TRUE(qwen2.config.qkv_bias);
  EXPECT_FALSE(qwen2.config.tie_word_embeddings);
  EXPECT_FALSE(qwen2.tensors->find("model.layers.0.self_attn.q_proj.weight")->rope_permuted);
  recipe.arch = "qwen3";
  recipe.extra_tensors = {"blk.0.attn_k_norm.weight"};
  const ModelFiles qwen3 = open(folder, recipe);
  EXPECT_TRUE(qwen3.config.qk_norm);
  EXPECT_FALSE(qwen3.config.qkv_bias);
  EXPECT_NE(qwen3.tensors->find("model.layers.0.self_attn.k_norm.weight"), nullptr);
}

TEST(GgufModel, RopeScaling) {
  Recipe recipe;
  recipe.floats["rope.scaling.factor"] = 4;
  EXPECT_EQ(config_of(recipe).rope.type, RopeConfig::Type::linear);  // a factor without a type
  recipe.more = [](GgufTestWriter& w) { w.string("llama.rope.scaling.type", "none"); };
  EXPECT_EQ(config_of(recipe).rope.type, RopeConfig::Type::plain);
  recipe.more = [](GgufTestWriter& w) { w.string("llama.rope.scaling.type", "yarn"); };
  recipe.integers["rope.scaling.original_context_length"] = 16;
  const RopeConfig yarn = config_of(recipe).rope;
  EXPECT_EQ(yarn.type, RopeConfig::Type::yarn);
  EXPECT_EQ(yarn.factor, 4);
  EXPECT_EQ(yarn.original_max_position_embeddings, 16);
  EXPECT_FALSE(yarn.attention_factor);

  Recipe llama3;
  llama3.extra_tensors = {"rope_freqs.weight"};
  expect_error([&] { config_of(llama3); }, {"rope_freqs.weight holds 0, expected finite numbers above 0"});
  llama3.integers["attention.key_length"] = llama3.integers["rope.dimension_count"] = 8;
  expect_error([&] { config_of(llama3); }, {"rope_freqs.weight is F32 with 2 elements, expected F32 with 4"});
}

TEST(GgufModel, SizesForEachLayerMustAgree) {
  Recipe recipe;
  recipe.integers.erase("attention.head_count_kv");
  recipe.more = [](GgufTestWriter& w) {
    w.numbers<std::int32_t>("llama.attention.head_count_kv", GgufType::i32, {2});
  };
  EXPECT_EQ(config_of(recipe).num_key_value_heads, 2);
  recipe.more = [](GgufTestWriter& w) {
    w.numbers<std::uint32_t>("llama.attention.head_count_kv", GgufType::u32, {2, 1});
  };
  expect_error([&] { config_of(recipe); }, {"2 elements, expected one for each of 1 layers"});
  recipe.integers["block_count"] = 2;
  expect_error([&] { config_of(recipe); }, {"differs between layers (2 and 1)"});
}

struct BadModel {
  std::string name;
  Change change;
  std::vector<std::string> message;
};

void PrintTo(const BadModel& c, std::ostream* out) { *out << c.name; }

std::vector<BadModel> bad_models() {
  const auto integer = [](const char* key, std::uint32_t value) -> Change {
    return [=](Recipe& r) { r.integers[key] = value; };
  };
  const auto real = [](const char* key, float value) -> Change {
    return [=](Recipe& r) { r.floats[key] = value; };
  };
  const auto without = [](const char* key) -> Change { return [=](Recipe& r) { r.integers.erase(key); }; };
  const auto arch = [](const char* name) -> Change { return [=](Recipe& r) { r.arch = name; }; };
  const auto more = [](std::function<void(GgufTestWriter&)> add) -> Change {
    return [=](Recipe& r) { r.more = add; };
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::string folder = "Hugging Face folder", split = "parts of a split GGUF",
                    merge = "llama-gguf-split --merge";
  return {
      {"DeepSeek", arch("deepseek2"), {"\"deepseek2\"", folder}},
      {"DeepSeekV32", arch("deepseek32"), {"\"deepseek32\"", folder}},
      {"Glm", arch("glm-dsa"), {"\"glm-dsa\"", folder}},
      {"Unknown", arch("gemma"), {"\"gemma\"", "llama, qwen2 and qwen3 only"}},
      // H31
      {"H31_MissingKey", without("block_count"), {"llama.block_count is missing"}},
      {"H31_MissingEps",
       [](Recipe& r) { r.floats.erase("attention.layer_norm_rms_epsilon"); },
       {"llama.attention.layer_norm_rms_epsilon is missing"}},
      {"H31_StringForNumber",
       [](Recipe& r) {
         r.integers.erase("block_count");
         r.more = [](GgufTestWriter& w) { w.string("llama.block_count", "1"); };
       },
       {"llama.block_count is of type string, expected u32"}},
      {"H31_ArrayForScalar",
       [](Recipe& r) {
         r.integers.erase("embedding_length");
         r.more = [](GgufTestWriter& w) {
           w.numbers<std::uint32_t>("llama.embedding_length", GgufType::u32, {8});
         };
       },
       {"llama.embedding_length is of type array of u32, expected u32"}},
      {"H31_ScalarForArray",
       more([](GgufTestWriter& w) { w.u32("tokenizer.ggml.scores", 1); }),
       {"tokenizer.ggml.scores is of type u32, expected array of f32"}},
      // H32
      {"H32_Heads0", integer("attention.head_count", 0), {"llama.attention.head_count is 0"}},
      {"H32_KvHeads0", integer("attention.head_count_kv", 0), {"llama.attention.head_count_kv is 0"}},
      {"H32_KvHeadsDoNotDivide", integer("attention.head_count_kv", 3), {"is 3, expected a divisor of"}},
      {"H32_Layers0", integer("block_count", 0), {"num_hidden_layers is 0"}},
      {"H32_Layers2To31", integer("block_count", 1U << 31), {"num_hidden_layers is 2147483648"}},
      {"H32_WidthNotAMultipleOfHeads", integer("embedding_length", 9), {"9 is not a multiple of"}},
      {"H32_Width0",
       [](Recipe& r) {
         r.integers["embedding_length"] = 0;
         r.integers.erase("rope.dimension_count");
       },
       {"hidden_size is 0"}},
      {"H32_FeedForward0", integer("feed_forward_length", 0), {"intermediate_size is 0"}},
      {"H32_RopeOdd", integer("rope.dimension_count", 3), {"llama.rope.dimension_count is 3"}},
      {"H32_Rope0", integer("rope.dimension_count", 0), {"llama.rope.dimension_count is 0"}},
      {"H32_HeadOdd",
       [](Recipe& r) { r.integers["attention.key_length"] = r.integers["rope.dimension_count"] = 5; },
       {"head_dim is 5, expected an even number"}},
      {"H32_Context0", integer("context_length", 0), {"max_position_embeddings is 0"}},
      {"H32_Context2To31", integer("context_length", 1U << 31), {"max_position_embeddings is 2147483648"}},
      {"H32_MoreExpertsUsedThanThere", integer("expert_used_count", 2), {"mixture of experts"}},
      {"H32_Experts", integer("expert_count", 8), {"mixture of experts"}},
      {"H32_Eps0", real("attention.layer_norm_rms_epsilon", 0), {"rms_norm_eps is 0"}},
      {"H32_EpsNan", real("attention.layer_norm_rms_epsilon", kNan), {"rms_norm_eps is nan"}},
      {"H32_Theta0", real("rope.freq_base", 0), {"rope_theta is 0"}},
      {"H32_ThetaNan", real("rope.freq_base", kNan), {"rope_theta is nan"}},
      {"H32_Factor0", real("rope.scaling.factor", 0), {"rope factor is 0"}},
      {"H32_SlidingWindow0", integer("attention.sliding_window", 0), {"llama.attention.sliding_window is 0"}},
      {"H32_SlidingWindow", integer("attention.sliding_window", 16), {"only full attention"}},
      {"H32_ValuesOfAnotherWidth",
       integer("attention.value_length", 6),
       {"llama.attention.value_length is 6"}},
      {"LongRope",
       more([](GgufTestWriter& w) { w.string("llama.rope.scaling.type", "longrope"); }),
       {"\"longrope\", dsa supports none, linear and yarn"}},
      {"LogitScale", real("logit_scale", 2), {"llama.logit_scale changes what the model computes"}},
      {"NotCausal",
       more([](GgufTestWriter& w) { w.boolean("llama.attention.causal", 0); }),
       {"embedding model"}},
      // H33
      {"H33_SplitOf65535",
       more([](GgufTestWriter& w) { w.u16("split.count", 65535); }),
       {"65535 " + split, merge}},
      {"H33_SplitPartOutOfRange",
       more([](GgufTestWriter& w) { w.u16("split.count", 2).u16("split.no", 9); }),
       {"2 " + split, merge}},
      {"H33_SplitOfAnotherType",
       more([](GgufTestWriter& w) { w.u32("split.count", 2); }),
       {"split.count is of type u32, expected u16"}},
      // H34
      {"H34_NoTokens",
       [](Recipe& r) {
         r.tokens.clear();
         r.types.clear();
       },
       {"tokenizer.ggml.tokens is empty"}},
      {"H34_FewerTypes",
       [](Recipe& r) { r.types.pop_back(); },
       {"token_type has 4 elements, but there are 5"}},
      {"H34_MoreScores",
       more([](GgufTestWriter& w) {
         w.numbers<float>("tokenizer.ggml.scores", GgufType::f32, std::vector<float>(6));
       }),
       {"scores has 6 elements, but there are 5"}},
      {"H34_TypeOutOfRange", [](Recipe& r) { r.types[1] = 7; }, {"of token 1 is 7, expected 0 to 6"}},
      {"H34_FewerTokensThanRows",
       [](Recipe& r) {
         r.tokens.pop_back();
         r.types.pop_back();
       },
       {"tokens has 4 elements, but token_embd.weight has 5 rows"}},
      {"H34_VocabSizeOfAnotherModel", integer("vocab_size", 6), {"llama.vocab_size is 6"}},
      {"EmbeddingOfAnotherWidth",
       [](Recipe& r) {
         r.integers["embedding_length"] = 16;
         r.integers["attention.key_length"] = 4;
       },
       {"token_embd.weight has shape [5, 8], expected [5, 16]"}},
      {"LayersMissing", integer("block_count", 3), {"blk.2.attn_norm.weight is missing"}},
  };
}

class GgufBadModel : public testing::TestWithParam<BadModel> {};

TEST_P(GgufBadModel, IsRefused) {
  const TempFolder folder;
  Recipe recipe;
  GetParam().change(recipe);
  auto parts = GetParam().message;
  parts.emplace_back("m.gguf: ");
  expect_error([&] { open(folder, recipe); }, parts);
}

INSTANTIATE_TEST_SUITE_P(Models, GgufBadModel, testing::ValuesIn(bad_models()),
                         [](const auto& info) { return info.param.name; });

TEST(GgufModel, MissingFile) {
  expect_error([] { open_gguf_model("/nonexistent/m.gguf"); }, {"/nonexistent/m.gguf: cannot open"});
}

TEST(GgufVocabulary, EndsOfGenerationByIdAndByName) {
  GgufVocabulary v;
  v.tokens = {"<|endoftext|>", "<|im_end|>", "x", "<|eot_id|>"};
  using Type = GgufVocabulary::TokenType;
  v.types = {Type::control, Type::control, Type::normal, Type::normal};  // the last is text somebody named so
  v.eos = 2;
  v.eot = 1;
  EXPECT_EQ(end_of_generation_ids(v), (std::vector<std::int32_t>{2, 1, 0}));
}

// The default model: DSA_TEST_MODEL or where ./run keeps it.
std::filesystem::path real_model() {
  return env_or("DSA_TEST_MODEL", (dsa_home() / "models/SmolLM2-135M-Instruct.Q4_1.gguf").string());
}

TEST(GgufRealFile, SmolLm2) {
  const auto path = real_model();
  ASSERT_TRUE(std::filesystem::exists(path))
      << path << " is missing: tools/fetch_model gets it, DSA_TEST_MODEL says where it is";
  const ModelFiles m = open_gguf_model(path);
  EXPECT_EQ(m.config.vocab_size, 49152);
  EXPECT_EQ(m.config.num_hidden_layers, 30);
  EXPECT_EQ(m.config.num_key_value_heads, 3);
  EXPECT_EQ(m.config.rope.theta, 100000);
  EXPECT_EQ(m.config.max_position_embeddings, 8192);
  EXPECT_TRUE(m.config.tie_word_embeddings);
  EXPECT_EQ(m.config.eos_token_ids, (std::vector<std::int32_t>{2, 0}));
  EXPECT_EQ(m.tensors->find("model.embed_tokens.weight")->type, DType::q8_0);
  EXPECT_EQ(m.tensors->find("model.layers.29.mlp.down_proj.weight")->type, DType::q4_1);

  const auto v = read_gguf_vocabulary(*m.gguf);
  ASSERT_TRUE(v);
  EXPECT_EQ(v->model, "gpt2");
  EXPECT_EQ(v->pre, "smollm");
  EXPECT_EQ(v->tokens.size(), 49152U);
  EXPECT_EQ(v->tokens[1], "<|im_start|>");
  EXPECT_EQ(v->types[1], GgufVocabulary::TokenType::control);
  EXPECT_EQ(v->merges.size(), 48900U);
  EXPECT_EQ(v->merges[0], "\xC4\xA0 t");
  EXPECT_TRUE(v->scores.empty());
  EXPECT_EQ(v->bos, 1);
  EXPECT_EQ(v->eos, 2);
  EXPECT_EQ(v->unknown, 0);
  EXPECT_EQ(v->add_bos, false);
  EXPECT_TRUE(v->chat_template.starts_with("{% for message in messages %}"));
}

}  // namespace
}  // namespace dsa
