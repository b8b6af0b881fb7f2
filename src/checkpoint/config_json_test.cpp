// config.json, good and hostile: H36 to H42 of docs/hostile-inputs.md.
#include "checkpoint/config_json.h"

#include "base/json.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

using nlohmann::json;

json llama() {
  return parse_json(
      R"({"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":256,"hidden_size":64,
    "intermediate_size":128,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,
    "rms_norm_eps":1e-5,"max_position_embeddings":512,"hidden_act":"silu","eos_token_id":2,
    "bos_token_id":1})",
      "test");
}

json v32() {
  return parse_json(
      R"({"architectures":["DeepseekV32ForCausalLM"],"model_type":"deepseek_v32","vocab_size":129280,
    "hidden_size":7168,"intermediate_size":18432,"moe_intermediate_size":2048,"num_hidden_layers":61,
    "first_k_dense_replace":3,"moe_layer_freq":1,"num_attention_heads":128,"num_key_value_heads":128,
    "q_lora_rank":1536,"kv_lora_rank":512,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,
    "index_n_heads":64,"index_head_dim":128,"index_topk":2048,"n_routed_experts":256,"n_shared_experts":1,
    "num_experts_per_tok":8,"n_group":8,"topk_group":4,"scoring_func":"sigmoid","topk_method":"noaux_tc",
    "norm_topk_prob":true,"routed_scaling_factor":2.5,"num_nextn_predict_layers":1,"hidden_act":"silu",
    "rms_norm_eps":1e-6,"max_position_embeddings":163840,"rope_theta":10000,"rope_scaling":{"type":"yarn",
    "factor":40,"original_max_position_embeddings":4096,"beta_fast":32,"beta_slow":1,"mscale":1.0,
    "mscale_all_dim":1.0},"attention_bias":false,"bos_token_id":0,"eos_token_id":1,
    "tie_word_embeddings":false})",
      "test");
}

json glm() {
  json c = v32();
  c["architectures"] = {"GlmMoeDsaForCausalLM"};
  c["model_type"] = "glm_moe_dsa";
  c["num_hidden_layers"] = 78;
  c["n_group"] = c["topk_group"] = 1;
  c.erase("rope_scaling");
  c.erase("rope_theta");
  c["rope_parameters"] = {{"rope_theta", 1e6}, {"rope_type", "default"}};
  return c;
}

HfConfig parse(const std::string& text) { return parse_hf_config(text, "config.json"); }
ModelConfig parse(const json& c) { return parse(json_text(c)).config; }
json with(json base, std::string_view patch) {
  base.merge_patch(parse_json(patch, "test"));
  return base;
}

TEST(ConfigJson, Llama) {
  const ModelConfig c = parse(llama());
  EXPECT_EQ(c.architecture, Architecture::llama);
  EXPECT_EQ(c.head_dim, 16);
  EXPECT_EQ(c.num_key_value_heads, 2);
  EXPECT_FALSE(c.qkv_bias || c.o_bias || c.mlp_bias || c.qk_norm || c.tie_word_embeddings);
  EXPECT_EQ(c.rope.theta, 10000);
  EXPECT_EQ(c.rope.type, RopeConfig::Type::plain);
  EXPECT_EQ(c.eos_token_ids, std::vector<std::int32_t>{2});
  EXPECT_EQ(c.bos_token_id, 1);
  EXPECT_FALSE(c.mla || c.moe || c.indexer);
}

TEST(ConfigJson, AbsentKeysHaveTransformersDefaults) {
  json c = llama();
  for (const char* key : {"num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "eos_token_id",
                          "bos_token_id", "architectures", "hidden_act"})
    c.erase(key);
  const ModelConfig config = parse(c);
  EXPECT_EQ(config.num_key_value_heads, 4);
  EXPECT_EQ(config.max_position_embeddings, 2048);
  EXPECT_TRUE(config.eos_token_ids.empty());
  EXPECT_FALSE(config.bos_token_id);
  EXPECT_EQ(parse(with(llama(), R"({"num_key_value_heads":null})")).num_key_value_heads, 4);
}

TEST(ConfigJson, BiasesAndNormsByFamily) {
  const ModelConfig biased = parse(with(llama(), R"({"attention_bias":true,"mlp_bias":true})"));
  EXPECT_TRUE(biased.qkv_bias && biased.o_bias && biased.mlp_bias);
  const ModelConfig qwen2 = parse(with(llama(),
                                       R"({"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2",
          "use_sliding_window":false,"sliding_window":4096})"));
  EXPECT_TRUE(qwen2.qkv_bias && !qwen2.o_bias && !qwen2.qk_norm);
  const ModelConfig qwen3 =
      parse(with(llama(), R"({"architectures":["Qwen3ForCausalLM"],"model_type":"qwen3"})"));
  EXPECT_TRUE(qwen3.qk_norm && !qwen3.qkv_bias);
  EXPECT_EQ(qwen3.head_dim, 128);
}

TEST(ConfigJson, DeepseekV32) {
  const ModelConfig c = parse(v32());
  EXPECT_EQ(c.architecture, Architecture::deepseek_v32);
  ASSERT_TRUE(c.mla && c.moe && c.indexer);
  EXPECT_EQ(c.mla->q_lora_rank, 1536);
  EXPECT_TRUE(c.mla->rope_interleave);
  EXPECT_FALSE(c.indexer->rope_interleave);  // no key (docs/checkpoints.md, "Rope layouts")
  EXPECT_EQ(c.indexer->rope_head_dim, 64);
  EXPECT_EQ(c.indexer->full, std::vector<bool>(61, true));
  EXPECT_FALSE(c.is_moe_layer(2));
  EXPECT_TRUE(c.is_moe_layer(3));
  EXPECT_EQ(c.rope.type, RopeConfig::Type::yarn);
  EXPECT_EQ(c.rope.factor, 40);
  EXPECT_EQ(c.num_nextn_predict_layers, 1);
  EXPECT_EQ(predicted_parameters(c, "test"), 671'877'944'064);  // without MTP (docs/checkpoints.md)
}

TEST(ConfigJson, DeepseekV3WithoutQueryLatent) {
  json c = with(
      v32(), R"({"architectures":["DeepseekV3ForCausalLM"],"model_type":"deepseek_v3","q_lora_rank":null})");
  for (const char* key : {"index_n_heads", "index_head_dim", "index_topk"}) c.erase(key);
  const ModelConfig config = parse(c);
  EXPECT_EQ(config.mla->q_lora_rank, 0);
  EXPECT_FALSE(config.indexer);
}

TEST(ConfigJson, LayersMaySelectDifferentNumbersOfTokens) {
  std::vector<std::int64_t> list(61, 2048);
  EXPECT_TRUE(
      parse(with(v32(), R"({"index_topk":)" + json_text(json(list)) + "}")).indexer->layer_topk.uniform());
  list[3] = 4096;
  const auto indexer = parse(with(v32(), R"({"index_topk":)" + json_text(json(list)) + "}")).indexer;
  EXPECT_EQ(indexer->layer_topk.list(), list);
  EXPECT_EQ(indexer->topk, 2082);
}

TEST(ConfigJson, GlmIndexerScheduleInEverySpelling) {
  EXPECT_EQ(parse(glm()).indexer->full, std::vector<bool>(78, true));
  EXPECT_TRUE(parse(glm()).indexer->rope_interleave);
  EXPECT_FALSE(parse(with(glm(), R"({"indexer_rope_interleave":false})")).indexer->rope_interleave);
  std::vector<bool> glm52;  // GLM-5.2: 0, 1, 2, 6, 10, ..., 74 are full
  std::string letters;
  json names = json::array();
  for (int i = 0; i < 78; ++i) {
    glm52.push_back(i < 2 || i % 4 == 2);
    letters += glm52.back() ? 'F' : 'S';
    names.push_back(glm52.back() ? "full" : "shared");
  }
  EXPECT_EQ(std::count(glm52.begin(), glm52.end(), true), 21);
  EXPECT_EQ(
      parse(with(glm(), R"({"index_topk_freq":4,"index_skip_topk_offset":3,"index_topk_pattern":null})"))
          .indexer->full,
      glm52);
  EXPECT_EQ(parse(with(glm(), R"({"index_topk_pattern":")" + letters + "\"}")).indexer->full, glm52);
  EXPECT_EQ(
      parse(with(glm(), R"({"index_topk_freq":9,"indexer_types":)" + json_text(names) + "}")).indexer->full,
      glm52);
}

TEST(ConfigJson, RopeInBothSpellings) {
  const RopeConfig old = parse(v32()).rope;
  json c = v32();
  c["rope_parameters"] = c["rope_scaling"];
  c["rope_parameters"]["rope_theta"] = c["rope_theta"];
  c["rope_parameters"]["rope_type"] = "yarn";
  c["rope_parameters"].erase("type");
  EXPECT_EQ(parse(c).rope, old);  // both: they agree
  c.erase("rope_scaling");
  c.erase("rope_theta");
  EXPECT_EQ(parse(c).rope, old);
  c["rope_scaling"] = {{"type", "linear"}, {"factor", 2}};
  expect_error([&] { parse(c); }, {"config.json", "rope_parameters and rope_scaling disagree"});
  const RopeConfig llama3 =
      parse(with(llama(), R"({"rope_theta":500000.0,"rope_scaling":{"rope_type":"llama3","factor":8,
      "low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}})"))
          .rope;
  EXPECT_EQ(llama3.type, RopeConfig::Type::llama3);
  EXPECT_EQ(llama3.original_max_position_embeddings, 8192);
  EXPECT_EQ(llama3.theta, 500000);
  EXPECT_EQ(parse(with(llama(), R"({"rope_scaling":null})")).rope, RopeConfig{});
}

TEST(ConfigJson, MlpLayerTypesAreTheRule) {
  const ModelConfig c =
      parse(with(v32(), R"({"num_hidden_layers":3,"mlp_layer_types":["dense","sparse","sparse"]})"));
  EXPECT_EQ(c.moe->first_k_dense_replace, 1);
}

TEST(ConfigJson, LayerTypesMayCallSparseAttentionByEitherName) {
  for (const char* name : {"indexed_attention", "deepseek_sparse_attention"}) {
    json c = v32();
    c["layer_types"] = std::vector<std::string>(61, name);
    EXPECT_TRUE(parse(c).indexer) << name;
  }
}

TEST(ConfigJson, WhatDecidesHowExpertsAreWeightedMustBeSaid) {
  for (const char* key : {"n_shared_experts", "n_group", "topk_group", "norm_topk_prob",
                          "routed_scaling_factor", "first_k_dense_replace"}) {
    json c = v32();
    c.erase(key);
    expect_error([&] { parse(c); }, {"config.json", std::string(key) + " is missing"});
  }
  json c = with(v32(), R"({"num_hidden_layers":2,"mlp_layer_types":["dense","sparse"]})");
  c.erase("first_k_dense_replace");
  EXPECT_EQ(parse(c).moe->first_k_dense_replace, 1);
}

TEST(ConfigJson, KimisYarnHasEqualBetas) {
  const json kimi = with(v32(), R"({"architectures":["DeepseekV3ForCausalLM"],"model_type":"kimi_k2",
      "rope_theta":50000,"rope_scaling":{"factor":32,"beta_fast":1,"beta_slow":1}})");
  const RopeConfig rope = parse(kimi).rope;
  EXPECT_EQ(rope.beta_fast, 1);
  EXPECT_EQ(rope.beta_slow, 1);
}

TEST(ConfigJson, SpecialTokensBeyondTheVocabularyAreLeftOut) {
  ModelConfig c = parse(with(llama(), R"({"eos_token_id":[2,256],"bos_token_id":256})"));
  EXPECT_EQ(c.eos_token_ids, std::vector<std::int32_t>{2});
  EXPECT_FALSE(c.bos_token_id);
  apply_generation_config(R"({"eos_token_id":[300,3]})", "g.json", c);
  EXPECT_EQ(c.eos_token_ids, std::vector<std::int32_t>{3});
}

TEST(ConfigJson, InertKeysAndUnknownKeysAreNoErrors) {
  EXPECT_NO_THROW(parse(with(llama(), R"({"auto_map":{"AutoModel":"x.py--X"},"trust_remote_code":true,
      "attention_dropout":0.1,"use_cache":false,"a_key_never_heard_of":[1,{"x":2}]})")));
}

TEST(ConfigJson, GenerationConfigNamesTheStops) {
  ModelConfig c = parse(llama());
  apply_generation_config(R"({"eos_token_id":[7,8],"temperature":0.6,"max_length":9223372036854775808})",
                          "g.json", c);
  EXPECT_EQ(c.eos_token_ids, (std::vector<std::int32_t>{7, 8}));
  apply_generation_config("{}", "g.json", c);
  EXPECT_EQ(c.eos_token_ids.size(), 2U);
}

// ---- hostile
// -------------------------------------------------------------------------------------------------------

struct BadConfig {
  const char* name;
  std::string text;
  std::vector<std::string> error;
};
std::ostream& operator<<(std::ostream& out, const BadConfig& c) { return out << c.name; }

BadConfig patched(const char* name, const json& base, std::string_view patch,
                  std::vector<std::string> error) {
  return {name, json_text(with(base, patch)), std::move(error)};
}

// `text` with the number of hidden_size replaced by a token that JSON libraries would not write.
std::string raw_hidden_size(std::string_view token) {
  std::string text = json_text(llama());
  text.replace(text.find("\"hidden_size\":64"), 16, "\"hidden_size\":" + std::string(token));
  return text;
}

std::vector<BadConfig> bad_configs() {
  return {
      {"H36_Array", "[]", {"array", "expected an object"}},
      {"H36_Null", "null", {"null", "expected an object"}},
      {"H36_Empty", "", {"not valid JSON"}},
      {"H36_DuplicateKey", R"({"a":1,"a":2})", {"\"a\" appears twice"}},
      {"H36_Comment", "{/* */}", {"not valid JSON"}},
      {"H36_TrailingComma", R"({"a":1,})", {"not valid JSON"}},
      {"H36_1e400", raw_hidden_size("1e400"), {"not valid JSON"}},
      {"H36_NegativeZero", raw_hidden_size("-0"), {"hidden_size", "whole number"}},
      {"H36_FloatForInt", raw_hidden_size("64.0"), {"hidden_size is 64.0", "whole number"}},
      {"H36_NaN", raw_hidden_size("NaN"), {"not valid JSON"}},
      {"H36_StringForInt", raw_hidden_size("\"64\""), {"hidden_size is \"64\"", "whole number"}},
      {"H36_BooleanForInt", raw_hidden_size("true"), {"hidden_size is true", "whole number"}},
      {"H36_Missing", raw_hidden_size("null"), {"hidden_size is missing"}},
      patched("H36_IntForBoolean", llama(), R"({"tie_word_embeddings":1})",
              {"tie_word_embeddings is 1", "true or false"}),
      patched("H37_NotDivisible", llama(), R"({"num_key_value_heads":3})",
              {"num_attention_heads 4", "num_key_value_heads 3"}),
      patched("H37_HeadsDoNotDivideHidden", llama(), R"({"num_attention_heads":6})",
              {"hidden_size 64", "num_attention_heads 6"}),
      patched("H37_OddHeadDim", llama(), R"({"head_dim":15})", {"head_dim is 15", "even"}),
      patched("H37_BeyondMemory", v32(),
              R"({"hidden_size":1048576,"intermediate_size":1048576,"moe_intermediate_size":1048576,
              "n_routed_experts":1024,"num_hidden_layers":4096})",
              {"2^50 parameters"}),
      patched("H37_ExpertsPerToken", v32(), R"({"num_experts_per_tok":129})",
              {"num_experts_per_tok is 129", "1 to 128"}),
      patched("H37_GroupsDoNotDivide", v32(), R"({"n_group":7})", {"n_routed_experts 256", "n_group 7"}),
      patched("H37_MoreGroupsThanThereAre", v32(), R"({"topk_group":9})", {"topk_group is 9", "1 to 8"}),
      patched("H37_IndexerRopeWiderThanHead", v32(), R"({"index_head_dim":32})",
              {"index_rope_head_dim is 64", "2 to 32"}),
      patched("H37_NoQueryLatentForTheIndexer", v32(), R"({"q_lora_rank":null})", {"q_lora_rank"}),
      patched("H37_EpsZero", llama(), R"({"rms_norm_eps":0})", {"rms_norm_eps is 0"}),
      patched("H37_EpsNegative", llama(), R"({"rms_norm_eps":-1e-5})", {"rms_norm_eps is -1e-05"}),
      patched("H38_UnknownArchitecture", llama(), R"({"architectures":["MambaForCausalLM"]})",
              {"MambaForCausalLM", "supports LlamaForCausalLM, Qwen2ForCausalLM", "GlmMoeDsaForCausalLM"}),
      patched("H38_UnknownModelType", llama(), R"({"architectures":null,"model_type":"mistral"})",
              {"mistral", "supports Llama"}),
      patched("H38_ModelTypeDisagrees", llama(), R"({"model_type":"gemma2"})",
              {"LlamaForCausalLM", "gemma2", "llama"}),
      patched("H38_TwoArchitectures", llama(), R"({"architectures":["LlamaForCausalLM","Qwen2ForCausalLM"]})",
              {"2 models"}),
      patched("H38_NoArchitecture", llama(), R"({"architectures":null,"model_type":null})",
              {"supports Llama"}),
      patched("H38_ArchitectureIsANumber", llama(), R"({"architectures":[1]})",
              {"architectures is [1]", "list of strings"}),
      patched("H39_UnknownRope", llama(), R"({"rope_scaling":{"rope_type":"longrope","factor":2}})",
              {"longrope", "yarn"}),
      patched("H39_RopeTypesDisagree", llama(),
              R"({"rope_scaling":{"rope_type":"yarn","type":"linear","factor":2}})", {"yarn", "linear"}),
      patched("H39_FactorZero", llama(), R"({"rope_scaling":{"type":"linear","factor":0}})", {"factor is 0"}),
      patched("H39_FactorNegative", llama(), R"({"rope_scaling":{"type":"linear","factor":-2}})",
              {"factor is -2"}),
      patched("H39_FactorIsText", llama(), R"({"rope_scaling":{"type":"linear","factor":"NaN"}})",
              {"factor is \"NaN\"", "a number"}),
      patched("H39_FactorMissing", llama(), R"({"rope_scaling":{"type":"linear"}})",
              {"rope_scaling: factor is missing"}),
      patched("H39_ScalingIsAnArray", llama(), R"({"rope_scaling":[1,2]})", {"rope_scaling", "array"}),
      patched("H39_ThetaZero", llama(), R"({"rope_theta":0})", {"rope_theta is 0"}),
      patched("H39_YarnBetas", v32(), R"({"rope_scaling":{"beta_fast":0.5}})",
              {"beta_fast is 0.5", "beta_slow, 1"}),
      patched("H39_YarnOriginalZero", v32(), R"({"rope_scaling":{"original_max_position_embeddings":0}})",
              {"original_max_position_embeddings is 0"}),
      patched("H39_Llama3Bands", llama(),
              R"({"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4,
                  "original_max_position_embeddings":512}})",
              {"high_freq_factor is 4"}),
      patched("H39_PerLayerType", llama(),
              R"({"rope_parameters":{"full_attention":{"rope_type":"default"}}})",
              {"full_attention", "not supported"}),
      patched("H39_PartialRotary", llama(), R"({"partial_rotary_factor":0.5})",
              {"partial_rotary_factor is 0.5"}),
      patched("H40_EosNegative", llama(), R"({"eos_token_id":-1})", {"eos_token_id is -1", "token id"}),
      patched("H40_EosNested", llama(), R"({"eos_token_id":[[1]]})", {"eos_token_id", "token id"}),
      patched("H40_BosIsAList", llama(), R"({"bos_token_id":[1,2]})", {"bos_token_id is a list"}),
      patched("H40_LayerTypesOfAnotherLength", llama(), R"({"layer_types":["full_attention"]})",
              {"1 layers", "num_hidden_layers 2"}),
      patched("H40_SlidingLayer", llama(), R"({"layer_types":["full_attention","sliding_attention"]})",
              {"sliding_attention"}),
      patched("H40_MlpLayerTypesOfAnotherLength", v32(), R"({"mlp_layer_types":["dense"]})",
              {"mlp_layer_types names 1 layers"}),
      patched("H40_MlpLayerTypesMixed", v32(),
              R"({"num_hidden_layers":3,"mlp_layer_types":["sparse","dense","sparse"]})",
              {"mlp_layer_types", "followed by"}),
      patched("H40_IndexerTypesOfAnotherLength", glm(), R"({"indexer_types":["full"]})",
              {"names 1 layers", "78"}),
      patched("H40_IndexerPatternLetters", glm(), R"({"index_topk_pattern":"FXS"})", {"index_topk_pattern"}),
      patched("H40_TopkOfAnotherLength", v32(), R"({"index_topk":[2048,1024]})",
              {"index_topk lists 2 numbers", "expected 61"}),
      patched("H40_TopkOfASharedSelection", glm(),
              R"({"num_hidden_layers":2,"indexer_types":["full","shared"],"index_topk":[2048,1024]})",
              {"index_topk is 1024 for layer 1", "shares"}),
      patched("H40_FirstLayerShared", glm(), R"({"num_hidden_layers":2,"indexer_types":["shared","full"]})",
              {"layer 0 shares"}),
      patched("SlidingWindow", llama(), R"({"sliding_window":4096})", {"sliding-window"}),
      patched("QwenSlidingWindow", llama(),
              R"({"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","use_sliding_window":true})",
              {"sliding-window"}),
      patched("OtherActivation", llama(), R"({"hidden_act":"gelu"})", {"hidden_act is \"gelu\"", "silu"}),
      patched("SoftmaxRouter", v32(), R"({"scoring_func":"softmax"})",
              {"scoring_func is \"softmax\"", "sigmoid"}),
      patched("GreedyRouter", v32(), R"({"topk_method":"greedy"})", {"topk_method", "noaux_tc"}),
      patched("ControlCharactersStayOut", llama(), "{\"hidden_act\":\"\\u001b[2J\\n\"}",
              {"hidden_act", "u001b"}),
  };
}

class HostileConfig : public testing::TestWithParam<BadConfig> {};

TEST_P(HostileConfig, IsRefused) {
  auto parts = GetParam().error;
  parts.emplace_back("config.json: ");
  expect_error([] { parse(GetParam().text); }, parts);
}

INSTANTIATE_TEST_SUITE_P(H, HostileConfig, testing::ValuesIn(bad_configs()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(HostileConfigSizes, H37_EverySizeAtItsEnds) {
  const std::vector<std::string> sizes{
      "vocab_size",          "hidden_size",         "intermediate_size",      "num_hidden_layers",
      "num_attention_heads", "num_key_value_heads", "max_position_embeddings"};
  const std::vector<std::string> experts{"moe_intermediate_size",
                                         "n_routed_experts",
                                         "num_experts_per_tok",
                                         "n_group",
                                         "topk_group",
                                         "moe_layer_freq",
                                         "kv_lora_rank",
                                         "q_lora_rank",
                                         "qk_nope_head_dim",
                                         "qk_rope_head_dim",
                                         "v_head_dim",
                                         "index_n_heads",
                                         "index_head_dim",
                                         "index_topk"};
  const auto check = [](const json& base, const std::string& key) {
    for (const char* value :
         {"0", "-1", "2147483648", "9223372036854775808", "18446744073709551615", "1e30"}) {
      SCOPED_TRACE(key + " = " + value);
      expect_error([&] { parse(with(base, "{\"" + key + "\":" + value + "}")); }, {"config.json: ", key});
    }
  };
  for (const auto& key : sizes) {
    check(llama(), key);
    check(v32(), key);
  }
  check(llama(), "head_dim");
  for (const auto& key : experts) check(v32(), key);
}

TEST(HostileConfigBig, H36_200Megabytes) {
  const std::string text = "{\"a\":\"" + std::string(200 << 20, 'x') + "\"}";
  expect_error([&] { parse(text); }, {"config.json", "at most 16777216"});
}

TEST(HostileConfigBig, H36_Depth100k) {
  expect_error([] { parse("{\"a\":" + std::string(100'000, '[')); },
               {"config.json", "nested deeper than 32"});
}

TEST(HostileConfigBig, H39_ArrayForFactor) {
  expect_error([] { parse(with(llama(), R"({"rope_scaling":{"type":"linear","factor":[1,2,3]}})")); },
               {"factor is [1,2,3]"});
}

TEST(HostileConfigBig, H41_QuantizationProblemsAreKeptForTheTensors) {
  for (const char* q :
       {R"({"quant_method":"gptq","bits":4,"group_size":128})", R"({"quant_method":"gptq","group_size":0})",
        R"({"bits":0})", R"({"quant_method":"fp8","weight_block_size":[64,64]})",
        R"({"quant_method":"fp8","weight_block_size":[0,0]})", R"({"quant_method":"fp8"})",
        R"({"quant_method":"fp8","weight_block_size":[128,128],"activation_scheme":"static"})",
        R"({"quant_method":"fp8","weight_block_size":[128,128],"fmt":"e5m2"})", "[]", "3"}) {
    const auto result = parse(json_text(with(llama(), R"({"quantization_config":)" + std::string(q) + "}")));
    EXPECT_NE(result.quantization_problem.find("config.json: quantization_config"), std::string::npos) << q;
  }
  EXPECT_TRUE(parse(json_text(with(llama(), R"({"quantization_config":{"quant_method":"fp8","fmt":"e4m3",
      "activation_scheme":"dynamic","weight_block_size":[128,128],"scale_fmt":"ue8m0"}})")))
                  .quantization_problem.empty());
}

TEST(HostileGenerationConfig, H42) {
  const auto apply = [](const std::string& text) {
    ModelConfig c = parse(llama());
    apply_generation_config(text, "generation_config.json", c);
  };
  expect_error([&] { apply(R"({"temperature":NaN})"); }, {"generation_config.json", "not valid JSON"});
  expect_error([&] { apply("[]"); }, {"generation_config.json", "expected an object"});
  expect_error([&] { apply(R"({"eos_token_id":"</s>"})"); }, {"generation_config.json", "token id"});
  std::string many = "{\"eos_token_id\":[1";
  for (int i = 0; i < 2000; ++i) many += ",1";
  expect_error([&] { apply(many + "]}"); }, {"generation_config.json", "2001 token ids", "at most 1024"});
  for (int i = 0; i < 600'000; ++i) many += ",1";
  expect_error([&] { apply(many + "]}"); }, {"generation_config.json", "at most 1048576"});
}

}  // namespace
}  // namespace dsa
