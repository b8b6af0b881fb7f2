// A folder of documents to train on, made out of ordinary text: facts that are asked for far behind them, and
// conversations that a model writes.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_format.h"
#include "checkpoint/model_config.h"
#include "text/passages.h"
#include "text/text_manifest.h"
#include "tokenizer/tokenizer.h"

namespace dsa {

/// Ordinary text to make documents from; conversations are none.
struct TextSource {
  std::vector<std::string> texts;
  std::string hash;  // SHA-256 over names and bytes
};
/// Files, or folders of files (document_files()).  Throws Error: not there, not text.
TextSource read_text_source(const std::vector<std::string>& paths);

/// Documents, below a maker's folder: its manifest is no document.
inline constexpr const char* kTextFolder = "text";

/// Throws Error if documents made in `folder` would become what they are made from, or if it holds something
/// else.
void check_text_folder(const std::filesystem::path& folder, const std::vector<std::string>& sources);

/// Makes the documents that are not there yet: stopped anywhere, the same call goes on.  One thread at a
/// time; `cancel` may be set from anywhere.
class TextMaker {
 public:
  /// What of the model that is to be trained decides the documents.
  struct Model {
    std::string name;  // of its file
    std::string fingerprint;
    Architecture architecture = Architecture::llama;
    const Tokenizer& tokenizer;    // must outlive the maker
    std::string chat_format = {};  // by name, in place of its own
  };
  struct Order {
    std::filesystem::path folder;
    std::int64_t retrieval = 0, chat = 0;  // documents of either kind
    std::int64_t tokens = 0;               // of a document, at least
    std::uint64_t seed = 0;
  };
  /// After a turn of a conversation: tokens of it so far.
  using VisitTokens = std::function<void(std::int64_t tokens)>;
  /// Writes conversation `number` of the order; nullopt: cancelled.
  using WriteConversation = std::function<std::optional<std::vector<ChatMessage>>(
      const Passages& passages, std::int64_t number, const VisitTokens& progress)>;

  /// Reads the folder's manifest, or begins it.  Throws Error: made with other settings, cannot be written.
  TextMaker(Order order, Model model, const TextSource& source, WriteConversation write);

  /// `done` of `all` tokens are written.
  using VisitProgress = std::function<void(std::int64_t done, std::int64_t all)>;
  enum class Outcome : std::uint8_t { done, cancelled };
  /// Cancelled: what is whole stays.  Throws Error if a document is not what the manifest says.
  Outcome make_all(const VisitProgress& progress, const std::atomic<bool>& cancel);

  [[nodiscard]] const std::map<std::string, MadeText>& documents() const { return manifest_.documents(); }
  [[nodiscard]] std::int64_t made() const { return made_; }  // by this maker

 private:
  using Content = std::function<std::optional<std::string>()>;
  Outcome make(const std::string& name, const Content& content, const VisitProgress& progress);
  [[nodiscard]] MadeText measured(const std::filesystem::path& path) const;
  [[nodiscard]] std::string retrieval(std::int64_t number) const;
  std::optional<std::string> conversation(std::int64_t number, const VisitProgress& progress);
  void show(std::int64_t tokens, const VisitProgress& progress) const;

  Order order_;
  Model model_;
  WriteConversation write_;
  Passages passages_;
  TextManifest manifest_;
  std::int64_t done_ = 0, made_ = 0;  // documents
};

}  // namespace dsa
