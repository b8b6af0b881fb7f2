// Tools that a model may call, and its calls, found in an answer while it is written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsa {

/// A function that is offered.
struct ChatTool {
  std::string name;
  /// Valid JSON with its keys in their order: {"type": "function", "function": {"name": ..., "description":
  /// ..., "parameters": {...}}}.
  std::string definition;
};

/// A call in an answer.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON: an object; what a model began and did not end may be none
};

/// A piece of an answer.  A call is `begin`, `arguments` in any number, `end`.
struct ToolPiece {
  enum class Kind : std::uint8_t { text, begin, arguments, end };
  Kind kind = Kind::text;
  /// text: of the answer; begin: the function's name; arguments: the next bytes of the object;
  /// end: the whole call as the model wrote it.
  std::string text;
  bool complete = true;  // end: the arguments are a whole object
};

/// Parts an answer into text and calls.  What does not read as a call of a tool that was offered is text,
/// however far it came; once a call has begun, its arguments are handed on as they are written.  White space
/// before a call, between calls and behind the last is no text.  The pieces, put together, do not depend on
/// how the text was cut.  One thread at a time.
class ToolParser {
 public:
  virtual ~ToolParser() = default;
  /// The next text of the answer, whole characters; what it makes sure of is added to `pieces`.
  virtual void push(std::string_view text, std::vector<ToolPiece>& pieces) = 0;
  /// The answer is over.
  virtual void finish(std::vector<ToolPiece>& pieces) = 0;
};

}  // namespace dsa
