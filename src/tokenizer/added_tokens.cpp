#include "tokenizer/added_tokens.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace dsa {
namespace {

// The last character of valid, non-empty UTF-8 and where it begins.
std::pair<char32_t, std::size_t> last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  std::string_view tail = text.substr(at);
  return {next_code_point(tail), at};
}

bool word_before(std::string_view text) {
  return !text.empty() && is_word_character(last_character(text).first);
}

bool word_after(std::string_view text) { return !text.empty() && is_word_character(next_code_point(text)); }

std::size_t without_trailing_space(std::string_view text) {
  while (!text.empty()) {
    const auto [c, at] = last_character(text);
    if (!is_white_space(c)) break;
    text = text.substr(0, at);
  }
  return text.size();
}

std::size_t leading_space(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view after = rest;
    if (!is_white_space(next_code_point(after))) break;
    rest = after;
  }
  return text.size() - rest.size();
}

}  // namespace

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_word_character(char32_t c) {
  if (c == 0x200C || c == 0x200D) return true;  // joiners
  if (c >= 0x24B6 && c <= 0x24E9) return true;  // circled letters: Other_Alphabetic symbols
  if ((c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189))
    return true;  // squared and negative letters, likewise
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

void AddedTokenMatcher::add(const AddedToken& token, std::string_view text, bool control) {
  DSA_CHECK(!text.empty());
  std::uint32_t node = 0;
  for (const char c : text) {
    const std::uint64_t key = std::uint64_t{node} << 8 | static_cast<unsigned char>(c);
    const auto [it, added] = edges_.try_emplace(key, static_cast<std::uint32_t>(ends_.size()));
    if (added) ends_.push_back(0);
    node = it->second;
  }
  starts_[static_cast<unsigned char>(text[0])] = true;
  tokens_.push_back({&token, control});
  if (ends_[node] == 0)
    ends_[node] = static_cast<std::uint32_t>(tokens_.size());  // the first of equals stays
}

AddedTokenMatcher::Match AddedTokenMatcher::longest_at(std::string_view text) const {
  Match best;
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto it = edges_.find(std::uint64_t{node} << 8 | static_cast<unsigned char>(text[i]));
    if (it == edges_.end()) break;
    node = it->second;
    if (ends_[node] != 0) best = {i + 1, ends_[node] - 1};
  }
  return best;
}

// The rules of `tokenizers`, added_vocabulary.rs: find_matches().
void AddedTokenMatcher::split(std::string_view valid, Accept accept, FunctionRef<void(std::string_view)> text,
                              FunctionRef<void(std::int32_t)> token) const {
  std::size_t done = 0;  // bytes handed out
  for (std::size_t at = 0; at < valid.size();) {
    if (!starts_[static_cast<unsigned char>(valid[at])]) {
      ++at;
      continue;
    }
    const Match match = longest_at(valid.substr(at));
    if (match.length == 0) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + match.length;
    at = end;
    const auto& [found, control] = tokens_[match.entry];
    if (control && accept == Accept::no_control) continue;
    if (found->single_word && (word_before(valid.substr(0, begin)) || word_after(valid.substr(end))))
      continue;
    begin = std::max(begin, done);  // the token before may have swallowed white space this one begins with
    if (found->lstrip) begin = std::max(done, without_trailing_space(valid.substr(0, begin)));
    if (found->rstrip) end += leading_space(valid.substr(end));
    if (done < begin) text(valid.substr(done, begin - done));
    token(found->id);
    done = std::max(done, end);
  }
  if (done < valid.size()) text(valid.substr(done));
}

}  // namespace dsa
