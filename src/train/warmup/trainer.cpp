#include "train/warmup/trainer.h"

#include <algorithm>
#include <cmath>

#include "base/atomic_file.h"
#include "base/error.h"
#include "train/loop/report.h"
#include "train/warmup/publish.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kRecallEvery = 10;  // steps

// At short contexts a smaller selection, so that it stays one: an eighth of the context.
std::int64_t recall_topk(std::int64_t topk, std::int64_t context) {
  return std::clamp<std::int64_t>(context / 8, 1, topk);
}

}  // namespace

WarmupTrainer WarmupTrainer::start(LoadedModel& model, std::span<const Document> text,
                                   std::span<const Document> held_out, const WarmupSettings& settings,
                                   const Budget& budget, TrainerFiles files) {
  DSA_CHECK((budget.tokens > 0) != (budget.hours > 0));
  refuse_second_training(files.folder);
  WarmupCheckpoint checkpoint(indexer_shape(model.files(), settings.heads, settings.dim));
  checkpoint.settings = settings;
  checkpoint.identity = identity_of(model.files(), text);
  checkpoint.progress.budget = budget.tokens;
  checkpoint.progress.hours = budget.hours;
  initialize(checkpoint.parameters, static_cast<std::uint64_t>(settings.seed));
  return {model, text, held_out, std::move(checkpoint), std::move(files)};
}

WarmupTrainer WarmupTrainer::resume(LoadedModel& model, std::span<const Document> text,
                                    std::span<const Document> held_out, WarmupCheckpoint checkpoint,
                                    TrainerFiles files) {
  check_identity(checkpoint.identity, identity_of(model.files(), text), model.files().path, files.folder);
  return {model, text, held_out, std::move(checkpoint), std::move(files)};
}

WarmupTrainer::WarmupTrainer(LoadedModel& model, std::span<const Document> text,
                             std::span<const Document> held_out, WarmupCheckpoint checkpoint,
                             TrainerFiles files)
    : model_(model),
      text_(text),
      held_out_(held_out),
      checkpoint_(std::move(checkpoint)),
      files_(std::move(files)),
      curriculum_(Curriculum::parse(checkpoint_.settings.curriculum)),
      log_(files_.folder / "train_log.jsonl", checkpoint_.progress.step),
      pass_(model, checkpoint_.parameters.shape(), curriculum_.longest(), checkpoint_.settings.rows),
      optimizers_(checkpoint_.parameters),
      gradient_(checkpoint_.parameters.shape()),
      last_save_(log_.elapsed()) {
  set_optimizer_threads(model.exec().threads());
  for (const Stage& stage : curriculum_.stages())
    samplers_.emplace_back(text, stage.context, static_cast<std::uint64_t>(checkpoint_.settings.seed));
  optimizers_.restore(checkpoint_);
  if (!held_out.empty()) static_cast<void>(cut_windows(held_out, curriculum_.longest()));  // long enough?
}

std::int64_t WarmupTrainer::stage_context() const {
  return curriculum_.stages()[static_cast<std::size_t>(checkpoint_.progress.stage)].context;
}

// Of the stage at hand once it has made a step.
std::int64_t WarmupTrainer::trained_context() const {
  const Progress& p = checkpoint_.progress;
  const bool only_entered = p.stage > 0 && p.stage_step == 0;
  return curriculum_.stages()[static_cast<std::size_t>(only_entered ? p.stage - 1 : p.stage)].context;
}

// Queries that see no more than a selection holds need no indexer: rows are drawn from those that see more.
LossRequest WarmupTrainer::request(std::int64_t context, std::int64_t draw, bool with_recall) {
  const WarmupSettings& s = checkpoint_.settings;
  rows_ =
      sample_rows(std::min(s.topk, context / 4), context, s.rows, static_cast<std::uint64_t>(s.seed), draw);
  return {.rows = rows_,
          .mix = mix_at(parse_target(s.target), checkpoint_.progress.done()),
          .recall_topk = with_recall ? recall_topk(s.topk, context) : 0};
}

bool WarmupTrainer::run(const Events& events, const std::atomic<bool>& cancel) {
  if (checkpoint_.progress.step == 0) save_checkpoint();  // a disk that is full says so now, not in an hour
  while (!checkpoint_.progress.finished()) {
    if (!step(events, cancel)) {
      save(events);
      return false;
    }
    Progress& p = checkpoint_.progress;
    if (p.budget == 0 && p.step >= kTimedSteps) {
      turn_hours_into_tokens(cancel);
      if (p.budget > 0) save(events);
    }
    if (!look_at_held_out(events, cancel)) continue;
    if (log_.elapsed() - last_save_ >= files_.save_seconds) save(events);
  }
  save(events);
  return true;
}

bool WarmupTrainer::step(const Events& events, const std::atomic<bool>& cancel) {
  Progress& p = checkpoint_.progress;
  if (const auto stage = static_cast<std::int64_t>(curriculum_.stage_at(p.tokens, p.budget));
      stage != p.stage) {
    p.stage = stage;
    p.stage_step = 0;
  }
  const auto start = Clock::now();
  const std::int64_t context = stage_context();
  WindowSampler& sampler = samplers_[static_cast<std::size_t>(p.stage)];
  const Window window = sampler.at(p.stage_step);
  const bool with_recall = p.step % kRecallEvery == 0;
  const LossRequest wanted = request(context, p.step, with_recall);
  const double rate = learning_rate(checkpoint_.settings.lr, p.step, p.done());
  std::vector<double> norms;
  try {
    if (!train_on(sampler.tokens(window), wanted, rate, norms, cancel)) return false;
  } catch (const Error& error) {
    fail("step {}: {}: {}", p.step + 1, name_of(text_, window, context), error.what());
  }
  check(window, pass_.losses(), norms);
  StepRecord record{.step = p.step + 1,
                    .tokens = p.tokens + context,
                    .context = context,
                    .kl = summarize(pass_.losses()).kl,
                    .gradient_norm = *std::ranges::max_element(norms),
                    .learning_rate = rate,
                    .recall = {},
                    .layer_kl = {}};
  if (with_recall) record.recall = summarize(pass_.losses());
  for (const LayerLoss& loss : pass_.losses()) record.layer_kl.push_back(loss.kl);

  ++p.step;
  ++p.stage_step;
  p.tokens += context;
  note(log_, std::move(record), seconds_since(start), events);
  return true;
}

// All of a document's updates, or none.
bool WarmupTrainer::train_on(std::span<const std::int32_t> tokens, const LossRequest& wanted,
                             double learning_rate, std::vector<double>& norms,
                             const std::atomic<bool>& cancel) {
  const auto weights = checkpoint_.parameters.values();
  before_.assign(weights.begin(), weights.end());
  optimizers_.save(checkpoint_);
  norms.assign(static_cast<std::size_t>(gradient_.shape().layers), 0);
  const auto update = [&](std::int64_t layer) {
    const double norm = optimizers_.step(layer, gradient_, checkpoint_.settings.clip, learning_rate);
    double& largest = norms[static_cast<std::size_t>(layer)];
    if (!(norm <= largest)) largest = norm;  // a NaN stays
  };
  const PassTraining training{
      .gradient = gradient_, .updates = checkpoint_.settings.updates, .update = update};
  if (pass_.run(tokens, wanted, checkpoint_.parameters, &training, cancel)) return true;
  std::ranges::copy(before_, weights.begin());
  optimizers_.restore(checkpoint_);
  return false;
}

void WarmupTrainer::check(const Window& window, std::span<const LayerLoss> losses,
                          std::span<const double> norms) const {
  for (std::size_t layer = 0; layer < losses.size(); ++layer) {
    const bool loss = std::isfinite(losses[layer].kl);
    if (loss && std::isfinite(norms[layer])) continue;
    fail(
        "step {}, layer {}: the {} is not a finite number, on {}; "
        "the last good checkpoint is {} (--resume with a lower --lr needs a new --out)",
        checkpoint_.progress.step + 1, layer, loss ? "gradient" : "loss",
        name_of(text_, window, stage_context()), printable((files_.folder / kCheckpointFile).string(), 1000));
  }
}

// A token costs more the longer its context: later stages are timed by a pass that trains nothing.
void WarmupTrainer::turn_hours_into_tokens(const std::atomic<bool>& cancel) {
  Progress& p = checkpoint_.progress;
  const double first_stage = seconds_a_token(log_);
  double mean = 0;
  for (std::size_t i = 0; i < samplers_.size(); ++i) {
    const Stage& stage = curriculum_.stages()[i];
    double per_token = first_stage;
    if (i > 0) {
      const auto start = Clock::now();
      const LossRequest wanted = request(stage.context, 0, /*with_recall=*/false);
      const PassTraining timing{.gradient = gradient_, .updates = checkpoint_.settings.updates, .update = {}};
      if (!pass_.run(samplers_[i].tokens(samplers_[i].at(0)), wanted, checkpoint_.parameters, &timing,
                     cancel))
        return;
      per_token = seconds_since(start) / static_cast<double>(stage.context);
    }
    mean += stage.share * per_token;
  }
  p.budget = std::max(p.tokens + 1, static_cast<std::int64_t>(p.hours * 3600 / mean));
}

bool WarmupTrainer::look_at_held_out(const Events& events, const std::atomic<bool>& cancel) {
  const Progress& p = checkpoint_.progress;
  if (held_out_.empty() || !looks_.due(p)) return true;
  looks_.looked(p);
  const std::int64_t context = stage_context();
  StepRecord record{
      .step = p.step, .tokens = p.tokens, .context = context, .recall = PassSummary{}, .layer_kl = {}};
  const auto start = Clock::now();
  const auto windows = spread(cut_windows(held_out_, context), kHeldOutWindows);
  PassSummary mean;
  for (const Window& window : windows) {
    const LossRequest wanted = request(context, /*draw=*/0, /*with_recall=*/true);
    if (!pass_.run(tokens_of(held_out_, window, context), wanted, checkpoint_.parameters, nullptr, cancel))
      return false;
    const PassSummary one = summarize(pass_.losses());
    const auto share = 1.0 / static_cast<double>(windows.size());
    mean.kl += share * one.kl;
    mean.recall += share * one.recall;
    mean.best += share * one.best;
    mean.worst_layer = std::min(mean.worst_layer, one.worst_layer);
  }
  record.kl = mean.kl;
  record.recall = mean;
  record.held_out = true;
  note(log_, std::move(record), seconds_since(start), events);
  return true;
}

void WarmupTrainer::save_checkpoint() {
  optimizers_.save(checkpoint_);
  write_warmup_checkpoint(files_.folder / kCheckpointFile, checkpoint_);
}

void WarmupTrainer::save(const Events& events) {
  save_checkpoint();
  publish_indexer(files_.folder, model_.files(), checkpoint_, trained_context(), log_);
  write_file(files_.folder / "report.html",
             html_report(model_.files().path.filename().string(), checkpoint_, log_));
  last_save_ = log_.elapsed();
  if (events.saved) events.saved(files_.folder / kCheckpointFile);
}

}  // namespace dsa::train
