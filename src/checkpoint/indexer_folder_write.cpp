#include "checkpoint/indexer_folder_write.h"

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/who.h"
#include "checkpoint/config_json.h"
#include "checkpoint/indexer_folder.h"

namespace dsa {
namespace {

std::string config_json(const IndexerFolderToWrite& indexer) {
  const ModelConfig& m = indexer.model;
  const IndexerConfig& c = indexer.config;
  using Json = nlohmann::ordered_json;
  const Json topk = c.layer_topk.uniform() ? Json(c.topk) : Json(c.layer_topk.list());
  const Json config{{"model_type", kIndexerModelType},
                    {"format_version", kIndexerFormat},
                    {"base_model",
                     {{"architecture", architecture_name(m.architecture)},
                      {"hidden_size", m.hidden_size},
                      {"num_hidden_layers", m.num_hidden_layers},
                      {"num_attention_heads", m.num_attention_heads},
                      {"num_key_value_heads", m.num_key_value_heads},
                      {"head_dim", m.head_dim},
                      {"vocab_size", m.vocab_size},
                      {"fingerprint", indexer.fingerprint}}},
                    {"index_n_heads", c.n_heads},
                    {"index_head_dim", c.head_dim},
                    {"index_rope_head_dim", c.rope_head_dim},
                    {"index_topk", topk},
                    {"k_norm_eps", c.k_norm_eps},
                    {"trained_context", c.trained_context}};
  return json_text(config, 2) + "\n";
}

}  // namespace

void rewrite_index_topk(const std::filesystem::path& folder, const std::vector<std::int64_t>& list) {
  const std::filesystem::path path = folder / kIndexerConfigFile;
  std::string text;
  {
    const MappedFile file(path);
    text.assign(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  }
  auto config = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object()) fail("{}: is no JSON object", who(path));
  config["index_topk"] = list;
  write_file(path, json_text(config, 2) + "\n");
}

void write_indexer_folder(const std::filesystem::path& folder, IndexerFolderToWrite indexer) {
  write_safetensors(folder / kIndexerWeightsFile, std::move(indexer.tensors), {{"format", "pt"}});
  write_file(folder / kIndexerConfigFile, config_json(indexer));
}

}  // namespace dsa
