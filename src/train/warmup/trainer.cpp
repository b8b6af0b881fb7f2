#include "train/warmup/trainer.h"

#include <algorithm>

#include "base/numeric.h"
#include "base/stopwatch.h"
#include "train/loop/learning_rate.h"
#include "train/warmup/publish.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kRecallEvery = 10;    // steps
constexpr std::int64_t kLooks = 8;           // at held-out text
constexpr std::int64_t kHeldOutWindows = 2;  // of each look

// At short contexts a smaller selection, so that it stays one: an eighth of the context.
std::int64_t recall_topk(std::int64_t topk, std::int64_t context) {
  return std::clamp<std::int64_t>(context / 8, 1, topk);
}

}  // namespace

WarmupCheckpoint new_warmup_checkpoint(const ModelFiles& model, std::span<const Document> text,
                                       const WarmupSettings& settings, const Budget& budget) {
  WarmupCheckpoint out(indexer_shape(model, settings.heads, settings.dim));
  out.settings = settings;
  out.identity = identity_of(model, text);
  out.progress = first_progress(budget);
  initialize(out.parameters, static_cast<std::uint64_t>(settings.seed));
  return out;
}

WarmupTrainer::WarmupTrainer(const Context& context, WarmupCheckpoint checkpoint)
    : context_(context),
      checkpoint_(std::move(checkpoint)),
      curriculum_(Curriculum::parse(checkpoint_.settings.curriculum)),
      plan_{.shares = curriculum_.shares(), .looks = context.held_out.empty() ? 0 : kLooks},
      pass_(context.model, checkpoint_.parameters.shape(), curriculum_.longest(), checkpoint_.settings.rows,
            parse_products(checkpoint_.settings.compute)),
      optimizers_(checkpoint_.parameters, context.model.exec(), *context.model.transformer().kernels().rows),
      gradient_(checkpoint_.parameters.shape()) {
  for (const std::int64_t length : curriculum_.contexts())
    samplers_.emplace_back(context.text, length, static_cast<std::uint64_t>(checkpoint_.settings.seed));
  optimizers_.restore(checkpoint_);
  if (!context.held_out.empty())
    static_cast<void>(cut_windows(context.held_out, curriculum_.longest()));  // long enough?
}

std::int64_t WarmupTrainer::stage_context() const {
  return curriculum_.contexts()[usize(checkpoint_.progress.stage)];
}

// Of the stage at hand once it has made a step.
std::int64_t WarmupTrainer::trained_context() const {
  const Progress& p = checkpoint_.progress;
  const bool only_entered = p.stage > 0 && p.stage_step == 0;
  return curriculum_.contexts()[usize(only_entered ? p.stage - 1 : p.stage)];
}

// Queries that see no more than a selection holds need no indexer: rows are drawn from those that see more.
LossRequest WarmupTrainer::request(std::int64_t context, std::int64_t draw, Measure measure) {
  const WarmupSettings& s = checkpoint_.settings;
  rows_ =
      sample_rows(std::min(s.topk, context / 4), context, s.rows, static_cast<std::uint64_t>(s.seed), draw);
  return {.rows = rows_,
          .mix = mix_at(parse_target(s.target), checkpoint_.progress.done()),
          .recall_topk = measure == Measure::loss_and_recall ? recall_topk(s.topk, context) : 0};
}

std::string WarmupTrainer::reading() {
  return name_of(context_.text, sampler().at(checkpoint_.progress.stage_step), stage_context());
}

std::optional<StepRecord> WarmupTrainer::step(const std::atomic<bool>& cancel) {
  const Progress& p = checkpoint_.progress;
  StepRecord record{.context = stage_context()};
  const LossRequest wanted =
      request(record.context, p.step, p.step % kRecallEvery == 0 ? Measure::loss_and_recall : Measure::loss);
  const auto tokens = sampler().tokens(sampler().at(p.stage_step));
  if (train_on(tokens, wanted, record, cancel) == Outcome::cancelled) return std::nullopt;
  return record;
}

// All of a document's updates, or none.
Outcome WarmupTrainer::train_on(std::span<const std::int32_t> tokens, const LossRequest& wanted,
                                StepRecord& record, const std::atomic<bool>& cancel) {
  const Progress& p = checkpoint_.progress;
  const double rate = learning_rate(checkpoint_.settings.lr, p.step, p.done());
  const auto weights = checkpoint_.parameters.values();
  before_.assign(weights.begin(), weights.end());
  optimizers_.save(checkpoint_);
  std::vector<double> norms(usize(gradient_.shape().layers));
  const auto update = [&](std::int64_t layer) {
    const double norm = optimizers_.step(layer, gradient_, checkpoint_.settings.clip, rate);
    double& largest = norms[usize(layer)];
    if (!(norm <= largest)) largest = norm;  // a NaN stays
  };
  const PassTraining training{
      .gradient = gradient_, .updates = checkpoint_.settings.updates, .update = update};
  if (!pass_.run(tokens, wanted, checkpoint_.parameters, &training, cancel)) {
    std::ranges::copy(before_, weights.begin());
    optimizers_.restore(checkpoint_);
    return Outcome::cancelled;
  }
  record.indexer = record_of(pass_.losses());
  check_finite(record.indexer.layer_kl, norms);
  record.indexer.gradient_norm = *std::ranges::max_element(norms);
  record.indexer.learning_rate = rate;
  return Outcome::done;
}

std::optional<double> WarmupTrainer::seconds_a_token(std::size_t stage, const std::atomic<bool>& cancel) {
  const Stopwatch watch;
  const std::int64_t context = curriculum_.contexts()[stage];
  const LossRequest wanted = request(context, /*draw=*/0, Measure::loss);
  const PassTraining timing{.gradient = gradient_, .updates = checkpoint_.settings.updates, .update = {}};
  WindowSampler& sampler = samplers_[stage];
  if (!pass_.run(sampler.tokens(sampler.at(0)), wanted, checkpoint_.parameters, &timing, cancel))
    return std::nullopt;
  return watch.seconds() / static_cast<double>(context);
}

std::optional<StepRecord> WarmupTrainer::look(const std::atomic<bool>& cancel) {
  StepRecord record{.context = stage_context()};
  const auto windows = evenly_chosen(cut_windows(context_.held_out, record.context), kHeldOutWindows);
  for (const Window& window : windows) {
    const LossRequest wanted = request(record.context, /*draw=*/0, Measure::loss_and_recall);
    if (!pass_.run(tokens_of(context_.held_out, window, record.context), wanted, checkpoint_.parameters,
                   nullptr, cancel))
      return std::nullopt;
    add_share(record.indexer, record_of(pass_.losses()), 1.0 / static_cast<double>(windows.size()));
  }
  return record;
}

// And the indexer with its card, once it has learnt something.
void WarmupTrainer::save(const TrainLog& log) {
  optimizers_.save(checkpoint_);
  write_warmup_checkpoint(context_.folder / kCheckpointFile, checkpoint_);
  if (checkpoint_.progress.step > 0)
    publish_indexer(context_.folder, context_.model.files(), checkpoint_, trained_context(), log);
}

ReportSubject WarmupTrainer::describe() const {
  return {.title = "Indexer warm-up",
          .command = "dsa train indexer",
          .model = context_.model.files().path.filename().string(),
          .progress = checkpoint_.progress,
          .identity = checkpoint_.identity,
          .settings = settings_rows(checkpoint_.settings)};
}

}  // namespace dsa::train
