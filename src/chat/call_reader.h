// Inside of the families' tool parsers: what they share.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_tools.h"

namespace dsa {

/// Bytes at the end of `text` that may yet become `mark`.
std::size_t beginning_of(std::string_view mark, std::string_view text);

/// True for the text of a JSON value; of an object.
bool is_json(std::string_view text);
bool is_json_object(std::string_view text);

/// Finds the end of a JSON object while it is written; that it is JSON in between is not looked at.
class ObjectEnd {
 public:
  /// Bytes at the beginning of `text` that belong to the object.  The object's first byte is '{'.
  std::size_t take(std::string_view text);
  [[nodiscard]] bool closed() const { return state_ == State::closed; }
  /// Brackets that do not match, or deeper than any JSON that we read.
  [[nodiscard]] bool broken() const { return state_ == State::broken; }

 private:
  enum class State : std::uint8_t { open, closed, broken };
  State state_ = State::open;
  std::string brackets_;  // that are open
  bool in_string_ = false;
  bool escaped_ = false;
};

/// Whether a place in JSON is within a string.
class JsonQuotes {
 public:
  void take(char c) {
    const bool plain = !escaped_;
    escaped_ = inside_ && plain && c == '\\';
    if (c == '"' && plain) inside_ = !inside_;
  }
  [[nodiscard]] bool inside() const { return inside_; }

 private:
  bool inside_ = false;
  bool escaped_ = false;
};
/// Where the mark that ends a value of JSON stands, which its strings may hold too; npos: not there yet.
/// `quotes`: before the text.
std::size_t end_of_json(std::string_view text, std::string_view mark, JsonQuotes quotes = {});

/// How the {"name": ..., "arguments": ...} of a call begins.
struct JsonCallHead {
  enum class State : std::uint8_t { more, other, found };
  State state = State::more;  // more: the text is too short to tell; other: it begins in no such way
  std::string name;
  std::size_t arguments = 0;  // where their object begins
};
/// `text` begins with '{'.  Members of strings may stand before the arguments, which may be "parameters".
JsonCallHead json_call_head(std::string_view text);
/// The call that a whole object tells, also with its members in another order, arguments that are a string
/// or left out, or all of it below "function".
std::optional<ToolCall> json_call(std::string_view object);

/// A parser that takes its text from a buffer, step by step.
class CallReader : public ToolParser {
 public:
  explicit CallReader(std::span<const ChatTool> tools);
  void push(std::string_view text, std::vector<ToolPiece>& pieces) final;
  void finish(std::vector<ToolPiece>& pieces) final;

 protected:
  /// Takes what it can from held(); false: it waits for more.
  virtual bool step() = 0;
  /// The text is over, and step() waits.
  virtual void over() = 0;

  [[nodiscard]] std::string_view held() const { return held_; }
  /// So many bytes are part of a call.
  std::string consume(std::size_t bytes);
  /// So many bytes, and what was consumed before them, are neither: what closes a call that has ended.
  void drop(std::size_t bytes);
  /// So many bytes are text.
  void say(std::size_t bytes);
  /// Text up to the mark, which is consumed; false: it is not there yet.
  bool say_until(std::string_view mark);
  /// What was consumed since the last call, or text, is no call but text.
  void refuse();

  void skip_blanks();
  enum class Seen : std::uint8_t { yes, no, more };
  /// Behind blanks; consumed if it is there.
  Seen next(std::string_view mark);
  /// What stands before the mark, which is consumed too; nothing: it is not there yet.
  std::optional<std::string> before(std::string_view mark);

  [[nodiscard]] const ChatTool* find(std::string_view name) const;
  void begin(std::string_view name);
  void arguments(std::string text);
  void end();
  [[nodiscard]] bool calling() const { return calling_; }

 private:
  void add_text(std::string_view text);

  std::vector<ChatTool> tools_;
  std::vector<ToolPiece>* pieces_ = nullptr;  // while in push() or finish()
  std::string held_;
  std::string blanks_;     // behind the last text: text themselves, if more follows
  std::string raw_;        // consumed for the call that is read
  std::string arguments_;  // of that call
  bool calling_ = false;
  bool called_ = false;  // a call was the last thing that was read
};

/// For calls that are {"name": ..., "arguments": ...}.
class JsonCallReader : public CallReader {
 public:
  using CallReader::CallReader;

 protected:
  enum class Read : std::uint8_t {
    more,  // held() is consumed as far as it goes
    done,  // a call has ended
    none,  // what held() begins with is no call, or is one no longer
  };
  /// The call that held() began with.
  Read read_call();

 private:
  Read read_whole();
  enum class Part : std::uint8_t { head, whole, arguments };
  Part part_ = Part::head;
  ObjectEnd object_;
  std::size_t seen_ = 0;  // bytes of held() that object_ has seen
};

/// For calls whose arguments stand one by one between tags.
class TaggedCallReader : public CallReader {
 public:
  using CallReader::CallReader;

 protected:
  /// Begins the call too, with its first argument.  `string`: its value is a text, not JSON.
  void add_argument(std::string_view function, std::string_view key, bool string);
  /// The value, handed on as it comes; true: it is complete, and the mark behind it consumed.
  bool value_until(std::string_view mark);
  void close_call(std::string_view function);

 private:
  void add_value(std::string_view piece);
  bool string_ = false;
  JsonQuotes quotes_;  // of the value so far
};

}  // namespace dsa
