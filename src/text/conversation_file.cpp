#include "text/conversation_file.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json.h"
#include "text/documents.h"

namespace dsa {
namespace {

using nlohmann::json;

constexpr std::array kRoles{Role::system, Role::user, Role::assistant};

const std::string& text_member(const json& message, const char* key, const std::string& who) {
  const auto it = message.find(key);
  if (it == message.end()) fail("{}: has no \"{}\"", who, key);
  if (!it->is_string()) fail("{}: \"{}\" is {}, expected a string", who, key, it->type_name());
  return it->get_ref<const std::string&>();
}

Role role_of(const json& message, const std::string& who) {
  const std::string& text = text_member(message, "role", who);
  const auto found = std::ranges::find(kRoles, text, [](Role role) { return name(role); });
  if (found == kRoles.end())
    fail("{}: the role is \"{}\", expected system, user or assistant", who, printable(text));
  return *found;
}

ChatMessage message_of(const json& value, const std::string& who) {
  if (!value.is_object()) fail("{}: is {}, expected an object", who, value.type_name());
  for (const auto& member : value.items())
    if (member.key() != "role" && member.key() != "content")
      fail("{}: has \"{}\", which no chat format here can show: expected role and content alone", who,
           printable(member.key()));
  ChatMessage message{.role = role_of(value, who), .content = text_member(value, "content", who)};
  check_is_text(message.content, who + ": content");
  return message;
}

// Whose turn it is after `messages`.
void check_turn(Role role, std::span<const ChatMessage> messages, const std::string& who) {
  if (role == Role::system && messages.empty()) return;
  const Role expected = messages.empty() || messages.back().role != Role::user ? Role::user : Role::assistant;
  if (role != expected)
    fail("{}: the role is {}, expected {}: user and assistant take turns, a system message comes first", who,
         name(role), name(expected));
}

}  // namespace

bool is_conversation_file(const std::filesystem::path& path) {
  return path.filename().string().ends_with(kConversationEnding);
}

std::vector<ChatMessage> parse_conversation(std::string_view text, const std::string& who) {
  const json root = parse_json(text, who);
  if (!root.is_object() || !root.contains("messages") || !root["messages"].is_array())
    fail("{}: holds no conversation: expected an object with a list \"messages\"", who);
  std::vector<ChatMessage> messages;
  for (const auto& value : root["messages"]) {
    const std::string where = fmt::format("{}: message {}", who, messages.size() + 1);
    ChatMessage message = message_of(value, where);
    check_turn(message.role, messages, where);
    messages.push_back(std::move(message));
  }
  if (messages.empty() || messages.back().role == Role::system)
    fail("{}: nobody says anything: expected at least one message of a user", who);
  return messages;
}

std::string conversation_json(std::span<const ChatMessage> messages) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& message : messages)
    list.push_back({{"role", name(message.role)}, {"content", message.content}});
  return json_text(nlohmann::ordered_json{{"messages", std::move(list)}}, 1) + "\n";
}

}  // namespace dsa
