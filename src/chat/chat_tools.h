// Tools that a model may call, and its calls, found in an answer while it is written.
#pragma once

#include <cstdint>
#include <optional>
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

/// How a family writes its calls, for whoever holds an answer to it: what its parser reads.
struct CallSyntax {
  /// For arguments that stand one by one between tags.
  struct Parameters {
    std::string before_key;
    std::string before_text, before_json;  // behind the key, before a text as it is, and before JSON
    std::string end;                       // of a value: the first one outside of JSON's strings
    std::string after = {};
    bool says_which = false;  // before_text and before_json differ; else is_text_argument() tells
  };
  std::string begin = {}, end = {};               // around all calls of an answer
  std::string before_name = {}, after_name = {};  // of a call; behind them its arguments
  std::string after_arguments = {}, between = {};
  bool several = true;                                  // calls in one answer, with that between them
  std::string trigger = {};                             // what a text cannot hold without being a call
  bool whole_message = false;                           // a call is all of an answer, and any object is one
  std::optional<Parameters> parameters = std::nullopt;  // none: an object of JSON
  std::vector<std::string> marks = {};                  // in all that: special tokens of some vocabularies
};

/// Whether the tool's schema says that an argument is a text whatever it looks like, as is "12".
bool is_text_argument(const ChatTool& tool, std::string_view key);

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
