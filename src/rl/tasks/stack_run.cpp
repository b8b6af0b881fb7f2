#include <algorithm>

#include "base/error.h"
#include "rl/tasks/stack_program.h"

namespace dsa::rl {
namespace {

struct Loop {
  std::int64_t index, count;
};
struct Frame {
  std::span<const StackStep> code;
  std::int64_t next = 0;
};

class Machine {
 public:
  Machine(std::span<const std::int64_t> inputs, std::vector<std::int64_t> begin, const StackDictionary& words,
          const StackLimits& limits)
      : inputs_(inputs), words_(words), limits_(limits) {
    out_.stack = std::move(begin);
  }

  StackRun run(std::span<const StackStep> program) {
    calls_.push_back({.code = program});
    for (std::int64_t steps = 0; out_.fault.empty() && !calls_.empty(); ++steps) {
      if (steps >= limits_.steps) {
        out_.fault = "too many steps";
        break;
      }
      Frame& frame = calls_.back();
      if (frame.next == std::ssize(frame.code))
        calls_.pop_back();
      else
        step(frame, frame.code[static_cast<std::size_t>(frame.next++)]);
    }
    return std::move(out_);
  }

 private:
  std::int64_t pop() {
    if (out_.stack.empty()) {
      out_.fault = "the stack is empty";
      return 0;
    }
    const std::int64_t value = out_.stack.back();
    out_.stack.pop_back();
    return value;
  }
  void push(std::int64_t value) {
    if (value > kLargestValue || value < -kLargestValue)
      out_.fault = "too large";
    else if (std::ssize(out_.stack) >= limits_.depth)
      out_.fault = "the stack is full";
    else
      out_.stack.push_back(value);
  }
  void multiply(std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product))
      out_.fault = "too large";
    else
      push(product);
  }
  // Rounds down, as the remainder has the divisor's sign.
  void divide(std::int64_t a, std::int64_t b, bool wants_remainder) {
    if (b == 0) {
      out_.fault = "divides by 0";
      return;
    }
    const std::int64_t rest = a % b;
    const bool down = rest != 0 && (rest < 0) != (b < 0);
    push(wants_remainder ? rest + (down ? b : 0) : a / b - (down ? 1 : 0));
  }

  void step(Frame& frame, const StackStep& step) {
    switch (step.code) {
      case StackCode::push:
        return push(step.value);
      case StackCode::input:
        return push(inputs_[static_cast<std::size_t>(step.value)]);
      case StackCode::jump:
        frame.next = step.value;
        return;
      case StackCode::jump_if_zero:
        if (pop() == 0) frame.next = step.value;
        return;
      case StackCode::begin_times:
        return begin_times(frame, step.value);
      case StackCode::end_times:
        return end_times(frame, step.value);
      case StackCode::index:
        if (loops_.empty())
          out_.fault = "i outside of times";
        else
          push(loops_.back().index);
        return;
      case StackCode::call:
        return call(step.word);
      default:
        return change(step.code);
    }
  }

  void begin_times(Frame& frame, std::int64_t after) {
    const std::int64_t count = pop();
    if (count <= 0)
      frame.next = after;
    else if (std::ssize(loops_) >= limits_.nesting)
      out_.fault = "nested too deep";
    else
      loops_.push_back({.index = 1, .count = count});
  }
  void end_times(Frame& frame, std::int64_t body) {
    if (++loops_.back().index <= loops_.back().count)
      frame.next = body;
    else
      loops_.pop_back();
  }
  void call(const std::string& word) {
    const auto found = words_.find(word);
    if (found == words_.end())
      out_.fault = "unknown word " + printable(word, 16);
    else if (std::ssize(calls_) >= limits_.nesting)
      out_.fault = "calls too deep";
    else
      calls_.push_back({.code = found->second});
  }

  // Of what is on top.
  void change(StackCode code) {
    const std::int64_t b = pop();
    if (code == StackCode::negate) return push(-b);
    if (code == StackCode::drop) return;
    if (code == StackCode::duplicate) {
      push(b);
      return push(b);
    }
    const std::int64_t a = pop();
    if (!out_.fault.empty()) return;
    switch (code) {
      case StackCode::add:
        return push(a + b);
      case StackCode::subtract:
        return push(a - b);
      case StackCode::multiply:
        return multiply(a, b);
      case StackCode::divide:
      case StackCode::remainder:
        return divide(a, b, code == StackCode::remainder);
      case StackCode::least:
        return push(std::min(a, b));
      case StackCode::most:
        return push(std::max(a, b));
      case StackCode::equal:
        return push(a == b ? 1 : 0);
      case StackCode::less:
        return push(a < b ? 1 : 0);
      case StackCode::greater:
        return push(a > b ? 1 : 0);
      case StackCode::swap:
        push(b);
        return push(a);
      case StackCode::over:
        push(a);
        push(b);
        return push(a);
      default:
        DSA_CHECK(false);
    }
  }

  std::span<const std::int64_t> inputs_;
  const StackDictionary& words_;
  StackLimits limits_;
  StackRun out_;
  std::vector<Frame> calls_;
  std::vector<Loop> loops_;
};

}  // namespace

StackRun run_stack(std::span<const StackStep> program, std::span<const std::int64_t> inputs,
                   std::vector<std::int64_t> begin, const StackDictionary& words, const StackLimits& limits) {
  return Machine(inputs, std::move(begin), words, limits).run(program);
}

}  // namespace dsa::rl
