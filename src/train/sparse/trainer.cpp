#include "train/sparse/trainer.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "train/loop/learning_rate.h"
#include "train/sparse/joint_gradients.h"
#include "train/sparse/publish.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kLooks = 8;           // at held-out text
constexpr std::int64_t kHeldOutWindows = 2;  // of each look

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// No layer's selections are longer than what it reads.
std::vector<std::int64_t> topk_layers(const SparseSettings& s, const ModelConfig& model) {
  auto list = parse_topk_layers(s.topk_layers);
  if (!list.empty() && std::ssize(list) != model.num_hidden_layers)
    fail("`index_topk_layers` lists {} numbers, the model has {} layers", list.size(),
         model.num_hidden_layers);
  for (std::int64_t& tokens : list) tokens = std::min(tokens, s.context);
  return list;
}

std::int64_t most_topk(const SparseSettings& s, const ModelConfig& model) {
  const auto list = topk_layers(s, model);
  return list.empty() ? s.topk : std::ranges::max(list);
}

}  // namespace

SparseCheckpoint new_sparse_checkpoint(const ModelFiles& model, const IndexerFolder& indexer,
                                       std::span<const Document> text, const SparseSettings& settings,
                                       const Budget& budget) {
  SparseCheckpoint out({.layers = model.config.num_hidden_layers,
                        .hidden = model.config.hidden_size,
                        .heads = indexer.config.n_heads,
                        .dim = indexer.config.head_dim,
                        .rope_dim = indexer.config.rope_head_dim,
                        .k_norm_eps = indexer.config.k_norm_eps});
  out.settings = settings;
  out.identity = identity_of(model, text);
  out.progress = first_progress(budget);
  out.trained_context = indexer.config.trained_context;
  read(out.indexer, *indexer.tensors);
  return out;
}

SparseTrainer::SparseTrainer(const Context& context, SparseCheckpoint checkpoint)
    : context_(context),
      checkpoint_(std::move(checkpoint)),
      plan_{.looks = context.held_out.empty() ? 0 : kLooks},
      weights_(gqa_weights(context.model, context.exec)),
      lora_(checkpoint_.settings.lora > 0
                ? lora_weights(weights_, checkpoint_.settings.lora, checkpoint_.settings.seed)
                : FlatTensors()),
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
              .topk = most_topk(checkpoint_.settings, context.model.config),
              .topk_layers = topk_layers(checkpoint_.settings, context.model.config),
              .products = parse_products(checkpoint_.settings.compute)},
             context.exec, choose_kernels()),
      main_optimizer_(trainable_.values(), context.exec, *choose_kernels().rows),
      indexer_optimizer_(checkpoint_.indexer.values(), context.exec, *choose_kernels().rows),
      sampler_(context.text, checkpoint_.settings.context,
               static_cast<std::uint64_t>(checkpoint_.settings.seed)) {
  DSA_CHECK(checkpoint_.settings.distill == 0 || context.teacher != nullptr);
  restore_main(checkpoint_, trainable_, context.folder);
  restore(main_optimizer_, checkpoint_.main_moments);
  restore(indexer_optimizer_, checkpoint_.indexer_moments);
  if (!context.held_out.empty())
    static_cast<void>(cut_windows(context.held_out, checkpoint_.settings.context));  // long enough?
}

std::optional<SparseModel::Losses> SparseTrainer::run_model(std::span<const std::int32_t> tokens,
                                                            SparseModel::Gradients gradients,
                                                            const std::atomic<bool>& cancel) {
  SparseModel::Request request{
      .tokens = tokens, .gradients = gradients, .distill = checkpoint_.settings.distill, .teacher = {}};
  if (checkpoint_.settings.distill > 0 && gradients == SparseModel::Gradients::all)
    request.teacher = [&](std::span<const std::int32_t> text, const SequencePass::VisitLogits& visit) {
      return context_.teacher->run(text, {.attention = AttentionMode::dense}, visit, /*progress=*/{}, cancel);
    };
  return model_.run(request, cancel);
}

std::string SparseTrainer::reading() {
  return name_of(context_.text, sampler_.at(checkpoint_.progress.step), checkpoint_.settings.context);
}

std::optional<StepRecord> SparseTrainer::step(const std::atomic<bool>& cancel) {
  const Progress& p = checkpoint_.progress;
  const SparseSettings& s = checkpoint_.settings;
  const auto losses = run_model(sampler_.tokens(sampler_.at(p.step)), SparseModel::Gradients::all, cancel);
  if (!losses) return std::nullopt;
  const GradientNorms norms = clip_and_check(
      {.main = gradient_, .indexer = indexer_gradient_},
      {.main = {losses->language_model, losses->distill}, .indexer = losses->kl}, s.clip, context_.exec);
  StepRecord record{.context = s.context,
                    .indexer = {.kl = mean(losses->kl),
                                .layer_kl = losses->kl,
                                .gradient_norm = norms.indexer,
                                .learning_rate = learning_rate(s.indexer_lr, p.step, p.done())},
                    .main = MainRecord{.language_model = losses->language_model,
                                       .distill = losses->distill,
                                       .gradient_norm = norms.main,
                                       .learning_rate = learning_rate(s.lr, p.step, p.done())}};
  main_optimizer_.step(gradient_.values(), record.main->learning_rate);
  indexer_optimizer_.step(indexer_gradient_.values(), record.indexer.learning_rate);
  return record;
}

std::optional<StepRecord> SparseTrainer::look(const std::atomic<bool>& cancel) {
  const std::int64_t length = checkpoint_.settings.context;
  StepRecord record{.context = length, .main = MainRecord{}};
  const auto windows = evenly_chosen(cut_windows(context_.held_out, length), kHeldOutWindows);
  for (const Window& window : windows) {
    const auto losses =
        run_model(tokens_of(context_.held_out, window, length), SparseModel::Gradients::none, cancel);
    if (!losses) return std::nullopt;
    record.main->language_model += losses->language_model / static_cast<double>(windows.size());
    record.indexer.kl += mean(losses->kl) / static_cast<double>(windows.size());
  }
  return record;
}

void SparseTrainer::save(const TrainLog&) {
  write_sparse_checkpoint(context_.folder / kCheckpointFile, checkpoint_, trainable_.values(),
                          {.main = main_optimizer_.state(), .indexer = indexer_optimizer_.state()});
}

void SparseTrainer::finish(const TrainLog&) {
  if (checkpoint_.settings.lora == 0)
    return publish_sparse_model(context_.folder, context_.model, weights_, checkpoint_);
  FlatTensors merged = weights_;
  merge_lora(lora_, merged, context_.exec);
  publish_sparse_model(context_.folder, context_.model, merged, checkpoint_);
}

ReportSubject SparseTrainer::describe() const {
  return {.title = "Sparse stage",
          .command = "dsa train sparse",
          .model = context_.model.path.filename().string(),
          .progress = checkpoint_.progress,
          .identity = checkpoint_.identity,
          .settings = settings_rows(checkpoint_.settings)};
}

}  // namespace dsa::train
