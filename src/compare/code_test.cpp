#include "compare/code_test.h"

#include <random>

#include "base/error.h"
#include "compare/text_measures.h"

namespace dsa::compare {
namespace {

// Code that leaves early has not passed: only who comes to the end says the word.
constexpr std::string_view kDriver = R"(import contextlib, io, os, sys, traceback
def read(name):
    with open("/code/" + name) as file:
        return file.read()
word = read("word.txt")
made = {"__name__": "__main__"}
said = io.StringIO()
sys.argv = ["answer.py"]
try:
    with contextlib.redirect_stdout(said):
        try:
            exec(compile(read("answer.py"), "answer.py", "exec"), made)
        except SystemExit as end:
            if end.code not in (None, 0):
                raise RuntimeError(f"it ended with {end.code!r}") from None
    made["output"] = said.getvalue()
    exec(compile(read("tests.py"), "tests.py", "exec"), made)
except BaseException as error:
    line = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())[:160]
    where = f"{line.filename}, line {line.lineno}"
    sys.__stdout__.write(f"\n{type(error).__name__}: {text or line.line or ''} ({where})\n")
    sys.__stdout__.flush()
    os._exit(1)
sys.__stdout__.write("\n" + word + "\n")
)";

std::string last_line(const std::string& text) {
  std::string_view rest = text;
  while (rest.ends_with('\n')) rest.remove_suffix(1);
  return std::string(rest.substr(rest.find_last_of('\n') + 1));
}

std::string python_of(const std::string& answer) {
  std::string named, nameless;
  for (const CodeBlock& block : code_blocks(answer)) {
    const bool python = block.language == "python" || block.language == "py" || block.language == "python3";
    if (python) named += block.text + "\n";
    if (block.language.empty()) nameless += block.text + "\n";
  }
  return named.empty() ? nameless : named;
}

}  // namespace

std::optional<CodeResult> test_code(const Sandbox& sandbox, const std::string& answer,
                                    const std::string& tests, const std::atomic<bool>& cancel) {
  const std::string code = python_of(answer);
  if (code.empty()) return CodeResult{.passed = false, .why = "no block of Python"};
  std::random_device random;
  const std::string word = fmt::format("passed-{:08x}{:08x}", random(), random());
  const SandboxResult ran = sandbox.run(
      {{"main.py", std::string(kDriver)}, {"answer.py", code}, {"tests.py", tests}, {"word.txt", word}},
      "main.py", cancel);
  switch (ran.end) {
    case SandboxEnd::cancelled:
      return std::nullopt;
    case SandboxEnd::timed_out:
      return CodeResult{.passed = false, .why = "its time was over"};
    case SandboxEnd::too_much_output:
      return CodeResult{.passed = false, .why = "it wrote too much"};
    case SandboxEnd::exited:
      break;
  }
  const std::string last = last_line(ran.output);
  if (ran.status == 0 && last == word) return CodeResult{.passed = true, .why = "passed"};
  if (ran.status == 0) return CodeResult{.passed = false, .why = "it ended before its tests"};
  return CodeResult{
      .passed = false,
      .why = last.empty() ? fmt::format("it ended with status {}", ran.status) : printable(last, 240)};
}

}  // namespace dsa::compare
