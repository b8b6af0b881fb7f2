#include "train/pretrain/checkpoint.h"

#include "train/loop/settings_json.h"

namespace dsa::train {
namespace {

constexpr const char* kKey = "dsa_train_model";

}  // namespace

void write_pretrain_checkpoint(const std::filesystem::path& path, PretrainCheckpoint& c,
                               std::span<const float> main, const OptimizerStates& states) {
  write_weights_checkpoint(path, kKey, {{"settings", settings_to_json(c.settings)}}, c, main, states);
}

PretrainCheckpoint read_pretrain_checkpoint(const std::filesystem::path& path) {
  const CheckpointFile file(path, kKey, "dsa train model");
  return file.read_checked([&] {
    PretrainCheckpoint out(indexer_shape_from(file.about().at("shape")));
    out.settings = read_settings<PretrainSettings>(file.about().at("settings"), file.who());
    read_weights_checkpoint(file, out);
    return out;
  });
}

}  // namespace dsa::train
