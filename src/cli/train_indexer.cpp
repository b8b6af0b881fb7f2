// dsa train indexer --model MODEL --text PATH... --out DIR: the warm-up of an indexer.
#include "cli/train_indexer.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "cli/catalogue.h"
#include "cli/train_options.h"
#include "cli/train_progress.h"
#include "train/warmup/curriculum.h"
#include "train/warmup/trainer.h"

namespace dsa::cli {
namespace {

struct Options : TrainOptions {
  std::int64_t context = 0;
  train::WarmupSettings settings;
};

// What was typed beside --resume must be what the training was started with.
void check_typed_options(Command command, const Options& o, const train::WarmupCheckpoint& checkpoint) {
  check_resumed(command, o, o.settings, checkpoint.settings, checkpoint.progress);
  check_typed(command, o, "ctx", o.context,
              train::Curriculum::parse(checkpoint.settings.curriculum).longest());
}

train::WarmupSettings settings_for(const Options& o, std::int64_t model_context) {
  train::WarmupSettings settings = o.settings;
  if (settings.curriculum.empty())
    settings.curriculum =
        train::Curriculum::up_to(o.context > 0 ? o.context : std::min(model_context, kDefaultWindow)).text();
  validate(settings);
  return settings;
}

std::string closing(const train::TrainingLoop& loop, const Options& o) {
  const auto& records = loop.log().records();
  const auto last = std::find_if(records.rbegin(), records.rend(),
                                 [](const auto& r) { return r.indexer.kept.has_value(); });
  std::string out;
  if (last != records.rend())
    out = fmt::format(
        "KL {:.4f}; the selection keeps {:.2f} % of the attention, the best possible one {:.2f} %\n",
        last->indexer.kl, 100 * last->indexer.kept->indexer, 100 * last->indexer.kept->best);
  return out + fmt::format("{0}: the indexer (dsa chat --indexer {0}), report.html, train_log.jsonl\n",
                           printable(o.out, 1000));
}

int train_indexer(Command command, const Options& o) {
  const auto path = resolve_model(o.model);
  std::optional<train::WarmupCheckpoint> checkpoint;
  if (o.resume) {
    checkpoint = train::read_warmup_checkpoint(checkpoint_to_resume(o));
    check_typed_options(command, o, *checkpoint);
  }
  OpenedModel opened = with_indexer(open_model(path), {.use_indexer = false});
  const ModelConfig& config = opened.files.config;
  const std::int64_t model_context = config.max_position_embeddings;
  const train::WarmupSettings settings = checkpoint ? checkpoint->settings : settings_for(o, model_context);
  static_cast<void>(
      train::indexer_shape(opened.files, settings.heads, settings.dim));  // refused before anything is loaded
  const std::int64_t longest = train::Curriculum::parse(settings.curriculum).longest();
  check_context(longest, config, path);

  if (!checkpoint) refuse_second_training(o);

  const Tokenizer tokenizer = fitting_tokenizer(opened.files);
  LoadedModel model(std::move(opened), {.context = longest, .chunk = longest, .threads = o.threads});
  const auto [text, held_out] = read_train_text(o, tokenizer, model.config().architecture, longest);
  create_out_folder(o);
  if (checkpoint)
    train::check_identity(checkpoint->identity, train::identity_of(model.files(), text), path, o.out);
  else
    checkpoint = train::new_warmup_checkpoint(model.files(), text, settings, budget_of(o));

  train::WarmupTrainer trainer({.model = model, .text = text, .held_out = held_out, .folder = o.out},
                               std::move(*checkpoint));
  return run_training(trainer, o, [&](const train::TrainingLoop& loop) { return closing(loop, o); });
}

constexpr SettingHelp kHelp[] = {
    {"heads", "index heads; 4 x 32 costs about a tenth of a small model's attention"},
    {"dim", "dimensions of an index head; half of them are rotated"},
    {"top-k", "tokens that the indexer will select by default (index_topk)"},
    {"curriculum",
     "context lengths and their shares of the tokens, as in 2048:0.3,8192:0.7, in place of --ctx"},
    {"rows", "queries of each document that are trained on"},
    {"updates", "of the weights by each document, each from its share of the rows"},
    {"target",
     "what index scores follow: sum of the heads' attention (the paper's), max, or a blend from max to sum"},
    {"lr", "peak learning rate: rises over 10 steps, falls by half a cosine"},
    {"clip", "largest norm of a layer's gradient"},
    {"compute",
     "auto: scores are products in BF16 where the processor has them, as when the model runs; f32: never"},
    {"seed", "of weights, order of documents and choice of queries"},
};

}  // namespace

Action declare_train_indexer(Command command) {
  auto o = std::make_shared<Options>();
  add_base_model(command, *o);
  add_train_options(command, *o, "results do not depend on it");
  Option context = command
                       .add_option("--ctx", o->context,
                                   "longest context: training starts at 2048 tokens and doubles up to it "
                                   "(default: the model's, at most 8192)")
                       .check(whole<std::int64_t>(2, std::int64_t{1} << 24));
  add_settings(command, o->settings, kHelp);
  context.excludes(command.option("--curriculum"));
  command.footer(
      "The model is frozen and attends to every token; "
      "in each layer a small indexer learns to score earlier tokens as that attention does.\n"
      "The folder then goes to any verb as --indexer DIR.  Ctrl-C saves and stops.\n\nExamples:\n"
      "  dsa train indexer --text \"$(tools/fetch_corpus)/train\" --out my-indexer --hours 1\n"
      "  dsa train indexer --text \"$(tools/fetch_corpus)/train\" --out my-indexer --resume\n");
  return [command, o] { return train_indexer(command, *o); };
}

}  // namespace dsa::cli
