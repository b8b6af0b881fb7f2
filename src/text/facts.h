// Made-up facts with the questions that they answer: what synthetic retrieval documents are seeded with.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/draws.h"

namespace dsa {

enum class FactKind : std::uint8_t {
  records,   // a list of things, each with several values
  saying,    // a sentence: who said what
  meeting,   // a list: who wanted what
  settings,  // assignments, used later
  table,     // asked by row
  life,      // a sentence about somebody who comes up again and again
  tally,     // words to be counted
  twins,     // many records whose names differ in two letters
};
inline constexpr std::array kFactKinds{FactKind::records,  FactKind::saying, FactKind::meeting,
                                       FactKind::settings, FactKind::table,  FactKind::life,
                                       FactKind::tally,    FactKind::twins};

struct Question {
  std::string key;   // what the answer is looked up by; both stand on one line of the fact (not of a tally)
  std::string text;  // "Who checked crate K3-VD?"; of settings the name alone
  std::string answer;
};

struct Fact {
  FactKind kind = FactKind::records;
  std::string text;                 // one sentence, or a block of lines
  std::vector<Question> questions;  // at least one; each has one answer in all that a FactMaker makes
  [[nodiscard]] bool is_sentence() const { return kind == FactKind::saying || kind == FactKind::life; }
};

/// Facts of one document: no name means two things.  One thread at a time.
class FactMaker {
 public:
  /// `draws` must outlive this.
  explicit FactMaker(Draws& draws) : draws_(draws) {}

  Fact make(FactKind kind);

 private:
  // Somebody, and what has not been told about them.
  struct Character {
    std::string name;
    std::vector<std::size_t> untold;
  };

  Fact records();
  Fact saying();
  Fact meeting();
  Fact settings();
  Fact table();
  Fact life();
  Fact tally();
  Fact twins();

  std::string person();
  std::string place();
  std::string code();
  std::string setting();
  std::string time();
  std::string tenths();
  std::string price();
  std::string date();
  template <class Make>
  std::string fresh(Make&& make);

  Draws& draws_;
  std::set<std::string> used_;
  std::vector<Character> cast_;
};

}  // namespace dsa
