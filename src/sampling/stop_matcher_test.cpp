#include "sampling/stop_matcher.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"

namespace dsa {
namespace {

// Feeds `pieces` and returns everything that came out.
std::string run(StopMatcher& m, const std::vector<std::string>& pieces) {
  std::string out;
  for (const std::string& piece : pieces) out += m.push(piece);
  out += m.finish();
  return out;
}

TEST(StopMatcher, Table) {
  struct Case {
    std::vector<std::string> stops;
    std::vector<std::string> pieces;
    std::string out;
    int matched;  // -1: none
  };
  const std::vector<Case> cases{
      {{}, {"abc", "", "d"}, "abcd", -1},
      {{"END"}, {"an E", "N", "D of it"}, "an ", 0},
      {{"END"}, {"an EN"}, "an EN", -1},    // held back, given at the end
      {{"END"}, {"END"}, "", 0},            // the very first token
      {{"END"}, {"EENEND!"}, "EEN", 0},     // false starts inside
      {{"aab"}, {"aa", "a", "b"}, "a", 0},  // the true start lies inside a false one
      {{"abcd", "bc"}, {"abcd"}, "a", 1},   // complete first wins, however long the piece
      {{"abcd", "bc"}, {"a", "b", "c", "d"}, "a", 1},
      {{"c", "abc"}, {"xabc"}, "x", 1},  // same end: the longer
      {{"b", "b"}, {"ab"}, "a", 0},
      {{"abab"}, {"abaabab"}, "aba", 0},
      {{"\n\n"}, {"a\n", "b\n", "\nc"}, "a\nb", 0},
      {{"é"}, {"è", "é"}, "è", 0},  // the two share their first byte
      {{"你好"}, {"你", "们你", "好"}, "你们", 0},
      {{"<|im_end|>", "<|im_start|>"}, {"<|im_", "star", "<|im_start|", ">"}, "<|im_star", 1},
  };
  for (const Case& c : cases) {
    StopMatcher m(c.stops);
    EXPECT_EQ(run(m, c.pieces), c.out) << c.pieces[0];
    EXPECT_EQ(m.matched() ? static_cast<int>(*m.matched()) : -1, c.matched) << c.pieces[0];
    EXPECT_EQ(m.push("more"), c.matched >= 0 ? "" : "more");
    m.reset();
    EXPECT_EQ(run(m, c.pieces), c.out) << "after reset: " << c.pieces[0];
  }
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeAStop) {
  StopMatcher m({"hello world"});
  EXPECT_EQ(m.push("say hello wor"), "say ");
  EXPECT_EQ(m.push("d"), "hello word");
  EXPECT_EQ(m.push("h"), "");
  EXPECT_EQ(m.push("h"), "h");
  EXPECT_EQ(m.finish(), "h");
}

// Any cutting of the same text gives the same answer, and it is the one of a plain search.
TEST(StopMatcher, DoesNotDependOnTheCuts) {
  const CounterRng rng(11);
  std::uint64_t n = 0;
  const auto below = [&](std::uint64_t limit) { return rng.at(n++) % limit; };
  const auto word = [&](std::size_t length) {
    std::string s;
    while (s.size() < length) s += static_cast<char>('a' + below(2));
    return s;
  };
  int matches = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops;
    for (std::uint64_t i = 0; i < 1 + below(4); ++i) stops.push_back(word(1 + below(7)));
    const std::string text = word(below(24));

    std::string want = text;  // the match with the least end, then the least start
    for (std::size_t end = 1; end <= text.size() && want == text; ++end)
      for (std::size_t begin = 0; begin < end; ++begin)
        if (std::find(stops.begin(), stops.end(), text.substr(begin, end - begin)) != stops.end()) {
          want = text.substr(0, begin) + "|";
          break;
        }
    StopMatcher m(stops);
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = std::min<std::size_t>(below(5), text.size() - at);
      pieces.push_back(text.substr(at, length));
      at += length;
    }
    const std::string got = run(m, pieces);
    ASSERT_EQ(got + (m.matched() ? "|" : ""), want) << text;
    matches += m.matched() ? 1 : 0;
  }
  EXPECT_GT(matches, 500);
  EXPECT_LT(matches, 2900);
}

// docs/hostile-inputs.md H92.
TEST(StopMatcher, HostileStopsAreRefused) {
  EXPECT_THROW(StopMatcher({""}), Error);
  EXPECT_THROW(StopMatcher({"ok", ""}), Error);
  EXPECT_THROW(StopMatcher({std::string(1 << 20, 'x')}), Error);
  EXPECT_THROW(StopMatcher(std::vector<std::string>(10000, "x")), Error);
  EXPECT_THROW(StopMatcher({"\xA9"}), Error);  // the second byte of é
  EXPECT_NO_THROW(StopMatcher(std::vector<std::string>(64, std::string(1024, 'x'))));
}

TEST(StopMatcher, WorstCaseIsLinear) {
  // A quadratic search would need 10^9 steps here.
  StopMatcher m({std::string(1023, 'a') + "b"});
  std::size_t out = 0;
  for (int i = 0; i < 1000; ++i) out += m.push(std::string(1000, 'a')).size();
  EXPECT_EQ(out, 1'000'000U - 1023U);
}

}  // namespace
}  // namespace dsa
