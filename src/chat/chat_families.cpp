#include "chat/chat_families.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace dsa {
namespace {

constexpr std::array<ChatFamily, 8> kFamilies{{
    {"llama-3", "<|start_header_id|>", match_llama3},
    {"deepseek-v3.1", "<｜Assistant｜>", match_deepseek},
    {"deepseek-r1", "<｜Assistant｜>", match_deepseek_r1},
    {"glm-5.2", "[gMASK]<sop>", match_glm},
    {"qwq", "assistant\\n<think>\\n", match_qwq},
    {"qwen3", "multi_step_tool", match_qwen3},
    {"qwen2.5", "Qwen, created by Alibaba Cloud", match_qwen25},
    {"chatml", "<|im_start|>", match_chatml},
}};

constexpr std::array<NamedFormat, 14> kNamed{{
    {"chatml", [] { return chatml(std::nullopt); }},
    {"llama-3", [] { return llama3(/*wants_today=*/false); }},
    {"qwen2.5",
     [] { return qwen25("You are Qwen, created by Alibaba Cloud. You are a helpful assistant."); }},
    {"qwq", [] { return qwq(); }},
    {"qwen3", [] { return qwen3(); }},
    {"qwen3-instruct", [] { return qwen3(Qwen3::instruct); }},
    {"qwen3-thinking", [] { return qwen3(Qwen3::thinking); }},
    {"deepseek-r1", [] { return deepseek_r1(); }},
    {"deepseek-v3.1", deepseek_v31},
    {"deepseek-v3.2", deepseek_v32_encoding},
    {"glm-4.6", glm46},
    {"glm-4.7", glm47},
    {"glm-5.1", glm51},
    {"glm-5.2", glm52},
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
std::span<const NamedFormat> named_formats() { return kNamed; }

bool has_all(const ChatTemplate& text, const std::vector<std::string_view>& fragments,
             Difference& difference) {
  const auto found = std::ranges::count_if(fragments, [&](std::string_view f) { return text.has(f); });
  difference.share = static_cast<double>(found) / static_cast<double>(fragments.size());
  if (const auto first = text.first_missing(fragments)) {
    difference.text = fmt::format("lacks {}", printable(*first));
    return false;
  }
  if (!text.bare_text().empty()) {
    difference.text = fmt::format("prints {} outside of its tags", printable(text.bare_text(), 40));
    return false;
  }
  return true;
}

PromptWriter& PromptWriter::control(std::string_view token) {
  segments_.push_back({std::string(token), /*control=*/true});
  return *this;
}

PromptWriter& PromptWriter::mark(std::string_view token) {
  segments_.push_back({std::string(token), /*control=*/true, /*mark=*/true});
  return *this;
}

PromptWriter& PromptWriter::text(std::string_view text) {
  if (text.empty()) return *this;
  if (segments_.empty() || segments_.back().control) segments_.push_back({});
  segments_.back().text += text;
  return *this;
}

PromptWriter& begin_message(PromptWriter& out, Role role) {
  return out.control("<|im_start|>").text(name(role)).text("\n");
}

void end_message(PromptWriter& out) { out.control("<|im_end|>").text("\n"); }

void write_message(PromptWriter& out, Role role, std::string_view content) {
  end_message(begin_message(out, role).text(content));
}

std::ptrdiff_t last_user_index(std::span<const ChatMessage> messages) {
  auto i = static_cast<std::ptrdiff_t>(messages.size()) - 1;
  while (i >= 0 && messages[static_cast<std::size_t>(i)].role != Role::user) --i;
  return i;
}

SplitAnswer split_answer(const ChatMessage& message) {
  static constexpr std::string_view kBegin = "<think>";
  static constexpr std::string_view kEnd = "</think>";
  if (message.reasoning) return {*message.reasoning, message.content};
  const std::string_view content = message.content;
  const std::size_t first = content.find(kEnd);
  if (first == std::string_view::npos) return {"", message.content};
  std::string_view reasoning = strip_newlines_right(content.substr(0, first));
  if (const std::size_t begin = reasoning.rfind(kBegin); begin != std::string_view::npos)
    reasoning.remove_prefix(begin + kBegin.size());
  return {std::string(strip_newlines_left(reasoning)),
          std::string(strip_newlines_left(after_reasoning(content)))};
}

std::string_view after_reasoning(std::string_view content) {
  static constexpr std::string_view kEnd = "</think>";
  const std::size_t end = content.rfind(kEnd);
  return end == std::string_view::npos ? content : content.substr(end + kEnd.size());
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
