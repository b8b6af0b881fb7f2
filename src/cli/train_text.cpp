// dsa train text --text PATH... --out DIR: more documents to train on, made out of those that are there.
#include "cli/train_text.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "checkpoint/fingerprint.h"
#include "cli/catalogue.h"
#include "cli/chat_writer.h"
#include "cli/eval.h"
#include "cli/options.h"
#include "cli/train_options.h"
#include "cli/whole_number.h"
#include "text/conversation_file.h"
#include "text/retrieval_text.h"
#include "text/text_manifest.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTextFolder = "text";  // below --out: the manifest is no document
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

struct Source {
  std::vector<std::string> texts;
  std::string hash;  // SHA-256 over names and bytes
};
// Conversations are no ordinary text.
Source read_source(const std::vector<std::string>& paths) {
  Source source;
  Sha256 hash;
  for (const auto& file : document_files(paths)) {
    if (is_conversation_file(file)) continue;
    const MappedFile mapped(file);
    const std::string_view text(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.size());
    check_is_text(text, printable(file.string(), 1000));
    const std::string name = file.filename().string();
    hash.add(std::as_bytes(std::span(name.c_str(), name.size() + 1)));
    hash.add(mapped.bytes());
    source.texts.emplace_back(text);
  }
  source.hash = hash.hex();
  return source;
}

// What is made must not become what it is made from.
void check_out(const TextOrder& o) {
  const fs::path out = fs::weakly_canonical(o.out);
  for (const auto& text : o.text) {
    const fs::path from = fs::weakly_canonical(text);
    if (std::ranges::mismatch(from, out).in1 == from.end())
      fail("--out {}: lies inside --text {}: give a folder outside it", printable(o.out, 1000),
           printable(text, 1000));
  }
  if (!fs::exists(out / kManifestFile) && fs::exists(out) && !(fs::is_directory(out) && fs::is_empty(out)))
    fail("--out {}: is there but holds no {}: give another folder, or a new one", printable(o.out, 1000),
         kManifestFile);
}

void check_chat_format(const ModelFiles& model, const Tokenizer& tokenizer, const std::string& name) {
  try {
    static_cast<void>(ChatPrompt(model, tokenizer, {.name = name}));
  } catch (const Error& error) {
    fail("{}: cannot write conversations (give --chat 0): {}", printable(model.path.string(), 1000),
         error.what());
  }
}

// Makes the documents that are not there yet.
class TextMaker {
 public:
  TextMaker(const TextOrder& o, fs::path model, std::int64_t tokens)
      : o_(o),
        model_path_(std::move(model)),
        files_(open_model(model_path_)),
        tokenizer_(fitting_tokenizer(files_)),
        tokens_(tokens),
        source_(read_source(o.text)),
        passages_(source_.texts) {
    if (o.chat > 0) check_chat_format(files_, tokenizer_, o.chat_format);
    manifest_.emplace(o.out, TextSettings{.model = files_.path.filename().string(),
                                          .fingerprint = fingerprint(*files_.tensors, files_.config),
                                          .passages = source_.hash,
                                          .tokens = tokens,
                                          .seed = o.seed});
    std::error_code error;
    fs::create_directories(fs::path(o.out) / kTextFolder, error);
    if (error) fail("--out {}: cannot create the folder: {}", printable(o.out, 1000), error.message());
    manifest_->write();
  }

  /// False if cancelled: what is whole stays.
  bool make_all(const std::atomic<bool>& cancel) {
    bool whole = true;
    for (std::int64_t i = 0; whole && i < o_.retrieval; ++i)
      whole = !cancel && make(fmt::format("retrieval-{:03}.txt", i), [&] { return retrieval(i); });
    for (std::int64_t i = 0; whole && i < o_.chat; ++i)
      whole = !cancel &&
              make(fmt::format("chat-{:03}{}", i, kConversationEnding), [&] { return chat(i, cancel); });
    manifest_->write();
    progress_.clear();
    return whole;
  }

  [[nodiscard]] const std::map<std::string, MadeText>& documents() const { return manifest_->documents(); }
  [[nodiscard]] std::int64_t made() const { return made_; }

 private:
  template <class Content>
  bool make(const std::string& name, Content&& content) {
    const fs::path path = fs::path(o_.out) / kTextFolder / name;
    if (!fs::exists(path)) {
      const std::optional<std::string> text = content();
      if (!text) return false;
      write_file(path, *text);
      ++made_;
    }
    manifest_->add(fmt::format("{}/{}", kTextFolder, name), measured(path));
    ++done_;
    show(0);
    return true;
  }

  [[nodiscard]] MadeText measured(const fs::path& path) const {
    const auto documents =
        read_documents({path.string()}, tokenizer_, files_.config.architecture, o_.chat_format);
    const auto tokens = static_cast<std::int64_t>(documents.front().tokens.size());
    if (tokens < tokens_)
      fail("{}: has {} tokens, expected at least {}: remove it and run this again",
           printable(path.string(), 1000), tokens, tokens_);
    const MappedFile file(path);
    Sha256 hash;
    hash.add(file.bytes());
    return {.bytes = static_cast<std::int64_t>(file.size()), .tokens = tokens, .sha256 = hash.hex()};
  }

  std::optional<std::string> retrieval(std::int64_t number) {
    return make_retrieval_text(
               passages_, o_.seed, number, tokens_,
               [&](std::string_view text) {
                 return static_cast<std::int64_t>(tokenizer_.encode(text, SpecialTokens::as_text).size());
               })
        .text;
  }

  std::optional<std::string> chat(std::int64_t number, const std::atomic<bool>& cancel) {
    if (!writer_) writer_ = std::make_unique<ChatWriter>(model_path_, tokens_, o_.threads, o_.chat_format);
    const auto messages = writer_->write(
        passages_, o_.seed, number, [&](std::int64_t tokens) { show(tokens); }, cancel);
    if (!messages) return std::nullopt;
    return conversation_json(*messages);
  }

  void show(std::int64_t tokens) {
    progress_.update(done_ * tokens_ + std::min(tokens, tokens_), (o_.retrieval + o_.chat) * tokens_);
  }

  const TextOrder& o_;
  fs::path model_path_;
  ModelFiles files_;
  Tokenizer tokenizer_;
  std::int64_t tokens_;  // of a document, at least
  Source source_;
  Passages passages_;
  std::optional<TextManifest> manifest_;
  std::unique_ptr<ChatWriter> writer_;  // loads the model: only if a conversation is to be written
  ProgressLine progress_{{.verb = "writing"}};
  std::int64_t done_ = 0, made_ = 0;  // documents
};

int train_text(const TextOrder& o) {
  const auto path = resolve_model(o.model);
  const ModelConfig config = open_model(path).config;
  const std::int64_t tokens =
      o.context > 0 ? o.context : std::min(config.max_position_embeddings, kDefaultWindow);
  check_context(tokens, config, path);
  if (o.retrieval + o.chat == 0) fail("--retrieval 0 --chat 0: nothing is to be made: give one of them");
  check_out(o);
  TextMaker maker(o, path, tokens);

  const CatchInterrupt interrupt;
  const bool whole = maker.make_all(interrupt.flag());
  const auto& documents = maker.documents();
  if (!whole) {
    fmt::print(stderr, "stopped; {} documents are whole: the same command goes on from there\n",
               documents.size());
    return kInterrupted;
  }
  std::int64_t all = 0;
  for (const auto& [file, made] : documents) all += made.tokens;
  print(fmt::format("{} documents, {} made now, {} tokens in all: train on them with --text {}\n",
                    documents.size(), maker.made(), all,
                    printable((fs::path(o.out) / kTextFolder).string(), 1000)));
  return kDone;
}

}  // namespace

Action declare_train_text(CLI::App& command) {
  auto o = std::make_shared<TextOrder>();
  command.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  command.add_option("--model", o->model, "the model that is to be trained: it writes the conversations")
      ->type_name("MODEL")
      ->capture_default_str();
  command.add_option("--text", o->text, "ordinary text to take passages from: files, or folders of files")
      ->type_name("PATH...")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->required();
  command.add_option("--out", o->out, "folder for the documents (DIR/text) and their manifest")
      ->type_name("DIR")
      ->required();
  const auto add_count = [&](const char* name, std::int64_t& count, const char* help) {
    command.add_option(name, count, help)
        ->transform(whole<std::int64_t>(0, kMostDocuments))
        ->capture_default_str();
  };
  add_count("--retrieval", o->retrieval, "documents with facts and, far behind them, questions about them");
  add_count("--chat", o->chat, "conversations about passages, with the model's own answers");
  command
      .add_option("--ctx", o->context,
                  "tokens of a document, at least (default: the model's context, at most 8192)")
      ->transform(whole(kShortestText, kLongestText));
  command.add_option("--seed", o->seed, "the same seed, text and model give the same documents")
      ->transform(whole<std::uint64_t>())
      ->capture_default_str();
  command
      .add_option("--threads", o->threads, "threads to compute with (default: DSA_THREADS, else every core)")
      ->transform(whole(1, 4096));
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
