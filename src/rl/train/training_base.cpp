#include "rl/train/training_base.h"

#include <fmt/format.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/who.h"
#include "checkpoint/fingerprint.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/publish.h"

namespace dsa::rl {
namespace {

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

}  // namespace

void check_trainable(const ModelFiles& base, const Tokenizer& tokenizer, const TaskSettings& settings) {
  const std::string name = who(base.path);
  train::check_trainable(base.config, name);
  if (settings.context > base.config.max_position_embeddings)
    fail("--ctx {}: {} was made for {} tokens: give at most that", settings.context, name,
         base.config.max_position_embeddings);
  if (!base.config.indexer->layer_topk.uniform())
    fail("{}: index_topk is a list, this training selects as many tokens in every layer", name);
  static_cast<void>(Wording(tokenizer));
}

train::Identity identity_of(const ModelFiles& base, const std::string& lessons) {
  return {.model = fingerprint(*base.tensors, base.config),
          .weights = weights_digest(*base.tensors),
          .corpus = lessons};
}

train::StageKind stage_of(const TaskSettings& settings) {
  return settings.attention == "dense" ? train::StageKind::dense : train::StageKind::sparse;
}

void begin_folder(const TrainingContext& context) {
  train::begin_pretrain_folder(context.folder, {.config = context.base.path / "config.json",
                                                .tokenizer = context.base.path / "tokenizer.json"});
}

void publish(const TrainingContext& context, Policy& policy, const train::ReportSubject& subject,
             const train::TrainLog& log) {
  train::write_pretrained_weights(context.folder, context.base.config, policy.weights(), policy.indexer());
  std::string settings;
  for (const auto& [name, value] : subject.settings) settings += fmt::format(" --{} {}", name, value);
  write_file(context.folder / "README.md",
             fmt::format("# A small model of DeepSeek-V3.2's architecture, trained on tasks\n\n"
                         "By dsa.cpp, `{}`.  Curves: `report.html`.\n\n"
                         "| | |\n|---|---|\n"
                         "| began with the model of fingerprint | `{}` |\n"
                         "| tokens, steps, time | {}, {}, {:.1f} minutes |\n"
                         "| settings | `{}` |\n\n{}",
                         subject.command, subject.identity.model, subject.progress.tokens,
                         subject.progress.step, log.elapsed() / 60, settings.substr(1), last_figures(log)));
}

}  // namespace dsa::rl
