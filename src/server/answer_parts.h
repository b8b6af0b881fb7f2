// An answer's reasoning, its text and its calls of tools, parted while all still grow.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_tools.h"
#include "server/models.h"
#include "server/reasoning_split.h"

namespace dsa::server {

/// What a stream tells next.
struct AnswerPart {
  enum class Kind : std::uint8_t { reasoning, text, call, arguments, call_end };
  Kind kind = Kind::text;
  std::string text;      // call: the function's name; call_end: ""
  std::size_t call = 0;  // of a call: which, from 0
  std::string id = {};   // call: its id
};

/// What an answer is looked through for.
struct AnswerShape {
  bool begins_in_reasoning = false;
  std::vector<ChatTool> tools = {};  // that it may call
  bool parallel = true;              // false: calls behind the first are dropped
  PromptMark prompt = {};            // that it answers
};

/// Of one answer.  One thread at a time.
class AnswerParts {
 public:
  /// `id_prefix`: of calls, "call_".
  AnswerParts(const ServedModel& model, const AnswerShape& shape, std::string_view id_prefix);

  [[nodiscard]] std::vector<AnswerPart> push(const NewToken& token);
  /// The last text, and what had been held back.  An answer that ended with its calls is kept.
  [[nodiscard]] std::vector<AnswerPart> finish(const Finished& finished);
  [[nodiscard]] bool in_reasoning() const { return split_.in_reasoning(); }

  // Of all that was pushed.  A call that broke off is content here, although a stream has told its beginning.
  [[nodiscard]] const std::string& reasoning() const { return reasoning_; }
  [[nodiscard]] const std::string& content() const { return content_; }
  [[nodiscard]] const std::vector<ToolCall>& calls() const { return calls_; }

 private:
  void add(const ReasoningSplit::Parts& parts, std::vector<AnswerPart>& out);
  void take(ToolPiece piece, std::vector<AnswerPart>& out);
  void keep(const Finished& finished);

  const ServedModel& model_;
  PromptMark prompt_;
  std::string id_prefix_;
  bool parallel_;
  ReasoningSplit split_;
  std::unique_ptr<ToolParser> parser_;  // null: all content is text
  std::string reasoning_;
  std::string content_;
  std::vector<ToolCall> calls_;       // the last may not have ended
  std::size_t begun_ = 0;             // calls, those that were dropped or broke off too
  std::vector<std::int32_t> tokens_;  // where there may be calls
  std::optional<std::int32_t> end_;   // the token that ended it
};

}  // namespace dsa::server
