#include "train/pretrain/trainer.h"

#include <algorithm>

#include "base/numeric.h"
#include "base/stopwatch.h"
#include "train/loop/learning_rate.h"
#include "train/loop/share_list.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/publish.h"
#include "train/pretrain/router_balance.h"
#include "train/sparse/joint_gradients.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kLooks = 24;             // at held-out text, evenly over the budget
constexpr std::int64_t kHeldOutTokens = 16384;  // of each look, at most
constexpr std::int64_t kRecallEvery = 10;       // steps
constexpr std::int64_t kProbes = 2;  // steps of a later stage that are timed; the first does not count

// AdamW's decay, of matrices alone: norms and the routers' biases have nothing to decay to.
void decay(FlatTensors& weights, double factor, Exec& exec) {
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
  PretrainCheckpoint out(mla_indexer_shape(config));
  out.settings = settings;
  out.identity = identity;
  out.progress = first_progress(budget);
  const auto seed = static_cast<std::uint64_t>(settings.seed);
  initialize(out.indexer, seed);
  FlatTensors weights = mla_weights(config);
  initialize(weights, config, seed);
  out.main.assign(weights.values().begin(), weights.values().end());
  return out;
}

PretrainTrainer::PretrainTrainer(const Context& context, PretrainCheckpoint checkpoint)
    : context_(context),
      checkpoint_(std::move(checkpoint)),
      plan_{.shares = Recipe::parse(checkpoint_.settings.stages).shares(),
            .looks = context.held_out.empty() ? 0 : kLooks,
            .look_at_stage_ends = true},
      weights_(mla_weights(context.config)),
      gradient_(weights_.zeros()),
      indexer_gradient_(checkpoint_.indexer.shape()),
      model_(context.config,
             {.weights = weights_,
              .gradient = gradient_,
              .indexer = checkpoint_.indexer,
              .indexer_gradient = indexer_gradient_},
             {.max_context = checkpoint_.settings.context,
              .mtp = checkpoint_.settings.mtp,
              .products = parse_products(checkpoint_.settings.compute)},
             context.exec, choose_kernels()),
      main_optimizer_(weights_.values(), context.exec, *choose_kernels().rows),
      indexer_optimizer_(checkpoint_.indexer.values(), context.exec, *choose_kernels().rows),
      sampler_(context.text, checkpoint_.settings.context,
               static_cast<std::uint64_t>(checkpoint_.settings.seed)) {
  restore_main(checkpoint_, weights_, context.folder);
  restore(main_optimizer_, checkpoint_.main_moments);
  restore(indexer_optimizer_, checkpoint_.indexer_moments);
  if (!context.held_out.empty())
    static_cast<void>(cut_windows(context.held_out, checkpoint_.settings.context));  // long enough?
}

PretrainTrainer::Rates PretrainTrainer::rates() const {
  constexpr double kDenseEnd = 0.1, kEnd = 0.01;
  const PretrainSettings& s = checkpoint_.settings;
  const Progress& p = checkpoint_.progress;
  const double done = place_at(plan_.shares, p.tokens, p.budget).done;
  const auto at = [&](double peak, std::int64_t rise, double last) {
    return rate_at({.peak = peak, .rise = rise, .last = last}, p.stage_step, done);
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

std::string PretrainTrainer::reading() {
  const PretrainSettings& s = checkpoint_.settings;
  return fmt::format("{} and {} more",
                     name_of(context_.text, sampler_.at(checkpoint_.progress.step * s.batch), s.context),
                     s.batch - 1);
}

StepRecord PretrainTrainer::new_record() const {
  return {.context = checkpoint_.settings.context,
          .batch = checkpoint_.settings.batch,
          .stage = std::string(name(stage()))};
}

std::optional<StepRecord> PretrainTrainer::step(const std::atomic<bool>& cancel) {
  const Progress& p = checkpoint_.progress;
  const auto tokens = batch_of(p.step);
  const auto losses = model_.run({.tokens = tokens,
                                  .context = checkpoint_.settings.context,
                                  .stage = stage(),
                                  .gradients = MlaModel::Gradients::all,
                                  .recall = p.step % kRecallEvery == 0},
                                 cancel);
  if (!losses) return std::nullopt;
  const Rates rate = rates();
  StepRecord record = new_record();
  record.indexer = record_of(losses->indexers);
  const GradientNorms norms =
      clip_and_check({.main = gradient_, .indexer = indexer_gradient_},
                     {.main = {losses->language_model, losses->mtp}, .indexer = record.indexer.layer_kl},
                     checkpoint_.settings.clip, context_.exec);
  record.indexer.gradient_norm = norms.indexer;
  record.indexer.learning_rate = rate.indexer;
  record.experts = experts_of(*losses);
  if (rate.main > 0)
    record.main = MainRecord{.language_model = losses->language_model,
                             .mtp = losses->mtp,
                             .gradient_norm = norms.main,
                             .learning_rate = rate.main};
  update(*losses, rate);
  return record;
}

void PretrainTrainer::update(const MlaModel::Losses& losses, const Rates& rates) {
  if (rates.main > 0) {
    decay(weights_, 1 - rates.main * checkpoint_.settings.weight_decay, context_.exec);
    main_optimizer_.step(gradient_.values(), rates.main);
    balance_routers(weights_, losses, checkpoint_.settings.balance);
  }
  if (rates.indexer > 0) indexer_optimizer_.step(indexer_gradient_.values(), rates.indexer);
}

// On the text at hand.
std::optional<double> PretrainTrainer::seconds_a_token(std::size_t stage, const std::atomic<bool>& cancel) {
  const auto tokens = batch_of(checkpoint_.progress.step);
  Stopwatch watch;
  for (std::int64_t i = 0; i < kProbes; ++i) {
    watch.restart();
    if (!model_.run({.tokens = tokens,
                     .context = checkpoint_.settings.context,
                     .stage = static_cast<StageKind>(stage)},
                    cancel))
      return std::nullopt;
  }
  return watch.seconds() / static_cast<double>(tokens.size());
}

std::optional<StepRecord> PretrainTrainer::look(const std::atomic<bool>& cancel) {
  const PretrainSettings& s = checkpoint_.settings;
  StepRecord record = new_record();
  record.main.emplace();
  const auto windows = evenly_chosen(cut_windows(context_.held_out, s.context),
                                     std::max<std::int64_t>(1, kHeldOutTokens / s.context));
  for (std::size_t first = 0; first < windows.size(); first += usize(s.batch)) {
    const std::size_t end = std::min(windows.size(), first + usize(s.batch));
    std::vector<std::int32_t> tokens;
    for (std::size_t i = first; i < end; ++i) {
      const auto part = tokens_of(context_.held_out, windows[i], s.context);
      tokens.insert(tokens.end(), part.begin(), part.end());
    }
    const double share = static_cast<double>(end - first) / static_cast<double>(windows.size());
    if (add_look(tokens, share, record, cancel) == Outcome::cancelled) return std::nullopt;
  }
  return record;
}

Outcome PretrainTrainer::add_look(std::span<const std::int32_t> tokens, double share, StepRecord& record,
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
  if (!losses) return Outcome::cancelled;
  record.main->language_model += share * losses->language_model;
  record.main->mtp += share * losses->mtp;
  IndexerRecord indexers = record_of(losses->indexers);
  // What a selection keeps of dense attention, dense attention says.
  if (stage() == StageKind::sparse) {
    const auto dense = look(StageKind::warmup);
    if (!dense) return Outcome::cancelled;
    record.main->dense += share * dense->language_model;
    indexers.kept = record_of(dense->indexers).kept;
  }
  add_share(record.indexer, indexers, share);
  return Outcome::done;
}

void PretrainTrainer::save(const TrainLog&) {
  write_pretrain_checkpoint(context_.folder / kCheckpointFile, checkpoint_, weights_.values(),
                            {.main = main_optimizer_.state(), .indexer = indexer_optimizer_.state()});
}

void PretrainTrainer::finish(const TrainLog& log) {
  publish_pretrained_model(context_.folder, context_.config, weights_, checkpoint_, log);
}

ReportSubject PretrainTrainer::describe() const {
  return {.title = "A model from scratch",
          .command = "dsa train model",
          .model = context_.config.model_type,
          .progress = checkpoint_.progress,
          .identity = checkpoint_.identity,
          .settings = settings_rows(checkpoint_.settings)};
}

}  // namespace dsa::train
