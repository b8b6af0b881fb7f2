// Inside of chat_format.cpp: one function a family that knows its template, and what they share.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_format.h"
#include "chat/chat_template.h"

namespace dsa {

struct ChatFamily {
  std::string_view name;
  std::string_view signature;  // text without which a template is certainly not of this family
  /// The format if the template is one that the family's code renders byte for byte;
  /// else says what differs in `missing`.
  std::optional<ChatFormat> (*match)(const ChatTemplate&, std::string& missing);
};
std::span<const ChatFamily> chat_families();

std::optional<ChatFormat> match_chatml(const ChatTemplate&, std::string& missing);
std::optional<ChatFormat> match_qwen25(const ChatTemplate&, std::string& missing);
std::optional<ChatFormat> match_qwen3(const ChatTemplate&, std::string& missing);
std::optional<ChatFormat> match_llama3(const ChatTemplate&, std::string& missing);
std::optional<ChatFormat> match_deepseek(const ChatTemplate&, std::string& missing);
std::optional<ChatFormat> match_glm(const ChatTemplate&, std::string& missing);

// The formats themselves, for the matchers above and for tests.
ChatFormat chatml(std::optional<std::string> default_system);
ChatFormat qwen25(std::string default_system);
ChatFormat qwen3();
ChatFormat llama3(bool wants_today);
ChatFormat deepseek_v31();
ChatFormat deepseek_v31_llama_cpp();
ChatFormat deepseek_v32_llama_cpp();
ChatFormat deepseek_v32_encoding();
ChatFormat glm46();
ChatFormat glm47();
ChatFormat glm51();

/// True if all fragments are there and no text stands outside of the tags; else `missing` says what is wrong.
bool has_all(const ChatTemplate& text, const std::vector<std::string_view>& fragments, std::string& missing);

/// Builds a prompt; neighbouring texts become one segment.
class PromptWriter {
 public:
  PromptWriter& control(std::string_view token);
  PromptWriter& text(std::string_view text);
  std::vector<Segment> take() { return std::move(segments_); }

 private:
  std::vector<Segment> segments_;
};

/// Index of the last message of the user, -1 if there is none.
std::ptrdiff_t last_user_index(std::span<const ChatMessage> messages);

/// An answer taken apart the way Qwen3's and GLM's templates do it: by ChatMessage::reasoning,
/// else by the text's own </think>.
struct Answer {
  std::string reasoning;
  std::string content;
};
Answer split_answer(const ChatMessage& message);

// Python's str methods, on UTF-8.
std::string_view strip(std::string_view text);  // all that str.isspace() calls white space
std::string_view strip_newlines_left(std::string_view text);
std::string_view strip_newlines_right(std::string_view text);

}  // namespace dsa
