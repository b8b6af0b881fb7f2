// What supervised training and training by reward on tasks have in common.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/open_model.h"
#include "rl/episodes/player.h"
#include "rl/train/batch.h"
#include "rl/train/checkpoint.h"
#include "rl/train/held_out.h"
#include "rl/train/policy.h"
#include "rl/train/task_source.h"
#include "train/loop/training_loop.h"
#include "train/pretrain/mla_weights.h"

namespace dsa::rl {

/// What a training on tasks works with; all of it must outlive the trainer.
struct TrainingContext {
  const ModelFiles& base;  // that it begins with
  const Tokenizer& tokenizer;
  Exec& exec;
  std::span<const DomainShare> domains;
  std::filesystem::path folder;
  /// Of base's indexer, where its tensors are not base's own.
  const TensorSource* indexer = nullptr;
  std::vector<std::filesystem::path> indexer_folders = {};  // where it was found (LoadOptions)
};

/// Throws Error unless such a model can be trained with these settings.
void check_trainable(const ModelFiles& base, const Tokenizer& tokenizer, const TaskSettings& settings);

/// `lessons`: what it is trained on, in words or as a hash.
train::Identity identity_of(const ModelFiles& base, const std::string& lessons);

/// What a training begins with: the base's weights, which the trainer reads.
template <class Settings>
PolicyCheckpoint<Settings> new_policy_checkpoint(const ModelFiles& base, const Settings& settings,
                                                 const std::string& lessons, const train::Budget& budget) {
  PolicyCheckpoint<Settings> out(indexer_shape_of(base.config));
  out.settings = settings;
  out.identity = identity_of(base, lessons);
  out.progress = train::first_progress(budget);
  return out;
}

/// The base as it is trained with these settings; exec and base must outlive it.  Throws Error.
std::unique_ptr<Policy> policy_of(const TrainingContext& context, const TaskSettings& settings);

train::StageKind stage_of(const TaskSettings& settings);

/// Writes what says which model it is to be.  Throws Error.
void begin_folder(const TrainingContext& context);
/// Writes the model, BF16, and README.md.  Throws Error.
void publish(const TrainingContext& context, Policy& policy, const train::ReportSubject& subject,
             const train::TrainLog& log);

}  // namespace dsa::rl
