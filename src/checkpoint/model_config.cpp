#include "checkpoint/model_config.h"

#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "base/log.h"
#include "base/numeric.h"
#include "kernels/gate.h"
#include "kernels/indexer.h"

namespace dsa {
namespace {

// The largest sizes any model has, with room: a number beyond them is a broken file, not a bigger model.
constexpr std::int64_t kMaxWidth = 1 << 20;
constexpr std::int64_t kMaxVocab = 1 << 24;
constexpr std::int64_t kMaxLayers = 4096;
constexpr std::int64_t kMaxHeads = 1 << 14;
constexpr std::int64_t kMaxPositions = (std::int64_t{1} << 31) - 1;
constexpr std::int64_t kMaxParameters = std::int64_t{1} << 50;  // 10^15: a thousand times the largest known

// One number of the file named `who`.
struct Limits {
  std::string_view who;

  void range(std::string_view key, std::int64_t value, std::int64_t low, std::int64_t high) const {
    if (value < low || value > high) fail("{}: {} is {}, expected {} to {}", who, key, value, low, high);
  }
  // A finite number in (low, high].
  void real(std::string_view key, double value, double low, double high) const {
    const bool in_range = value > low && value <= high;  // a NaN is not
    if (!in_range) fail("{}: {} is {}, expected more than {} and at most {}", who, key, value, low, high);
  }
  void even(std::string_view key, std::int64_t value) const {
    if (value % 2 != 0) fail("{}: {} is {}, expected an even number (rope rotates pairs)", who, key, value);
  }
};

class Checker : Limits {
 public:
  Checker(const ModelConfig& config, std::string_view who) : Limits{who}, config_(config) {}

  void run() const {
    shape();
    rope(config_.rope);
    if (config_.mla) mla(*config_.mla);
    if (config_.moe) moe(*config_.moe);
    if (config_.indexer) indexer(*config_.indexer);
    tokens();
    predicted_parameters(config_, who);
  }

 private:
  void shape() const {
    range("vocab_size", config_.vocab_size, 1, kMaxVocab);
    range("hidden_size", config_.hidden_size, 1, kMaxWidth);
    range("intermediate_size", config_.intermediate_size, 1, kMaxWidth);
    range("num_hidden_layers", config_.num_hidden_layers, 1, kMaxLayers);
    range("num_nextn_predict_layers", config_.num_nextn_predict_layers, 0, kMaxLayers);
    range("num_attention_heads", config_.num_attention_heads, 1, kMaxHeads);
    range("num_key_value_heads", config_.num_key_value_heads, 1, kMaxHeads);
    if (config_.num_attention_heads % config_.num_key_value_heads != 0)
      fail("{}: num_attention_heads {} is not a multiple of num_key_value_heads {}", who,
           config_.num_attention_heads, config_.num_key_value_heads);
    if (!config_.mla) {
      range("head_dim", config_.head_dim, 2, kMaxWidth);
      even("head_dim", config_.head_dim);
    }
    range("max_position_embeddings", config_.max_position_embeddings, 1, kMaxPositions);
    real("rms_norm_eps", config_.rms_norm_eps, 0, 1);
  }

  void rope(const RopeConfig& r) const {
    real("rope_theta", r.theta, 1, 1e18);
    if (r.type == RopeConfig::Type::plain) return;
    real("rope factor", r.factor, 0, 1e6);
    if (r.type == RopeConfig::Type::linear) return;
    range("rope original_max_position_embeddings", r.original_max_position_embeddings, 1, kMaxPositions);
    if (r.type == RopeConfig::Type::llama3) {
      real("rope low_freq_factor", r.low_freq_factor, 0, 1e6);
      real("rope high_freq_factor", r.high_freq_factor, r.low_freq_factor, 1e6);
    } else {
      real("rope beta_slow", r.beta_slow, 0, 1e6);
      real("rope beta_fast", r.beta_fast, 0, 1e6);
      // Equal, as in Kimi K2, the ramp is a step.
      if (r.beta_fast < r.beta_slow)
        fail("{}: rope beta_fast is {}, expected at least beta_slow, {}", who, r.beta_fast, r.beta_slow);
      if (r.mscale != 0) real("rope mscale", r.mscale, 0, 1e3);
      if (r.mscale_all_dim != 0) real("rope mscale_all_dim", r.mscale_all_dim, 0, 1e3);
      if (r.attention_factor) real("rope attention_factor", *r.attention_factor, 0, 1e3);
    }
  }

  void mla(const MlaConfig& m) const {
    range("q_lora_rank", m.q_lora_rank, 0, kMaxWidth);
    range("kv_lora_rank", m.kv_lora_rank, 1, kMaxWidth);
    range("qk_nope_head_dim", m.qk_nope_head_dim, 1, kMaxWidth);
    range("qk_rope_head_dim", m.qk_rope_head_dim, 2, kMaxWidth);
    even("qk_rope_head_dim", m.qk_rope_head_dim);
    range("v_head_dim", m.v_head_dim, 1, kMaxWidth);
  }

  void moe(const MoeConfig& m) const {
    range("n_routed_experts", m.n_routed_experts, 1, kMaxExperts);
    range("n_shared_experts", m.n_shared_experts, 0, kMaxExperts);
    range("moe_intermediate_size", m.moe_intermediate_size, 1, kMaxWidth);
    range("n_group", m.n_group, 1, m.n_routed_experts);
    if (m.n_routed_experts % m.n_group != 0)
      fail("{}: n_routed_experts {} is not a multiple of n_group {}", who, m.n_routed_experts, m.n_group);
    range("topk_group", m.topk_group, 1, m.n_group);
    range("num_experts_per_tok", m.num_experts_per_tok, 1, m.topk_group * (m.n_routed_experts / m.n_group));
    range("first_k_dense_replace", m.first_k_dense_replace, 0, kMaxLayers);
    range("moe_layer_freq", m.moe_layer_freq, 1, kMaxLayers);
    real("routed_scaling_factor", m.routed_scaling_factor, 0, 1e6);
  }

  void indexer(const IndexerConfig& i) const {
    validate_indexer(i, who);
    if (static_cast<std::int64_t>(i.full.size()) != config_.num_hidden_layers)
      fail("{}: indexer_types names {} layers, expected num_hidden_layers {}", who, i.full.size(),
           config_.num_hidden_layers);
    if (!i.full[0]) fail("{}: layer 0 shares an earlier layer's selection, and there is none", who);
  }

  void tokens() const {
    const auto token = [&](std::string_view key, std::int64_t id) {
      range(key, id, 0, config_.vocab_size - 1);
    };
    for (const auto id : config_.eos_token_ids) token("eos_token_id", id);
    if (config_.bos_token_id) token("bos_token_id", *config_.bos_token_id);
  }

  const ModelConfig& config_;
};

// Sums rows x columns; any overflow stays visible.
struct Sum {
  std::optional<std::int64_t> total = 0;

  void add(std::int64_t rows, std::int64_t columns, std::int64_t times = 1) {
    auto n = checked_mul(rows, columns);
    if (n) n = checked_mul(*n, times);
    if (n && total) n = checked_add(*n, *total);
    total = n && total ? n : std::nullopt;
  }
};

void add_attention(Sum& sum, const ModelConfig& c) {
  const std::int64_t h = c.hidden_size, heads = c.num_attention_heads;
  if (!c.mla) {
    sum.add(h, c.head_dim, 2 * (heads + c.num_key_value_heads));
    if (c.qkv_bias) sum.add(c.head_dim, heads + 2 * c.num_key_value_heads);
    if (c.qk_norm) sum.add(c.head_dim, 2);
  } else {
    const MlaConfig& m = *c.mla;
    const std::int64_t qk = m.qk_nope_head_dim + m.qk_rope_head_dim;
    if (m.q_lora_rank > 0) {
      sum.add(m.q_lora_rank, h + 1);
      sum.add(m.q_lora_rank, qk, heads);
    } else {
      sum.add(h, qk, heads);
    }
    sum.add(h, m.kv_lora_rank + m.qk_rope_head_dim);
    sum.add(m.kv_lora_rank, 1);
    sum.add(m.kv_lora_rank, m.qk_nope_head_dim + m.v_head_dim, heads);
    sum.add(h, m.v_head_dim, heads);
    if (c.qkv_bias) sum.add(m.q_lora_rank + m.kv_lora_rank + m.qk_rope_head_dim, 1);
  }
  if (c.o_bias) sum.add(h, 1);
  sum.add(h, 2);  // the two norms of the layer
}

void add_indexer(Sum& sum, const ModelConfig& c) {
  const IndexerConfig& i = *c.indexer;
  const std::int64_t query = c.mla && c.mla->q_lora_rank > 0 ? c.mla->q_lora_rank : c.hidden_size;
  sum.add(query, i.head_dim, i.n_heads);
  sum.add(c.hidden_size, i.head_dim + i.n_heads);
  sum.add(i.head_dim, 2);
}

void add_mlp(Sum& sum, const ModelConfig& c, bool moe) {
  const std::int64_t h = c.hidden_size;
  if (!moe) {
    sum.add(h, c.intermediate_size, 3);
    if (c.mlp_bias) sum.add(2 * c.intermediate_size + h, 1);
    return;
  }
  const MoeConfig& m = *c.moe;
  sum.add(h + 1, m.n_routed_experts);
  sum.add(h, m.moe_intermediate_size, 3 * (m.n_routed_experts + m.n_shared_experts));
}

}  // namespace

std::int64_t predicted_parameters(const ModelConfig& c, std::string_view who) {
  Sum sum;
  sum.add(c.vocab_size, c.hidden_size, c.tie_word_embeddings ? 1 : 2);
  sum.add(c.hidden_size, 1);
  for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) {
    add_attention(sum, c);
    if (c.indexer && c.indexer->full[usize(i)]) add_indexer(sum, c);
    add_mlp(sum, c, c.is_moe_layer(i));
  }
  if (!sum.total || *sum.total > kMaxParameters)
    fail("{}: the sizes multiply to more than 2^50 parameters: they cannot be right", who);
  return *sum.total;
}

void validate_indexer(const IndexerConfig& indexer, std::string_view who) {
  const Limits limits{who};
  limits.range("index_n_heads", indexer.n_heads, 1, kMaxHeads);
  limits.range("index_head_dim", indexer.head_dim, 2, kMaxIndexDim);
  limits.range("index_rope_head_dim", indexer.rope_head_dim, 2, indexer.head_dim);
  limits.even("index_rope_head_dim", indexer.rope_head_dim);
  limits.range("index_topk", indexer.topk, 1, kMaxPositions);
  limits.real("indexer k_norm_eps", indexer.k_norm_eps, 0, 1);
}

void validate(const ModelConfig& config, std::string_view who) { Checker(config, who).run(); }

void drop_unknown_tokens(ModelConfig& config, std::string_view who) {
  const auto unknown = [&](std::string_view key, std::int32_t id) {
    if (id < config.vocab_size) return false;
    warn("{}: {} {} is not used: the vocabulary has {} tokens, numbered from 0", who, key, id,
         config.vocab_size);
    return true;
  };
  std::erase_if(config.eos_token_ids, [&](std::int32_t id) { return unknown("eos_token_id", id); });
  if (config.bos_token_id && unknown("bos_token_id", *config.bos_token_id)) config.bos_token_id.reset();
}

}  // namespace dsa
