// Conversations as documents: NAME.chat.json holds {"messages": [{"role": "user", "content": "..."}, ...]},
// which every model reads in a chat format of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_format.h"

namespace dsa {

inline constexpr std::string_view kConversationEnding = ".chat.json";
[[nodiscard]] bool is_conversation_file(const std::filesystem::path& path);

/// The messages of a file's text: a system message if there is one, then user and assistant in turns, the
/// user first; either may have the last word.  A message is role and content, and nothing else that would be
/// lost; what stands beside "messages" is for other readers.  Throws Error that begins with `who`: not JSON,
/// not UTF-8, no messages, an unknown role, a role out of turn, a content that is empty or no text.
std::vector<ChatMessage> parse_conversation(std::string_view json, const std::string& who);

/// What parse_conversation() reads, with its newline.
std::string conversation_json(std::span<const ChatMessage> messages);

}  // namespace dsa
