// For tests: DeepSeek-V3.2 by its headers, all of it or the first layers, in sparse shards that hold no data.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace dsa {

using Shape = std::vector<std::int64_t>;

struct PlannedTensor {
  std::string name;
  DType type;
  Shape shape;
};

/// How much of the model.
struct V32Size {
  std::int64_t layers = 61;
  std::int64_t dense_layers = 3;
  bool mtp = true;
};

/// Names, types and shapes of every tensor, scales included.
class V32Plan {
 public:
  explicit V32Plan(V32Size size = {}) : size_(size) { all(); }
  std::vector<PlannedTensor> tensors;

 private:
  void bf16(const std::string& name, Shape shape) {
    tensors.push_back({name, DType::bf16, std::move(shape)});
  }
  void f32(const std::string& name, Shape shape) { tensors.push_back({name, DType::f32, std::move(shape)}); }
  void fp8(const std::string& name, std::int64_t rows, std::int64_t columns) {
    tensors.push_back({name + ".weight", DType::f8_e4m3, {rows, columns}});
    f32(name + ".weight_scale_inv", {(rows + 127) / 128, (columns + 127) / 128});
  }
  void mlp(const std::string& name, std::int64_t width) {
    fp8(name + ".gate_proj", width, 7168);
    fp8(name + ".up_proj", width, 7168);
    fp8(name + ".down_proj", 7168, width);
  }
  void layer(std::int64_t index) {
    const std::string p = fmt::format("model.layers.{}.", index), a = p + "self_attn.";
    bf16(p + "input_layernorm.weight", {7168});
    bf16(p + "post_attention_layernorm.weight", {7168});
    fp8(a + "q_a_proj", 1536, 7168);
    bf16(a + "q_a_layernorm.weight", {1536});
    fp8(a + "q_b_proj", 24576, 1536);
    fp8(a + "kv_a_proj_with_mqa", 576, 7168);
    bf16(a + "kv_a_layernorm.weight", {512});
    fp8(a + "kv_b_proj", 32768, 512);
    fp8(a + "o_proj", 7168, 16384);
    fp8(a + "indexer.wq_b", 8192, 1536);
    fp8(a + "indexer.wk", 128, 7168);
    f32(a + "indexer.k_norm.weight", {128});
    f32(a + "indexer.k_norm.bias", {128});
    bf16(a + "indexer.weights_proj.weight", {64, 7168});
    if (index < size_.dense_layers) return mlp(p + "mlp", 18432);
    bf16(p + "mlp.gate.weight", {256, 7168});
    f32(p + "mlp.gate.e_score_correction_bias", {256});
    for (int expert = 0; expert < 256; ++expert) mlp(fmt::format("{}mlp.experts.{}", p, expert), 2048);
    mlp(p + "mlp.shared_experts", 2048);
  }
  void all() {
    bf16("model.embed_tokens.weight", {129280, 7168});
    for (std::int64_t i = 0; i < size_.layers; ++i) layer(i);
    bf16("model.norm.weight", {7168});
    bf16("lm_head.weight", {129280, 7168});
    if (!size_.mtp) return;
    const std::string mtp = fmt::format("model.layers.{}.", size_.layers);
    bf16(mtp + "embed_tokens.weight", {129280, 7168});
    bf16(mtp + "enorm.weight", {7168});
    bf16(mtp + "hnorm.weight", {7168});
    bf16(mtp + "eh_proj.weight", {7168, 14336});
    layer(size_.layers);
    bf16(mtp + "shared_head.norm.weight", {7168});
    bf16(mtp + "shared_head.head.weight", {129280, 7168});
  }

  V32Size size_;
};

inline std::int64_t elements(const Shape& shape) {
  std::int64_t n = 1;
  for (const auto dim : shape) n *= dim;
  return n;
}

inline std::string v32_config(const V32Size& size) {
  return fmt::format(R"({{
  "architectures": ["DeepseekV32ForCausalLM"], "model_type": "deepseek_v32", "vocab_size": 129280,
  "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": {},
  "first_k_dense_replace": {}, "moe_layer_freq": 1, "num_attention_heads": 128, "num_key_value_heads": 128,
  "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
  "v_head_dim": 128, "index_n_heads": 64, "index_head_dim": 128, "index_topk": 2048, "n_routed_experts": 256,
  "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "scoring_func": "sigmoid",
  "topk_method": "noaux_tc", "norm_topk_prob": true, "routed_scaling_factor": 2.5,
  "num_nextn_predict_layers": {}, "hidden_act": "silu", "rms_norm_eps": 1e-06,
  "max_position_embeddings": 163840, "rope_theta": 10000, "rope_scaling": {{"type": "yarn", "factor": 40,
  "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
  "mscale_all_dim": 1.0}}, "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 0,
  "eos_token_id": 1, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
  "quantization_config": {{"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
  "weight_block_size": [128, 128], "scale_fmt": "ue8m0"}}}})",
                     size.layers, size.dense_layers, size.mtp ? 1 : 0);
}

/// Fills an empty folder.  Tensor i lies in shard i * 163 / count, so a weight and
/// its scale are often in different shards.
inline void write_sparse_v32(const std::filesystem::path& folder, V32Size size = {}) {
  const auto tensors = V32Plan(size).tensors;
  constexpr std::size_t kShards = 163;
  std::string index = "{\"weight_map\":{", header;
  std::size_t at = 0, shard = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& t = tensors[i];
    const std::size_t bytes = *storage_bytes(t.type, elements(t.shape));
    header += fmt::format(R"({}"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          header.empty() ? "{" : ",", t.name, name(t.type), fmt::join(t.shape, ","), at,
                          at + bytes);
    at += bytes;
    const std::string file = fmt::format("model-{:05}-of-000163.safetensors", shard + 1);
    index += fmt::format(R"({}"{}":"{}")", i == 0 ? "" : ",", t.name, file);
    const std::size_t next = (i + 1) * kShards / tensors.size();
    if (next == shard) continue;
    header += '}';
    std::uint64_t length = header.size();
    std::string head;
    for (int b = 0; b < 8; ++b, length >>= 8) head += static_cast<char>(length & 0xFF);
    head += header;
    std::ofstream(folder / file, std::ios::binary) << head;
    std::filesystem::resize_file(folder / file, head.size() + at);
    header.clear();
    at = 0;
    shard = next;
  }
  std::ofstream(folder / "model.safetensors.index.json") << index << "}}";
  std::ofstream(folder / "config.json") << v32_config(size);
}

}  // namespace dsa
