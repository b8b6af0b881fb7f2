#include "text/text_maker.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/who.h"
#include "text/conversation_file.h"
#include "text/documents.h"
#include "text/retrieval_text.h"

namespace dsa {

namespace fs = std::filesystem;

TextSource read_text_source(const std::vector<std::string>& paths) {
  TextSource source;
  Sha256 hash;
  for (const auto& file : document_files(paths)) {
    if (is_conversation_file(file)) continue;
    const MappedFile mapped(file);
    const std::string_view text(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.size());
    check_is_text(text, who(file));
    const std::string name = file.filename().string();
    hash.add(std::as_bytes(std::span(name.c_str(), name.size() + 1)));
    hash.add(mapped.bytes());
    source.texts.emplace_back(text);
  }
  source.hash = hash.hex();
  return source;
}

void check_text_folder(const fs::path& folder, const std::vector<std::string>& sources) {
  const fs::path out = fs::weakly_canonical(folder);
  for (const auto& source : sources) {
    const fs::path from = fs::weakly_canonical(source);
    if (std::ranges::mismatch(from, out).in1 == from.end())
      fail("{}: lies inside the text it is made from ({}): give a folder outside it", who(folder),
           who(source));
  }
  if (!fs::exists(out / kManifestFile) && fs::exists(out) && !(fs::is_directory(out) && fs::is_empty(out)))
    fail("{}: is there but holds no {}: give another folder, or a new one", who(folder), kManifestFile);
}

TextMaker::TextMaker(Order order, Model model, const TextSource& source, WriteConversation write)
    : order_(std::move(order)),
      model_(std::move(model)),
      write_(std::move(write)),
      passages_(source.texts),
      manifest_(order_.folder, {.model = model_.name,
                                .fingerprint = model_.fingerprint,
                                .passages = source.hash,
                                .tokens = order_.tokens,
                                .seed = order_.seed}) {
  std::error_code error;
  fs::create_directories(order_.folder / kTextFolder, error);
  if (error) fail("{}: cannot create the folder: {}", who(order_.folder), error.message());
  manifest_.write();
}

TextMaker::Outcome TextMaker::make_all(const VisitProgress& progress, const std::atomic<bool>& cancel) {
  Outcome outcome = Outcome::done;
  const auto make_each = [&](std::int64_t count, auto&& make_one) {
    for (std::int64_t i = 0; outcome == Outcome::done && i < count; ++i)
      outcome = cancel ? Outcome::cancelled : make_one(i);
  };
  make_each(order_.retrieval, [&](std::int64_t i) {
    return make(
        fmt::format("retrieval-{:03}.txt", i), [&] { return retrieval(i); }, progress);
  });
  make_each(order_.chat, [&](std::int64_t i) {
    return make(
        fmt::format("chat-{:03}{}", i, kConversationEnding), [&] { return conversation(i, progress); },
        progress);
  });
  manifest_.write();
  return outcome;
}

TextMaker::Outcome TextMaker::make(const std::string& name, const Content& content,
                                   const VisitProgress& progress) {
  const fs::path path = order_.folder / kTextFolder / name;
  if (!fs::exists(path)) {
    const std::optional<std::string> text = content();
    if (!text) return Outcome::cancelled;
    write_file(path, *text);
    ++made_;
  }
  manifest_.add(fmt::format("{}/{}", kTextFolder, name), measured(path));
  ++done_;
  show(0, progress);
  return Outcome::done;
}

MadeText TextMaker::measured(const fs::path& path) const {
  const auto documents =
      read_documents({path.string()}, model_.tokenizer, model_.architecture, model_.chat_format);
  const auto tokens = static_cast<std::int64_t>(documents.front().tokens.size());
  if (tokens < order_.tokens)
    fail("{}: has {} tokens, expected at least {}: remove it and run this again", who(path), tokens,
         order_.tokens);
  const MappedFile file(path);
  Sha256 hash;
  hash.add(file.bytes());
  return {.bytes = static_cast<std::int64_t>(file.size()), .tokens = tokens, .sha256 = hash.hex()};
}

std::string TextMaker::retrieval(std::int64_t number) const {
  const auto count = [&](std::string_view text) {
    return static_cast<std::int64_t>(model_.tokenizer.encode(text, SpecialTokens::as_text).size());
  };
  return make_retrieval_text(passages_, order_.seed, number, order_.tokens, count).text;
}

std::optional<std::string> TextMaker::conversation(std::int64_t number, const VisitProgress& progress) {
  const auto messages = write_(passages_, number, [&](std::int64_t tokens) { show(tokens, progress); });
  if (!messages) return std::nullopt;
  return conversation_json(*messages);
}

void TextMaker::show(std::int64_t tokens, const VisitProgress& progress) const {
  if (progress)
    progress(done_ * order_.tokens + std::min(tokens, order_.tokens),
             (order_.retrieval + order_.chat) * order_.tokens);
}

}  // namespace dsa
