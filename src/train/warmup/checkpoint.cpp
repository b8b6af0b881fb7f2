#include "train/warmup/checkpoint.h"

#include "train/loop/settings_json.h"

namespace dsa::train {
namespace {

constexpr const char* kKey = "dsa_train";
constexpr const char* kMoments[] = {"optimizer.exp_avg", "optimizer.exp_avg_sq"};

}  // namespace

void write_warmup_checkpoint(const std::filesystem::path& path, WarmupCheckpoint& c) {
  std::vector<TensorToWrite> tensors;
  add_tensors(c.parameters, tensors);
  add_vector(kMoments[0], c.first_moment, tensors);
  add_vector(kMoments[1], c.second_moment, tensors);
  nlohmann::json about = to_json(c.progress, c.identity);
  about["shape"] = to_json(c.parameters.shape());
  about["settings"] = settings_to_json(c.settings);
  about["optimizer_steps"] = c.optimizer_steps;
  write_checkpoint_file(path, kKey, std::move(about), std::move(tensors));
}

WarmupCheckpoint read_warmup_checkpoint(const std::filesystem::path& path) {
  const CheckpointFile file(path, kKey, "dsa train indexer");
  return file.read_checked([&] {
    WarmupCheckpoint out(indexer_shape_from(file.about().at("shape")));
    out.settings = read_settings<WarmupSettings>(file.about().at("settings"), file.who());
    out.progress = file.progress();
    out.identity = file.identity();
    out.optimizer_steps = file.about().at("optimizer_steps");
    read(out.parameters, file.tensors());
    if (out.optimizer_steps > 0) {
      const std::int64_t size = out.parameters.shape().size();
      out.first_moment = file.vector(kMoments[0], size);
      out.second_moment = file.vector(kMoments[1], size);
    }
    return out;
  });
}

}  // namespace dsa::train
