#include "train/sparse/weights_checkpoint.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/who.h"

namespace dsa::train {
namespace {

constexpr const char* kMain = "main";
constexpr std::array kMainMoments{"main.exp_avg", "main.exp_avg_sq"};
constexpr std::array kIndexerMoments{"indexer.exp_avg", "indexer.exp_avg_sq"};

Moments read_moments(const CheckpointFile& file, const std::array<const char*, 2>& names, std::int64_t steps,
                     std::int64_t size) {
  if (steps == 0) return {};
  return {.steps = steps, .first = file.vector(names[0], size), .second = file.vector(names[1], size)};
}

}  // namespace

void restore_main(WeightsCheckpoint& checkpoint, FlatTensors& main, const std::filesystem::path& folder) {
  if (checkpoint.main.empty()) return;
  if (checkpoint.main.size() != main.values().size())
    fail("{}: holds {} weights, expected {}", who(folder / kCheckpointFile), checkpoint.main.size(),
         main.values().size());
  std::ranges::copy(checkpoint.main, main.values().begin());
  checkpoint.main = {};
}

void write_weights_checkpoint(const std::filesystem::path& path, const char* key, nlohmann::json about,
                              WeightsCheckpoint& c, std::span<const float> main,
                              const OptimizerStates& states) {
  std::vector<TensorToWrite> tensors;
  add_tensors(c.indexer, tensors);
  add_vector(kMain, main, tensors);
  add_vector(kMainMoments[0], states.main.first_moment, tensors);
  add_vector(kMainMoments[1], states.main.second_moment, tensors);
  add_vector(kIndexerMoments[0], states.indexer.first_moment, tensors);
  add_vector(kIndexerMoments[1], states.indexer.second_moment, tensors);
  about.update(to_json(c.progress, c.identity));
  about["shape"] = to_json(c.indexer.shape());
  about["main_size"] = main.size();
  about["optimizer_steps"] = states.main.steps;
  about["indexer_optimizer_steps"] = states.indexer.steps;
  write_checkpoint_file(path, key, std::move(about), std::move(tensors));
}

void read_weights_checkpoint(const CheckpointFile& file, WeightsCheckpoint& out) {
  out.progress = file.progress();
  out.identity = file.identity();
  const std::int64_t main_size = file.about().at("main_size"), steps = file.about().at("optimizer_steps");
  read(out.indexer, file.tensors());
  out.main = file.vector(kMain, main_size);
  out.main_moments = read_moments(file, kMainMoments, steps, main_size);
  out.indexer_moments = read_moments(file, kIndexerMoments, file.about().at("indexer_optimizer_steps"),
                                     out.indexer.shape().size());
}

}  // namespace dsa::train
