#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "rl/tasks/stack_program.h"

namespace dsa::rl {
namespace {

struct Primitive {
  std::string_view name;
  StackCode code;
};
constexpr std::array<Primitive, 16> kPrimitives{{{"+", StackCode::add},
                                                 {"-", StackCode::subtract},
                                                 {"*", StackCode::multiply},
                                                 {"/", StackCode::divide},
                                                 {"%", StackCode::remainder},
                                                 {"min", StackCode::least},
                                                 {"max", StackCode::most},
                                                 {"=", StackCode::equal},
                                                 {"<", StackCode::less},
                                                 {">", StackCode::greater},
                                                 {"neg", StackCode::negate},
                                                 {"dup", StackCode::duplicate},
                                                 {"drop", StackCode::drop},
                                                 {"swap", StackCode::swap},
                                                 {"over", StackCode::over},
                                                 {"i", StackCode::index}}};

std::optional<std::int64_t> number_in(std::string_view word) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return std::clamp(value, -kLargestValue, kLargestValue);
}

// A construct that is not ended yet.
struct Open {
  enum class Kind : std::uint8_t { condition, otherwise, count, loop, loop_body } kind;
  std::int64_t at;           // of the step to fill in: a jump out
  std::int64_t condition{};  // of a loop: where it begins
};

class Compiler {
 public:
  Compiler(int inputs, const StackLimits& limits) : inputs_(inputs), limits_(limits) {}

  CompiledStack compile(std::string_view text) {
    while (out_.fault.empty()) {
      const auto first = std::min(text.find_first_not_of(" \t\r\n"), text.size());
      text.remove_prefix(first);
      if (text.empty()) break;
      const auto length = std::min(text.find_first_of(" \t\r\n"), text.size());
      word(text.substr(0, length));
      text.remove_prefix(length);
    }
    if (out_.fault.empty() && !open_.empty()) out_.fault = "no end";
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::int64_t here() const { return std::ssize(out_.steps); }
  void add(StackCode code, std::int64_t value = 0) { out_.steps.push_back({.code = code, .value = value}); }
  void open(Open::Kind kind, std::int64_t condition = 0) {
    if (std::ssize(open_) >= limits_.nesting) out_.fault = "nested too deep";
    open_.push_back({.kind = kind, .at = here(), .condition = condition});
  }
  // The innermost construct, if it is of that kind.
  std::optional<Open> close(Open::Kind kind) {
    if (open_.empty() || open_.back().kind != kind) return std::nullopt;
    const Open last = open_.back();
    open_.pop_back();
    return last;
  }
  void lead_here(const Open& open) { out_.steps[static_cast<std::size_t>(open.at)].value = here(); }

  void word(std::string_view text) {
    if (here() >= limits_.words) {
      out_.fault = "too many words";
    } else if (const auto number = number_in(text)) {
      add(StackCode::push, *number);
    } else if (text.size() == 1 && text[0] >= 'a' && text[0] < 'a' + inputs_) {
      add(StackCode::input, text[0] - 'a');
    } else if (const auto* const found = std::ranges::find(kPrimitives, text, &Primitive::name);
               found != kPrimitives.end()) {
      add(found->code);
    } else if (!control(text)) {
      out_.steps.push_back({.code = StackCode::call, .word = std::string(text.substr(0, 32))});
    }
  }

  bool control(std::string_view text) {
    if (text == "if") {
      open(Open::Kind::condition);
      add(StackCode::jump_if_zero);
    } else if (text == "times") {
      open(Open::Kind::count);
      add(StackCode::begin_times);
    } else if (text == "while") {
      open(Open::Kind::loop, here());
    } else if (text == "else") {
      otherwise();
    } else if (text == "do") {
      const auto loop = close(Open::Kind::loop);
      if (!loop) out_.fault = "do without while";
      open(Open::Kind::loop_body, loop ? loop->condition : 0);
      add(StackCode::jump_if_zero);
    } else if (text == "end") {
      end();
    } else {
      return false;
    }
    return true;
  }

  void otherwise() {
    const auto condition = close(Open::Kind::condition);
    if (!condition) {
      out_.fault = "else without if";
      return;
    }
    open(Open::Kind::otherwise);
    add(StackCode::jump);
    lead_here(*condition);
  }

  void end() {
    if (const auto body = close(Open::Kind::loop_body)) {
      add(StackCode::jump, body->condition);
      lead_here(*body);
    } else if (const auto count = close(Open::Kind::count)) {
      add(StackCode::end_times, count->at + 1);
      lead_here(*count);
    } else if (const auto condition = close(Open::Kind::condition)) {
      lead_here(*condition);
    } else if (const auto other = close(Open::Kind::otherwise)) {
      lead_here(*other);
    } else {
      out_.fault = "end without if";
    }
  }

  int inputs_;
  StackLimits limits_;
  CompiledStack out_;
  std::vector<Open> open_;
};

}  // namespace

CompiledStack compile_stack(std::string_view text, int inputs, const StackLimits& limits) {
  return Compiler(inputs, limits).compile(text);
}

}  // namespace dsa::rl
