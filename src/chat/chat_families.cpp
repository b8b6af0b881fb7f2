#include "chat/chat_families.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"

namespace dsa {
namespace {

constexpr std::array<ChatFamily, 6> kFamilies{{
    {"Llama-3", "<|start_header_id|>", match_llama3},
    {"DeepSeek-V3.1/V3.2", "<｜Assistant｜>", match_deepseek},
    {"GLM-4.6/4.7/5.1", "[gMASK]<sop>", match_glm},
    {"Qwen3", "enable_thinking", match_qwen3},
    {"Qwen2.5", "Qwen, created by Alibaba Cloud", match_qwen25},
    {"ChatML", "<|im_start|>", match_chatml},
}};

// str.isspace() in Python 3: Unicode white space, and the separators 0x1C to 0x1F.
std::size_t space_length(std::string_view s) {
  const auto at = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
  const unsigned a = at(0);
  if ((a >= 0x09 && a <= 0x0D) || (a >= 0x1C && a <= 0x20)) return 1;
  if (a == 0xC2 && (at(1) == 0x85 || at(1) == 0xA0)) return 2;
  if (a == 0xE1 && at(1) == 0x9A && at(2) == 0x80) return 3;  // U+1680
  if (a == 0xE2 && at(1) == 0x80 &&
      ((at(2) >= 0x80 && at(2) <= 0x8A) || at(2) == 0xA8 || at(2) == 0xA9 || at(2) == 0xAF))
    return 3;                                                 // U+2000 to 200A, 2028, 2029, 202F
  if (a == 0xE2 && at(1) == 0x81 && at(2) == 0x9F) return 3;  // U+205F
  if (a == 0xE3 && at(1) == 0x80 && at(2) == 0x80) return 3;  // U+3000
  return 0;
}

}  // namespace

std::span<const ChatFamily> chat_families() { return kFamilies; }

bool has_all(const ChatTemplate& text, const std::vector<std::string_view>& fragments, std::string& missing) {
  if (const auto first = text.first_missing(fragments)) {
    missing = fmt::format("lacks {}", printable(*first));
    return false;
  }
  if (!text.bare_text().empty()) {
    missing = fmt::format("prints {} outside of its tags", printable(text.bare_text(), 40));
    return false;
  }
  return true;
}

PromptWriter& PromptWriter::control(std::string_view token) {
  segments_.push_back({std::string(token), /*control=*/true});
  return *this;
}

PromptWriter& PromptWriter::text(std::string_view text) {
  if (text.empty()) return *this;
  if (segments_.empty() || segments_.back().control) segments_.push_back({});
  segments_.back().text += text;
  return *this;
}

std::ptrdiff_t last_user_index(std::span<const ChatMessage> messages) {
  auto i = static_cast<std::ptrdiff_t>(messages.size()) - 1;
  while (i >= 0 && messages[static_cast<std::size_t>(i)].role != Role::user) --i;
  return i;
}

Answer split_answer(const ChatMessage& message) {
  static constexpr std::string_view kBegin = "<think>";
  static constexpr std::string_view kEnd = "</think>";
  if (message.reasoning) return {*message.reasoning, message.content};
  const std::string_view content = message.content;
  const std::size_t first = content.find(kEnd);
  if (first == std::string_view::npos) return {"", message.content};
  std::string_view reasoning = strip_newlines_right(content.substr(0, first));
  if (const std::size_t begin = reasoning.rfind(kBegin); begin != std::string_view::npos)
    reasoning.remove_prefix(begin + kBegin.size());
  const std::string_view rest = content.substr(content.rfind(kEnd) + kEnd.size());
  return {std::string(strip_newlines_left(reasoning)), std::string(strip_newlines_left(rest))};
}

std::string_view strip(std::string_view text) {
  while (const std::size_t n = space_length(text)) text.remove_prefix(n);
  for (bool again = true; again;) {
    again = false;
    for (std::size_t n = 1; n <= 3 && n <= text.size() && !again; ++n)
      if (space_length(text.substr(text.size() - n)) == n) {
        text.remove_suffix(n);
        again = true;
      }
  }
  return text;
}

std::string_view strip_newlines_left(std::string_view text) {
  while (text.starts_with('\n')) text.remove_prefix(1);
  return text;
}

std::string_view strip_newlines_right(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

}  // namespace dsa
