#include "compare/report.h"

#include <gtest/gtest.h>

namespace dsa::compare {
namespace {

std::vector<Result> some_results() {
  std::vector<Result> out;
  for (int i = 0; i < 3; ++i) {
    Result one{.id = "p" + std::to_string(i),
               .set = "s",
               .digest = "",
               .asked = "a <b> question",
               .turns_ago = i + 1,
               .a = {},
               .b = {}};
    one.a = {.text = "<script>alert(1)</script>",
             .finish = "stop",
             .figures = {{"tokens", 10 + i}, {"score", 1}},
             .code = "passed"};
    one.b = {
        .text = "other", .finish = "length", .figures = {{"tokens", 20 + 2 * i}, {"score", 0.5}}, .code = ""};
    one.first_difference = i;
    one.judgement = Judgement{Verdict::a, Verdict::a};
    out.push_back(one);
  }
  return out;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(CompareReport, TheTableHasEachPromptAndTheDifference) {
  const auto results = some_results();
  const std::string text = to_text({.a = "one", .b = "two", .about = "how"}, results, summarise(results));
  for (const char* part :
       {"A: one\nB: two\nhow\n", "p2", "word 3", "+11.0 [+8.5, +13.5]", "s: 3 prompts", "agrees in 3 of 3"})
    EXPECT_TRUE(has(text, part)) << part << "\n" << text;
}

TEST(CompareReport, TheHtmlStandsAloneAndEscapesWhatModelsSay) {
  const auto results = some_results();
  const std::string html = to_html({.a = "one<", .b = "two", .about = "how"}, results, summarise(results));
  for (const char* part :
       {"<svg", "&lt;script&gt;alert(1)", "one&lt;", "a &lt;b&gt; question", "turns ago", "Its code: passed"})
    EXPECT_TRUE(has(html, part)) << part;
  for (const char* part : {"<script", "<link", "src=", "@import", "url("})
    EXPECT_FALSE(has(html, part)) << part;
}

}  // namespace
}  // namespace dsa::compare
