// A small stack language, for tasks of programming: compiled, and run within bounds.
//   12 -3            pushes a number          a b c           push the program's inputs
//   + - * / %        of the two on top; / and % round down, of 0 they are a fault
//   min max = < >    likewise; = < > give 1 or 0
//   neg dup drop swap over
//   CONDITION if X else Y end                 (else may be left out; 0 is false)
//   COUNT times X end                         within it i pushes 1, 2, ... COUNT
//   while CONDITION do X end
// Other words are those of a dictionary.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsa::rl {

struct StackLimits {
  std::int64_t words = 256;    // of a program or a definition
  std::int64_t steps = 5'000;  // of a run
  std::int64_t depth = 64;     // of the stack
  std::int64_t nesting = 16;   // of calls, and of loops
};
inline constexpr std::int64_t kLargestValue = 1'000'000'000'000'000;  // past it, either way, a run fails

enum class StackCode : std::uint8_t {
  push,
  input,
  add,
  subtract,
  multiply,
  divide,
  remainder,
  least,
  most,
  equal,
  less,
  greater,
  negate,
  duplicate,
  drop,
  swap,
  over,
  index,
  jump,
  jump_if_zero,
  begin_times,
  end_times,
  call
};
struct StackStep {
  StackCode code = StackCode::push;
  std::int64_t value = 0;  // of push; number of an input; where a jump goes
  std::string word = {};   // of call
};

struct CompiledStack {
  std::vector<StackStep> steps;
  std::string fault;  // "": none; of a few words
};
/// `inputs`: how many of a, b, c there are.  Any bytes.
CompiledStack compile_stack(std::string_view text, int inputs, const StackLimits& limits = {});

using StackDictionary = std::map<std::string, std::vector<StackStep>, std::less<>>;

struct StackRun {
  std::vector<std::int64_t> stack;  // what is left, the top last
  std::string fault;                // "": none; of a few words
};
/// `begin`: the stack as it is at first.
StackRun run_stack(std::span<const StackStep> program, std::span<const std::int64_t> inputs,
                   std::vector<std::int64_t> begin = {}, const StackDictionary& words = {},
                   const StackLimits& limits = {});

}  // namespace dsa::rl
