#include "checkpoint/gguf_model.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/numeric.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/tensor_names.h"

namespace dsa {
namespace {

namespace names = tensor_names;

struct ModelName {
  std::string_view gguf;
  const char* huggingface;
};
constexpr std::array kOfModel{ModelName{"token_embd.weight", names::kEmbedTokens},
                              ModelName{"output_norm.weight", names::kNorm},
                              ModelName{"output.weight", names::kLmHead}};

// Without "blk.N.", without ".weight" and ".bias".
const std::string* part_of_layer(const names::Layer& layer, std::string_view gguf) {
  const std::array<std::pair<std::string_view, const std::string*>, 11> parts{{
      {"attn_norm", &layer.input_layernorm},
      {"ffn_norm", &layer.post_attention_layernorm},
      {"attn_q", &layer.q_proj},
      {"attn_k", &layer.k_proj},
      {"attn_v", &layer.v_proj},
      {"attn_output", &layer.o_proj},
      {"attn_q_norm", &layer.q_norm},
      {"attn_k_norm", &layer.k_norm},
      {"ffn_gate", &layer.mlp.gate_proj},
      {"ffn_up", &layer.mlp.up_proj},
      {"ffn_down", &layer.mlp.down_proj},
  }};
  const auto found = std::ranges::find(parts, gguf, [](const auto& part) { return part.first; });
  return found == parts.end() ? nullptr : found->second;
}

// "blk.12.attn_q.weight" -> "model.layers.12.self_attn.q_proj.weight"; empty if there is no such tensor in
// the models we run.
std::string layer_name(std::string_view name, std::int64_t layers) {
  if (!name.starts_with("blk.")) return {};
  name.remove_prefix(4);
  std::int64_t layer = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  if (error != std::errc{} || layer < 0 || layer >= layers) return {};
  // "blk.01." would name layer 1 a second time.
  if (fmt::format("{}.", layer) != name.substr(0, usize(end - name.data()) + 1)) return {};
  name.remove_prefix(usize(end - name.data()) + 1);
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || (name.substr(dot) != ".weight" && name.substr(dot) != ".bias"))
    return {};
  const names::Layer parts = names::layer(layer);
  const std::string* part = part_of_layer(parts, name.substr(0, dot));
  return part == nullptr ? std::string() : *part + std::string(name.substr(dot));
}

std::string huggingface_name(std::string_view name, std::int64_t layers) {
  const auto it = std::ranges::find(kOfModel, name, &ModelName::gguf);
  return it != kOfModel.end() ? names::weight(it->huggingface) : layer_name(name, layers);
}

class GgufTensors : public TensorSource {
 public:
  explicit GgufTensors(const std::filesystem::path& path) : file_(path), config_(read_gguf_config(file_)) {
    std::vector<std::string> unknown;
    for (const auto& tensor : file_.tensors()) {
      std::string name = huggingface_name(tensor.name, config_.num_hidden_layers);
      if (!name.empty())
        order_.push_back(&*tensors_.emplace(std::move(name), stored(tensor)).first);
      else if (tensor.name != "rope_freqs.weight")  // already in the config
        unknown.emplace_back(tensor.name);
    }
    tell(unknown);
    check_fit();
  }

  [[nodiscard]] const StoredTensor* find(std::string_view name) const override {
    const auto it = tensors_.find(name);
    return it == tensors_.end() ? nullptr : &it->second;
  }
  void for_each(const std::function<void(std::string_view name, const StoredTensor&)>& visit) const override {
    for (const auto* entry : order_) visit(entry->first, entry->second);
  }

  [[nodiscard]] std::vector<std::string> changed_files() const override {
    return file_.changed() ? std::vector{file_.who()} : std::vector<std::string>{};
  }

  [[nodiscard]] const GgufFile& file() const { return file_; }
  [[nodiscard]] const ModelConfig& config() const { return config_; }

 private:
  using Tensors = std::map<std::string, StoredTensor, std::less<>>;

  [[nodiscard]] StoredTensor stored(const GgufTensor& tensor) const {
    StoredTensor out{.type = tensor.type, .shape = {}, .bytes = tensor.bytes, .file = file_.who()};
    for (std::uint32_t d = tensor.dims; d-- > 0;) out.shape.push_back(tensor.sizes[d]);
    // llama.cpp rotates neighbouring pairs in its "llama" models only,
    // and its converter re-orders q and k for that.
    const bool of_q_or_k = tensor.name.ends_with(".attn_q.weight") ||
                           tensor.name.ends_with(".attn_k.weight") || tensor.name.ends_with(".attn_q.bias") ||
                           tensor.name.ends_with(".attn_k.bias");
    out.rope_permuted = config_.architecture == Architecture::llama && of_q_or_k;
    return out;
  }

  void tell(std::vector<std::string>& unknown) const {
    constexpr std::size_t kShown = 8;
    if (unknown.empty()) return;
    const std::size_t count = unknown.size();
    unknown.resize(std::min(count, kShown));
    warn("{}: {} tensors unknown to dsa are ignored: {}{}", file_.who(), count, fmt::join(unknown, ", "),
         count > kShown ? ", ..." : "");
  }

  // The first tensor and the last layer's: metadata of another model shows here, before anything is loaded.
  void check_fit() const {
    const StoredTensor& embedding = *find(names::weight(names::kEmbedTokens));
    const std::vector expected{config_.vocab_size, config_.hidden_size};
    if (embedding.shape != expected)
      fail("{}: token_embd.weight has shape {}, expected {} (rows and {}.embedding_length)", file_.who(),
           embedding.shape, expected, config_.model_type);
    const std::int64_t last = config_.num_hidden_layers - 1;
    if (find(names::weight(names::layer(last).input_layernorm)) == nullptr)
      fail("{}: tensor blk.{}.attn_norm.weight is missing: {}.block_count is {}", file_.who(), last,
           config_.model_type, config_.num_hidden_layers);
  }

  GgufFile file_;
  ModelConfig config_;
  Tensors tensors_;
  std::vector<const Tensors::value_type*> order_;  // map nodes do not move
};

}  // namespace

ModelFiles open_gguf_model(const std::filesystem::path& path) {
  auto tensors = std::make_unique<GgufTensors>(path);
  const GgufFile* file = &tensors->file();
  ModelConfig config = tensors->config();
  return {.path = path,
          .format = ModelFiles::Format::gguf,
          .config = std::move(config),
          .tensors = std::move(tensors),
          .gguf = file};
}

}  // namespace dsa
