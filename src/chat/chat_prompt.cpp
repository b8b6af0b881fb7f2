#include "chat/chat_prompt.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace dsa {
namespace {

std::optional<ChatFormat> chosen_format(Architecture architecture, const Tokenizer& tokenizer,
                                        const PromptSettings& settings) {
  if (settings.raw) return std::nullopt;
  if (!settings.name.empty()) return ChatFormat::named(settings.name);
  // DeepSeek-V3.2 has a chat format and no template.
  const bool has_format = tokenizer.chat_template() || architecture == Architecture::deepseek_v32;
  if (!has_format && settings.without == WithoutFormat::complete) return std::nullopt;
  return ChatFormat::find(tokenizer.chat_template(), architecture);
}

void add_missing(std::vector<std::int32_t>& ids, std::span<const std::int32_t> more) {
  for (const auto id : more)
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
}

}  // namespace

ChatPrompt::ChatPrompt(const ModelFiles& files, const Tokenizer& tokenizer, const PromptSettings& settings)
    : ChatPrompt(files.config.architecture, tokenizer, files.config.eos_token_ids, settings) {}

ChatPrompt::ChatPrompt(Architecture architecture, const Tokenizer& tokenizer,
                       std::span<const std::int32_t> eos_ids, const PromptSettings& settings)
    : tokenizer_(tokenizer),
      format_(chosen_format(architecture, tokenizer, settings)),
      context_(settings.context) {
  if (format_) stop_ids_ = dsa::stop_ids(tokenizer, *format_);
  add_missing(stop_ids_, tokenizer.eos_ids());
  add_missing(stop_ids_, eos_ids);
}

// Cutting a text takes 30 times its memory, and seconds where it is one long word.
void ChatPrompt::check_size(std::size_t bytes) const {
  if (context_ <= 0) return;
  const std::int64_t most = context_ * tokenizer_.longest_piece();
  if (std::cmp_greater(bytes, most))
    fail("the prompt has {} bytes, the context of {} tokens holds {} at most: shorten it or widen `context`",
         bytes, context_, most);
}

std::vector<Segment> ChatPrompt::render(std::span<const ChatMessage> messages, ChatOptions options) const {
  if (!format_->wants_today()) options.date.clear();
  return format_->render(messages, options);
}

std::vector<std::int32_t> ChatPrompt::encode(std::span<const ChatMessage> messages,
                                             const ChatOptions& options, SpecialTokens typed) const {
  if (!format_) {
    DSA_CHECK(!messages.empty());
    return encode_text(messages.back().content, typed);
  }
  std::size_t bytes = 0;
  for (const ChatTool& tool : options.tools) bytes += tool.definition.size();
  for (const ChatMessage& message : messages) {
    bytes += message.content.size();
    for (const ToolCall& call : message.tool_calls) bytes += call.arguments.size();
  }
  check_size(bytes);
  return encode_chat(tokenizer_, render(messages, options), typed);
}

std::vector<std::int32_t> ChatPrompt::encode_text(std::string_view text, SpecialTokens typed) const {
  check_size(text.size());
  std::vector<std::int32_t> ids = tokenizer_.prefix_ids();
  const auto typed_ids = tokenizer_.encode(text, typed);
  ids.insert(ids.end(), typed_ids.begin(), typed_ids.end());
  return ids;
}

bool ChatPrompt::begins_in_reasoning(std::span<const ChatMessage> asked, const ChatOptions& options) const {
  if (!format_) return false;
  if (!options.continue_last) return ends_in_reasoning(*format_, render(asked, options));
  ChatOptions before = options;
  before.continue_last = false;
  return asked.back().content.empty() && begins_in_reasoning(asked.first(asked.size() - 1), before);
}

ChatMessage ChatPrompt::as_message(const std::string& answer, std::span<const ChatMessage> asked,
                                   const ChatOptions& options) const {
  ChatMessage message{.role = Role::assistant, .content = answer};
  if (!format_ || !format_->reasoning()) return message;
  const auto& [begin, end] = *format_->reasoning();
  std::string_view text = answer;
  if (text.starts_with(begin))
    text.remove_prefix(begin.size());
  else if (!begins_in_reasoning(asked, options))
    return message;
  const auto stop = text.find(end);
  message.reasoning = std::string(text.substr(0, stop));
  message.content = stop == std::string_view::npos ? "" : std::string(text.substr(stop + end.size()));
  return message;
}

}  // namespace dsa
