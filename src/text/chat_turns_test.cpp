#include "text/chat_turns.h"

#include <gtest/gtest.h>

#include <set>

namespace dsa {
namespace {

constexpr std::int64_t kTokens = 8192;

Passages passages() {
  std::string text;
  for (int i = 0; i < 400; ++i)
    text += "Paragraph " + std::to_string(i) + " speaks of something remarkable, and of nothing else.\n\n";
  const std::vector<std::string> texts{text};
  return Passages(texts);
}

std::vector<std::string> turns(std::uint64_t seed, std::int64_t number, std::int64_t room, int count) {
  static const Passages text = passages();
  ChatTurns turns(text, kTokens, seed, number);
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(turns.next(room));
  return out;
}

TEST(ChatTurns, AreTheSameForTheSameNumberAndOthersForAnother) {
  EXPECT_EQ(turns(0, 1, 4000, 12), turns(0, 1, 4000, 12));
  EXPECT_NE(turns(0, 1, 4000, 12), turns(0, 2, 4000, 12));
  EXPECT_NE(turns(0, 1, 4000, 12), turns(1, 1, 4000, 12));
}

TEST(ChatTurns, KeepToTheRoomThatThereIs) {
  for (const std::int64_t room : {-50, 0, 100, 2500, 100000})
    for (std::int64_t number = 0; number < 20; ++number)
      for (const auto& turn : turns(0, number, room, 10)) {
        EXPECT_LT(static_cast<std::int64_t>(turn.size()),
                  std::clamp<std::int64_t>(room, 16, kTokens / 2) + ChatTurns::kFrame - 60);
        EXPECT_EQ(turn.find("{}"), std::string::npos);
        EXPECT_FALSE(trimmed(turn).empty());
      }
}

TEST(ChatTurns, BeginWithAPassageAndPointBackToThoseGiven) {
  constexpr std::string_view kQuotes = "begins with \"";
  int pointed = 0;
  for (std::int64_t number = 0; number < 30; ++number) {
    const auto all = turns(5, number, 4000, 12);
    EXPECT_NE(all.front().find("Paragraph"), std::string::npos);
    std::string before;
    for (const auto& turn : all) {
      if (const auto at = turn.find(kQuotes); at != std::string::npos) {
        ++pointed;
        const auto begin = at + kQuotes.size();
        EXPECT_NE(before.find(turn.substr(begin, turn.find('"', begin) - begin)), std::string::npos) << turn;
      }
      before += turn + "\n";
    }
  }
  EXPECT_GT(pointed, 10);
}

TEST(ChatTurns, AskForManyThings) {
  std::set<std::string> beginnings;
  for (std::int64_t number = 0; number < 30; ++number)
    for (const auto& turn : turns(5, number, 4000, 12))
      if (!turn.starts_with("Paragraph")) beginnings.insert(turn.substr(0, 12));
  EXPECT_GT(beginnings.size(), 15U);
}

TEST(ChatTurns, TheLastIsAsLongAsWanted) {
  const Passages text = passages();
  ChatTurns turns(text, kTokens, 0, 0);
  EXPECT_GE(turns.closing(5000).size(), 5000U);
}

// Nothing to speak of later but its beginning.
TEST(ChatTurns, TakePassagesWithoutLongWords) {
  const std::vector<std::string> texts{"1 + 1 = 2"};
  const Passages text(texts);
  ChatTurns turns(text, kTokens, 0, 0);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(turns.next(3000).find("\"\""), std::string::npos);
}

}  // namespace
}  // namespace dsa
