#include "rl/train/sft_trainer.h"

#include <algorithm>

#include "base/error.h"
#include "train/loop/learning_rate.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kSftLooks = 4;  // at what is not trained on
constexpr double kLastRate = 0.1;      // of the peak

}  // namespace

SftTrainer::SftTrainer(const TrainingContext& context, Curriculum& curriculum, Checkpoint checkpoint)
    : context_(context),
      curriculum_(curriculum),
      checkpoint_(std::move(checkpoint)),
      plan_{.looks = kSftLooks},
      policy_(policy_of(context, settings())) {
  if (!checkpoint_.main.empty()) policy_->restore(checkpoint_, context.folder);
}

std::string SftTrainer::reading() {
  const std::int64_t first = checkpoint_.progress.step * settings().batch;
  return fmt::format("episodes {} to {}", first, first + settings().batch - 1);
}

std::optional<train::StepRecord> SftTrainer::step(const std::atomic<bool>& cancel) {
  const train::Progress& p = checkpoint_.progress;
  train::StepRecord record{.context = settings().context, .batch = settings().batch};
  std::vector<Played> batch;
  std::vector<Policy::Sequence> sequences;
  std::int64_t written = 0;
  for (std::int64_t i = 0; i < settings().batch; ++i) {
    batch.push_back(curriculum_.at(p.step * settings().batch + i));
    written += std::ssize(batch.back().written);
    record.own_tokens += std::ssize(batch.back().tokens);
  }
  if (written == 0)
    fail("nothing of a whole step fits into {} tokens: raise the context", settings().context);
  for (const Played& one : batch) sequences.push_back({.tokens = one.tokens, .trained = one.written});
  double loss = 0;
  const auto result =
      policy_->run({.sequences = sequences,
                    .stage = stage_of(settings()),
                    .train_indexers = settings().indexers == "train",
                    .slopes =
                        [&](std::size_t, std::span<const float> log_probs, std::span<float> slopes) {
                          for (const float log_prob : log_probs) loss -= static_cast<double>(log_prob);
                          std::ranges::fill(slopes, -1.0F / static_cast<float>(written));
                        }},
                   cancel);
  if (!result) return std::nullopt;
  const auto rate = [&](double peak) {
    return train::rate_at({.peak = peak, .rise = settings().rise, .last = kLastRate}, p.step, p.done());
  };
  const double indexer = settings().indexers == "train" ? rate(settings().indexer_lr) : 0;
  const auto norms =
      policy_->update({.main = rate(settings().lr), .indexer = indexer, .clip = settings().clip});
  if (!result->indexers.empty()) record.indexer = train::record_of(result->indexers);
  record.indexer.gradient_norm = norms.indexer;
  record.indexer.learning_rate = indexer;
  record.main = train::MainRecord{.language_model = loss / static_cast<double>(written),
                                  .gradient_norm = norms.main,
                                  .learning_rate = rate(settings().lr)};
  return record;
}

std::optional<train::StepRecord> SftTrainer::look(const std::atomic<bool>& cancel) {
  train::StepRecord record{.context = settings().context};
  auto reward = curriculum_.look(policy_->snapshot(context_.folder), context_.exec, cancel);
  if (!reward) return std::nullopt;
  record.reward = std::move(*reward);
  return record;
}

void SftTrainer::save(const train::TrainLog&) {
  std::ranges::copy(policy_->indexer().values(), checkpoint_.indexer.values().begin());
  write_policy_checkpoint(context_.folder / train::kCheckpointFile, checkpoint_, policy_->trained().values(),
                          policy_->optimizers());
}

void SftTrainer::finish(const train::TrainLog& log) { publish(context_, *policy_, describe(), log); }

train::ReportSubject SftTrainer::describe() const {
  return {.title = checkpoint_.settings.learns == "verdicts" ? "A judge of attempts at tasks"
                                                             : "Supervised training on tasks",
          .command = checkpoint_.settings.learns == "verdicts" ? "dsa rl judge" : "dsa rl sft",
          .model = context_.base.path.string(),
          .progress = checkpoint_.progress,
          .identity = checkpoint_.identity,
          .settings = train::settings_rows(checkpoint_.settings)};
}

}  // namespace dsa::rl
