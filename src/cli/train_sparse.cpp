// dsa train sparse --model MODEL --indexer DIR --text PATH... --out DIR: the sparse stage.
#include "cli/train_sparse.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "checkpoint/config_topk.h"
#include "cli/catalogue.h"
#include "cli/train_options.h"
#include "cli/train_progress.h"
#include "train/sparse/publish.h"
#include "train/sparse/trainer.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

struct Options : TrainOptions {
  std::string indexer;
  train::SparseSettings settings;
};

// Of --indexer, or, for a model that this stage has made, the one inside its folder.
IndexerFolder open_indexer(const Options& o, const ModelFiles& model) {
  fs::path folder = o.indexer;
  if (o.indexer.empty()) {
    if (!model.config.indexer)
      fail("--indexer is missing: {} has none; `dsa train indexer` makes one",
           printable(model.path.string(), 1000));
    folder = model.path / kOwnIndexerFolder;
  }
  IndexerFolder indexer = open_indexer_folder(folder);
  check_indexer_fits(indexer, model, FingerprintCheck::enforce);
  return indexer;
}

train::SparseSettings settings_for(const Options& o, const ModelFiles& model, const IndexerFolder& indexer) {
  train::SparseSettings settings = o.settings;
  const std::int64_t layers = model.config.num_hidden_layers;
  IndexerConfig selects = indexer.config;
  if (const auto list = train::parse_topk_layers(settings.topk_layers); !list.empty())
    set_index_topk(selects, list, layers, "--top-k-layers");
  if (settings.topk == 0) settings.topk = selects.topk;
  settings.topk_layers.clear();
  if (!selects.layer_topk.uniform()) {
    std::vector<std::int64_t> list;
    for (std::int64_t i = 0; i < layers; ++i) list.push_back(selects.layer_topk.of(i, settings.topk));
    settings.topk_layers = train::topk_layers_text(list);
  }
  if (settings.context == 0)
    settings.context = std::min(model.config.max_position_embeddings, indexer.config.trained_context);
  if (settings.lr == 0) settings.lr = train::default_learning_rate(settings.lora);
  validate(settings);
  return settings;
}

void check_out(const Options& o, const fs::path& model) {
  std::error_code ignored;
  if (fs::equivalent(o.out, model, ignored))
    fail("--out {}: is the model itself, which stays as it is: give another folder", printable(o.out, 1000));
}

std::string closing(const train::TrainingLoop& loop, const Options& o) {
  std::string out;
  if (const auto* look = last_look(loop.log()))
    out = fmt::format("held-out text: loss {:.4f} nats a token, KL {:.4f}\n", look->main->language_model,
                      look->indexer.kl);
  return out +
         fmt::format("{0}: the model with its indexer inside (dsa chat {0}), report.html, train_log.jsonl\n",
                     printable(o.out, 1000));
}

int train_sparse(Command command, const Options& o) {
  const auto path = resolve_model(o.model);
  std::optional<train::SparseCheckpoint> checkpoint;
  if (o.resume) {
    checkpoint = train::read_sparse_checkpoint(checkpoint_to_resume(o));
    check_resumed(command, o, o.settings, checkpoint->settings, checkpoint->progress);
  }
  const ModelFiles model = open_model(path);
  if (model.config.mla)
    fail("{}: has latent attention: this stage trains grouped-query models (Llama, Qwen) alone",
         printable(path.string(), 1000));
  check_out(o, path);
  std::optional<IndexerFolder> indexer;
  if (!checkpoint) indexer = open_indexer(o, model);
  const train::SparseSettings settings = checkpoint ? checkpoint->settings : settings_for(o, model, *indexer);
  check_context(settings.context, model.config, path);
  train::check_publishable(model);
  if (!checkpoint) refuse_second_training(o);

  const Tokenizer tokenizer = fitting_tokenizer(model);
  const auto [text, held_out] = read_train_text(o, tokenizer, model.config.architecture, settings.context);
  create_out_folder(o);
  if (checkpoint)
    train::check_identity(checkpoint->identity, train::identity_of(model, text), path, o.out);
  else
    checkpoint = train::new_sparse_checkpoint(model, *indexer, text, settings, budget_of(o));

  std::optional<LoadedModel> original;
  std::optional<SequencePass> teacher;
  if (settings.distill > 0) {
    const LoadOptions load{.context = settings.context, .threads = o.threads, .use_indexer = false};
    original.emplace(with_indexer(open_model(path), load), load);
    teacher.emplace(*original);
  }
  Exec exec(o.threads > 0 ? o.threads : Exec::default_threads());
  train::SparseTrainer trainer({.model = model,
                                .teacher = teacher ? &*teacher : nullptr,
                                .exec = exec,
                                .text = text,
                                .held_out = held_out,
                                .folder = o.out},
                               std::move(*checkpoint));
  return run_training(trainer, o, [&](const train::TrainingLoop& loop) { return closing(loop, o); });
}

constexpr SettingHelp kHelp[] = {
    {"top-k",
     "tokens that each query attends to, the mean over the layers (default: the indexer's index_topk)"},
    {"top-k-layers", "one number for each layer, comma-separated (default: as the indexer divides them)"},
    {"ctx", "tokens of a document that a step reads (default: what the indexer was trained at)"},
    {"lr", "peak learning rate of the model's weights (default: 1e-5, with --lora 2e-4)"},
    {"indexer-lr", "peak learning rate of the indexer; both rise over 10 steps, fall by half a cosine"},
    {"clip", "largest norm of the model's gradient, and of each layer's indexer gradient"},
    {"distill",
     "share of KL(original, dense || model) in the loss, 0 to 1 (default: 0, the next token alone)"},
    {"lora", "train additions of this rank to the matrices in place of all weights; merged when written"},
    {"compute", "auto: matrix products in BF16 where the processor has them; f32: never"},
    {"seed", "of the order of documents and of LoRA's weights"},
};

}  // namespace

Action declare_train_sparse(Command command) {
  auto o = std::make_shared<Options>();
  add_base_model(command, *o);
  add_train_options(command, *o, "the same number gives the same bits");
  command
      .add_option("--indexer", o->indexer,
                  "the indexer to begin with, from dsa train indexer (default: the model's own)")
      .type_name("DIR");
  add_settings(command, o->settings, kHelp);
  command.footer(
      "After the warm-up: the model attends to its indexer's selections alone "
      "and learns to predict the next token so; the\n"
      "indexer learns from the attention that the selected tokens get.  "
      "Neither loss reaches the other's weights.  What comes out\n"
      "is a Hugging Face folder in BF16 with the indexer inside: any verb runs it as it is.  "
      "Ctrl-C saves and stops.\n\nExamples:\n"
      "  dsa train sparse --indexer my-indexer "
      "--text \"$(tools/fetch_corpus)/train\" --lora 16 --out my-model\n"
      "  dsa train sparse --indexer my-indexer "
      "--text \"$(tools/fetch_corpus)/train\" --out my-model --resume\n"
      "  dsa chat my-model\n");
  return [command, o] { return train_sparse(command, *o); };
}

}  // namespace dsa::cli
