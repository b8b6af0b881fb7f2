#include "rl/tasks/repository.h"

#include <fmt/format.h>

#include <charconv>

#include "base/error.h"

namespace dsa::rl {
namespace {

constexpr std::size_t kLongestLine = 120;
constexpr std::size_t kShownFailures = 3;

std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

// ": NAME BODY ;"
struct Definition {
  std::string name;
  CompiledStack body;
};
Definition definition_in(std::string_view line) {
  Definition out{.name = {}, .body = {.steps = {}, .fault = "expected : NAME WORDS ;"}};
  if (next_word(line) != ":") return out;
  out.name = next_word(line);
  line = line.substr(0, line.find_last_not_of(' ') + 1);
  if (out.name.empty() || !line.ends_with(" ;")) return out;
  out.body = compile_stack(line.substr(0, line.size() - 2), /*inputs=*/0);
  return out;
}

std::optional<std::int64_t> result_of_word(const StackDictionary& words, std::string_view word,
                                           std::int64_t input) {
  const std::vector<StackStep> call{{.code = StackCode::call, .word = std::string(word)}};
  const StackRun run = run_stack(call, {}, {input}, words);
  if (!run.fault.empty() || run.stack.size() != 1) return std::nullopt;
  return run.stack.front();
}

std::string no_file(std::string_view name) { return "no file " + printable(name, 32); }

}  // namespace

std::string Repository::list() const {
  std::string text;
  for (const auto& [name, lines] : files_) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string Repository::read(std::string_view argument) const {
  const auto file = files_.find(argument);
  if (file == files_.end()) return no_file(argument);
  std::string text;
  for (std::size_t i = 0; i < file->second.size(); ++i)
    text += fmt::format("{}{} {}", i == 0 ? "" : "\n", i + 1, file->second[i]);
  return text;
}

std::string Repository::edit(std::string_view argument) {
  const auto name = next_word(argument);
  const auto number = next_word(argument);
  const auto file = files_.find(name);
  if (file == files_.end()) return no_file(name);
  std::size_t line = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), line);
  if (error != std::errc{} || end != number.data() + number.size() || line == 0 || line > file->second.size())
    return "no line " + printable(number, 32);
  argument.remove_prefix(std::min(argument.find_first_not_of(' '), argument.size()));
  if (argument.size() > kLongestLine) return "the line is too long";
  file->second[line - 1] = argument;
  loaded_ = load();
  return "ok";
}

Repository::Loaded Repository::load() const {
  Loaded out;
  for (const auto& [name, lines] : files_)
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].empty() || lines[i].starts_with('#')) continue;
      Definition definition = definition_in(lines[i]);
      std::string fault = std::move(definition.body.fault);
      if (fault.empty() && !out.words.emplace(definition.name, std::move(definition.body.steps)).second)
        fault = printable(definition.name, 32) + " is defined twice";
      if (!fault.empty()) {
        out.fault = fmt::format("{} line {}: {}", name, i + 1, fault);
        return out;
      }
    }
  return out;
}

std::string Repository::run(const std::vector<WordTest>& tests) const {
  if (!loaded_.fault.empty()) return loaded_.fault;
  std::string text;
  std::size_t fails = 0;
  for (const auto& test : tests) {
    const auto result = result_of_word(loaded_.words, test.word, test.input);
    if (result == test.result || ++fails > kShownFailures) continue;
    text += fmt::format("{} {} gives {} not {}\n", test.word, test.input,
                        result ? std::to_string(*result) : "nothing", test.result);
  }
  return text + fmt::format("{} pass, {} fail", tests.size() - fails, fails);
}

std::size_t Repository::failures(const std::vector<WordTest>& tests) const {
  if (!loaded_.fault.empty()) return tests.size();
  std::size_t fails = 0;
  for (const auto& test : tests)
    fails += result_of_word(loaded_.words, test.word, test.input) == test.result ? 0 : 1;
  return fails;
}

std::optional<std::int64_t> Repository::result(std::string_view word, std::int64_t input) const {
  return loaded_.fault.empty() ? result_of_word(loaded_.words, word, input) : std::nullopt;
}

}  // namespace dsa::rl
