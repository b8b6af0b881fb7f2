// A repository whose tests fail: read it, edit it, run them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "rl/tasks/coding_words.h"
#include "rl/tasks/makers.h"
#include "rl/tasks/notes.h"
#include "rl/tasks/repository.h"
#include "rl/tasks/tool_episode.h"

namespace dsa::rl {
namespace {

constexpr std::array<std::string_view, 3> kCodingVerbs{"read", "edit", "run"};
constexpr int kSpareTurns = 4;  // beyond what the solution takes
constexpr std::array<std::int64_t, 2> kShownInputs{3, 11};
constexpr std::array<std::int64_t, 8> kHiddenInputs{-7, -2, 0, 1, 2, 5, 9, 20};

// Where a word's definition stands.
struct Place {
  std::string file;
  std::size_t line;  // from 1 on
};

struct Code {
  std::vector<CodingWord> words;
  std::vector<Place> places;     // of words
  std::set<std::size_t> broken;  // words that have their wrong body
  Repository::Files files;
  std::vector<WordTest> shown, hidden;
};

std::string line_of(const CodingWord& word, const std::string& body) {
  return fmt::format(": {} {} ;", word.name, body);
}

Repository::Files files_of(Code& code, bool remarks) {
  Repository::Files files;
  code.places.clear();
  for (std::size_t i = 0; i < code.words.size(); ++i) {
    const CodingWord& word = code.words[i];
    const std::string file = word.name.substr(0, 1) + ".t";
    auto& lines = files[file];
    if (remarks) lines.push_back(fmt::format("# {}: {}", word.name, word.meaning));
    lines.push_back(line_of(word, code.broken.contains(i) ? word.wrong : word.body));
    code.places.push_back({.file = file, .line = lines.size()});
  }
  return files;
}

// Tests by what the words should do; false if they do not all end well.
bool add_tests(const Repository& right, const Code& code, std::span<const std::int64_t> inputs,
               std::vector<WordTest>& tests) {
  for (const auto& word : code.words)
    for (const auto input : inputs) {
      const auto result = right.result(word.name, input);
      if (!result) return false;
      tests.push_back({.word = word.name, .input = input, .result = *result});
    }
  return true;
}

Code draw_code(const TaskId& id, Draws& draws) {
  const int files = 1 + id.difficulty / 3, words = 2 + id.difficulty / 3;
  const std::size_t bugs = id.difficulty < 7 ? 1 : 2;
  for (;;) {
    Code code;
    for (int file = 0; file < files; ++file)
      for (int word = 1; word <= words; ++word) {
        auto name = fmt::format("{}{}", static_cast<char>('a' + file), word);
        code.words.push_back(draw_coding_word(std::move(name), code.words, id.difficulty, draws));
      }
    const bool remarks = id.context == 0;
    const Repository right(files_of(code, remarks));
    if (!add_tests(right, code, kShownInputs, code.shown) ||
        !add_tests(right, code, kHiddenInputs, code.hidden))
      continue;
    // The words that are told of first are those that use others: the cause lies deeper.
    if (id.difficulty >= 5) std::ranges::reverse(code.shown);
    while (code.broken.size() < bugs)
      code.broken.insert(static_cast<std::size_t>(draws.below(std::ssize(code.words))));
    // Each by itself makes a test fail that is shown.
    const bool seen = std::ranges::all_of(code.broken, [&](std::size_t bug) {
      Code one = code;
      one.broken = {bug};
      return Repository(files_of(one, remarks)).failures(code.shown) > 0;
    });
    code.files = files_of(code, remarks);
    if (seen && Repository(code.files).failures(code.shown) > 0) return code;
  }
}

class CodingEpisode final : public ToolEpisode {
 public:
  CodingEpisode(const Code& code, int turns)
      : ToolEpisode(kCodingVerbs, turns), code_(code), repository_(code.files) {}

 protected:
  std::string call(const Action& action) override {
    if (action.verb == "read") return repository_.read(action.argument);
    if (action.verb == "edit") return repository_.edit(action.argument);
    return repository_.run(code_.shown);
  }
  [[nodiscard]] Score judge(std::string_view answer) const override {
    if (answer != "done") return {.value = 0, .reason = "wrong answer"};
    if (repository_.failures(code_.shown) > 0) return {.value = 0, .reason = "a test fails"};
    if (repository_.failures(code_.hidden) > 0) return {.value = 0, .reason = "a hidden test fails"};
    return {.value = 1, .reason = "right"};
  }

 private:
  const Code& code_;
  Repository repository_;
};

// How somebody finds what is broken who knows nothing but what they have read.
class Mender {
 public:
  explicit Mender(const Code& code) : code_(code), repository_(code.files) {}

  std::vector<std::string> messages(Style style) {
    style_ = style;
    while (repository_.failures(code_.shown) > 0) {
      say("run:");
      mend(first_failing());
    }
    say("run:");
    say(with_answer("", "done"));
    return std::move(messages_);
  }

 private:
  [[nodiscard]] std::size_t first_failing() const {
    for (const auto& test : code_.shown)
      if (repository_.result(test.word, test.input) != test.result) return word_at(test.word);
    return 0;
  }
  [[nodiscard]] std::size_t word_at(const std::string& name) const {
    return static_cast<std::size_t>(std::ranges::find(code_.words, name, &CodingWord::name) -
                                    code_.words.begin());
  }
  [[nodiscard]] bool fails(std::size_t word) const {
    return std::ranges::any_of(code_.shown, [&](const WordTest& test) {
      return test.word == code_.words[word].name && repository_.result(test.word, test.input) != test.result;
    });
  }

  // From a word whose test fails down to the one that is wrong itself.
  void mend(std::size_t at) {
    const CodingWord& word = code_.words[at];
    const Place& place = code_.places[at];
    if (read_.insert(place.file).second) say("read: " + place.file);
    if (code_.broken.contains(at) && !mended_.contains(at)) {
      thought_ += fmt::format("{} should be {}\n", word.name, word.meaning);
      const std::string edit = fmt::format("{} {} {}", place.file, place.line, line_of(word, word.body));
      say("edit: " + edit);
      repository_.edit(edit);
      mended_.insert(at);
      return;
    }
    const auto cause =
        std::ranges::find_if(word.uses, [&](std::size_t used) { return fails(used) || suspect(used); });
    thought_ += fmt::format("{} is {}\n", word.name, word.meaning);
    mend(*cause);
  }
  // Broken, or a use of what is.
  [[nodiscard]] bool suspect(std::size_t word) const {
    if (code_.broken.contains(word) && !mended_.contains(word)) return true;
    return std::ranges::any_of(code_.words[word].uses, [&](std::size_t used) { return suspect(used); });
  }

  void say(const std::string& action) {
    messages_.push_back(style_ == Style::steps ? thought_ + action : action);
    thought_.clear();
  }

  const Code& code_;
  Repository repository_;
  Style style_ = Style::steps;
  std::set<std::string> read_;
  std::set<std::size_t> mended_;
  std::string thought_;
  std::vector<std::string> messages_;
};

class CodingTask final : public Task {
 public:
  CodingTask(const TaskId& id, std::string prompt, Code code)
      : Task(id, std::move(prompt)),
        code_(std::move(code)),
        turns_(static_cast<int>(Mender(code_).messages(Style::brief).size()) + kSpareTurns) {}

  [[nodiscard]] int turns() const override { return turns_; }
  [[nodiscard]] std::unique_ptr<Episode> begin() const override {
    return std::make_unique<CodingEpisode>(code_, turns_);
  }
  [[nodiscard]] std::vector<std::string> solution(Style style) const override {
    return Mender(code_).messages(style);
  }

 private:
  Code code_;
  int turns_;
};

}  // namespace

std::unique_ptr<const Task> make_coding(const TaskId& id) {
  Draws draws = draws_of(id, 6);
  Code code = draw_code(id, draws);
  std::string prompt;
  if (id.context > 0) {
    // What the words should do stands here, in place of remarks, beside what words of other people do.
    std::vector<std::string> lines;
    for (const auto& word : code.words) lines.push_back(fmt::format("{}: {}", word.name, word.meaning));
    Names names;
    const auto other = [&] {
      auto name = names.fresh('w', draws);
      const auto word = draw_coding_word(std::move(name), code.words, id.difficulty, draws);
      return fmt::format("{}: {}", word.name, word.meaning);
    };
    prompt = notes_of(std::move(lines), id.context, other, draws);
  }
  prompt += fmt::format("files {}\na test fails, mend it", Repository(code.files).list());
  return std::make_unique<CodingTask>(id, std::move(prompt), std::move(code));
}

}  // namespace dsa::rl
