#include "train/sparse/checkpoint.h"

#include "train/loop/settings_json.h"

namespace dsa::train {
namespace {

constexpr const char* kKey = "dsa_train_sparse";

}  // namespace

void write_sparse_checkpoint(const std::filesystem::path& path, SparseCheckpoint& c,
                             std::span<const float> main, const OptimizerStates& states) {
  write_weights_checkpoint(
      path, kKey, {{"settings", settings_to_json(c.settings)}, {"trained_context", c.trained_context}}, c,
      main, states);
}

SparseCheckpoint read_sparse_checkpoint(const std::filesystem::path& path) {
  const CheckpointFile file(path, kKey, "dsa train sparse");
  return file.read_checked([&] {
    SparseCheckpoint out(indexer_shape_from(file.about().at("shape")));
    out.settings = read_settings<SparseSettings>(file.about().at("settings"), file.who());
    out.trained_context = file.about().at("trained_context");
    read_weights_checkpoint(file, out);
    return out;
  });
}

}  // namespace dsa::train
