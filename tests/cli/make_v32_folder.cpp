// make_v32_folder FOLDER: a DeepSeek-V3.2 checkpoint as published, header for header, in 163 sparse files:
// names, shapes, types and scales of every tensor (reference/checkpoints.md, section 2), and no data.  Prints
// the parameters it holds.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

constexpr int kShards = 163;
constexpr std::int64_t kHidden = 7168, kVocab = 129280, kExperts = 256;

struct Tensor {
  std::string name;
  std::string type;
  std::vector<std::int64_t> shape;

  [[nodiscard]] std::int64_t elements() const {
    std::int64_t n = 1;
    for (const auto d : shape) n *= d;
    return n;
  }
  [[nodiscard]] std::int64_t bytes() const {
    return elements() * (type == "F32" ? 4 : type == "BF16" ? 2 : 1);
  }
};

class Checkpoint {
 public:
  Checkpoint() {
    bf16("model.embed_tokens.weight", {kVocab, kHidden});
    for (int i = 0; i < 62; ++i) layer(fmt::format("model.layers.{}.", i), /*moe=*/i >= 3);
    const std::string mtp = "model.layers.61.";
    bf16(mtp + "embed_tokens.weight", {kVocab, kHidden});
    bf16(mtp + "enorm.weight", {kHidden});
    bf16(mtp + "hnorm.weight", {kHidden});
    bf16(mtp + "eh_proj.weight", {kHidden, 2 * kHidden});
    bf16(mtp + "shared_head.norm.weight", {kHidden});
    bf16(mtp + "shared_head.head.weight", {kVocab, kHidden});
    bf16("model.norm.weight", {kHidden});
    bf16("lm_head.weight", {kVocab, kHidden});
  }

  std::vector<Tensor> tensors;

 private:
  void add(std::string name, const char* type, std::vector<std::int64_t> shape) {
    tensors.push_back({std::move(name), type, std::move(shape)});
  }
  void bf16(const std::string& name, std::vector<std::int64_t> shape) { add(name, "BF16", std::move(shape)); }
  void fp8(const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", "F8_E4M3", {out, in});
    add(name + ".weight_scale_inv", "F32", {(out + 127) / 128, (in + 127) / 128});
  }
  void mlp(const std::string& p, std::int64_t size) {
    fp8(p + "gate_proj", size, kHidden);
    fp8(p + "up_proj", size, kHidden);
    fp8(p + "down_proj", kHidden, size);
  }
  void layer(const std::string& p, bool moe) {
    bf16(p + "input_layernorm.weight", {kHidden});
    bf16(p + "post_attention_layernorm.weight", {kHidden});
    const std::string a = p + "self_attn.";
    fp8(a + "q_a_proj", 1536, kHidden);
    bf16(a + "q_a_layernorm.weight", {1536});
    fp8(a + "q_b_proj", 24576, 1536);
    fp8(a + "kv_a_proj_with_mqa", 576, kHidden);
    bf16(a + "kv_a_layernorm.weight", {512});
    fp8(a + "kv_b_proj", 32768, 512);
    fp8(a + "o_proj", kHidden, 16384);
    fp8(a + "indexer.wq_b", 8192, 1536);
    fp8(a + "indexer.wk", 128, kHidden);
    add(a + "indexer.k_norm.weight", "F32", {128});
    add(a + "indexer.k_norm.bias", "F32", {128});
    bf16(a + "indexer.weights_proj.weight", {64, kHidden});
    if (!moe) return mlp(p + "mlp.", 18432);
    bf16(p + "mlp.gate.weight", {kExperts, kHidden});
    add(p + "mlp.gate.e_score_correction_bias", "F32", {kExperts});
    for (int e = 0; e < kExperts; ++e) mlp(fmt::format("{}mlp.experts.{}.", p, e), 2048);
    mlp(p + "mlp.shared_experts.", 2048);
  }
};

constexpr const char* kConfig = R"({
  "architectures": ["DeepseekV32ForCausalLM"], "model_type": "deepseek_v32", "vocab_size": 129280, "hidden_size": 7168,
  "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 61, "first_k_dense_replace": 3,
  "moe_layer_freq": 1, "num_attention_heads": 128, "num_key_value_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "index_n_heads": 64, "index_head_dim": 128,
  "index_topk": 2048, "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8,
  "topk_group": 4, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "norm_topk_prob": true,
  "routed_scaling_factor": 2.5, "num_nextn_predict_layers": 1, "hidden_act": "silu", "rms_norm_eps": 1e-6,
  "max_position_embeddings": 163840, "rope_theta": 10000, "rope_scaling": {"type": "yarn", "factor": 40,
  "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0},
  "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 1, "tie_word_embeddings": false,
  "torch_dtype": "bfloat16", "ep_size": 1, "initializer_range": 0.02, "use_cache": true, "aux_loss_alpha": 0.001,
  "seq_aux": true, "pretraining_tp": 1, "quantization_config": {"quant_method": "fp8", "fmt": "e4m3",
  "activation_scheme": "dynamic", "weight_block_size": [128, 128], "scale_fmt": "ue8m0"}
})";

void write_shard(const std::filesystem::path& path, std::vector<Tensor> tensors) {
  // As the reference writer lays them out: larger types first, so that each is aligned to its type.
  const auto rank = [](const Tensor& t) { return t.type == "F32" ? 0 : t.type == "BF16" ? 1 : 2; };
  std::ranges::stable_sort(tensors, {}, rank);
  nlohmann::ordered_json header;
  std::int64_t offset = 0;
  for (const auto& t : tensors) {
    header[t.name] = {{"dtype", t.type}, {"shape", t.shape}, {"data_offsets", {offset, offset + t.bytes()}}};
    offset += t.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::ofstream out(path, std::ios::binary);
  const std::uint64_t size = text.size();
  for (int i = 0; i < 8; ++i) out.put(static_cast<char>(size >> (8 * i)));
  out << text;
  out.close();
  std::filesystem::resize_file(path, 8 + size + static_cast<std::uintmax_t>(offset));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder(argv[1]);
  const Checkpoint checkpoint;
  std::int64_t total = 0, parameters = 0;
  for (const auto& t : checkpoint.tensors) {
    total += t.bytes();
    if (!t.name.ends_with("weight_scale_inv")) parameters += t.elements();
  }
  std::ofstream(folder / "config.json") << kConfig;
  nlohmann::ordered_json map;
  std::vector<std::vector<Tensor>> shards(kShards);
  std::int64_t seen = 0;
  for (const auto& t : checkpoint.tensors) {
    const auto shard = static_cast<std::size_t>(seen / (total / kShards + 1));
    seen += t.bytes();
    shards[shard].push_back(t);
    map[t.name] = fmt::format("model-{:05}-of-{:06}.safetensors", shard + 1, kShards);
  }
  for (std::size_t i = 0; i < shards.size(); ++i)
    write_shard(folder / fmt::format("model-{:05}-of-{:06}.safetensors", i + 1, kShards), shards[i]);
  std::ofstream(folder / "model.safetensors.index.json")
      << nlohmann::ordered_json{{"metadata", {{"total_size", total}}}, {"weight_map", map}}.dump();
  fmt::print("{}\n", parameters);
  return 0;
}
