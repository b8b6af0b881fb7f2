#include "text/documents.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/present.h"
#include "base/sha256.h"
#include "chat/chat_prompt.h"
#include "text/conversation_file.h"
#include "tokenizer/utf8.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

// U+FFFD in UTF-8.
std::size_t replacements(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::size_t count = 0;
  for (auto at = text.find(kReplacement); at != std::string_view::npos; at = text.find(kReplacement, at + 3))
    ++count;
  return count;
}

std::vector<fs::path> files_below(const std::string& path) {
  std::error_code error;
  if (!present(path)) fail("{}: there is no such file or folder", printable(path, 1000));
  if (!fs::is_directory(path, error)) return {path};
  std::vector<fs::path> files;
  try {
    for (auto it = fs::recursive_directory_iterator(path); it != fs::recursive_directory_iterator(); ++it) {
      if (it->path().filename().string().starts_with('.')) {
        if (it->is_directory()) it.disable_recursion_pending();
      } else if (it->is_regular_file()) {
        files.push_back(it->path());
      }
    }
  } catch (const fs::filesystem_error& failed) {
    fail("{}: {}", printable(path, 1000), failed.code().message());
  }
  if (files.empty()) fail("{}: no file lies in this folder", printable(path, 1000));
  std::ranges::sort(files);
  return files;
}

// A conversation's ids.  A format that tells the date tells its template's own, whatever the day.
std::vector<std::int32_t> read_conversation(std::string_view json, const std::string& who,
                                            const Tokenizer& tokenizer, Architecture architecture,
                                            const std::string& chat_format) {
  const auto messages = parse_conversation(json, who);
  try {
    return ChatPrompt(architecture, tokenizer, {}, {.name = chat_format})
        .encode(messages, {.add_generation_prompt = false});
  } catch (const Error& error) {
    fail("{}: this model cannot read a conversation (give plain text): {}", who, error.what());
  }
}

}  // namespace

void check_is_text(std::string_view text, const std::string& who) {
  if (text.empty()) fail("{}: is empty, expected text", who);
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    fail("{}: is not text: byte {} is NUL", who, nul);
  std::string storage;
  const auto repaired = repaired_utf8(text, storage);
  const std::size_t bad = replacements(repaired) - replacements(text);
  if (bad * 100 > text.size()) fail("{}: is not text: {} of {} bytes are not UTF-8", who, bad, text.size());
}

std::vector<fs::path> document_files(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const auto& path : paths) std::ranges::move(files_below(path), std::back_inserter(files));
  return files;
}

std::vector<Document> read_documents(const std::vector<std::string>& paths, const Tokenizer& tokenizer,
                                     Architecture architecture, const std::string& chat_format) {
  std::vector<Document> documents;
  for (const auto& file : document_files(paths)) {
    const MappedFile mapped(file);
    const std::string_view text(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.size());
    const std::string who = printable(file.string(), 1000);
    check_is_text(text, who);
    documents.push_back({.path = file,
                         .tokens = is_conversation_file(file)
                                       ? read_conversation(text, who, tokenizer, architecture, chat_format)
                                       : tokenizer.encode(text, SpecialTokens::as_text)});
  }
  return documents;
}

std::vector<Window> cut_windows(std::span<const Document> documents, std::int64_t length) {
  DSA_CHECK(length > 0);
  std::vector<Window> windows;
  for (std::size_t d = 0; d < documents.size(); ++d)
    for (std::int64_t first = 0; first + length <= static_cast<std::int64_t>(documents[d].tokens.size());
         first += length)
      windows.push_back({.document = d, .first = first});
  if (!windows.empty()) return windows;
  if (documents.empty()) fail("no text was given: expected at least one document of {} tokens", length);
  const auto& longest =
      *std::ranges::max_element(documents, {}, [](const Document& d) { return d.tokens.size(); });
  fail("{}: the longest document has {} tokens, a context takes {}: give longer text or a smaller `context`",
       printable(longest.path.string(), 1000), longest.tokens.size(), length);
}

std::vector<Window> evenly_chosen(const std::vector<Window>& windows, std::int64_t count) {
  const auto all = static_cast<std::int64_t>(windows.size());
  if (count <= 0 || count >= all) return windows;
  std::vector<Window> chosen;
  for (std::int64_t i = 0; i < count; ++i)
    chosen.push_back(windows[static_cast<std::size_t>(i * all / count)]);
  return chosen;
}

std::string corpus_hash(std::span<const Document> documents) {
  Sha256 hash;
  for (const auto& document : documents) {
    const std::string name = document.path.filename().string();
    const std::uint64_t count = document.tokens.size();
    hash.add(std::as_bytes(std::span(name.c_str(), name.size() + 1)));
    hash.add(std::as_bytes(std::span(&count, 1)));
    hash.add(std::as_bytes(std::span(document.tokens)));
  }
  return hash.hex();
}

}  // namespace dsa
