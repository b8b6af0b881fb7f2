#include "text/passages.h"

#include <gtest/gtest.h>

#include "testing/test_files.h"

namespace dsa {
namespace {

TEST(CutText, EndsALineElseAWordElseACharacter) {
  EXPECT_EQ(cut_text("abc", 3), "abc");
  EXPECT_EQ(cut_text("abcd\ne fg", 7), "abcd\n");
  EXPECT_EQ(cut_text("abcd efgh", 7), "abcd ");
  EXPECT_EQ(cut_text("a bcdefgh", 7), "a bcdef") << "half of it would be lost";
  EXPECT_EQ(cut_text("abc\xE2\x82\xAC", 5), "abc");
}

TEST(Passages, ReadOnFromOneToTheNext) {
  const std::vector<std::string> texts{"one\n\ntwo\n\n\n\nthree\n", "four\nfive\n"};
  const Passages passages(texts);
  ASSERT_EQ(passages.pieces(), 4U);
  std::size_t at = 0;
  EXPECT_EQ(passages.read(at, 1), "one");
  EXPECT_EQ(passages.read(at, 10), "two\n\n\n\nthree") << "as it stands in the text";
  EXPECT_EQ(at, 3U);
  EXPECT_EQ(passages.read(at, 15), "four\nfive\n\n\none") << "after the last text comes the first";
}

TEST(Passages, CutWhatHasNoParagraphsAndKeepAllOfIt) {
  std::string code;
  for (int i = 0; i < 500; ++i) code += "line_" + std::to_string(i) + "();\n";
  const std::vector<std::string> texts{code};
  const Passages passages(texts);
  EXPECT_GT(passages.pieces(), 4U);
  std::size_t at = 0;
  EXPECT_EQ(passages.read(at, static_cast<std::int64_t>(code.size())) + "\n", code);
}

TEST(Passages, DrawsAreAsLongAsWantedAndRepeatable) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "Paragraph " + std::to_string(i) + " of them.\n\n";
  const std::vector<std::string> texts{text};
  const Passages passages(texts);
  Draws a(1, 0), b(1, 0), c(2, 0);
  const std::string first = passages.draw(a, 300);
  EXPECT_GE(first.size(), 295U);
  EXPECT_LT(first.size(), 350U);
  EXPECT_EQ(first, passages.draw(b, 300));
  EXPECT_NE(first, passages.draw(c, 300));
}

TEST(Passages, RepairWhatIsNotUtf8AndWantSomeText) {
  const std::vector<std::string> broken{"caf\xE9"};
  std::size_t at = 0;
  EXPECT_EQ(Passages(broken).read(at, 1), "caf\xEF\xBF\xBD");
  const std::vector<std::string> blank{"", " \n\n \n"};
  expect_error([&] { (void)Passages(blank); }, {"no text", "at least one paragraph"});
}

}  // namespace
}  // namespace dsa
