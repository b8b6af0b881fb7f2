#include "server/kept_calls.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"

namespace dsa::server {
namespace {

// Clients may lay JSON out anew.
bool same_arguments(const std::string& a, const std::string& b) {
  if (a == b) return true;
  try {
    return parse_json(a, "arguments") == parse_json(b, "arguments");
  } catch (const Error&) {
    return false;
  }
}

// Clients and templates take white space from around it.
std::string without_blanks(const std::string& text) {
  static constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

bool unchanged(const KeptCalls::Answer& answer, const ChatMessage& message) {
  return message.content == answer.content &&
         without_blanks(message.reasoning.value_or("")) == without_blanks(answer.reasoning) &&
         std::ranges::equal(message.tool_calls, answer.calls, [](const ToolCall& a, const ToolCall& b) {
           return a.id == b.id && a.name == b.name && same_arguments(a.arguments, b.arguments);
         });
}

// Where the answer ends in the prompt; nothing, if the template shows it without its reasoning.
std::optional<std::size_t> end_of(const KeptCalls::Answer& answer, const Tokenizer& tokenizer,
                                  std::span<const std::int32_t> prompt) {
  const auto begin = prompt.begin() + static_cast<std::ptrdiff_t>(answer.prompt.tokens);
  const auto end = std::find(begin, prompt.end(), answer.end);
  if (end == prompt.end()) return std::nullopt;
  const std::string shown = tokenizer.decode({begin, end}, /*skip_special=*/false);
  if (shown.find(without_blanks(answer.reasoning)) == std::string::npos) return std::nullopt;
  return static_cast<std::size_t>(end - prompt.begin());
}

}  // namespace

PromptMark mark_of(std::span<const std::int32_t> prompt) {
  Sha256 hash;
  hash.add(std::as_bytes(prompt));
  return {prompt.size(), hash.digest()};
}

void KeptCalls::keep(Answer answer) {
  const std::scoped_lock lock(mutex_);
  const std::string id = answer.calls.front().id;
  if (by_id_.contains(id)) return;
  tokens_ += answer.tokens.size();
  answers_.push_back(std::move(answer));
  by_id_.emplace(id, std::prev(answers_.end()));
  while (tokens_ > most_tokens_) {
    tokens_ -= answers_.front().tokens.size();
    by_id_.erase(answers_.front().calls.front().id);
    answers_.pop_front();
  }
}

void KeptCalls::restore(std::span<const ChatMessage> messages, const Tokenizer& tokenizer,
                        std::vector<std::int32_t>& prompt) const {
  Sha256 hash;  // of the prompt's first tokens, so many:
  std::size_t hashed = 0;
  for (const ChatMessage& message : messages) {
    if (message.tool_calls.empty()) continue;
    const std::scoped_lock lock(mutex_);
    const auto found = by_id_.find(message.tool_calls.front().id);
    if (found == by_id_.end()) continue;
    const Answer& answer = *found->second;
    const std::size_t begin = answer.prompt.tokens;
    if (begin < hashed || begin > prompt.size() || !unchanged(answer, message)) continue;
    hash.add(std::as_bytes(std::span(prompt).subspan(hashed, begin - hashed)));
    hashed = begin;
    if (Sha256(hash).digest() != answer.prompt.digest) continue;
    const auto end = end_of(answer, tokenizer, prompt);
    if (!end) continue;
    const auto at = [&](std::size_t i) { return prompt.begin() + static_cast<std::ptrdiff_t>(i); };
    prompt.insert(prompt.erase(at(begin), at(*end)), answer.tokens.begin(), answer.tokens.end());
  }
}

}  // namespace dsa::server
