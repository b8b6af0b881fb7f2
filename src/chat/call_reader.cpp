#include "chat/call_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/json_layout.h"

namespace dsa {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::size_t blanks_at(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kBlanks, at), text.size());
}

// A string that begins at `at`, without escapes, as names and keys are; `at` moves behind it.
JsonCallHead::State plain_string(std::string_view text, std::size_t& at, std::string& out) {
  using enum JsonCallHead::State;
  if (at == text.size()) return more;
  if (text[at] != '"') return other;
  const auto end = text.find_first_of("\"\\", at + 1);
  if (end == std::string_view::npos) return more;
  if (text[end] == '\\') return other;
  out = text.substr(at + 1, end - at - 1);
  at = end + 1;
  return found;
}

}  // namespace

std::size_t beginning_of(std::string_view mark, std::string_view text) {
  for (std::size_t n = std::min(mark.size() - 1, text.size()); n > 0; --n)
    if (text.ends_with(mark.substr(0, n))) return n;
  return 0;
}

bool is_json(std::string_view text) {
  try {
    (void)parse_json(text, "a value");
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool is_json_object(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  return first != std::string_view::npos && text[first] == '{' && is_json(text);
}

std::size_t ObjectEnd::take(std::string_view text) {
  static constexpr std::size_t kDeepest = 64;  // as parse_json()'s
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (state_ != State::open) return i;
    const char c = text[i];
    if (in_string_) {
      if (!std::exchange(escaped_, false)) {
        escaped_ = c == '\\';
        in_string_ = c != '"';
      }
      continue;
    }
    if (c == '"') in_string_ = true;
    if (c == '{' || c == '[') brackets_ += c;
    if (c == '}' || c == ']') {
      if (brackets_.empty() || brackets_.back() != (c == '}' ? '{' : '['))
        state_ = State::broken;
      else
        brackets_.pop_back();
    }
    if (brackets_.size() > kDeepest) state_ = State::broken;
    if (state_ == State::broken) return i;
    if (brackets_.empty()) state_ = State::closed;
  }
  return text.size();
}

std::size_t end_of_json(std::string_view text, std::string_view mark, JsonQuotes quotes) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!quotes.inside() && text.substr(at).starts_with(mark)) return at;
    quotes.take(text[at]);
  }
  return std::string_view::npos;
}

JsonCallHead json_call_head(std::string_view whole) {
  using enum JsonCallHead::State;
  static constexpr std::size_t kLongest = 4096;
  const std::string_view text = whole.substr(0, kLongest);
  JsonCallHead head{.state = whole.size() < kLongest ? more : other, .name = {}};
  const auto stop = [&](JsonCallHead::State state) {
    if (state != more) head.state = state;
    return head;
  };
  for (std::size_t at = 1;;) {
    std::string key;
    std::string value;
    at = blanks_at(text, at);
    if (const auto state = plain_string(text, at, key); state != found) return stop(state);
    at = blanks_at(text, at);
    if (at == text.size()) return head;
    if (text[at] != ':') return stop(other);
    at = blanks_at(text, at + 1);
    if (at == text.size()) return head;
    if (key == "arguments" || key == "parameters") {
      if (text[at] != '{' || head.name.empty()) return stop(other);
      const std::size_t inside = blanks_at(text, at + 1);
      if (inside == text.size()) return head;
      head.arguments = at;
      return stop(text[inside] == '"' || text[inside] == '}' ? found : other);
    }
    if (const auto state = plain_string(text, at, value); state != found) return stop(state);
    if (key == "name") head.name = value;
    at = blanks_at(text, at);
    if (at == text.size()) return head;
    if (text[at] != ',') return stop(other);
    ++at;
  }
}

std::optional<ToolCall> json_call(std::string_view object) {
  if (!is_json_object(object)) return std::nullopt;
  if (const auto inner = json_member(object, "function"); inner.starts_with('{')) object = inner;
  const std::string_view name = json_member(object, "name");
  if (!name.starts_with('"')) return std::nullopt;
  ToolCall call{.id = "", .name = json_unquoted(name), .arguments = "{}"};
  std::string_view arguments = json_member(object, "arguments");
  if (arguments.empty()) arguments = json_member(object, "parameters");
  if (!arguments.empty()) call.arguments = json_unquoted(arguments);
  if (!is_json_object(call.arguments)) return std::nullopt;
  return call;
}

CallReader::CallReader(std::span<const ChatTool> tools) : tools_(tools.begin(), tools.end()) {}

void CallReader::push(std::string_view text, std::vector<ToolPiece>& pieces) {
  pieces_ = &pieces;
  held_ += text;
  while (step()) {
  }
}

void CallReader::finish(std::vector<ToolPiece>& pieces) {
  pieces_ = &pieces;
  over();
  if (calling_) {
    consume(held_.size());
    end();
  }
  refuse();
  say(held_.size());
  if (!called_ && !blanks_.empty()) pieces.push_back({ToolPiece::Kind::text, std::exchange(blanks_, {})});
}

std::string CallReader::consume(std::size_t bytes) {
  std::string out = held_.substr(0, bytes);
  held_.erase(0, bytes);
  raw_ += out;
  return out;
}

void CallReader::drop(std::size_t bytes) {
  held_.erase(0, bytes);
  raw_.clear();
}

void CallReader::add_text(std::string_view text) {
  const auto last = text.find_last_not_of(kBlanks);
  const std::size_t shown = last == std::string_view::npos ? 0 : last + 1;
  if (shown > 0) {
    std::string out = std::exchange(blanks_, {});
    pieces_->push_back({ToolPiece::Kind::text, out.append(text.substr(0, shown))});
    called_ = false;
  }
  blanks_ += text.substr(shown);
}

void CallReader::say(std::size_t bytes) {
  add_text(std::string_view(held_).substr(0, bytes));
  held_.erase(0, bytes);
}

bool CallReader::say_until(std::string_view mark) {
  const auto at = held_.find(mark);
  if (at == std::string::npos) {
    say(held_.size() - beginning_of(mark, held_));
    return false;
  }
  say(at);
  consume(mark.size());
  return true;
}

void CallReader::refuse() { add_text(std::exchange(raw_, {})); }

void CallReader::skip_blanks() { consume(blanks_at(held_, 0)); }

CallReader::Seen CallReader::next(std::string_view mark) {
  skip_blanks();
  if (held_.starts_with(mark)) {
    consume(mark.size());
    return Seen::yes;
  }
  return mark.starts_with(held_) ? Seen::more : Seen::no;
}

std::optional<std::string> CallReader::before(std::string_view mark) {
  const auto at = held_.find(mark);
  if (at == std::string::npos) return std::nullopt;
  std::string out = consume(at);
  consume(mark.size());
  return out;
}

const ChatTool* CallReader::find(std::string_view name) const {
  const auto found = std::ranges::find(tools_, name, &ChatTool::name);
  return found == tools_.end() ? nullptr : &*found;
}

void CallReader::begin(std::string_view name) {
  raw_.insert(0, std::exchange(blanks_, {}));
  calling_ = called_ = true;
  pieces_->push_back({ToolPiece::Kind::begin, std::string(name)});
}

void CallReader::arguments(std::string text) {
  if (text.empty()) return;
  arguments_ += text;
  pieces_->push_back({ToolPiece::Kind::arguments, std::move(text)});
}

void CallReader::end() {
  const bool complete = is_json_object(std::exchange(arguments_, {}));
  pieces_->push_back({ToolPiece::Kind::end, std::exchange(raw_, {}), complete});
  calling_ = false;
}

JsonCallReader::Read JsonCallReader::read_call() {
  if (part_ == Part::whole) return read_whole();
  if (part_ == Part::head) {
    const JsonCallHead head = json_call_head(held());
    if (head.state == JsonCallHead::State::more) return Read::more;
    object_ = {};
    seen_ = 0;
    if (head.state == JsonCallHead::State::other) {
      part_ = Part::whole;
      return read_whole();
    }
    if (find(head.name) == nullptr) return Read::none;
    consume(head.arguments);
    begin(head.name);
    part_ = Part::arguments;
  }
  arguments(consume(object_.take(held())));
  if (!object_.closed() && !object_.broken()) return Read::more;
  end();
  part_ = Part::head;
  return object_.closed() ? Read::done : Read::none;
}

// An object of another form than the usual one: it is looked at when it is complete.
JsonCallReader::Read JsonCallReader::read_whole() {
  seen_ += object_.take(held().substr(seen_));
  if (!object_.closed() && !object_.broken()) return Read::more;
  part_ = Part::head;
  const auto call = object_.closed() ? json_call(held().substr(0, seen_)) : std::nullopt;
  if (!call || find(call->name) == nullptr) return Read::none;
  consume(seen_);
  begin(call->name);
  arguments(call->arguments);
  end();
  return Read::done;
}

void TaggedCallReader::add_argument(std::string_view function, std::string_view key, bool string) {
  const bool first = !calling();
  if (first) begin(function);
  arguments(fmt::format("{}{}: {}", first ? "{" : ", ", json_quoted(key), string ? "\"" : ""));
  string_ = string;
  quotes_ = {};
}

void TaggedCallReader::add_value(std::string_view piece) {
  if (!string_) {
    for (const char c : piece) quotes_.take(c);
    return arguments(std::string(piece));
  }
  const std::string quoted = json_quoted(piece);
  arguments(quoted.substr(1, quoted.size() - 2));
}

bool TaggedCallReader::value_until(std::string_view mark) {
  const auto at = string_ ? held().find(mark) : end_of_json(held(), mark, quotes_);
  if (at == std::string_view::npos) {
    add_value(consume(held().size() - beginning_of(mark, held())));
    return false;
  }
  add_value(consume(at));
  consume(mark.size());
  if (string_) arguments("\"");
  return true;
}

void TaggedCallReader::close_call(std::string_view function) {
  const bool empty = !calling();
  if (empty) begin(function);
  arguments(empty ? "{}" : "}");
  end();
}

}  // namespace dsa
