// Text to evaluate or train on: files become documents of tokens, documents become windows of one length.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/model_config.h"
#include "tokenizer/tokenizer.h"

namespace dsa {

struct Document {
  std::filesystem::path path;
  std::vector<std::int32_t> tokens;
};

/// Tokens of a window where nobody says how many and the model takes more.
inline constexpr std::int64_t kDefaultWindow = 8192;

/// `length` consecutive tokens of a document.
struct Window {
  std::size_t document = 0;
  std::int64_t first = 0;
};

/// Files as they are, folders file by file (all below them, by name; names that begin with a dot are left
/// out).  Throws Error: nothing there, or a folder that cannot be read or holds none.
std::vector<std::filesystem::path> document_files(const std::vector<std::string>& paths);

/// Throws Error, which begins with `who`: empty, binary (a NUL byte, or more
/// than one byte in a hundred not UTF-8).
void check_is_text(std::string_view text, const std::string& who);

/// document_files(), each one document: a *.chat.json is a conversation in the chat format of a model with
/// this tokenizer and architecture (conversation_file.h), or in the one named; any other file is text, which
/// stays text even where it spells a control token.  Throws Error: as above, not readable, no chat format
/// that we know.
std::vector<Document> read_documents(const std::vector<std::string>& paths, const Tokenizer& tokenizer,
                                     Architecture architecture, const std::string& chat_format = {});

/// Documents cut into whole windows, one after the other; what is left of a document is left out.  Throws
/// Error, naming the longest document, if there is no window.
std::vector<Window> cut_windows(std::span<const Document> documents, std::int64_t length);

/// At most `count` of them, evenly spread, in order; 0: all.
std::vector<Window> evenly_chosen(const std::vector<Window>& windows, std::int64_t count);

inline std::span<const std::int32_t> tokens_of(std::span<const Document> documents, const Window& window,
                                               std::int64_t length) {
  return std::span(documents[window.document].tokens)
      .subspan(static_cast<std::size_t>(window.first), static_cast<std::size_t>(length));
}

/// SHA-256 over names and tokens, in hex: which corpus was this, as this tokenizer cuts it.
std::string corpus_hash(std::span<const Document> documents);

}  // namespace dsa
