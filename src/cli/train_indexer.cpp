// dsa train indexer --model MODEL --text PATH... --out DIR: the warm-up of an indexer.
#include "cli/train_indexer.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "cli/catalogue.h"
#include "cli/terminal.h"
#include "cli/train_progress.h"
#include "train/trainer.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLongestDefault = 8192;
constexpr double kDefaultHours = 1;

struct TrainOptions {
  std::string model = "smollm2";
  std::vector<std::string> text, held_out;
  std::string out;
  train::Budget budget;
  std::int64_t context = 0;
  train::WarmupSettings settings;
  int threads = 0;
  bool resume = false;
  double save_seconds = 120;
};

train::Checkpoint open_checkpoint(const TrainOptions& o) {
  const fs::path path = fs::path(o.out) / train::kCheckpointFile;
  if (!fs::exists(path))
    fail("--resume: {} is not there: no training to go on with lies in {}", train::kCheckpointFile,
         printable(o.out, 1000));
  return train::read_checkpoint(path);
}

// What was typed beside --resume must be what the training was started with.
void check_resumed(const CLI::App& command, const TrainOptions& o, const train::Checkpoint& checkpoint) {
  const auto given = [&](const std::string& name) { return command.get_option("--" + name)->count() > 0; };
  const auto differs = [&](const std::string& name, const auto& now, const auto& then) {
    if (given(name) && now != then)
      fail("--resume: the training in {} was started with --{} {}, not {}: leave the option out",
           printable(o.out, 1000), name, then, now);
  };
  train::WarmupSettings typed = o.settings;
  train::for_each_setting(typed, [&](const std::string& name, const auto& now) {
    train::for_each_setting(checkpoint.settings, [&](const std::string& other, const auto& then) {
      if constexpr (std::is_same_v<decltype(now), decltype(then)>)
        if (name == other) differs(name, now, then);
    });
  });
  const auto& p = checkpoint.progress;
  if (p.hours > 0)
    differs("hours", o.budget.hours, p.hours);
  else
    differs("tokens", o.budget.tokens, p.budget);
  if (given("ctx") && o.context != train::Curriculum::parse(checkpoint.settings.curriculum).longest())
    differs("ctx", o.context, train::Curriculum::parse(checkpoint.settings.curriculum).longest());
}

train::WarmupSettings settings_for(const TrainOptions& o, std::int64_t model_context) {
  train::WarmupSettings settings = o.settings;
  if (settings.curriculum.empty())
    settings.curriculum =
        train::Curriculum::up_to(o.context > 0 ? o.context : std::min(model_context, kLongestDefault)).text();
  validate(settings);
  return settings;
}

int train_indexer(const CLI::App& command, const TrainOptions& o) {
  const auto path = resolve_model(o.model);
  std::optional<train::Checkpoint> checkpoint;
  if (o.resume) {
    checkpoint = open_checkpoint(o);
    check_resumed(command, o, *checkpoint);
  }
  const ModelFiles probe = open_model(path);
  const std::int64_t model_context = probe.config.max_position_embeddings;
  const train::WarmupSettings settings = checkpoint ? checkpoint->settings : settings_for(o, model_context);
  static_cast<void>(
      train::indexer_shape(probe, settings.heads, settings.dim));  // refused before anything is loaded
  const std::int64_t longest = train::Curriculum::parse(settings.curriculum).longest();
  if (longest > model_context)
    fail("--ctx {}: {} was trained for {} tokens: give at most that", longest, printable(path.string(), 1000),
         model_context);
  std::error_code error;
  fs::create_directories(o.out, error);
  if (error) fail("--out {}: cannot create the folder: {}", printable(o.out, 1000), error.message());

  LoadedModel model(path, {.attention = AttentionMode::dense,
                           .context = longest,
                           .chunk = longest,
                           .threads = o.threads,
                           .use_indexer = false});
  const auto text = read_documents(o.text, model.tokenizer());
  const auto held_out =
      o.held_out.empty() ? std::vector<Document>{} : read_documents(o.held_out, model.tokenizer());
  train::Budget budget = o.budget;
  if (budget.tokens == 0 && budget.hours == 0) budget.hours = kDefaultHours;
  const train::TrainerFiles files{.folder = o.out, .save_seconds = o.save_seconds};
  train::Trainer trainer = checkpoint
                               ? train::Trainer::resume(model, text, held_out, std::move(*checkpoint), files)
                               : train::Trainer::start(model, text, held_out, settings, budget, files);

  const CatchInterrupt interrupt;
  TrainProgress progress(trainer);
  const bool finished = trainer.run(
      {.step = [&](const train::StepRecord& r) { progress.step(r); }, .saved = {}}, interrupt.flag());
  progress.clear();
  if (!finished) {
    fmt::print(stderr, "stopped after step {}; --resume goes on from there\n",
               trainer.checkpoint().progress.step);
    return kInterrupted;
  }
  print(closing_lines(trainer, o.out));
  return kDone;
}

void add_settings(CLI::App& command, train::WarmupSettings& s) {
  struct Help {
    const char* name;
    const char* text;
  };
  constexpr Help kHelp[] = {
      {"heads", "index heads; 4 x 32 costs about a tenth of a small model's attention"},
      {"dim", "dimensions of an index head; half of them are rotated"},
      {"top-k", "tokens that the indexer will select by default (index_topk)"},
      {"curriculum",
       "context lengths and their shares of the tokens, as in 2048:0.3,8192:0.7, in place of --ctx"},
      {"rows", "queries of each document that are trained on"},
      {"updates", "of the weights by each document, each from its share of the rows"},
      {"target",
       "what index scores follow: sum of the heads' attention (the paper's), max, or a blend from max to "
       "sum"},
      {"lr", "peak learning rate: rises over 10 steps, falls by half a cosine"},
      {"clip", "largest norm of a layer's gradient"},
      {"seed", "of weights, order of documents and choice of queries"},
  };
  train::for_each_setting(s, [&](const char* name, auto& value) {
    const auto* help = std::ranges::find(kHelp, std::string_view(name), &Help::name);
    DSA_CHECK(help != std::end(kHelp));
    auto* option = command.add_option(std::string("--") + name, value, help->text);
    if (std::string_view(name) != "curriculum") option->capture_default_str();
  });
}

}  // namespace

Action declare_train_indexer(CLI::App& command) {
  auto o = std::make_shared<TrainOptions>();
  command.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  command
      .add_option("--model", o->model, "a folder with config.json and safetensors, a .gguf file, or smollm2")
      ->type_name("MODEL")
      ->capture_default_str();
  command
      .add_option("--text", o->text,
                  "what to train on: files, or folders of files; each file is one document")
      ->type_name("PATH...")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->required();
  command.add_option("--held-out", o->held_out, "text that is only looked at, for the report")
      ->type_name("PATH...")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--out", o->out, "folder for the indexer, its checkpoint, log and report")
      ->type_name("DIR")
      ->required();
  auto* hours = command
                    .add_option("--hours", o->budget.hours,
                                "how long to train; turned into tokens after 20 steps (default: 1)")
                    ->check(CLI::Range(1e-4, 1e4));
  auto* tokens = command.add_option("--tokens", o->budget.tokens, "how many tokens to train on")
                     ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 50));
  hours->excludes(tokens);
  auto* context = command
                      .add_option("--ctx", o->context,
                                  "longest context: training starts at 2048 tokens and doubles up to it "
                                  "(default: the model's, at most 8192)")
                      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 24));
  add_settings(command, o->settings);
  context->excludes(command.get_option("--curriculum"));
  command
      .add_option(
          "--threads", o->threads,
          "threads to compute with (default: DSA_THREADS, else every core); results do not depend on it")
      ->check(CLI::Range(1, 4096));
  command.add_flag("--resume", o->resume,
                   "go on with the training in --out, to the same bits as if it had never stopped");
  command.add_option("--save-seconds", o->save_seconds, "time between checkpoints")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  command.footer(
      "The model is frozen and attends to every token; in each layer a small indexer learns to score earlier "
      "tokens as that "
      "attention does.\nThe folder then goes to any verb as --indexer DIR.  Ctrl-C saves and "
      "stops.\n\nExamples:\n"
      "  dsa train indexer --text \"$(tools/fetch_corpus)/train\" --out my-indexer --hours 1\n"
      "  dsa train indexer --text \"$(tools/fetch_corpus)/train\" --out my-indexer --resume\n");
  return [&command, o] { return train_indexer(command, *o); };
}

}  // namespace dsa::cli
