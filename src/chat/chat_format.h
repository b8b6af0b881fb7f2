// From messages to a prompt: the chat formats of the models that dsa runs, rendered by our own code.
//
// A checkpoint's Jinja template is read to find out which format it is, never executed.  A template that is
// not one of the known ones, word for word where it matters, is an Error that names the nearest.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_tools.h"
#include "checkpoint/model_config.h"
#include "tokenizer/tokenizer.h"

namespace dsa {

enum class Role : std::uint8_t { system, user, assistant, tool };
std::string_view name(Role role);

struct ChatMessage {
  Role role = Role::user;
  std::string content;
  /// Of an assistant's answer, without its delimiters.  Most formats drop it from all but the latest answer.
  std::optional<std::string> reasoning = std::nullopt;
  /// Of an assistant's answer, behind its content.  What they gave comes back in messages of `Role::tool`.
  std::vector<ToolCall> tool_calls = {};
};

enum class Thinking : std::uint8_t { model_default, on, off };

struct ChatOptions {
  bool add_generation_prompt = true;  // end with the beginning of an assistant's answer
  Thinking thinking = Thinking::model_default;
  std::string date =
      {};  // "26 Jul 2024", for formats that tell the model the date; "": the template's fixed date
  std::span<const ChatTool> tools = {};  // that the model may call
  bool continue_last = false;            // the answer goes on with the last message, the assistant's
};

/// A stretch of the prompt.
struct Segment {
  std::string text;
  bool control = false;  // true: exactly one special token; false: text, whatever it spells
  bool mark = false;     // of a control segment: text after all, where the vocabulary has no such token
  friend bool operator==(const Segment&, const Segment&) = default;
};

/// The text of a control segment that means the token which the tokenizer begins with, if it has one.
inline constexpr std::string_view kBosToken = "{{bos_token}}";

struct ReasoningMarks {
  std::string begin;  // "<think>"
  std::string end;
};

/// How one model wants to be talked to.  Immutable: any number of threads may share one.
class ChatFormat {
 public:
  /// What a format consists of; filled in by the file of its family.
  struct Spec {
    std::string name;  // "llama-3", "qwen3", ...
    // Special tokens that end an answer; the first must be in the vocabulary.
    std::vector<std::string> stop_tokens;
    std::optional<ReasoningMarks> reasoning = std::nullopt;
    bool thinking_by_default = false;
    bool can_think = false;
    bool wants_today = false;  // the template asks for today's date
    std::function<std::vector<Segment>(std::span<const ChatMessage>, const ChatOptions&)> render;
    // Calls of these tools in an answer; none: the models were not made to call any.
    std::function<std::unique_ptr<ToolParser>(std::span<const ChatTool>)> tool_parser = nullptr;
    CallSyntax calls = {};  // where there is a parser
  };
  explicit ChatFormat(Spec spec) : spec_(std::move(spec)) {}

  /// The format of a checkpoint: by its template, or, for DeepSeek-V3.2, whose checkpoint has none,
  /// by its architecture.  Throws Error if there is none that we know.
  static ChatFormat find(const std::optional<std::string>& chat_template, Architecture architecture);
  /// The format of this name ("chatml", "qwen3", ...).  Throws Error that lists the names.
  static ChatFormat named(std::string_view name);
  static std::vector<std::string> names();

  /// The conversation as the model's own template renders it.  Throws Error if there are no messages, or if
  /// the options ask for thinking and the model cannot, if there are tools and it has none, or if the last
  /// message is to be continued and is not the assistant's, behind another one.
  [[nodiscard]] std::vector<Segment> render(std::span<const ChatMessage> messages,
                                            const ChatOptions& options) const;

  [[nodiscard]] std::string_view name() const { return spec_.name; }
  [[nodiscard]] const std::vector<std::string>& stop_tokens() const { return spec_.stop_tokens; }
  /// How reasoning is delimited inside an answer; none if the model does not reason.
  [[nodiscard]] const std::optional<ReasoningMarks>& reasoning() const { return spec_.reasoning; }
  [[nodiscard]] bool can_think() const { return spec_.can_think; }
  [[nodiscard]] bool has_tools() const { return spec_.tool_parser != nullptr; }
  /// For one answer to a prompt that offered these tools; null if the format has none.
  [[nodiscard]] std::unique_ptr<ToolParser> tool_parser(std::span<const ChatTool> tools) const {
    return has_tools() ? spec_.tool_parser(tools) : nullptr;
  }
  /// How calls are written; of a format that has tools.
  [[nodiscard]] const CallSyntax& calls() const { return spec_.calls; }
  /// Whether an answer reasons that is asked for this.
  [[nodiscard]] bool thinks(Thinking asked) const {
    return asked == Thinking::on || (asked == Thinking::model_default && spec_.thinking_by_default);
  }
  /// True if ChatOptions::date should be today's (see chat_date()).
  [[nodiscard]] bool wants_today() const { return spec_.wants_today; }

 private:
  [[nodiscard]] std::vector<Segment> render_continued(std::span<const ChatMessage> messages,
                                                      ChatOptions options) const;
  Spec spec_;
};

/// True if the prompt ends inside the reasoning, so that the answer's first token already belongs to it.
[[nodiscard]] bool ends_in_reasoning(const ChatFormat& format, std::span<const Segment> prompt);

/// Ids of a rendered prompt.  A control segment becomes its token; neighbouring texts are encoded as one, as
/// the whole prompt would be; with SpecialTokens::parse, a text's control tokens count too.
/// Throws Error if the vocabulary lacks a control token that is no mark.
[[nodiscard]] std::vector<std::int32_t> encode_chat(const Tokenizer& tokenizer,
                                                    std::span<const Segment> prompt,
                                                    SpecialTokens typed = SpecialTokens::as_text);

/// The format's stop tokens that the vocabulary has, and the tokenizer's own; each once.
/// Throws Error if the first is missing.
[[nodiscard]] std::vector<std::int32_t> stop_ids(const Tokenizer& tokenizer, const ChatFormat& format);

/// "26 Jul 2024": strftime's "%d %b %Y" in English, whatever the locale.
[[nodiscard]] std::string chat_date(std::chrono::year_month_day day);

}  // namespace dsa
