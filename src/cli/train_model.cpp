// dsa train model --config CONFIG --text PATH... --out DIR: a model from scratch.
#include "cli/train_model.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "checkpoint/config_json.h"
#include "cli/train_options.h"
#include "cli/train_progress.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/publish.h"
#include "train/pretrain/trainer.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

struct Options : TrainOptions {
  std::string config, tokenizer;
  train::PretrainSettings settings;
};

// A folder stands for the file in it.
fs::path named_file(const std::string& option, const fs::path& given, const char* name) {
  std::error_code ignored;
  fs::path file = fs::is_directory(given, ignored) ? given / name : given;
  if (file.filename() != name || !fs::exists(file, ignored))
    fail("{} {}: expected a {} or a folder that holds one", option, printable(given.string(), 1000), name);
  return file;
}

// What is typed, else what the folder of a training to go on with holds.
train::ModelRecipe recipe_of(const Options& o) {
  if (o.config.empty() && !o.resume) fail("--config is missing: examples/tiny-v32 holds one");
  const fs::path config = o.config.empty() ? fs::path(o.out) : fs::path(o.config);
  train::ModelRecipe recipe{.config = named_file("--config", config, "config.json"), .tokenizer = {}};
  recipe.tokenizer =
      named_file("--tokenizer", o.tokenizer.empty() ? recipe.config.parent_path() : fs::path(o.tokenizer),
                 "tokenizer.json");
  return recipe;
}

void check_fits(const Options& o, const train::PretrainSettings& settings, const ModelConfig& config,
                const Tokenizer& tokenizer, const train::ModelRecipe& recipe) {
  const std::string who = printable(recipe.config.string(), 1000);
  train::check_trainable(config, who);
  if (settings.context > config.max_position_embeddings)
    fail("--ctx {}: max_position_embeddings in {} is {}: give at most that", settings.context, who,
         config.max_position_embeddings);
  if (config.indexer && !config.indexer->layer_topk.uniform())
    fail("{}: index_topk is a list, this training selects as many tokens in every layer: give one number",
         who);
  if (train::Recipe::parse(settings.stages).has(train::StageKind::sparse) &&
      settings.context <= config.indexer->topk)
    fail(
        "--ctx {}: a selection of index_topk {} tokens ({}) would be all of them; "
        "give more, or leave the sparse stage out of --stages",
        settings.context, config.indexer->topk, who);
  if (tokenizer.vocab_size() > config.vocab_size)
    fail("{}: has {} tokens, vocab_size in {} is {}: they do not belong together",
         printable(recipe.tokenizer.string(), 1000), tokenizer.vocab_size(), who, config.vocab_size);
  if (o.resume) return;
  std::error_code ignored;
  refuse_second_training(o);
  for (const char* file : {"config.json", "model.safetensors"})
    if (fs::exists(fs::path(o.out) / file, ignored))
      fail("--out {}: {} is there already: give another folder", printable(o.out, 1000), file);
}

// Each document between the tokens that begin and end a text, where the tokenizer has them
// and they are not there.
std::vector<Document> read_whole_documents(const std::vector<std::string>& paths, const Tokenizer& tokenizer,
                                           Architecture architecture, const std::string& chat_format) {
  if (paths.empty()) return {};
  auto documents = read_documents(paths, tokenizer, architecture, chat_format);
  for (auto& [path, tokens] : documents) {
    const auto bos = tokenizer.bos();
    if (bos && (tokens.empty() || tokens.front() != *bos)) tokens.insert(tokens.begin(), *bos);
    const auto& eos = tokenizer.eos_ids();
    if (!eos.empty() && tokens.back() != eos.front()) tokens.push_back(eos.front());
  }
  return documents;
}

std::string closing(const train::TrainingLoop& loop, const train::Recipe& recipe, const Options& o) {
  std::string out;
  if (const auto* look = last_look(loop.log())) {
    out += fmt::format("held-out text: loss {:.4f} nats a token", look->main->language_model);
    if (look->main->dense > 0) out += fmt::format(", attending to everything {:.4f}", look->main->dense);
    out += "\n";
  }
  if (!recipe.has(train::StageKind::warmup))
    out += "its indexers are not trained: run it with --attention dense\n";
  return out + fmt::format(
                   "{0}: the model (dsa run {0} --raw -p \"The\"), README.md, report.html, train_log.jsonl\n",
                   printable(o.out, 1000));
}

int train_model(Command command, const Options& o) {
  std::optional<train::PretrainCheckpoint> checkpoint;
  if (o.resume) {
    checkpoint = train::read_pretrain_checkpoint(checkpoint_to_resume(o));
    check_resumed(command, o, o.settings, checkpoint->settings, checkpoint->progress);
  }
  const train::PretrainSettings settings = checkpoint ? checkpoint->settings : o.settings;
  validate(settings);
  const train::ModelRecipe recipe = recipe_of(o);
  const ModelConfig config = read_hf_config(recipe.config.parent_path()).config;
  const Tokenizer tokenizer = Tokenizer::from_tokenizer_json(recipe.tokenizer);
  check_fits(o, settings, config, tokenizer, recipe);

  const auto text = read_whole_documents(o.text, tokenizer, config.architecture, o.chat_format);
  const auto held_out = read_whole_documents(o.held_out, tokenizer, config.architecture, o.chat_format);
  static_cast<void>(cut_windows(text, settings.context));  // said before anything is written
  const train::Identity identity{.model = train::config_hash(recipe.config), .corpus = corpus_hash(text)};
  if (checkpoint) {
    train::check_identity(checkpoint->identity, identity, recipe.config, o.out);
  } else {
    checkpoint = train::new_pretrain_checkpoint(config, identity, settings, budget_of(o));
    create_out_folder(o);
    train::begin_pretrain_folder(o.out, recipe);
  }

  Exec exec(o.threads > 0 ? o.threads : Exec::default_threads());
  train::PretrainTrainer trainer(
      {.config = config, .exec = exec, .text = text, .held_out = held_out, .folder = o.out},
      std::move(*checkpoint));
  return run_training(trainer, o, [&](const train::TrainingLoop& loop) {
    return closing(loop, train::Recipe::parse(settings.stages), o);
  });
}

constexpr SettingHelp kHelp[] = {
    {"stages", "what is trained in turn, and each stage's share of the tokens"},
    {"ctx", "tokens of a sequence"},
    {"batch", "sequences of a step"},
    {"lr", "peak learning rate of the dense stage; falls to a tenth by half a cosine"},
    {"rise", "steps over which it rises"},
    {"sparse-lr", "learning rate of the model's weights in the sparse stage"},
    {"warmup-lr", "learning rate of the indexers in their warm-up"},
    {"indexer-lr", "learning rate of the indexers in the sparse stage"},
    {"weight-decay", "of matrices, times the learning rate"},
    {"clip", "largest norm of the model's gradient, and of each layer's indexer gradient"},
    {"mtp", "weight of the loss of the token after the next, which the prediction module says; 0: none"},
    {"balance", "what a router's bias moves by at a step, against the load of its expert"},
    {"compute", "auto: matrix products in BF16 where the processor has them; f32: never"},
    {"seed", "of weights and order of documents"},
};

}  // namespace

Action declare_train_model(Command command) {
  auto o = std::make_shared<Options>();
  command
      .add_option("--config", o->config,
                  "what kind of model: a config.json of a deepseek_v32, or a folder that holds one")
      .type_name("PATH");
  command.add_option("--tokenizer", o->tokenizer, "its tokenizer.json (default: the one beside config.json)")
      .type_name("PATH");
  add_train_options(command, *o, "the same number gives the same bits");
  add_settings(command, o->settings, kHelp);
  command.footer(
      "From random weights to a model of DeepSeek-V3.2's architecture in one command.  "
      "dense: the model learns to predict,\n"
      "attending to everything; "
      "warmup: its indexers learn what that attention looks at; sparse: the model learns to predict from\n"
      "what they select.  What comes out is a Hugging Face folder in BF16.  Ctrl-C saves and stops.\n\n"
      "Examples:\n"
      "  dsa train model --config examples/tiny-v32 "
      "--text \"$(tools/fetch_corpus)/train\" --out my-model --hours 2\n"
      "  dsa train model --text \"$(tools/fetch_corpus)/train\" --out my-model --resume\n"
      "  dsa run my-model --raw -p \"The\"\n");
  return [command, o] { return train_model(command, *o); };
}

}  // namespace dsa::cli
