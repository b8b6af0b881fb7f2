#include "train/sparse/publish.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/error.h"
#include "checkpoint/config_write.h"
#include "checkpoint/fingerprint.h"
#include "checkpoint/gguf_vocabulary.h"
#include "checkpoint/indexer_folder.h"
#include "tokenizer/tokenizer_gguf.h"
#include "tokenizer/tokenizer_json_write.h"
#include "train/warmup/publish.h"

namespace dsa::train {
namespace {

namespace fs = std::filesystem;

TokenizerSpec gguf_tokenizer(const ModelFiles& base) {
  const auto vocabulary = read_gguf_vocabulary(*base.gguf);
  if (!vocabulary) fail("{}: the file has no tokenizer", base.gguf->who());
  return spec_from_gguf(*vocabulary, base.gguf->who());
}

void write_tokenizer(const fs::path& folder, const ModelFiles& base) {
  if (base.format == ModelFiles::Format::gguf) {
    const TokenizerSpec spec = gguf_tokenizer(base);
    write_file(folder / "tokenizer.json", tokenizer_json(spec));
    write_file(folder / "tokenizer_config.json",
               tokenizer_config_json(spec, base.config.max_position_embeddings));
    return;
  }
  copy_files(base.path, folder, kTokenizerFiles);
}

}  // namespace

void check_publishable(const ModelFiles& base) {
  if (const auto problem = config_json_problem(base))
    fail("{}: {}: train from the model's Hugging Face folder instead", printable(base.path.string(), 1000),
         *problem);
  if (base.format == ModelFiles::Format::gguf) static_cast<void>(tokenizer_json(gguf_tokenizer(base)));
}

void publish_gqa_model(const fs::path& folder, const ModelFiles& base, const FlatTensors& weights,
                       const std::optional<IndexerToPublish>& indexer) {
  const fs::path own = folder / kOwnIndexerFolder;
  std::error_code error;
  if (indexer) fs::create_directories(own, error);
  if (error) fail("{}: cannot create the folder: {}", printable(own.string(), 1000), error.message());
  fs::remove(own / "config.json", error);
  {
    RoundedTensors tensors(RoundedTensors::Vectors::bf16);
    for (const auto& entry : weights.entries()) tensors.add(entry.name, entry.shape, weights.of(entry));
    write_safetensors(folder / "model.safetensors", tensors.list(), {{"format", "pt"}});
  }
  write_tokenizer(folder, base);
  write_file(folder / "config.json", bf16_config_json(base));
  if (!indexer) return;
  const ModelFiles written = open_model(folder);
  write_indexer(own, {.model = written.config,
                      .fingerprint = fingerprint(*written.tensors, written.config),
                      .topk = indexer->topk,
                      .layer_topk = indexer->layer_topk,
                      .trained_context = indexer->trained_context,
                      .parameters = indexer->parameters});
}

void publish_sparse_model(const fs::path& folder, const ModelFiles& base, const FlatTensors& weights,
                          SparseCheckpoint& checkpoint) {
  const auto topk_layers = parse_topk_layers(checkpoint.settings.topk_layers);
  publish_gqa_model(
      folder, base, weights,
      IndexerToPublish{.topk = checkpoint.settings.topk,
                       .layer_topk = topk_layers.empty() ? LayerTopk() : LayerTopk(topk_layers),
                       .trained_context = std::max(checkpoint.settings.context, checkpoint.trained_context),
                       .parameters = checkpoint.indexer});
}

}  // namespace dsa::train
