#include "engine/prefix_key.h"

#include <fmt/ranges.h>

#include "base/little_endian.h"
#include "base/sha256.h"

namespace dsa {
namespace {

// Numbers by their width and texts behind their length: no two lists of fields are the same bytes.
class KeyHash {
 public:
  template <class T>
  void number(T value) {
    hash_.add(little_endian(value));
  }
  void text(std::string_view value) {
    number(std::uint64_t{value.size()});
    hash_.add(std::as_bytes(std::span(value)));
  }
  void key(const PageKey& value) { hash_.add(value); }
  PageKey digest() { return hash_.digest(); }

 private:
  Sha256 hash_;
};

std::string_view word(Compute compute) {
  switch (compute) {
    case Compute::f32:
      return "f32";
    case Compute::automatic:
      return "auto";
    case Compute::demo:
      return "demo";
  }
  DSA_CHECK(false);
  return "";
}

std::string describe(const RopeConfig& r) {
  return fmt::format("rope {} {} {} {} {} {} {} {} {} {} {} {} [{}]", static_cast<int>(r.type), r.theta,
                     r.factor, r.original_max_position_embeddings, r.low_freq_factor, r.high_freq_factor,
                     r.beta_fast, r.beta_slow, r.mscale, r.mscale_all_dim,
                     r.attention_factor ? fmt::format("{}", *r.attention_factor) : "-", r.truncate,
                     fmt::join(r.freq_factors, " "));
}

std::string describe(const MlaConfig& m) {
  return fmt::format("mla {} {} {} {} {} {}", m.q_lora_rank, m.kv_lora_rank, m.qk_nope_head_dim,
                     m.qk_rope_head_dim, m.v_head_dim, m.rope_interleave);
}

std::string describe(const MoeConfig& m) {
  return fmt::format("moe {} {} {} {} {} {} {} {} {} {}", m.n_routed_experts, m.n_shared_experts,
                     m.num_experts_per_tok, m.moe_intermediate_size, m.n_group, m.topk_group,
                     m.norm_topk_prob, m.routed_scaling_factor, m.first_k_dense_replace, m.moe_layer_freq);
}

// Its top-k, how that is divided, and its trained context are the rule's, page by page.
std::string describe(const IndexerConfig& i) {
  std::string full;
  for (const bool own : i.full) full += own ? '1' : '0';
  return fmt::format("indexer {} {} {} {} {} {} {}", i.n_heads, i.head_dim, i.rope_head_dim,
                     i.rope_interleave, i.k_norm_eps, full, i.int8_keys);
}

// What the same weights may be computed with differently.  What ends an answer or makes logits is not in it.
std::string describe(const ModelConfig& c) {
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {}; {}; {}; {}; {}",
                     static_cast<int>(c.architecture), c.hidden_size, c.intermediate_size,
                     c.num_hidden_layers, c.num_attention_heads, c.num_key_value_heads, c.head_dim,
                     c.max_position_embeddings, c.rms_norm_eps, c.qkv_bias, c.o_bias, c.mlp_bias, c.qk_norm,
                     describe(c.rope), c.mla ? describe(*c.mla) : "", c.moe ? describe(*c.moe) : "",
                     c.indexer ? describe(*c.indexer) : "");
}

}  // namespace

PageKey root_key(const CacheIdentity& identity) {
  KeyHash hash;
  hash.text("dsa pages");
  hash.number(kPageVersion);
  hash.text(identity.weights);
  hash.text(identity.indexer);
  hash.text(describe(identity.config));
  hash.text(word(identity.compute));
  hash.text(identity.kernels);
  hash.number(std::uint64_t{identity.page_bytes});
  hash.text(identity.tenant);
  return hash.digest();
}

PageKey page_key(const PageKey& before, std::span<const std::int32_t> tokens, const SelectionRule& rule,
                 std::int64_t first_position) {
  KeyHash hash;
  hash.key(before);
  hash.number(std::uint64_t{tokens.size()});
  std::int64_t visible = first_position;
  bool some_select = false;
  for (const std::int32_t token : tokens) {
    const bool selects = rule.selects(++visible);
    hash.number(token);
    hash.number(selects ? rule.topk : std::int64_t{0});
    some_select = some_select || selects;
  }
  if (some_select && rule.layers != nullptr)
    for (std::int64_t layer = 0; layer < std::ssize(rule.layers->list()); ++layer)
      hash.number(rule.topk_of(layer));
  return hash.digest();
}

std::string hex(const PageKey& key) { return hex_of(key); }

}  // namespace dsa
