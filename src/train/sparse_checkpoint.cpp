#include "train/sparse_checkpoint.h"

#include <array>

#include "base/error.h"
#include "train/settings_json.h"

namespace dsa::train {
namespace {

constexpr const char* kKey = "dsa_train_sparse";
constexpr const char* kMain = "main";
constexpr std::array kMainMoments{"main.exp_avg", "main.exp_avg_sq"};
constexpr std::array kIndexerMoments{"indexer.exp_avg", "indexer.exp_avg_sq"};

Moments read_moments(const CheckpointFile& file, const std::array<const char*, 2>& names, std::int64_t steps,
                     std::int64_t size) {
  if (steps == 0) return {};
  return {.steps = steps, .first = file.row(names[0], size), .second = file.row(names[1], size)};
}

}  // namespace

void write_sparse_checkpoint(const std::filesystem::path& path, SparseCheckpoint& c,
                             std::span<const float> main, const AdamW::State& main_state,
                             const AdamW::State& indexer_state) {
  std::vector<TensorToWrite> tensors;
  add_tensors(c.indexer, tensors);
  add_row(kMain, main, tensors);
  add_row(kMainMoments[0], main_state.first_moment, tensors);
  add_row(kMainMoments[1], main_state.second_moment, tensors);
  add_row(kIndexerMoments[0], indexer_state.first_moment, tensors);
  add_row(kIndexerMoments[1], indexer_state.second_moment, tensors);
  nlohmann::json about = to_json(c.indexer.shape(), c.progress, c.identity);
  about["settings"] = settings_to_json(c.settings);
  about["trained_context"] = c.trained_context;
  about["main_size"] = main.size();
  about["optimizer_steps"] = main_state.steps;
  write_checkpoint_file(path, kKey, std::move(about), std::move(tensors));
}

SparseCheckpoint read_sparse_checkpoint(const std::filesystem::path& path) {
  const CheckpointFile file(path, kKey, "dsa train sparse");
  return file.read_checked([&] {
    SparseCheckpoint out(file.shape());
    out.settings = read_settings<SparseSettings>(file.about().at("settings"), file.who());
    out.progress = file.progress();
    out.identity = file.identity();
    out.trained_context = file.about().at("trained_context");
    const std::int64_t main_size = file.about().at("main_size"), steps = file.about().at("optimizer_steps");
    read(out.indexer, file.tensors());
    out.main = file.row(kMain, main_size);
    out.main_moments = read_moments(file, kMainMoments, steps, main_size);
    out.indexer_moments = read_moments(file, kIndexerMoments, steps, out.indexer.shape().size());
    return out;
  });
}

}  // namespace dsa::train
