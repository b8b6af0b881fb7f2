#include "checkpoint/config_moe.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"
#include "checkpoint/config_topk.h"

namespace dsa {
namespace {

MlaConfig read_mla(ConfigReader& config, const ModelConfig& out) {
  MlaConfig mla;
  mla.q_lora_rank = config.integer("q_lora_rank", 0);
  if (mla.q_lora_rank == 0 && out.architecture != Architecture::deepseek_v3)
    fail("{}: q_lora_rank is missing or 0: the indexer's query comes from it", config.who());
  mla.kv_lora_rank = config.integer("kv_lora_rank");
  mla.qk_nope_head_dim = config.integer("qk_nope_head_dim");
  mla.qk_rope_head_dim = config.integer("qk_rope_head_dim");
  mla.v_head_dim = config.integer("v_head_dim");
  mla.rope_interleave = config.boolean("rope_interleave", true);
  // Redundant; head_dim is qk_rope_head_dim in transformers 5 and something else in older files.
  config.ignore({"head_dim", "qk_head_dim"});
  return mla;
}

// transformers 5 writes the pattern of dense and sparse layers out and then goes by it;
// ModelConfig keeps the rule.
void apply_mlp_layer_types(ConfigReader& config, const ModelConfig& out, MoeConfig& moe) {
  const auto types = config.strings("mlp_layer_types");
  if (types.empty()) return;
  if (static_cast<std::int64_t>(types.size()) != out.num_hidden_layers)
    fail("{}: mlp_layer_types names {} layers, expected num_hidden_layers {}", config.who(), types.size(),
         out.num_hidden_layers);
  const auto first = std::find(types.begin(), types.end(), "sparse");
  if (!std::all_of(types.begin(), first, [](const auto& type) { return type == "dense"; }) ||
      !std::all_of(first, types.end(), [](const auto& type) { return type == "sparse"; }))
    fail(
        "{}: mlp_layer_types is not some \"dense\" layers followed by \"sparse\" ones, "
        "which is all dsa supports",
        config.who());
  moe.first_k_dense_replace = first - types.begin();
  moe.moe_layer_freq = 1;
}

// Published files say all of it.  What a file leaves out has no value that is right for every model: another
// scale or grouping of the experts computes, and answers nonsense.
void read_moe(ConfigReader& config, ModelConfig& out) {
  MoeConfig& moe = out.moe.emplace();
  moe.n_routed_experts = config.integer("n_routed_experts");
  moe.n_shared_experts = config.integer("n_shared_experts");
  moe.num_experts_per_tok = config.integer("num_experts_per_tok");
  moe.moe_intermediate_size = config.integer("moe_intermediate_size");
  moe.n_group = config.integer("n_group");
  moe.topk_group = config.integer("topk_group");
  moe.norm_topk_prob = config.boolean("norm_topk_prob");
  moe.routed_scaling_factor = config.number("routed_scaling_factor");
  moe.moe_layer_freq = config.integer("moe_layer_freq", 1);  // transformers does not know it
  if (config.has("first_k_dense_replace") || !config.has("mlp_layer_types"))
    moe.first_k_dense_replace = config.integer("first_k_dense_replace");
  apply_mlp_layer_types(config, out, moe);
  config.expect("scoring_func", {"sigmoid"});
  config.expect("topk_method", {"noaux_tc"});
  config.ignore({"aux_loss_alpha", "seq_aux", "ep_size", "output_router_logits", "router_aux_loss_coef",
                 "num_local_experts", "num_experts"});
}

std::vector<bool> from_names(ConfigReader& config, std::string_view key,
                             const std::vector<std::string>& names) {
  std::vector<bool> full;
  for (const auto& name : names) {
    if (name != "full" && name != "shared")
      fail("{}: {} holds \"{}\", expected \"full\" or \"shared\"", config.who(), key, printable(name));
    full.push_back(name == "full");
  }
  return full;
}

// Which layers have their own indexer
// (transformers configuration_glm_moe_dsa.py; docs/checkpoints.md, "GLM-MoE-DSA").
std::vector<bool> read_indexer_types(ConfigReader& config, std::int64_t layers) {
  const auto* pattern = config.find("index_topk_pattern");
  const std::int64_t freq = config.integer("index_topk_freq", 1);
  const std::int64_t offset = config.integer("index_skip_topk_offset", 2);
  if (const auto types = config.strings("indexer_types"); !types.empty())
    return from_names(config, "indexer_types", types);
  if (pattern != nullptr && !pattern->is_string())
    return from_names(config, "index_topk_pattern", config.strings("index_topk_pattern"));

  std::vector<bool> full;
  if (pattern != nullptr) {
    for (const char c : pattern->get_ref<const std::string&>()) {
      if (c != 'F' && c != 'S') fail("{}: index_topk_pattern holds letters other than F and S", config.who());
      full.push_back(c == 'F');
    }
    return full;
  }
  for (std::int64_t i = 0; i < layers; ++i)
    full.push_back(std::max<std::int64_t>(i - offset + 1, 0) % std::max<std::int64_t>(freq, 1) == 0);
  return full;
}

void read_indexer(ConfigReader& config, ModelConfig& out) {
  const bool glm = out.architecture == Architecture::glm_moe_dsa;
  IndexerConfig& indexer = out.indexer.emplace();
  indexer.n_heads = config.integer("index_n_heads");
  indexer.head_dim = config.integer("index_head_dim");
  indexer.rope_head_dim = out.mla->qk_rope_head_dim;
  // transformers has no key for it: it rotates V3.2's indexer half-split and GLM's interleaved.
  indexer.rope_interleave = config.boolean("indexer_rope_interleave", glm);
  // A layer count beyond reason is refused by validate(): nothing may be sized by it before.
  if (out.num_hidden_layers > 1 << 16)
    fail("{}: num_hidden_layers is {}", config.who(), out.num_hidden_layers);
  if (glm)
    indexer.full = read_indexer_types(config, out.num_hidden_layers);
  else
    indexer.full.assign(usize(out.num_hidden_layers), true);
  read_index_topk(config, out.num_hidden_layers, indexer);
  config.ignore({"index_share_for_mtp_iteration", "output_indexer_scores", "indexer_loss_coef",
                 "indexer_dense_warmup"});
}

}  // namespace

void read_mla_moe(ConfigReader& config, ModelConfig& out) {
  out.mla = read_mla(config, out);
  read_moe(config, out);
  if (out.architecture != Architecture::deepseek_v3) read_indexer(config, out);
  out.qkv_bias = out.o_bias = config.boolean("attention_bias", false);
  config.expect("mlp_bias", {"false"});
  out.num_nextn_predict_layers =
      config.integer("num_nextn_predict_layers", config.integer("num_mtp_layers", 0));
}

}  // namespace dsa
