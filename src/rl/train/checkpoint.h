// A training on tasks on disk: everything the next step depends on, in one file.
#pragma once

#include <filesystem>
#include <span>

#include "rl/train/settings.h"
#include "rl/train/task_order.h"
#include "train/loop/settings_json.h"
#include "train/sparse/weights_checkpoint.h"

namespace dsa::rl {

/// The key in the file, and the command that it is named by in errors.
template <class Settings>
struct CheckpointName;
template <>
struct CheckpointName<SftSettings> {
  static constexpr const char *kKey = "dsa_rl_sft", *kCommand = "dsa rl sft";
};
template <>
struct CheckpointName<GrpoSettings> {
  static constexpr const char *kKey = "dsa_rl_grpo", *kCommand = "dsa rl grpo";
};

template <class Settings>
struct PolicyCheckpoint : train::WeightsCheckpoint {
  Settings settings;
  std::int64_t without_signal = 0;  // steps in a row
  TaskOrder order;                  // by reward

  using WeightsCheckpoint::WeightsCheckpoint;
};

/// As write_weights_checkpoint().
template <class Settings>
void write_policy_checkpoint(const std::filesystem::path& path, PolicyCheckpoint<Settings>& c,
                             std::span<const float> main, const train::OptimizerStates& states) {
  train::write_weights_checkpoint(path, CheckpointName<Settings>::kKey,
                                  {{"settings", train::settings_to_json(c.settings)},
                                   {"without_signal", c.without_signal},
                                   {"next_task", c.order.next},
                                   {"tasks_again", c.order.waiting}},
                                  c, main, states);
}

/// Throws Error if the file is missing, cut short, or not one of ours.
template <class Settings>
PolicyCheckpoint<Settings> read_policy_checkpoint(const std::filesystem::path& path) {
  using Name = CheckpointName<Settings>;
  const train::CheckpointFile file(path, Name::kKey, Name::kCommand);
  return file.read_checked([&] {
    PolicyCheckpoint<Settings> out(train::indexer_shape_from(file.about().at("shape")));
    auto settings = file.about().at("settings");
    for (const char* since : {"lora", "again"})  // files from before there was one
      if (!settings.contains(since)) settings[since] = 0;
    out.settings = train::read_settings<Settings>(settings, file.who());
    out.without_signal = file.about().at("without_signal");
    train::read_weights_checkpoint(file, out);
    if (file.about().contains("next_task")) {
      out.order = {.next = file.about().at("next_task"), .waiting = file.about().at("tasks_again")};
    } else if constexpr (requires { out.settings.tasks; }) {
      out.order.next = out.progress.step * out.settings.tasks;
    }
    return out;
  });
}

}  // namespace dsa::rl
