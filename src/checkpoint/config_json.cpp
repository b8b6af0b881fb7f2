#include "checkpoint/config_json.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/present.h"
#include "base/who.h"
#include "checkpoint/config_moe.h"
#include "checkpoint/config_reader.h"
#include "checkpoint/config_rope.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

struct Family {
  Architecture architecture;
  std::string_view name;        // in "architectures"
  std::string_view model_type;  // transformers' own
  std::int64_t default_positions;
};

constexpr std::array kFamilies{
    Family{Architecture::llama, "LlamaForCausalLM", "llama", 2048},
    Family{Architecture::qwen2, "Qwen2ForCausalLM", "qwen2", 32768},
    Family{Architecture::qwen3, "Qwen3ForCausalLM", "qwen3", 32768},
    Family{Architecture::deepseek_v3, "DeepseekV3ForCausalLM", "deepseek_v3", 4096},
    Family{Architecture::deepseek_v32, "DeepseekV32ForCausalLM", "deepseek_v32", 163840},
    Family{Architecture::glm_moe_dsa, "GlmMoeDsaForCausalLM", "glm_moe_dsa", 202752},
};

const Family& find_family(ConfigReader& config) {
  const auto architectures = config.strings("architectures");
  const std::string model_type = config.string("model_type", "");
  if (architectures.size() > 1)
    fail("{}: architectures names {} models, expected one", config.who(), architectures.size());
  for (const Family& family : kFamilies) {
    if (architectures.empty() ? model_type != family.model_type : architectures[0] != family.name) continue;
    // Kimi K2 is a DeepSeek-V3 under another model_type.
    const bool alias = family.architecture == Architecture::deepseek_v3 && model_type == "kimi_k2";
    if (!model_type.empty() && model_type != family.model_type && !alias)
      fail("{}: architecture {} with model_type \"{}\", expected \"{}\"", config.who(), family.name,
           printable(model_type), family.model_type);
    return family;
  }
  fail("{}: the model is a \"{}\", dsa supports {}", config.who(),
       printable(architectures.empty() ? model_type : architectures[0]), supported_architectures());
}

bool is_gqa(Architecture a) {
  return a == Architecture::llama || a == Architecture::qwen2 || a == Architecture::qwen3;
}

void read_sizes(ConfigReader& config, const Family& family, ModelConfig& out) {
  out.vocab_size = config.integer("vocab_size");
  out.hidden_size = config.integer("hidden_size");
  out.intermediate_size = config.integer("intermediate_size");
  out.num_hidden_layers = config.integer("num_hidden_layers");
  out.num_attention_heads = config.integer("num_attention_heads");
  out.num_key_value_heads = config.integer("num_key_value_heads", out.num_attention_heads);
  out.max_position_embeddings = config.integer("max_position_embeddings", family.default_positions);
  out.rms_norm_eps = config.number("rms_norm_eps", out.rms_norm_eps);
  out.tie_word_embeddings = config.boolean("tie_word_embeddings", false);
}

void read_gqa(ConfigReader& config, ModelConfig& out) {
  if (config.has("head_dim")) {
    out.head_dim = config.integer("head_dim");
  } else if (out.architecture == Architecture::qwen3) {
    out.head_dim = 128;
  } else {
    if (out.num_attention_heads == 0 || out.hidden_size % out.num_attention_heads != 0)
      fail("{}: hidden_size {} is not a multiple of num_attention_heads {}, and there is no head_dim",
           config.who(), out.hidden_size, out.num_attention_heads);
    out.head_dim = out.hidden_size / out.num_attention_heads;
  }
  const bool attention_bias = config.boolean("attention_bias", false);
  switch (out.architecture) {
    case Architecture::qwen2:  // always q, k, v and never o, whatever the key says
      out.qkv_bias = true;
      break;
    case Architecture::qwen3:
      out.qk_norm = true;
      [[fallthrough]];
    default:
      out.qkv_bias = out.o_bias = attention_bias;
  }
  out.mlp_bias = out.architecture == Architecture::llama && config.boolean("mlp_bias", false);

  // Qwen files carry a window size that only use_sliding_window puts to use.
  const bool window = out.architecture == Architecture::llama ? config.has("sliding_window")
                                                              : config.boolean("use_sliding_window", false);
  if (window) fail("{}: asks for sliding-window attention, dsa supports only full attention", config.who());
  config.ignore({"sliding_window", "max_window_layers", "use_sliding_window"});
}

void check_layer_types(ConfigReader& config, const ModelConfig& out) {
  const auto types = config.strings("layer_types");
  if (types.empty()) return;
  if (static_cast<std::int64_t>(types.size()) != out.num_hidden_layers)
    fail("{}: layer_types names {} layers, expected num_hidden_layers {}", config.who(), types.size(),
         out.num_hidden_layers);
  // Two names of one thing: files of different exporters.
  const std::vector<std::string_view> supported =
      out.indexer ? std::vector<std::string_view>{"indexed_attention", "deepseek_sparse_attention"}
                  : std::vector<std::string_view>{"full_attention"};
  for (const auto& type : types)
    if (std::ranges::find(supported, type) == supported.end())
      fail("{}: layer_types holds \"{}\", dsa supports only {} in a {}", config.who(), printable(type),
           fmt::join(supported, " and "), out.model_type);
}

// Known to transformers, and without effect on what the model computes here.
void ignore_inert(ConfigReader& config) {
  config.ignore({"_name_or_path",
                 "_attn_implementation",
                 "_attn_implementation_autoset",
                 "auto_map",
                 "attention_dropout",
                 "attn_implementation",
                 "chunk_size_feed_forward",
                 "dtype",
                 "torch_dtype",
                 "embd_pdrop",
                 "ep_size",
                 "finetuning_task",
                 "gradient_checkpointing",
                 "hidden_dropout",
                 "id2label",
                 "initializer_range",
                 "is_decoder",
                 "is_encoder_decoder",
                 "is_llama_config",
                 "label2id",
                 "output_attentions",
                 "output_hidden_states",
                 "pad_token_id",
                 "pretraining_tp",
                 "problem_type",
                 "resid_pdrop",
                 "return_dict",
                 "task_specific_params",
                 "transformers.js_config",
                 "transformers_version",
                 "trust_remote_code",
                 "unsloth_fixed",
                 "unsloth_version",
                 "use_cache"});
}

// Empty if tensors quantised this way can be read.
std::string quantization_problem(ConfigReader& config) {
  const auto* value = config.find("quantization_config");
  if (value == nullptr) return {};
  try {
    ConfigReader q(*value, config.who() + ": quantization_config");
    q.expect("quant_method", {"fp8"});
    if (!q.has("quant_method")) fail("{}: quant_method is missing", q.who());
    q.expect("fmt", {"e4m3"});
    q.expect("activation_scheme", {"dynamic"});
    q.expect("weight_block_size", {"[128,128]"});
    if (!q.has("weight_block_size"))
      fail("{}: weight_block_size is missing, dsa supports only [128,128]", q.who());
    return {};
  } catch (const Error& problem) {
    return problem.what();
  }
}

}  // namespace

std::string_view architecture_name(Architecture architecture) {
  return std::ranges::find(kFamilies, architecture, &Family::architecture)->name;
}

std::string supported_architectures() {
  std::vector<std::string_view> names;
  for (const Family& family : kFamilies) names.push_back(family.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

HfConfig parse_hf_config(std::string_view text, std::string_view who) {
  const auto root =
      parse_json(text, who, {.max_bytes = std::size_t{16} << 20, .max_depth = 32, .max_values = 500'000});
  ConfigReader config(root, std::string(who));
  const Family& family = find_family(config);
  HfConfig result;
  ModelConfig& out = result.config;
  out.architecture = family.architecture;
  out.model_type = family.model_type;
  read_sizes(config, family, out);
  config.expect("hidden_act", {"silu", "swish"});
  if (is_gqa(out.architecture))
    read_gqa(config, out);
  else
    read_mla_moe(config, out);
  out.rope = read_rope(config, out.max_position_embeddings);
  check_layer_types(config, out);
  out.eos_token_ids = config.ids("eos_token_id");
  const auto bos = config.ids("bos_token_id");
  if (bos.size() > 1) fail("{}: bos_token_id is a list, expected one token id", who);
  if (!bos.empty()) out.bos_token_id = bos[0];
  result.quantization_problem = quantization_problem(config);
  ignore_inert(config);
  drop_unknown_tokens(out, who);
  validate(out, who);
  config.warn_about_the_rest();
  return result;
}

void apply_generation_config(std::string_view text, std::string_view who, ModelConfig& config) {
  const auto root =
      parse_json(text, who, {.max_bytes = std::size_t{1} << 20, .max_depth = 32, .max_values = 100'000});
  ConfigReader generation(root, std::string(who));
  const auto ids = generation.ids("eos_token_id");
  if (ids.empty()) return;  // the other keys are sampling defaults: the person who runs the model chooses
  config.eos_token_ids = ids;
  drop_unknown_tokens(config, who);
  validate(config, who);
}

HfConfig read_hf_config(const fs::path& folder) {
  const auto with_text = [](const fs::path& path, auto&& use) {
    const MappedFile file(path);
    use(std::string_view(reinterpret_cast<const char*>(file.bytes().data()), file.size()), dsa::who(path));
  };
  HfConfig result;
  with_text(folder / "config.json",
            [&](std::string_view text, const std::string& who) { result = parse_hf_config(text, who); });
  const fs::path generation = folder / "generation_config.json";
  if (present(generation))
    with_text(generation, [&](std::string_view text, const std::string& who) {
      apply_generation_config(text, who, result.config);
    });
  return result;
}

}  // namespace dsa
