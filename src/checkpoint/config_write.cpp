#include "checkpoint/config_write.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/who.h"
#include "checkpoint/config_json.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;

// transformers modeling_rope_utils; the inverse of config_rope.cpp.
Json rope_scaling(const RopeConfig& r) {
  switch (r.type) {
    case RopeConfig::Type::plain:
      return nullptr;
    case RopeConfig::Type::linear:
      return {{"rope_type", "linear"}, {"factor", r.factor}};
    case RopeConfig::Type::llama3:
      return {{"rope_type", "llama3"},
              {"factor", r.factor},
              {"low_freq_factor", r.low_freq_factor},
              {"high_freq_factor", r.high_freq_factor},
              {"original_max_position_embeddings", r.original_max_position_embeddings}};
    case RopeConfig::Type::yarn: {
      Json out{{"rope_type", "yarn"},
               {"factor", r.factor},
               {"original_max_position_embeddings", r.original_max_position_embeddings},
               {"beta_fast", r.beta_fast},
               {"beta_slow", r.beta_slow}};
      if (r.mscale != 0) out["mscale"] = r.mscale;
      if (r.mscale_all_dim != 0) out["mscale_all_dim"] = r.mscale_all_dim;
      if (r.attention_factor) out["attention_factor"] = *r.attention_factor;
      if (!r.truncate) out["truncate"] = false;
      return out;
    }
  }
  return nullptr;
}

Json from_model_config(const ModelConfig& c) {
  Json out{{"architectures", {architecture_name(c.architecture)}},
           {"model_type", c.model_type},
           {"vocab_size", c.vocab_size},
           {"hidden_size", c.hidden_size},
           {"intermediate_size", c.intermediate_size},
           {"num_hidden_layers", c.num_hidden_layers},
           {"num_attention_heads", c.num_attention_heads},
           {"num_key_value_heads", c.num_key_value_heads},
           {"head_dim", c.head_dim},
           {"max_position_embeddings", c.max_position_embeddings},
           {"rms_norm_eps", c.rms_norm_eps},
           {"rope_theta", c.rope.theta},
           {"hidden_act", "silu"},
           {"tie_word_embeddings", c.tie_word_embeddings},
           {"torch_dtype", "bfloat16"}};
  if (c.architecture != Architecture::qwen2) out["attention_bias"] = c.qkv_bias;
  if (c.architecture == Architecture::llama) out["mlp_bias"] = c.mlp_bias;
  if (const Json scaling = rope_scaling(c.rope); !scaling.is_null()) out["rope_scaling"] = scaling;
  if (c.bos_token_id) out["bos_token_id"] = *c.bos_token_id;
  if (c.eos_token_ids.size() == 1)
    out["eos_token_id"] = c.eos_token_ids.front();
  else if (!c.eos_token_ids.empty())
    out["eos_token_id"] = c.eos_token_ids;
  return out;
}

}  // namespace

std::optional<std::string> config_json_problem(const ModelFiles& files) {
  if (files.format == ModelFiles::Format::huggingface) return std::nullopt;
  const ModelConfig& c = files.config;
  if (!c.rope.freq_factors.empty())
    return "its rotary frequencies are a list (rope_freqs.weight), which a config.json cannot hold";
  // A config.json for Llama has one switch for all four biases of attention.
  if (c.architecture != Architecture::qwen2 && c.qkv_bias != c.o_bias)
    return "its attention has biases in some projections only, which a config.json cannot say";
  return std::nullopt;
}

std::string bf16_config_json(const ModelFiles& files) {
  const std::string who = dsa::who(files.path);
  if (const auto problem = config_json_problem(files)) fail("{}: {}", who, *problem);
  if (files.format == ModelFiles::Format::gguf) return json_text(from_model_config(files.config), 2) + "\n";

  std::ifstream in(files.path / "config.json");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  Json config = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object()) fail("{}/config.json: cannot be read again", who);
  config.erase("quantization_config");
  // A head of its own beside a flag that denies it: what is written says what it is.
  if (config.contains("tie_word_embeddings"))
    config["tie_word_embeddings"] = files.config.tie_word_embeddings;
  // Both spellings are in use.
  if (config.contains("dtype")) config["dtype"] = "bfloat16";
  if (config.contains("torch_dtype") || !config.contains("dtype")) config["torch_dtype"] = "bfloat16";
  return json_text(config, 2) + "\n";
}

}  // namespace dsa
