#include "train/sparse/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/atomic_file.h"
#include "base/error.h"
#include "train/loop/report.h"
#include "train/sparse/publish.h"

namespace dsa::train {
namespace {

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

SparseCheckpoint new_sparse_checkpoint(const ModelFiles& model, const IndexerFolder& indexer,
                                       std::span<const Document> text, const SparseSettings& settings,
                                       const Budget& budget) {
  DSA_CHECK((budget.tokens > 0) != (budget.hours > 0));
  SparseCheckpoint out({.layers = model.config.num_hidden_layers,
                        .hidden = model.config.hidden_size,
                        .heads = indexer.config.n_heads,
                        .dim = indexer.config.head_dim,
                        .rope_dim = indexer.config.rope_head_dim,
                        .k_norm_eps = indexer.config.k_norm_eps});
  out.settings = settings;
  out.identity = identity_of(model, text);
  out.progress.budget = budget.tokens;
  out.progress.hours = budget.hours;
  out.trained_context = indexer.config.trained_context;
  read(out.indexer, *indexer.tensors);
  return out;
}

SparseTrainer::SparseTrainer(const Context& context, SparseCheckpoint checkpoint)
    : context_(context),
      checkpoint_(std::move(checkpoint)),
      weights_(gqa_weights(context.model, context.exec)),
      lora_(checkpoint_.settings.lora > 0
                ? lora_weights(weights_, checkpoint_.settings.lora, checkpoint_.settings.seed)
                : NamedTensors()),
      trainable_(checkpoint_.settings.lora > 0 ? lora_ : weights_),
      gradient_(trainable_.zeros()),
      indexer_gradient_(checkpoint_.indexer.shape()),
      model_(context.model.config,
             {.weights = weights_,
              .trainable = trainable_,
              .gradient = gradient_,
              .indexer = checkpoint_.indexer,
              .indexer_gradient = indexer_gradient_},
             {.max_context = checkpoint_.settings.context,
              .topk = checkpoint_.settings.topk,
              .products = parse_products(checkpoint_.settings.compute)},
             context.exec, choose_kernels()),
      main_optimizer_(trainable_.values(), {}),
      indexer_optimizer_(checkpoint_.indexer.values(), {}),
      sampler_(context.text, checkpoint_.settings.context,
               static_cast<std::uint64_t>(checkpoint_.settings.seed)),
      log_(context.files.folder / "train_log.jsonl", checkpoint_.progress.step),
      last_save_(log_.elapsed()) {
  DSA_CHECK(checkpoint_.settings.distill == 0 || context.teacher != nullptr);
  set_optimizer_threads(context.exec.threads());
  take_main(checkpoint_, trainable_, context.files.folder);
  restore(main_optimizer_, checkpoint_.main_moments);
  restore(indexer_optimizer_, checkpoint_.indexer_moments);
  if (!context.held_out.empty())
    static_cast<void>(cut_windows(context.held_out, checkpoint_.settings.context));  // long enough?
}

bool SparseTrainer::run(const TrainerEvents& events, const std::atomic<bool>& cancel) {
  Progress& p = checkpoint_.progress;
  if (p.step == 0) save_checkpoint();  // a disk that is full says so now, not in an hour
  while (!p.finished()) {
    if (step(events, cancel) == Outcome::cancelled) break;
    if (p.budget == 0 && p.step >= kTimedSteps) {
      turn_hours_into_tokens();
      save(events);
    }
    if (look_at_held_out(events, cancel) == Outcome::cancelled) break;
    if (log_.elapsed() - last_save_ >= context_.files.save_seconds) save(events);
  }
  save(events);
  publish();
  return p.finished();
}

std::optional<SparseModel::Losses> SparseTrainer::run_model(std::span<const std::int32_t> tokens,
                                                            SparseModel::Gradients gradients,
                                                            const std::atomic<bool>& cancel) {
  SparseModel::Request request{
      .tokens = tokens, .gradients = gradients, .distill = checkpoint_.settings.distill, .teacher = {}};
  if (checkpoint_.settings.distill > 0 && gradients == SparseModel::Gradients::all)
    request.teacher = [&](std::span<const std::int32_t> text, const LoadedModel::VisitLogits& visit) {
      return context_.teacher->run(text, visit, /*progress=*/{}, cancel);
    };
  return model_.run(request, cancel);
}

SparseTrainer::Outcome SparseTrainer::step(const TrainerEvents& events, const std::atomic<bool>& cancel) {
  Progress& p = checkpoint_.progress;
  const SparseSettings& s = checkpoint_.settings;
  const auto start = Clock::now();
  const Window window = sampler_.at(p.step);
  StepRecord record{.step = p.step + 1,
                    .tokens = p.tokens + s.context,
                    .context = s.context,
                    .learning_rate = learning_rate(s.indexer_lr, p.step, p.done()),
                    .recall = {},
                    .layer_kl = {},
                    .main = MainRecord{.learning_rate = learning_rate(s.lr, p.step, p.done())}};
  try {
    const auto losses = run_model(sampler_.tokens(window), SparseModel::Gradients::all, cancel);
    if (!losses) return Outcome::cancelled;
    record.main->gradient_norm = clip_norm(gradient_.values(), s.clip, context_.exec);
    const auto norms = clip_layers(indexer_gradient_, s.clip, context_.exec);
    check_finite({.kl = losses->kl,
                  .indexer_norms = norms,
                  .losses = {losses->language_model, losses->distill},
                  .main_norm = record.main->gradient_norm,
                  .gradient = gradient_});
    record.main->language_model = losses->language_model;
    record.main->distill = losses->distill;
    record.kl = mean(losses->kl);
    record.layer_kl = losses->kl;
    record.gradient_norm = *std::ranges::max_element(norms);
  } catch (const Error& error) {
    fail("step {}, {}, on {}; the last good checkpoint is {} (--resume with a lower --lr needs a new --out)",
         p.step + 1, error.what(), name_of(context_.text, window, s.context),
         printable((context_.files.folder / kCheckpointFile).string(), 1000));
  }
  main_optimizer_.step(gradient_.values(), record.main->learning_rate);
  indexer_optimizer_.step(indexer_gradient_.values(), record.learning_rate);
  ++p.step;
  ++p.stage_step;
  p.tokens += s.context;
  note(log_, std::move(record), seconds_since(start), events);
  return Outcome::done;
}

void SparseTrainer::turn_hours_into_tokens() {
  Progress& p = checkpoint_.progress;
  p.budget = std::max(p.tokens + 1, static_cast<std::int64_t>(p.hours * 3600 / seconds_a_token(log_)));
}

SparseTrainer::Outcome SparseTrainer::look_at_held_out(const TrainerEvents& events,
                                                       const std::atomic<bool>& cancel) {
  const Progress& p = checkpoint_.progress;
  if (context_.held_out.empty() || !looks_.due(p)) return Outcome::done;
  looks_.looked(p);
  const auto start = Clock::now();
  const std::int64_t length = checkpoint_.settings.context;
  StepRecord record{.step = p.step,
                    .tokens = p.tokens,
                    .context = length,
                    .recall = {},
                    .layer_kl = {},
                    .held_out = true,
                    .main = MainRecord{}};
  const auto windows = spread(cut_windows(context_.held_out, length), kHeldOutWindows);
  for (const Window& window : windows) {
    const auto losses =
        run_model(tokens_of(context_.held_out, window, length), SparseModel::Gradients::none, cancel);
    if (!losses) return Outcome::cancelled;
    record.main->language_model += losses->language_model / static_cast<double>(windows.size());
    record.kl += mean(losses->kl) / static_cast<double>(windows.size());
  }
  note(log_, std::move(record), seconds_since(start), events);
  return Outcome::done;
}

void SparseTrainer::save_checkpoint() {
  write_sparse_checkpoint(context_.files.folder / kCheckpointFile, checkpoint_, trainable_.values(),
                          {.main = main_optimizer_.state(), .indexer = indexer_optimizer_.state()});
}

void SparseTrainer::save(const TrainerEvents& events) {
  save_checkpoint();
  write_file(context_.files.folder / "report.html",
             html_report({.title = "Sparse stage",
                          .command = "dsa train sparse",
                          .model = context_.model.path.filename().string(),
                          .progress = checkpoint_.progress,
                          .identity = checkpoint_.identity,
                          .settings = settings_rows(checkpoint_.settings)},
                         log_));
  last_save_ = log_.elapsed();
  if (events.saved) events.saved(context_.files.folder / kCheckpointFile);
}

void SparseTrainer::publish() {
  if (checkpoint_.settings.lora == 0)
    return publish_sparse_model(context_.files.folder, context_.model, weights_, checkpoint_);
  NamedTensors merged = weights_;
  merge_lora(lora_, merged, context_.exec);
  publish_sparse_model(context_.files.folder, context_.model, merged, checkpoint_);
}

}  // namespace dsa::train
