// A model at tasks that are never trained on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "model/loaded_model.h"
#include "rl/episodes/player.h"
#include "rl/train/batch.h"
#include "rl/train/task_source.h"

namespace dsa::rl {

RunOptions run_options(const TaskSettings& settings);

/// A model in F32 for episodes of `context` tokens, `episodes` of them at a time.  Throws Error.
std::unique_ptr<LoadedModel> loaded(OpenedModel opened, std::int64_t context, std::int64_t episodes,
                                    const Exec& exec);

struct HeldOutTasks {
  std::span<const DomainShare> domains;  // all alike, whatever their shares
  const TaskSettings& settings;
  std::int64_t message_tokens = 128;
  std::int64_t tasks = 0;  // of each domain
  double temperature = 0;
};
/// Of each task, domain after domain, one episode.  nullopt: cancelled.
std::optional<Groups> play_held_out(OpenedModel model, const Tokenizer& tokenizer, const HeldOutTasks& what,
                                    const Exec& exec, const std::atomic<bool>& cancel,
                                    const std::function<void(std::int64_t)>& progress = {});

}  // namespace dsa::rl
