#include "compare/text_measures.h"

#include <gtest/gtest.h>

namespace dsa::compare {
namespace {

std::string times(int n, const std::string& text) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST(TextMeasures, LinesWithoutAWordAreNone) {
  EXPECT_EQ(lines(""), 0);
  EXPECT_EQ(lines("a\n\n \t\nb"), 2);
  EXPECT_EQ(lines("a\n"), 1);
}

TEST(TextMeasures, CodeStandsBetweenFences) {
  const auto blocks =
      code_blocks("Say:\n```Python title\nx = 1\n\ny = 2\n```\nand\n~~~\nplain ``` text\n~~~\n  ```\nopen");
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].language, "python");
  EXPECT_EQ(blocks[0].text, "x = 1\n\ny = 2\n");
  EXPECT_EQ(blocks[1].text, "plain ``` text\n");
  EXPECT_EQ(blocks[2].text, "open\n");
  EXPECT_TRUE(code_blocks("`x` and ``y``").empty());
}

TEST(TextMeasures, ALoopIsWhatTheEngineWouldEnd) {
  EXPECT_TRUE(loops(times(90, "again ")));
  EXPECT_TRUE(
      loops("First. " + times(6, "one two three four five six seven eight nine ten a b c d e f g h ")));
  EXPECT_FALSE(loops(times(20, "again ")));
  std::string counting;
  for (int i = 0; i < 400; ++i) counting += std::to_string(i) + " ";
  EXPECT_FALSE(loops(counting));
}

TEST(TextMeasures, RunsThatWereThereBefore) {
  EXPECT_EQ(repeated_share("one two three"), 0);
  EXPECT_EQ(repeated_share("a b c d e f g"), 0);
  EXPECT_DOUBLE_EQ(repeated_share("a b c d A B C D"), 1.0 / 5);
  EXPECT_DOUBLE_EQ(repeated_share("a a a a a a"), 2.0 / 3);
}

TEST(TextMeasures, TheFirstWordThatDiffers) {
  EXPECT_EQ(first_difference("a b", "a  b\n"), std::nullopt);
  EXPECT_EQ(first_difference("a b", "a c"), 1);
  EXPECT_EQ(first_difference("a b", "a b c"), 2);
  EXPECT_EQ(first_difference("", "a"), 0);
}

TEST(TextMeasures, TheLastNumber) {
  EXPECT_EQ(last_number("none, x2 at all"), std::nullopt);
  EXPECT_EQ(last_number("3 + 4 = 7."), 7);
  EXPECT_EQ(last_number("It costs $1,250.50, she said."), 1250.5);
  EXPECT_EQ(last_number("minus: -12"), -12);
  EXPECT_EQ(last_number("5-3"), 3);
  EXPECT_EQ(last_number("1, 2, and 3, then"), 3);
}

TEST(TextMeasures, PlainTextIsWordsBetweenSpaces) {
  EXPECT_EQ(plain("The Cat's **toy**!"), " the cat s toy ");
  EXPECT_EQ(plain(""), " ");
  EXPECT_EQ(plain("Café, ok"), " café ok ");
}

TEST(TextMeasures, OverlapIsSharedWords) {
  EXPECT_EQ(word_overlap("The cat.", "the CAT"), 1);
  EXPECT_EQ(word_overlap("dog", "the cat"), 0);
  EXPECT_DOUBLE_EQ(word_overlap("the the cat", "the dog"), 2.0 / 5);
  EXPECT_EQ(word_overlap("", "cat"), 0);
}

}  // namespace
}  // namespace dsa::compare
