// A model of `dsa serve` with all that answers for it, from its options.
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "chat/chat_prompt.h"
#include "cli/serve_models.h"
#include "engine/model_engine.h"
#include "grammar/grammar_compiler.h"
#include "model/loaded_model.h"

namespace dsa::cli {
namespace {

class Served final : public server::ResidentModel {
 public:
  Served(const PlannedModel& plan, const ServingOptions& serving, OpenedModel opened)
      : tokenizer_(fitting_tokenizer(opened.files)),
        model_(std::move(opened), plan.load),
        prompt_(model_.files(), tokenizer_,
                {.raw = plan.options.common.raw,
                 .name = plan.options.common.chat_format,
                 .without = WithoutFormat::complete,
                 .context = model_.context()}),
        engine_(model_, tokenizer_,
                {.max_running = serving.max_running,
                 .queue = {.requests = serving.max_queue},
                 .speculation = speculation(plan.options.common),
                 .disk = disk_cache(plan.options.common)}),
        grammars_(tokenizer_, model_.config().vocab_size) {
    const RunOptions run = run_options(plan.options.common);
    engine_.check(run);
    // By its name; and, where it has an indexer, as it is without: to compare them.
    for (const server::ModelCard& card : plan.cards)
      models_.push_back({.id = card.id,
                         .engine = engine_,
                         .tokenizer = tokenizer_,
                         .prompt = prompt_,
                         .context = model_.context(),
                         .vocab_size = model_.config().vocab_size,
                         .topk = model_.topk(),
                         .indexer = card.indexer,
                         .kernels = std::string(model_.transformer().kernels().name),
                         .created = card.created,
                         .run = run,
                         .grammars = &grammars_});
    if (models_.size() > 1) models_[1].run.attention = AttentionMode::dense;
  }
  std::span<const server::ServedModel> models() const override { return models_; }

 private:
  const Tokenizer tokenizer_;
  LoadedModel model_;
  const ChatPrompt prompt_;
  ModelEngine engine_;
  GrammarCompiler grammars_;
  std::vector<server::ServedModel> models_;
};

}  // namespace

std::vector<server::PooledModel> pooled(const ServingPlan& plan, const ServingOptions& serving) {
  std::vector<server::PooledModel> out;
  for (const PlannedModel& model : plan.models)
    out.push_back({.cards = model.cards,
                   .bytes = bytes_of(model),
                   .idle_for = std::chrono::seconds(model.options.unload_after),
                   .stays = model.stays,
                   .load = [model, serving]() -> std::unique_ptr<server::ResidentModel> {
                     return std::make_unique<Served>(model, serving, open(model.options.common));
                   }});
  return out;
}

}  // namespace dsa::cli
