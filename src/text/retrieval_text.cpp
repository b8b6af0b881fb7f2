#include "text/retrieval_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace dsa {
namespace {

constexpr std::int64_t kFillingLeast = 150, kFillingMost = 650;  // bytes between facts and questions
constexpr std::size_t kQuestionsOfAFact = 6;                     // at most
constexpr std::int64_t kNearestPart = 32;  // the shortest distance is so small a part of the document

// How a question and its answer read; settings are used rather than asked for.
struct Form {
  const char* question;
  const char* answer;  // what stands before it
  const char* end;
};
constexpr std::array<Form, 4> kSpoken{{{"Question: {}", "\nAnswer: ", ""},
                                       {"Q: {}", "\nA: ", ""},
                                       {"{}", " ", "."},
                                       {"Do you recall? {}", " It was ", "."}}};
constexpr std::array<Form, 3> kUsed{
    {{"assert {}", " == ", ""}, {"print({})", "  # ", ""}, {"Nobody has changed {}:", " it still is ", "."}}};

class Writer {
 public:
  Writer(const Passages& passages, std::uint64_t seed, std::int64_t number, std::int64_t tokens,
         const std::function<std::int64_t(std::string_view)>& count)
      : passages_(passages),
        draws_(seed, static_cast<std::uint64_t>(number)),
        facts_(draws_),
        tokens_(tokens),
        count_(count),
        one_source_(draws_.below(2) == 0),
        cursor_(passages.any(draws_)) {}

  RetrievalText write() {
    plant(filling());
    while (done_ < tokens_ || out_.asked.empty()) {
      const double part = std::min(1.0, static_cast<double>(done_) / static_cast<double>(tokens_));
      if (open_.empty() || draws_.unit() < planting(part))
        plant(filling());
      else
        ask(part);
      // Joined texts may have fewer tokens than their parts.
      if (done_ >= tokens_) done_ = count_(out_.text);
    }
    return std::move(out_);
  }

 private:
  struct Open {
    FactKind kind;
    Question question;
    std::size_t planted, bytes;
    std::int64_t at;  // tokens before it
  };

  // More facts in the beginning, more questions in the end.
  static double planting(double part) { return part < 0.25 ? 0.7 : part < 0.7 ? 0.35 : 0.1; }

  // From one text on, or from all over the corpus.
  std::string filling() {
    const std::int64_t bytes = kFillingLeast + draws_.below(kFillingMost - kFillingLeast);
    return one_source_ ? passages_.read(cursor_, bytes) : passages_.draw(draws_, bytes);
  }

  void append(std::string_view paragraph) {
    if (!out_.text.empty()) out_.text += "\n\n";
    out_.text += paragraph;
    done_ += count_(paragraph) + 1;
  }

  // A sentence goes into the filling, behind one of its sentences; a block comes after it.
  void plant(const std::string& filling) {
    Fact fact = facts_.make(draws_.one_of(kFactKinds));
    std::int64_t at = 0;
    std::size_t planted = 0;
    if (fact.is_sentence()) {
      const std::string_view before = std::string_view(filling).substr(0, sentence_end(filling));
      const std::string_view after = std::string_view(filling).substr(before.size());
      planted = out_.text.empty() ? 0 : out_.text.size() + 2;
      planted += before.size() + (before.empty() ? 0 : 1);
      at = done_ + count_(before);
      append(fmt::format("{}{}{}{}{}", before, before.empty() ? "" : " ", fact.text,
                         after.empty() || after.front() == ' ' ? "" : " ", after));
    } else {
      append(filling);
      at = done_;
      planted = out_.text.size() + 2;
      append(trimmed(fact.text));
    }
    draws_.shuffle(fact.questions);
    fact.questions.resize(std::min(fact.questions.size(), kQuestionsOfAFact));
    for (auto& question : fact.questions)
      open_.push_back({.kind = fact.kind,
                       .question = std::move(question),
                       .planted = planted,
                       .bytes = trimmed(fact.text).size(),
                       .at = at});
  }

  // Behind a full stop of the first line or a later one, drawn; the end where there is none.
  std::size_t sentence_end(std::string_view text) {
    std::vector<std::size_t> ends{text.size()};
    for (auto at = text.find(". "); at != std::string_view::npos; at = text.find(". ", at + 1))
      ends.push_back(at + 1);
    return draws_.one_of(ends);
  }

  void ask(double part) {
    append(filling());
    const std::int64_t most = part < 0.7 ? 3 : 5;
    for (std::int64_t left = 1 + draws_.below(most); left > 0 && !open_.empty(); --left) ask_one();
  }

  void ask_one() {
    const auto chosen = at_distance(distance());
    if (done_ - chosen->at < nearest()) return;  // nothing else is open yet
    const Open open = *chosen;
    open_.erase(chosen);
    const Form& form = open.kind == FactKind::settings ? draws_.one_of(kUsed) : draws_.one_of(kSpoken);
    const std::string question = fmt::format(fmt::runtime(form.question), open.question.text) + form.answer;
    const std::size_t asked = out_.text.size() + 2;
    append(question + open.question.answer + form.end);
    out_.asked.push_back({.kind = open.kind,
                          .question = open.question,
                          .planted = open.planted,
                          .planted_bytes = open.bytes,
                          .asked = asked,
                          .answer = asked + question.size()});
  }

  [[nodiscard]] std::int64_t nearest() const { return tokens_ / kNearestPart; }

  // Half of them even by their logarithm, half of them just even: near ones are many, far ones not few.
  double distance() {
    const auto least = static_cast<double>(nearest());
    const double most = std::max(least, static_cast<double>(done_)), part = draws_.unit();
    return draws_.below(2) == 0 ? least * std::pow(most / least, part) : least + (most - least) * part;
  }

  std::vector<Open>::iterator at_distance(double distance) {
    const double wanted = static_cast<double>(done_) - distance;
    return std::ranges::min_element(
        open_, {}, [&](const Open& open) { return std::abs(static_cast<double>(open.at) - wanted); });
  }

  const Passages& passages_;
  Draws draws_;
  FactMaker facts_;
  std::int64_t tokens_;
  const std::function<std::int64_t(std::string_view)>& count_;
  bool one_source_;
  std::size_t cursor_;
  RetrievalText out_;
  std::vector<Open> open_;  // not asked yet
  std::int64_t done_ = 0;   // tokens of out_.text, or a few more
};

}  // namespace

RetrievalText make_retrieval_text(const Passages& passages, std::uint64_t seed, std::int64_t number,
                                  std::int64_t tokens,
                                  const std::function<std::int64_t(std::string_view)>& count) {
  DSA_CHECK(number >= 0 && tokens >= kShortestText && tokens <= kLongestText);
  return Writer(passages, seed, number, tokens, count).write();
}

}  // namespace dsa
