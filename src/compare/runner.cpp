#include "compare/runner.h"

#include "base/error.h"
#include "compare/code_test.h"
#include "compare/rules.h"
#include "compare/text_measures.h"

namespace dsa::compare {
namespace {

// One side's part.
class Side {
 public:
  Side(Speaker& speaker, const Sandbox* sandbox, const Prompt& prompt, const std::atomic<bool>& cancel)
      : speaker_(speaker), sandbox_(sandbox), prompt_(prompt), cancel_(cancel), messages_(prompt.history) {}

  std::optional<SideResult> run() {
    for (std::size_t i = 0; i + 1 < prompt_.turns.size(); ++i) {
      const auto said = say(prompt_.turns[i]);
      if (!said) return std::nullopt;
      messages_.push_back({.role = Role::user, .content = prompt_.turns[i]});
      messages_.push_back(said->message);
    }
    const auto said = say(prompt_.turns.back());
    if (!said) return std::nullopt;
    const std::string& text = said->message.content;
    SideResult out{
        .text = text, .finish = said->finish, .figures = judge_text(text, prompt_.expected), .code = ""};
    out.figures.insert(said->figures.begin(), said->figures.end());
    if (!numbers(text, out.figures) || !code(text, out)) return std::nullopt;
    add_score(out.figures);
    return out;
  }

 private:
  std::optional<Said> say(const std::string& turn) {
    std::vector<ChatMessage> messages = messages_;
    messages.push_back({.role = Role::user, .content = turn});
    return speaker_.say(messages, cancel_);
  }

  bool numbers(const std::string& text, Figures& figures) {
    if (!prompt_.expected.number) return true;
    std::vector<std::string> answers{text};
    for (const std::string& other : prompt_.rewordings) {
      const auto said = say(other);
      if (!said) return false;
      answers.push_back(said->message.content);
    }
    judge_numbers(answers, *prompt_.expected.number, figures);
    return true;
  }

  bool code(const std::string& text, SideResult& out) const {
    if (sandbox_ == nullptr || !prompt_.expected.tests) return true;
    const auto result = test_code(*sandbox_, text, *prompt_.expected.tests, cancel_);
    if (!result) return false;
    out.code = result->why;
    out.figures["tests"] = result->passed ? 1 : 0;
    return true;
  }

  Speaker& speaker_;
  const Sandbox* sandbox_;
  const Prompt& prompt_;
  const std::atomic<bool>& cancel_;
  std::vector<ChatMessage> messages_;
};

std::optional<SideResult> run_side(char which, Speaker& speaker, const Arena& arena, const Prompt& prompt,
                                   const std::atomic<bool>& cancel) {
  try {
    return Side(speaker, arena.sandbox, prompt, cancel).run();
  } catch (const Error& error) {
    fail("{}: prompt {}: {}", which, printable(prompt.id), error.what());
  }
}

std::optional<Judgement> run_judge(const Arena& arena, const Prompt& prompt, const Result& result,
                                   const std::atomic<bool>& cancel) {
  try {
    return judge(*arena.judge, arena.rubric, prompt, result.a.text, result.b.text, cancel);
  } catch (const Error& error) {
    fail("judge: prompt {}: {}", printable(prompt.id), error.what());
  }
}

}  // namespace

std::optional<Result> ask_both(const Arena& arena, const Prompt& prompt, First first,
                               const std::atomic<bool>& cancel) {
  std::optional<SideResult> a, b;
  if (first == First::a) a = run_side('A', arena.a, arena, prompt, cancel);
  if (first == First::b || a) b = run_side('B', arena.b, arena, prompt, cancel);
  if (first == First::b && b) a = run_side('A', arena.a, arena, prompt, cancel);
  if (!a || !b) return std::nullopt;
  Result out{.id = prompt.id,
             .set = prompt.set,
             .digest = prompt.digest,
             .asked = prompt.turns.back(),
             .turns_ago = prompt.turns_ago,
             .a = std::move(*a),
             .b = std::move(*b)};
  out.first_difference = first_difference(out.a.text, out.b.text);
  if (arena.judge != nullptr) {
    // The same words are a tie, whoever is asked.
    out.judgement = Judgement{Verdict::tie, Verdict::tie};
    if (out.first_difference) out.judgement = run_judge(arena, prompt, out, cancel);
    if (!out.judgement) return std::nullopt;
  }
  return out;
}

}  // namespace dsa::compare
