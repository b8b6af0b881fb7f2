// A toy repository of files with definitions of the stack language's words, and its tests; in memory alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rl/tasks/stack_program.h"

namespace dsa::rl {

/// "a1 3 gives 8": the word, with one value on the stack, leaves that alone.
struct WordTest {
  std::string word;
  std::int64_t input = 0, result = 0;
};

/// Files are named "a.t"; a line is a definition, ": a1 5 + ;", a remark, "# a1: x + 5", or empty.
class Repository {
 public:
  using Files = std::map<std::string, std::vector<std::string>, std::less<>>;
  explicit Repository(Files files) : files_(std::move(files)), loaded_(load()) {}

  /// "a.t b.t".
  [[nodiscard]] std::string list() const;
  // The tools.  Any argument; each says in a line what is wrong with it.
  /// "a.t": its lines with their numbers.
  [[nodiscard]] std::string read(std::string_view argument) const;
  /// "a.t 2 : a1 5 + ;": the line becomes what stands behind its number.
  std::string edit(std::string_view argument);
  /// "2 pass, 1 fail", behind a line for each of the first failures.
  [[nodiscard]] std::string run(const std::vector<WordTest>& tests) const;

  /// How many tests fail; all of them if a definition is wrong.
  [[nodiscard]] std::size_t failures(const std::vector<WordTest>& tests) const;
  /// What a word leaves of an input; nothing if it fails or leaves not one value.
  [[nodiscard]] std::optional<std::int64_t> result(std::string_view word, std::int64_t input) const;

 private:
  struct Loaded {
    StackDictionary words;
    std::string fault;  // "a.t line 2: no end"
  };
  [[nodiscard]] Loaded load() const;

  Files files_;
  Loaded loaded_;  // of the files as they are
};

}  // namespace dsa::rl
