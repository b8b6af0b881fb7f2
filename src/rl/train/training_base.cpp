#include "rl/train/training_base.h"

#include <fmt/format.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/who.h"
#include "checkpoint/fingerprint.h"
#include "rl/train/gqa_policy.h"
#include "rl/train/mla_policy.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/publish.h"
#include "train/sparse/publish.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kGqaRunTokens = 1024;  // these models are larger: what autograd keeps fits into memory

std::string last_figures(const train::TrainLog& log) {
  std::string out;
  for (auto r = log.records().rbegin(); r != log.records().rend() && out.empty(); ++r)
    if (r->reward && r->held_out)
      for (const auto& [domain, solved] : r->reward->domains)
        out += fmt::format("| {} | {:.1f} % |\n", domain, 100 * solved);
  return out.empty()
             ? out
             : "Tasks never trained on, solved greedily:\n\n| domain | solved |\n|---|---|\n" + out + "\n";
}

void check_mla(const ModelFiles& base, const TaskSettings& settings) {
  const std::string name = who(base.path);
  train::check_trainable(base.config, name);
  if (!base.config.indexer->layer_topk.uniform())
    fail("{}: index_topk is a list, this training selects as many tokens in every layer", name);
  if (settings.lora > 0)
    fail("--lora {}: {} has latent attention, all of its weights are trained: leave the option out",
         settings.lora, name);
}

void check_gqa(const ModelFiles& base, const TaskSettings& settings) {
  const std::string name = who(base.path);
  if (base.config.moe)
    fail(
        "{}: has experts: models of DeepSeek-V3.2's architecture or with grouped queries alone (Llama, Qwen) "
        "can be trained on tasks",
        name);
  if (settings.attention == "sparse" && !base.config.indexer)
    fail(
        "--attention sparse: {} has no indexer: make one (dsa train indexer, dsa train sparse) or give "
        "--attention dense",
        name);
  if (settings.indexers == "train")
    fail("--indexers train: {} has grouped queries, its indexers stay as they are: leave the option out",
         name);
  train::check_publishable(base);
}

}  // namespace

void check_trainable(const ModelFiles& base, const Tokenizer& tokenizer, const TaskSettings& settings) {
  const std::string name = who(base.path);
  base.config.mla ? check_mla(base, settings) : check_gqa(base, settings);
  if (settings.context > base.config.max_position_embeddings)
    fail("--ctx {}: {} was made for {} tokens: give at most that", settings.context, name,
         base.config.max_position_embeddings);
  static_cast<void>(Wording(base.config, tokenizer));
}

train::Identity identity_of(const ModelFiles& base, const std::string& lessons) {
  return {.model = fingerprint(*base.tensors, base.config),
          .weights = weights_digest(*base.tensors),
          .corpus = lessons};
}

std::unique_ptr<Policy> policy_of(const TrainingContext& context, const TaskSettings& settings) {
  const Policy::Options options{.context = settings.context,
                                .products = train::parse_products(settings.compute)};
  if (!context.base.config.mla) {
    Policy::Options fewer = options;
    fewer.run_tokens = std::max(kGqaRunTokens, settings.context);
    const TensorSource* indexer = context.indexer != nullptr ? context.indexer : context.base.tensors.get();
    return std::make_unique<GqaPolicy>(context.base, context.base.config.indexer ? indexer : nullptr, fewer,
                                       GqaPolicy::Lora{.rank = settings.lora, .seed = settings.seed},
                                       context.exec);
  }
  auto out = std::make_unique<MlaPolicy>(context.base.config, options, context.exec);
  out->read(*context.base.tensors);
  return out;
}

train::StageKind stage_of(const TaskSettings& settings) {
  return settings.attention == "dense" ? train::StageKind::dense : train::StageKind::sparse;
}

void begin_folder(const TrainingContext& context) {
  if (!context.base.config.mla) return;  // all of it is written with the weights
  train::begin_pretrain_folder(context.folder, {.config = context.base.path / "config.json",
                                                .tokenizer = context.base.path / "tokenizer.json"});
}

void publish(const TrainingContext& context, Policy& policy, const train::ReportSubject& subject,
             const train::TrainLog& log) {
  policy.write(context.folder);
  std::string settings;
  for (const auto& [name, value] : subject.settings) settings += fmt::format(" --{} {}", name, value);
  write_file(context.folder / "README.md",
             fmt::format("# {}, trained on tasks\n\n"
                         "By dsa.cpp, `{}`.  Curves: `report.html`.\n\n"
                         "| | |\n|---|---|\n"
                         "| began with the model of fingerprint | `{}` |\n"
                         "| tokens, steps, time | {}, {}, {:.1f} minutes |\n"
                         "| settings | `{}` |\n\n{}",
                         context.base.config.mla ? "A small model of DeepSeek-V3.2's architecture"
                                                 : printable(context.base.path.stem().string()),
                         subject.command, subject.identity.model, subject.progress.tokens,
                         subject.progress.step, log.elapsed() / 60, settings.substr(1), last_figures(log)));
}

}  // namespace dsa::rl
