// dsa train text --text PATH... --out DIR: more documents to train on, made out of those that are there.
#include "cli/train_text.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/who.h"
#include "checkpoint/fingerprint.h"
#include "cli/catalogue.h"
#include "cli/checks.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/train_options.h"
#include "rl/rollout.h"
#include "text/retrieval_text.h"
#include "text/text_maker.h"
#include "tokenizer/tokenizer.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostDocuments = 100'000;

struct TextOrder {
  std::string model = "smollm2";
  std::vector<std::string> text;
  std::string out;
  std::int64_t retrieval = 48, chat = 24;
  std::int64_t context = 0;
  std::uint64_t seed = 0;
  int threads = 0;
  std::string chat_format;
};

void check_chat_format(const ModelFiles& model, const Tokenizer& tokenizer, const std::string& name) {
  try {
    static_cast<void>(ChatPrompt(model, tokenizer, {.name = name}));
  } catch (const Error& error) {
    fail("{}: cannot write conversations (give --chat 0): {}", printable(model.path.string(), 1000),
         error.what());
  }
}

int train_text(const TextOrder& o) {
  const auto path = resolve_model(o.model);
  const ModelFiles model = open_model(path);
  const std::int64_t tokens =
      o.context > 0 ? o.context : std::min(model.config.max_position_embeddings, kDefaultWindow);
  check_context(tokens, model.config, path);
  if (o.retrieval + o.chat == 0) fail("--retrieval 0 --chat 0: nothing is to be made: give one of them");
  check_text_folder(o.out, o.text);
  const Tokenizer tokenizer = fitting_tokenizer(model);
  const TextSource source = read_text_source(o.text);
  if (o.chat > 0) check_chat_format(model, tokenizer, o.chat_format);

  const CatchInterrupt interrupt;
  std::optional<Rollout> rollout;  // loads the model: only if a conversation is to be written
  TextMaker maker(
      {.folder = o.out, .retrieval = o.retrieval, .chat = o.chat, .tokens = tokens, .seed = o.seed},
      {.name = model.path.filename().string(),
       .fingerprint = fingerprint(*model.tensors, model.config),
       .architecture = model.config.architecture,
       .tokenizer = tokenizer,
       .chat_format = o.chat_format},
      source, [&](const Passages& passages, std::int64_t number, const TextMaker::VisitTokens& progress) {
        if (!rollout) rollout.emplace(path, tokens, o.threads, o.chat_format);
        return rollout->conversation(passages, o.seed, number, progress, interrupt.flag());
      });
  ProgressLine line({.verb = "writing"});
  const auto outcome =
      maker.make_all([&](std::int64_t done, std::int64_t all) { line.update(done, all); }, interrupt.flag());
  line.clear();
  const auto& documents = maker.documents();
  if (outcome == TextMaker::Outcome::cancelled) {
    fmt::print(stderr, "stopped; {} documents are whole: the same command goes on from there\n",
               documents.size());
    return kInterrupted;
  }
  std::int64_t all = 0;
  for (const auto& [file, made] : documents) all += made.tokens;
  print(fmt::format("{} documents, {} made now, {} tokens in all: train on them with --text {}\n",
                    documents.size(), maker.made(), all, who(fs::path(o.out) / kTextFolder)));
  return kDone;
}

}  // namespace

Action declare_train_text(Command command) {
  auto o = std::make_shared<TextOrder>();
  command.add_option("--model", o->model, "the model that is to be trained: it writes the conversations")
      .type_name("MODEL")
      .show_default();
  command.add_option("--text", o->text, "ordinary text to take passages from: files, or folders of files")
      .type_name("PATH...")
      .required();
  command.add_option("--out", o->out, "folder for the documents (DIR/text) and their manifest")
      .type_name("DIR")
      .required();
  const auto add_count = [&](const char* name, std::int64_t& count, const char* help) {
    command.add_option(name, count, help).check(whole<std::int64_t>(0, kMostDocuments)).show_default();
  };
  add_count("--retrieval", o->retrieval, "documents with facts and, far behind them, questions about them");
  add_count("--chat", o->chat, "conversations about passages, with the model's own answers");
  command
      .add_option("--ctx", o->context,
                  "tokens of a document, at least (default: the model's context, at most 8192)")
      .check(whole(kShortestText, kLongestText));
  command.add_option("--seed", o->seed, "the same seed, text and model give the same documents")
      .check(whole<std::uint64_t>())
      .show_default();
  command
      .add_option("--threads", o->threads, "threads to compute with (default: DSA_THREADS, else every core)")
      .check(whole(1, 4096));
  add_chat_format(command, o->chat_format);
  command.footer(
      "What ordinary text has little of: "
      "facts that are asked for thousands of tokens later, and conversations in the model's own\n"
      "format.  Documents that are there already are kept: "
      "a command that was stopped goes on, larger numbers add more.\n\nExamples:\n"
      "  dsa train text --text \"$(tools/fetch_corpus)/train\" --out my-text\n"
      "  dsa train indexer --text \"$(tools/fetch_corpus)/train\" my-text/text --out my-indexer\n");
  return [o] { return train_text(*o); };
}

}  // namespace dsa::cli
