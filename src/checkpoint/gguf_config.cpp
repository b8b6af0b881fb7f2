#include "checkpoint/gguf_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/numeric.h"
#include "checkpoint/gguf_vocabulary.h"
#include "kernels/dequantize.h"

namespace dsa {
namespace {

using Keys = std::span<const std::string_view>;

// Keys of an architecture that are read below.
constexpr auto kRead = std::to_array<std::string_view>({"block_count",
                                                        "embedding_length",
                                                        "feed_forward_length",
                                                        "context_length",
                                                        "vocab_size",
                                                        "attention.head_count",
                                                        "attention.head_count_kv",
                                                        "attention.key_length",
                                                        "attention.value_length",
                                                        "attention.layer_norm_rms_epsilon",
                                                        "attention.causal",
                                                        "attention.sliding_window",
                                                        "expert_count",
                                                        "expert_used_count",
                                                        "rope.dimension_count",
                                                        "rope.freq_base",
                                                        "rope.scale_linear",
                                                        "rope.scaling.type",
                                                        "rope.scaling.factor",
                                                        "rope.scaling.attn_factor",
                                                        "rope.scaling.original_context_length",
                                                        "rope.scaling.yarn_beta_fast",
                                                        "rope.scaling.yarn_beta_slow"});
// Known, without effect on these models.
constexpr auto kInert =
    std::to_array<std::string_view>({"rope.scaling.finetuned", "tensor_data_layout", "pooling_type"});
// Known, and they change what the model computes.
constexpr auto kUnsupported = std::to_array<std::string_view>({"attention.clamp_kqv",
                                                               "attention.max_alibi_bias",
                                                               "attention.scale",
                                                               "attention.output_scale",
                                                               "attention.temperature_length",
                                                               "attention.temperature_scale",
                                                               "attention.sliding_window_pattern",
                                                               "attention.shared_kv_layers",
                                                               "attn_logit_softcapping",
                                                               "final_logit_softcapping",
                                                               "embedding_scale",
                                                               "residual_scale",
                                                               "logit_scale",
                                                               "use_parallel_residual",
                                                               "nextn_predict_layers",
                                                               "rope.dimension_sections",
                                                               "rope.scaling.alpha",
                                                               "rope.scaling.yarn_log_multiplier",
                                                               "rope.scaling.yarn_ext_factor",
                                                               "rope.scaling.yarn_attn_factor"});

bool contains(Keys keys, std::string_view key) { return std::ranges::find(keys, key) != keys.end(); }

class Reader {
 public:
  explicit Reader(const GgufFile& file) : file_(file), arch_(file.get_string("general.architecture")) {}

  ModelConfig run() {
    refuse_split();
    read_architecture();
    check_keys();
    read_sizes();
    read_heads();
    read_vocabulary();
    read_rope();
    read_tensor_facts();
    validate(out_, file_.who());
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string key(std::string_view suffix) const { return fmt::format("{}.{}", arch_, suffix); }
  [[nodiscard]] std::int64_t integer(std::string_view suffix) const { return file_.get_u32(key(suffix)); }
  [[nodiscard]] std::optional<std::uint32_t> find_integer(std::string_view suffix) const {
    return file_.find_u32(key(suffix));
  }
  [[nodiscard]] const GgufTensor* tensor(std::string_view name) const {
    const auto it = std::ranges::find(file_.tensors(), name, &GgufTensor::name);
    return it == file_.tensors().end() ? nullptr : &*it;
  }

  void refuse_split() const {
    if (!file_.has("split.count")) return;
    const GgufValue& count = *file_.find("split.count");
    if (count.type != GgufType::u16)
      fail("{}: metadata key split.count is of type {}, expected u16", file_.who(), name(count.type));
    const auto parts = std::to_integer<unsigned>(count.bytes[0]) | std::to_integer<unsigned>(count.bytes[1])
                                                                       << 8U;
    if (parts > 1)
      fail(
          "{}: is one of the {} parts of a split GGUF, which are not read; "
          "merge them: llama-gguf-split --merge FIRST_PART.gguf MERGED.gguf",
          file_.who(), parts);
  }

  void read_architecture() {
    out_.model_type = arch_;
    if (arch_ == "llama") {
      out_.architecture = Architecture::llama;
    } else if (arch_ == "qwen2") {
      out_.architecture = Architecture::qwen2;
      out_.qkv_bias = true;
    } else if (arch_ == "qwen3") {
      out_.architecture = Architecture::qwen3;
      out_.qk_norm = true;
    } else {
      const bool sparse = arch_ == "deepseek2" || arch_ == "deepseek32" || arch_ == "glm-dsa";
      fail("{}: general.architecture is \"{}\"; dsa runs GGUF files of llama, qwen2 and qwen3 only{}",
           file_.who(), printable(arch_, 40),
           sparse ? "; give the model's Hugging Face folder (config.json and safetensors) instead"
                  : "; if dsa knows the model, give its Hugging Face folder "
                    "(config.json and safetensors) instead");
    }
  }

  void check_keys() const {
    const std::string prefix = key("");
    std::vector<std::string> unknown;
    for (const auto& entry : file_.entries()) {
      if (!entry.key.starts_with(prefix)) continue;
      const std::string_view suffix = entry.key.substr(prefix.size());
      if (contains(kUnsupported, suffix) || suffix.starts_with("ssm."))
        fail("{}: {} changes what the model computes, and dsa does not support it", file_.who(),
             printable(entry.key));
      if (!contains(kRead, suffix) && !contains(kInert, suffix) && unknown.size() < 8)
        unknown.push_back(printable(entry.key));
    }
    if (!unknown.empty())
      warn("{}: metadata unknown to dsa is ignored: {}", file_.who(), fmt::join(unknown, ", "));
  }

  void read_sizes() {
    out_.num_hidden_layers = integer("block_count");
    out_.hidden_size = integer("embedding_length");
    out_.intermediate_size = uniform("feed_forward_length");
    out_.max_position_embeddings = integer("context_length");
    out_.rms_norm_eps = file_.get_f32(key("attention.layer_norm_rms_epsilon"));
    if (find_integer("expert_count").value_or(0) != 0 || find_integer("expert_used_count").value_or(0) != 0)
      fail("{}: is a mixture of experts ({} is set), which dsa does not run from GGUF files", file_.who(),
           key("expert_count"));
    if (!file_.find_bool(key("attention.causal")).value_or(true))
      fail("{}: {} is false: is this an embedding model?", file_.who(), key("attention.causal"));
    const auto window = find_integer("attention.sliding_window");
    if (window && static_cast<std::int64_t>(*window) < out_.max_position_embeddings)
      fail("{}: {} is {}: dsa supports only full attention (context_length {})", file_.who(),
           key("attention.sliding_window"), *window, out_.max_position_embeddings);
  }

  // A number, or an array with one for each layer: all alike in the models that dsa runs.
  [[nodiscard]] std::int64_t uniform(std::string_view suffix) const {
    const std::string name = key(suffix);
    const GgufValue* value = file_.find(name);
    if (value == nullptr || value->type != GgufType::array) return file_.get_u32(name);
    std::vector<std::int64_t> sizes;
    if (value->element == GgufType::i32)
      std::ranges::copy(file_.get_i32s(name), std::back_inserter(sizes));
    else
      std::ranges::copy(file_.get_u32s(name), std::back_inserter(sizes));
    if (static_cast<std::int64_t>(sizes.size()) != out_.num_hidden_layers)
      fail("{}: {} has {} elements, expected one for each of {} layers", file_.who(), name, sizes.size(),
           out_.num_hidden_layers);
    for (const auto size : sizes)
      if (size != sizes[0])
        fail("{}: {} differs between layers ({} and {}), which dsa does not support", file_.who(), name,
             sizes[0], size);
    return sizes.empty() ? 0 : sizes[0];
  }

  void read_heads() {
    out_.num_attention_heads = uniform("attention.head_count");
    out_.num_key_value_heads = file_.has(key("attention.head_count_kv")) ? uniform("attention.head_count_kv")
                                                                         : out_.num_attention_heads;
    if (out_.num_attention_heads < 1)
      fail("{}: {} is {}, expected at least 1", file_.who(), key("attention.head_count"),
           out_.num_attention_heads);
    if (out_.num_key_value_heads < 1 || out_.num_attention_heads % out_.num_key_value_heads != 0)
      fail("{}: {} is {}, expected a divisor of {} {}", file_.who(), key("attention.head_count_kv"),
           out_.num_key_value_heads, key("attention.head_count"), out_.num_attention_heads);
    const auto key_length = find_integer("attention.key_length");
    if (!key_length && out_.hidden_size % out_.num_attention_heads != 0)
      fail("{}: {} {} is not a multiple of {} {}, and there is no {}", file_.who(), key("embedding_length"),
           out_.hidden_size, key("attention.head_count"), out_.num_attention_heads,
           key("attention.key_length"));
    out_.head_dim = key_length ? *key_length : out_.hidden_size / out_.num_attention_heads;
    require("attention.value_length", out_.head_dim);
    require("rope.dimension_count", out_.head_dim);
  }

  // Absent, or the head's width.
  void require(std::string_view suffix, std::int64_t head_dim) const {
    const auto value = find_integer(suffix);
    if (value && *value != head_dim)
      fail("{}: {} is {}, dsa supports only the head's whole width, {}", file_.who(), key(suffix), *value,
           head_dim);
  }

  void read_vocabulary() {
    const GgufTensor* embedding = tensor("token_embd.weight");
    if (embedding == nullptr) fail("{}: tensor token_embd.weight is missing", file_.who());
    out_.vocab_size = embedding->sizes[1];
    const auto vocab_size = find_integer("vocab_size");
    if (vocab_size && *vocab_size != out_.vocab_size)
      fail("{}: {} is {}, but token_embd.weight has {} rows", file_.who(), key("vocab_size"), *vocab_size,
           out_.vocab_size);
    const auto vocabulary = read_gguf_vocabulary(file_);
    if (!vocabulary) return;
    if (static_cast<std::int64_t>(vocabulary->tokens.size()) != out_.vocab_size)
      fail("{}: tokenizer.ggml.tokens has {} elements, but token_embd.weight has {} rows", file_.who(),
           vocabulary->tokens.size(), out_.vocab_size);
    out_.bos_token_id = vocabulary->bos;
    out_.eos_token_ids = end_of_generation_ids(*vocabulary);
  }

  // As llama.cpp: without a type, a factor means linear.
  void read_rope() {
    RopeConfig& rope = out_.rope;
    rope.theta = file_.find_f32(key("rope.freq_base")).value_or(10000.0F);
    const std::string_view type = file_.find_string(key("rope.scaling.type")).value_or("linear");
    const auto factor = file_.find_f32(key("rope.scaling.factor"));
    const auto old_factor = file_.find_f32(key("rope.scale_linear"));
    if (type == "none") return;
    if (type == "linear") {
      if (!factor && !old_factor) return;
      rope.type = RopeConfig::Type::linear;
      rope.factor = factor ? *factor : *old_factor;
      return;
    }
    if (type != "yarn")
      fail("{}: {} is \"{}\", dsa supports none, linear and yarn", file_.who(), key("rope.scaling.type"),
           printable(type));
    rope.type = RopeConfig::Type::yarn;
    rope.factor = file_.get_f32(key("rope.scaling.factor"));
    rope.original_max_position_embeddings =
        find_integer("rope.scaling.original_context_length").value_or(out_.max_position_embeddings);
    rope.beta_fast = file_.find_f32(key("rope.scaling.yarn_beta_fast")).value_or(32.0F);
    rope.beta_slow = file_.find_f32(key("rope.scaling.yarn_beta_slow")).value_or(1.0F);
    // ggml multiplies this by yarn's own 0.1 ln(factor) + 1.
    if (const auto attention = file_.find_f32(key("rope.scaling.attn_factor")))
      rope.attention_factor = *attention * (rope.factor <= 1 ? 1 : 0.1 * std::log(rope.factor) + 1);
  }

  // What stands in the tensors alone.  A tensor that only some layers have is found missing
  // when the model is loaded.
  void read_tensor_facts() {
    out_.tie_word_embeddings = tensor("output.weight") == nullptr;
    for (const auto& t : file_.tensors()) {
      if (!t.name.starts_with("blk.")) continue;
      if (t.name.ends_with(".attn_q.bias")) out_.qkv_bias = true;
      if (t.name.ends_with(".attn_output.bias")) out_.o_bias = true;
      if (t.name.ends_with(".ffn_gate.bias")) out_.mlp_bias = true;
    }
    const GgufTensor* factors = tensor("rope_freqs.weight");
    if (factors == nullptr) return;
    if (factors->type != DType::f32 || factors->dims != 1 || factors->sizes[0] != out_.head_dim / 2)
      fail("{}: rope_freqs.weight is {} with {} elements, expected F32 with {} (half of the head)",
           file_.who(), dsa::name(factors->type), factors->sizes[0], out_.head_dim / 2);
    auto& to = out_.rope.freq_factors;
    to.resize(usize(factors->sizes[0]));
    dequantize(DType::f32, factors->bytes.data(), to);
    for (const float f : to)
      if (!(f > 0) || !std::isfinite(f))
        fail("{}: rope_freqs.weight holds {}, expected finite numbers above 0", file_.who(), f);
  }

  const GgufFile& file_;
  std::string_view arch_;
  ModelConfig out_;
};

}  // namespace

ModelConfig read_gguf_config(const GgufFile& file) { return Reader(file).run(); }

}  // namespace dsa
