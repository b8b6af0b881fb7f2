#include "train/pretrain/trainer.h"

#include <algorithm>
#include <cmath>

#include "base/atomic_file.h"
#include "base/error.h"
#include "train/loop/report.h"
#include "train/loop/schedule.h"
#include "train/pretrain/mla_losses.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/publish.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kModelLooks = 24;        // at held-out text, evenly over the budget
constexpr std::int64_t kHeldOutTokens = 16384;  // of each look, at most
constexpr std::int64_t kRecallEvery = 10;       // steps
constexpr std::int64_t kProbes = 2;  // steps of a later stage that are timed; the first does not count

std::int64_t step_tokens(const PretrainSettings& s) { return s.batch * s.context; }

// AdamW's decay, of matrices alone: norms and the routers' biases have nothing to decay to.
void decay(NamedTensors& weights, double factor, Exec& exec) {
  exec.parallel_for(static_cast<std::int64_t>(weights.entries().size()), 1,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        const auto& entry = weights.entries()[static_cast<std::size_t>(i)];
                        if (entry.shape.size() == 1) continue;
                        for (float& w : weights.of(entry)) w *= static_cast<float>(factor);
                      }
                    });
}

}  // namespace

PretrainCheckpoint new_pretrain_checkpoint(const ModelConfig& config, const Identity& identity,
                                           const PretrainSettings& settings, const Budget& budget) {
  DSA_CHECK((budget.tokens > 0) != (budget.hours > 0));
  PretrainCheckpoint out(mla_indexer_shape(config));
  out.settings = settings;
  out.identity = identity;
  out.progress.budget = budget.tokens;
  out.progress.hours = budget.hours;
  const auto seed = static_cast<std::uint64_t>(settings.seed);
  initialize(out.indexer, seed);
  NamedTensors weights = mla_weights(config);
  initialize(weights, config, seed);
  out.main.assign(weights.values().begin(), weights.values().end());
  return out;
}

PretrainTrainer::PretrainTrainer(const Context& context, PretrainCheckpoint checkpoint)
    : context_(context),
      checkpoint_(std::move(checkpoint)),
      recipe_(Recipe::parse(checkpoint_.settings.stages)),
      weights_(mla_weights(context.config)),
      gradient_(weights_.zeros()),
      indexer_gradient_(checkpoint_.indexer.shape()),
      model_(context.config,
             {.weights = weights_,
              .gradient = gradient_,
              .indexer = checkpoint_.indexer,
              .indexer_gradient = indexer_gradient_},
             {.batch = checkpoint_.settings.batch,
              .max_context = checkpoint_.settings.context,
              .mtp = checkpoint_.settings.mtp,
              .products = parse_products(checkpoint_.settings.compute)},
             context.exec, choose_kernels()),
      main_optimizer_(weights_.values(), {}),
      indexer_optimizer_(checkpoint_.indexer.values(), {}),
      sampler_(context.text, checkpoint_.settings.context,
               static_cast<std::uint64_t>(checkpoint_.settings.seed)),
      log_(context.files.folder / "train_log.jsonl", checkpoint_.progress.step),
      last_save_(log_.elapsed()),
      looks_(kModelLooks) {
  set_optimizer_threads(context.exec.threads());
  take_main(checkpoint_, weights_, context.files.folder);
  restore(main_optimizer_, checkpoint_.main_moments);
  restore(indexer_optimizer_, checkpoint_.indexer_moments);
  if (!context.held_out.empty())
    static_cast<void>(cut_windows(context.held_out, checkpoint_.settings.context));  // long enough?
}

StageKind PretrainTrainer::stage() const {
  return recipe_.stages()[static_cast<std::size_t>(checkpoint_.progress.stage)].kind;
}

bool PretrainTrainer::run(const TrainerEvents& events, const std::atomic<bool>& cancel) {
  Progress& p = checkpoint_.progress;
  if (p.step == 0) save_checkpoint();  // a disk that is full says so now, not in an hour
  while (!p.finished()) {
    enter_stage();
    if (step(events, cancel) == Outcome::cancelled) break;
    if (p.budget == 0 && p.step >= kTimedSteps) {
      if (turn_hours_into_tokens(cancel) == Outcome::cancelled) break;
      save(events);
    }
    if (look_at_held_out(events, cancel) == Outcome::cancelled) break;
    if (log_.elapsed() - last_save_ >= context_.files.save_seconds) save(events);
  }
  save(events);
  publish_pretrained_model(context_.files.folder, context_.config, weights_, checkpoint_, log_);
  return p.finished();
}

void PretrainTrainer::enter_stage() {
  Progress& p = checkpoint_.progress;
  const auto stage = static_cast<std::int64_t>(recipe_.at(p.tokens, p.budget).stage);
  if (stage == p.stage) return;
  p.stage = stage;
  p.stage_step = 0;
}

PretrainTrainer::Rates PretrainTrainer::rates(double done) const {
  constexpr double kDenseEnd = 0.1, kEnd = 0.01;
  const PretrainSettings& s = checkpoint_.settings;
  const auto at = [&](double peak, std::int64_t rise, double last) {
    return rate_at({.peak = peak, .rise = rise, .last = last}, checkpoint_.progress.stage_step, done);
  };
  switch (stage()) {
    case StageKind::dense:
      return {.main = at(s.lr, s.rise, kDenseEnd), .indexer = 0};
    case StageKind::warmup:
      return {.main = 0, .indexer = at(s.warmup_lr, kRisingSteps, kDenseEnd)};
    case StageKind::sparse:
      return {.main = at(s.sparse_lr, kRisingSteps, kEnd), .indexer = at(s.indexer_lr, kRisingSteps, kEnd)};
  }
  return {};
}

std::vector<std::int32_t> PretrainTrainer::batch_of(std::int64_t step) {
  const std::int64_t batch = checkpoint_.settings.batch;
  std::vector<std::int32_t> out;
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto tokens = sampler_.tokens(sampler_.at(step * batch + i));
    out.insert(out.end(), tokens.begin(), tokens.end());
  }
  return out;
}

PretrainTrainer::Outcome PretrainTrainer::step(const TrainerEvents& events, const std::atomic<bool>& cancel) {
  Progress& p = checkpoint_.progress;
  const PretrainSettings& s = checkpoint_.settings;
  const auto start = Clock::now();
  const Rates rate = rates(recipe_.at(p.tokens, p.budget).done);
  StepRecord record{.step = p.step + 1,
                    .tokens = p.tokens + step_tokens(s),
                    .context = s.context,
                    .learning_rate = rate.indexer,
                    .recall = {},
                    .layer_kl = {},
                    .batch = s.batch,
                    .stage = std::string(name(stage()))};
  try {
    const auto tokens = batch_of(p.step);
    const auto losses = model_.run({.tokens = tokens,
                                    .context = s.context,
                                    .stage = stage(),
                                    .gradients = MlaModel::Gradients::all,
                                    .recall = p.step % kRecallEvery == 0},
                                   cancel);
    if (!losses) return Outcome::cancelled;
    const double norm = clip_norm(gradient_.values(), s.clip, context_.exec);
    const auto norms = clip_layers(indexer_gradient_, s.clip, context_.exec);
    record.layer_kl = kl_of(losses->indexers);
    check_finite({.kl = record.layer_kl,
                  .indexer_norms = norms,
                  .losses = {losses->language_model, losses->mtp},
                  .main_norm = norm,
                  .gradient = gradient_});
    const PassSummary summary = summarize(losses->indexers);
    record.kl = summary.kl;
    if (summary.has_recall) record.recall = summary;
    record.gradient_norm = *std::ranges::max_element(norms);
    record.experts = experts_of(*losses);
    if (rate.main > 0)
      record.main = MainRecord{.language_model = losses->language_model,
                               .mtp = losses->mtp,
                               .gradient_norm = norm,
                               .learning_rate = rate.main};
    update(*losses, rate);
  } catch (const Error& error) {
    const Window window = sampler_.at(p.step * s.batch);
    fail(
        "step {}, {}, on {} and {} more; "
        "the last good checkpoint is {} (--resume with a lower --lr needs a new --out)",
        p.step + 1, error.what(), name_of(context_.text, window, s.context), s.batch - 1,
        printable((context_.files.folder / kCheckpointFile).string(), 1000));
  }
  ++p.step;
  ++p.stage_step;
  p.tokens += step_tokens(s);
  note(log_, std::move(record), seconds_since(start), events);
  return Outcome::done;
}

void PretrainTrainer::update(const MlaModel::Losses& losses, const Rates& rates) {
  if (rates.main > 0) {
    decay(weights_, 1 - rates.main * checkpoint_.settings.weight_decay, context_.exec);
    main_optimizer_.step(gradient_.values(), rates.main);
    balance_routers(weights_, losses, checkpoint_.settings.balance);
  }
  if (rates.indexer > 0) indexer_optimizer_.step(indexer_gradient_.values(), rates.indexer);
}

// Later stages are timed on the text at hand, without a step.
PretrainTrainer::Outcome PretrainTrainer::turn_hours_into_tokens(const std::atomic<bool>& cancel) {
  Progress& p = checkpoint_.progress;
  const auto tokens = batch_of(p.step);
  double mean = 0;
  for (const RecipeStage& stage : recipe_.stages()) {
    double per_token = seconds_a_token(log_);
    if (stage.kind != StageKind::dense) {
      auto start = Clock::now();
      for (std::int64_t i = 0; i < kProbes; ++i) {
        start = Clock::now();
        if (!model_.run({.tokens = tokens, .context = checkpoint_.settings.context, .stage = stage.kind},
                        cancel))
          return Outcome::cancelled;
      }
      per_token = seconds_since(start) / static_cast<double>(tokens.size());
    }
    mean += stage.share * per_token;
  }
  p.budget = std::max(p.tokens + 1, static_cast<std::int64_t>(p.hours * 3600 / mean));
  return Outcome::done;
}

PretrainTrainer::Outcome PretrainTrainer::look_at_held_out(const TrainerEvents& events,
                                                           const std::atomic<bool>& cancel) {
  const Progress& p = checkpoint_.progress;
  const bool stage_ends = static_cast<std::int64_t>(recipe_.at(p.tokens, p.budget).stage) != p.stage;
  if (context_.held_out.empty() || !(looks_.due(p) || stage_ends)) return Outcome::done;
  looks_.looked(p);
  const auto start = Clock::now();
  const PretrainSettings& s = checkpoint_.settings;
  StepRecord record{.step = p.step,
                    .tokens = p.tokens,
                    .context = s.context,
                    .recall = {},
                    .layer_kl = {},
                    .held_out = true,
                    .main = MainRecord{},
                    .batch = s.batch,
                    .stage = std::string(name(stage()))};
  const auto windows = spread(cut_windows(context_.held_out, s.context),
                              std::max<std::int64_t>(1, kHeldOutTokens / s.context));
  for (std::size_t first = 0; first < windows.size(); first += static_cast<std::size_t>(s.batch)) {
    const std::size_t end = std::min(windows.size(), first + static_cast<std::size_t>(s.batch));
    std::vector<std::int32_t> tokens;
    for (std::size_t i = first; i < end; ++i) {
      const auto part = tokens_of(context_.held_out, windows[i], s.context);
      tokens.insert(tokens.end(), part.begin(), part.end());
    }
    const double share = static_cast<double>(end - first) / static_cast<double>(windows.size());
    if (!add_look(tokens, share, record, cancel)) return Outcome::cancelled;
  }
  note(log_, std::move(record), seconds_since(start), events);
  return Outcome::done;
}

bool PretrainTrainer::add_look(std::span<const std::int32_t> tokens, double share, StepRecord& record,
                               const std::atomic<bool>& cancel) {
  const auto look = [&](StageKind kind) {
    return model_.run({.tokens = tokens,
                       .context = checkpoint_.settings.context,
                       .stage = kind,
                       .gradients = MlaModel::Gradients::none,
                       .recall = true},
                      cancel);
  };
  const auto losses = look(stage());
  if (!losses) return false;
  record.main->language_model += share * losses->language_model;
  record.main->mtp += share * losses->mtp;
  PassSummary summary = summarize(losses->indexers);
  record.kl += share * summary.kl;
  if (stage() == StageKind::sparse) {
    const auto dense = look(StageKind::warmup);
    if (!dense) return false;
    record.main->dense += share * dense->language_model;
    summary = summarize(dense->indexers);
  }
  if (!summary.has_recall) return true;
  if (!record.recall) record.recall = PassSummary{.has_recall = true};
  record.recall->recall += share * summary.recall;
  record.recall->best += share * summary.best;
  record.recall->worst_layer = std::min(record.recall->worst_layer, summary.worst_layer);
  return true;
}

void PretrainTrainer::save_checkpoint() {
  write_pretrain_checkpoint(context_.files.folder / kCheckpointFile, checkpoint_, weights_.values(),
                            {.main = main_optimizer_.state(), .indexer = indexer_optimizer_.state()});
}

void PretrainTrainer::save(const TrainerEvents& events) {
  save_checkpoint();
  write_file(context_.files.folder / "report.html",
             html_report({.title = "A model from scratch",
                          .command = "dsa train model",
                          .model = context_.config.model_type,
                          .progress = checkpoint_.progress,
                          .identity = checkpoint_.identity,
                          .settings = settings_rows(checkpoint_.settings)},
                         log_));
  last_save_ = log_.elapsed();
  if (events.saved) events.saved(context_.files.folder / kCheckpointFile);
}

}  // namespace dsa::train
