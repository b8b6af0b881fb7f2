#include "chat/chat_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "chat/chat_families.h"

namespace dsa {
namespace {

std::string listed_names() {
  std::string out;
  for (const std::string& name : ChatFormat::names()) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

std::string_view name(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
    case Role::tool:
      return "tool";
  }
  DSA_CHECK(false);
}

ChatFormat ChatFormat::find(const std::optional<std::string>& chat_template, Architecture architecture) {
  if (!chat_template) {
    if (architecture == Architecture::deepseek_v32) return deepseek_v32_encoding();
    fail(
        "chat: the model has no chat template, so it was not made to hold a conversation, "
        "or its template was lost when it was converted: choose `chat_format` ({}), "
        "or `raw` for plain completion",
        listed_names());
  }
  const ChatTemplate text(*chat_template);
  std::string nearest;
  double share = -1;
  for (const ChatFamily& family : chat_families()) {
    if (!text.mentions(family.signature)) continue;
    Difference difference;
    if (std::optional<ChatFormat> format = family.match(text, difference)) return *std::move(format);
    if (difference.share <= share) continue;
    share = difference.share;
    nearest = fmt::format("; the nearest is {}, but the template {}", family.name, difference.text);
  }
  fail(
      "chat: the model's chat template ({} bytes, beginning {}) is none that dsa knows{}: "
      "choose `chat_format` ({}), or `raw` for plain completion",
      chat_template->size(), printable(*chat_template, 40), nearest, listed_names());
}

ChatFormat ChatFormat::named(std::string_view name) {
  for (const NamedFormat& format : named_formats())
    if (format.name == name) return format.make();
  fail("chat: there is no chat format {}, expected one of {}", printable(name), listed_names());
}

std::vector<std::string> ChatFormat::names() {
  std::vector<std::string> out;
  for (const NamedFormat& format : named_formats()) out.emplace_back(format.name);
  return out;
}

std::vector<Segment> ChatFormat::render(std::span<const ChatMessage> messages,
                                        const ChatOptions& options) const {
  if (messages.empty()) fail("chat: the conversation has no messages, expected at least one");
  ChatOptions resolved = options;
  if (options.thinking == Thinking::on && !spec_.can_think)
    fail("chat: thinking was asked for, but the chat format {} has no thinking mode", spec_.name);
  const auto of_tools = [](const ChatMessage& m) { return m.role == Role::tool || !m.tool_calls.empty(); };
  if (!has_tools() && (!options.tools.empty() || std::ranges::any_of(messages, of_tools)))
    fail("chat: there are tools or calls of tools, but the chat format {} has none", spec_.name);
  if (options.thinking == Thinking::model_default)
    resolved.thinking = spec_.thinking_by_default ? Thinking::on : Thinking::off;
  return options.continue_last ? render_continued(messages, resolved) : spec_.render(messages, resolved);
}

// The prompt for an answer, and behind it what there is of the answer already.
std::vector<Segment> ChatFormat::render_continued(std::span<const ChatMessage> messages,
                                                  ChatOptions options) const {
  const ChatMessage& last = messages.back();
  if (last.role != Role::assistant || !last.tool_calls.empty() || messages.size() == 1)
    fail(
        "chat: the last of {} messages is to be continued, expected an assistant's without calls of tools, "
        "behind a message of somebody else",
        messages.size());
  options.continue_last = false;
  options.add_generation_prompt = true;
  PromptWriter out(spec_.render(messages.first(messages.size() - 1), options));
  if (ends_in_reasoning(*this, out.segments())) {
    out.text(last.reasoning.value_or(""));
    if (!last.content.empty()) out.control(spec_.reasoning->end);
  }
  return out.text(last.content).take();
}

bool ends_in_reasoning(const ChatFormat& format, std::span<const Segment> prompt) {
  if (!format.reasoning()) return false;
  const auto last = std::find_if(prompt.rbegin(), prompt.rend(), [](const Segment& s) { return s.control; });
  const auto is_blank = [](const Segment& s) { return strip(s.text).empty(); };
  return last != prompt.rend() && last->text == format.reasoning()->begin &&
         std::all_of(prompt.rbegin(), last, is_blank);
}

std::string chat_date(std::chrono::year_month_day day) {
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  DSA_CHECK(day.ok());
  return fmt::format("{:02} {} {:04}", static_cast<unsigned>(day.day()),
                     kMonths[static_cast<unsigned>(day.month()) - 1], static_cast<int>(day.year()));
}

}  // namespace dsa
