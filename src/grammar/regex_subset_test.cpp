#include "grammar/regex_subset.h"

#include <gtest/gtest.h>

#include "grammar/structure.h"

namespace dsa {
namespace {

std::string regex_refusal(const std::string& text) {
  try {
    plain_regex(text, "regex");
  } catch (const StructureError& error) {
    return error.what();
  }
  return "taken";
}

TEST(RegexSubset, WhatMeansTheSameIsWrittenPlainly) {
  EXPECT_EQ(plain_regex(R"(^\d{3}-[a-z\d]+(?:x|y)?$)", "r"), R"(^\d{3}-[a-z\d]+(x|y)?$)");
  EXPECT_EQ(plain_regex(R"((?<year>\d{4})\@\"[\"\]]\.)", "r"), R"((\d{4})@"["\]]\.)");
  EXPECT_EQ(plain_regex("Grüße\\x41\\u00e9", "r"), "Grüße\\x41\\u00e9");
  EXPECT_EQ(plain_regex("", "r"), "");
}

TEST(RegexSubset, WhatCannotBeHeldToIsRefusedWithItsPlace) {
  for (const auto& [text, byte] : std::vector<std::pair<std::string, int>>{{"a^b", 1},
                                                                           {"a$b", 1},
                                                                           {"(a$)", 2},
                                                                           {"(?=x)a", 0},
                                                                           {"(?!x)a", 0},
                                                                           {"(?<=x)a", 0},
                                                                           {"(?<!x)", 0},
                                                                           {"(?i)a", 0},
                                                                           {"(a)\\1", 3},
                                                                           {"\\bword", 0},
                                                                           {"\\p{L}", 0},
                                                                           {"(?<name", 0},
                                                                           {"a\\", 1},
                                                                           {"\\xZZ", 0},
                                                                           {"\\u00", 0},
                                                                           {"[abc", 0},
                                                                           {"(((", 3},
                                                                           {"a)", 1},
                                                                           {"a{,5}", 1},
                                                                           {"a{5,2}", 1},
                                                                           {"a{", 1},
                                                                           {"a{x}", 1},
                                                                           {"a{10001}", 1},
                                                                           {"(a{200}){200}", 8},
                                                                           {std::string("a\0b", 3), 1},
                                                                           {std::string("[a\0]", 4), 2}})
    EXPECT_TRUE(regex_refusal(text).starts_with(fmt::format("regex: at byte {} of ", byte)))
        << text << ": " << regex_refusal(text);
  EXPECT_NE(regex_refusal(std::string(kMostStructureBytes + 1, 'a')), "taken");
  EXPECT_NE(regex_refusal(std::string(65, '(') + "a" + std::string(65, ')')), "taken");
}

TEST(RegexSubset, LimitsHoldAtTheirValue) {
  EXPECT_EQ(regex_refusal("a{10000}"), "taken");
  EXPECT_EQ(regex_refusal("(a{100}){100}"), "taken");
  EXPECT_EQ(regex_refusal(std::string(60, '(') + "a" + std::string(60, ')')), "taken");
}

}  // namespace
}  // namespace dsa
