#include "chat/chat_format.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "chat/chat_families.h"

namespace dsa {
namespace {

constexpr std::string_view kKnown =
    "ChatML (SmolLM2), Llama-3.1 to 3.3, Qwen2.5, Qwen3, DeepSeek-V3.1 and V3.2, GLM-4.6, GLM-4.7";

}  // namespace

std::string_view name(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
  }
  DSA_CHECK(false);
}

ChatFormat ChatFormat::find(const std::optional<std::string>& chat_template, Architecture architecture) {
  if (!chat_template) {
    if (architecture == Architecture::deepseek_v32) return deepseek_v32_encoding();
    fail(
        "chat: the model has no chat template, so it was not made to hold a conversation, "
        "or its template was lost when it was converted; use --raw for plain completion");
  }
  const ChatTemplate text(*chat_template);
  std::string looked_like;
  for (const ChatFamily& family : chat_families()) {
    if (!text.mentions(family.signature)) continue;
    std::string missing;
    if (std::optional<ChatFormat> format = family.match(text, missing)) return *std::move(format);
    looked_like += fmt::format("; it resembles {}, but {}", family.name, missing);
  }
  fail(
      "chat: the model's chat template ({} bytes, beginning {}) is none that dsa knows{}. "
      "Known: {}. Use --raw for plain completion",
      chat_template->size(), printable(*chat_template, 40), looked_like, kKnown);
}

std::vector<Segment> ChatFormat::render(std::span<const ChatMessage> messages,
                                        const ChatOptions& options) const {
  if (messages.empty()) fail("chat: the conversation has no messages, expected at least one");
  ChatOptions resolved = options;
  if (options.thinking == Thinking::on && !spec_.can_think)
    fail("chat: thinking was asked for, but the chat format {} has no thinking mode", spec_.name);
  if (options.thinking == Thinking::model_default)
    resolved.thinking = spec_.thinking_by_default ? Thinking::on : Thinking::off;
  return spec_.render(messages, resolved);
}

bool ends_in_reasoning(const ChatFormat& format, std::span<const Segment> prompt) {
  return format.reasoning() && !prompt.empty() && prompt.back().control &&
         prompt.back().text == format.reasoning()->begin;
}

std::string chat_date(std::chrono::year_month_day day) {
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  DSA_CHECK(day.ok());
  return fmt::format("{:02} {} {:04}", static_cast<unsigned>(day.day()),
                     kMonths[static_cast<unsigned>(day.month()) - 1], static_cast<int>(day.year()));
}

}  // namespace dsa
