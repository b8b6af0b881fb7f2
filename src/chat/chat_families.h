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

/// Why a template is not of a family, and how near it comes.
struct Difference {
  std::string text;  // "lacks ..."
  double share = 1;  // of what the family's templates have in common
};

struct ChatFamily {
  std::string_view name;       // of the format that renders what resembles the family
  std::string_view signature;  // text without which a template is certainly not of this family
  /// The format if the template is one that the family's code renders byte for byte.
  std::optional<ChatFormat> (*match)(const ChatTemplate&, Difference& difference);
};
std::span<const ChatFamily> chat_families();

/// A format to be chosen by its name, where a model's template is not known.
struct NamedFormat {
  std::string_view name;
  ChatFormat (*make)();
};
std::span<const NamedFormat> named_formats();

std::optional<ChatFormat> match_chatml(const ChatTemplate&, Difference& difference);
std::optional<ChatFormat> match_qwen25(const ChatTemplate&, Difference& difference);
std::optional<ChatFormat> match_qwq(const ChatTemplate&, Difference& difference);
std::optional<ChatFormat> match_qwen3(const ChatTemplate&, Difference& difference);
std::optional<ChatFormat> match_llama3(const ChatTemplate&, Difference& difference);
std::optional<ChatFormat> match_deepseek_r1(const ChatTemplate&, Difference& difference);
std::optional<ChatFormat> match_deepseek(const ChatTemplate&, Difference& difference);
std::optional<ChatFormat> match_glm(const ChatTemplate&, Difference& difference);

// The formats themselves, for the matchers above and for tests.
enum class BeginsWith : std::uint8_t { nothing, bos };
ChatFormat chatml(std::optional<std::string> default_system, BeginsWith begins = BeginsWith::nothing);
ChatFormat qwen25(std::string default_system);
/// How a template without a switch for thinking, or llama.cpp's copy with one, ends a prompt.
enum class QwqPrompt : std::uint8_t { open, switched };
ChatFormat qwq(QwqPrompt style = QwqPrompt::open);
enum class Qwen3 : std::uint8_t { hybrid, instruct, thinking };
ChatFormat qwen3(Qwen3 kind = Qwen3::hybrid);
ChatFormat llama3(bool wants_today);
enum class R1Prompt : std::uint8_t { bare, open, switched };  // bare: the model opens its reasoning
ChatFormat deepseek_r1(R1Prompt style = R1Prompt::open);
ChatFormat deepseek_v31();
ChatFormat deepseek_v31_llama_cpp();
ChatFormat deepseek_v32_llama_cpp();
ChatFormat deepseek_v32_encoding();
ChatFormat glm46();
ChatFormat glm47();
ChatFormat glm51();
ChatFormat glm52();

/// True if all fragments are there and no text stands outside of the tags.
bool has_all(const ChatTemplate& text, const std::vector<std::string_view>& fragments,
             Difference& difference);

/// Builds a prompt; neighbouring texts become one segment.
class PromptWriter {
 public:
  PromptWriter() = default;
  explicit PromptWriter(std::vector<Segment> begun) : segments_(std::move(begun)) {}
  PromptWriter& control(std::string_view token);
  /// A control segment where the vocabulary has the token, else text.
  PromptWriter& mark(std::string_view token);
  PromptWriter& text(std::string_view text);
  std::vector<Segment> take() { return std::move(segments_); }
  [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }

 private:
  std::vector<Segment> segments_;
};

/// ChatML's "<|im_start|>user\n", "<|im_end|>\n", and a whole message.
PromptWriter& begin_message(PromptWriter& out, Role role);
void end_message(PromptWriter& out);
void write_message(PromptWriter& out, Role role, std::string_view content);

/// Index of the last message of the user, -1 if there is none.
std::ptrdiff_t last_user_index(std::span<const ChatMessage> messages);

/// An answer taken apart the way Qwen3's and GLM's templates do it: by ChatMessage::reasoning,
/// else by the text's own </think>.
struct SplitAnswer {
  std::string reasoning;
  std::string content;
};
SplitAnswer split_answer(const ChatMessage& message);
/// What stands behind the last </think>; all of it, if there is none.
std::string_view after_reasoning(std::string_view content);

// Python's str methods, on UTF-8.
std::string_view strip(std::string_view text);  // all that str.isspace() calls white space
std::string_view strip_newlines_left(std::string_view text);
std::string_view strip_newlines_right(std::string_view text);

}  // namespace dsa
