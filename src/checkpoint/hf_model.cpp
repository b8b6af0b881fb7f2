#include "checkpoint/hf_model.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/who.h"
#include "checkpoint/config_json.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/indexer_folder.h"
#include "checkpoint/tensor_names.h"

namespace dsa {
namespace {

namespace names = tensor_names;

bool is_float(DType type) { return type == DType::f32 || type == DType::f16 || type == DType::bf16; }

// A quantization_config we cannot follow matters only if the tensors are quantised:
// re-exports leave it behind.
void check_quantization(const HfConfig& config, const TensorSource& tensors) {
  if (config.quantization_problem.empty()) return;
  tensors.for_each([&](std::string_view name, const StoredTensor& tensor) {
    if (!is_float(tensor.type))
      fail("{} (and {} is stored as {})", config.quantization_problem, printable(name),
           dsa::name(tensor.type));
  });
}

// Catches the folder whose config.json belongs to another model before anything is sized by it.
void check_fit(const ModelConfig& config, const TensorSource& tensors, const std::string& who) {
  const StoredTensor* embedding = tensors.find(names::weight(names::kEmbedTokens));
  if (embedding == nullptr) fail("{}: tensor model.embed_tokens.weight is missing", who);
  const std::vector expected{config.vocab_size, config.hidden_size};
  if (embedding->shape != expected)
    fail(
        "{}: model.embed_tokens.weight has shape {}, expected {} (vocab_size and hidden_size in config.json)",
        embedding->file, embedding->shape, expected);
  const std::string last = names::weight(names::layer(config.num_hidden_layers - 1).input_layernorm);
  if (tensors.find(last) == nullptr)
    fail("{}: tensor {} is missing: config.json says num_hidden_layers {}", who, last,
         config.num_hidden_layers);
}

// The same bytes in both, and the same scales where they have any.
bool same_weights(const TensorSource& tensors, const std::string& a, const std::string& b) {
  for (const auto& tensor_of : {names::weight, names::scales}) {
    const StoredTensor *x = tensors.find(tensor_of(a)), *y = tensors.find(tensor_of(b));
    if (x == nullptr && y == nullptr) continue;
    if (x == nullptr || y == nullptr || x->type != y->type || x->shape != y->shape ||
        !std::ranges::equal(x->bytes, y->bytes))
      return false;
  }
  return true;
}

// transformers goes by the tensors where they contradict the flag; the reader of a file that says both wants
// the head that was trained.
bool has_tied_head(const ModelConfig& config, const TensorSource& tensors, const std::string& who) {
  if (!config.tie_word_embeddings || tensors.find(names::weight(names::kLmHead)) == nullptr ||
      same_weights(tensors, names::kLmHead, names::kEmbedTokens))
    return config.tie_word_embeddings;
  warn("{}: tie_word_embeddings is true, but lm_head.weight is not the embedding: the stored head is used",
       who);
  return false;
}

// transformers drops the MTP layers and keeps the key, or the other way round: the tensors decide.
std::int64_t count_mtp_layers(const ModelConfig& config, const TensorSource& tensors) {
  if (!config.mla) return 0;
  std::int64_t count = 0;
  while (tensors.find(names::weight(names::layer(config.num_hidden_layers + count).eh_proj)) != nullptr)
    ++count;
  return count;
}

}  // namespace

ModelFiles open_hf_model(const std::filesystem::path& folder) {
  HfConfig config = read_hf_config(folder);
  auto tensors = open_hf_tensors(folder);
  check_quantization(config, *tensors);
  check_fit(config.config, *tensors, dsa::who(folder));
  config.config.tie_word_embeddings = has_tied_head(config.config, *tensors, dsa::who(folder));
  config.config.num_nextn_predict_layers = count_mtp_layers(config.config, *tensors);
  ModelFiles files{.path = folder,
                   .format = ModelFiles::Format::huggingface,
                   .config = std::move(config.config),
                   .tensors = std::move(tensors)};
  attach_own_indexer(files);
  return files;
}

}  // namespace dsa
