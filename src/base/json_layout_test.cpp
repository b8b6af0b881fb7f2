#include "base/json_layout.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"

namespace dsa {
namespace {

TEST(JsonLayout, KeepsTheOrderOfKeysAndTheSpellingOfNumbers) {
  EXPECT_EQ(python_layout(R"( {"b":1.0,"a":[1e5,-0,{}],"c":{"z":null,"y":true},"b":[ ]} )"),
            R"({"b": 1.0, "a": [1e5, -0, {}], "c": {"z": null, "y": true}, "b": []})");
}

TEST(JsonLayout, StringsAreWrittenAsPythonWritesThem) {
  EXPECT_EQ(python_layout(R"(["\u00e9 \/ \n \u0001 \" \\", "a, b: [c] {d}"])"),
            R"(["é / \n \u0001 \" \\", "a, b: [c] {d}"])");
  EXPECT_EQ(python_layout(R"({"k\"\u00e9":"x"})"), R"({"k\"é": "x"})");
}

TEST(JsonLayout, IndentsAsPythonDoes) {
  EXPECT_EQ(python_layout(R"({"a":[1,{"b":2}],"c":{},"d":[]})", 4),
            "{\n    \"a\": [\n        1,\n        {\n            \"b\": 2\n        }\n    ],\n"
            "    \"c\": {},\n    \"d\": []\n}");
}

TEST(JsonLayout, ItemsAreViewsOfTheText) {
  const std::string text = R"({ "a" : "x,]}" , "b":[1,[2]],"c\n":{"d":"\\"} })";
  const auto items = json_items(text);
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].key, "a");
  EXPECT_EQ(items[0].value, R"("x,]}")");
  EXPECT_EQ(items[1].value, "[1,[2]]");
  EXPECT_EQ(items[2].key, R"(c\n)");
  EXPECT_EQ(items[2].value, R"({"d":"\\"})");
  EXPECT_EQ(json_member(text, "b"), "[1,[2]]");
  EXPECT_EQ(json_member(text, "d"), "");
  EXPECT_EQ(json_items("[1, \"a\" ,null]").size(), 3U);
  EXPECT_TRUE(json_items("{}").empty());
  EXPECT_TRUE(json_items("7").empty());
  EXPECT_EQ(json_unquoted(R"("a\u00e9\"")"), "aé\"");
}

TEST(JsonLayout, TextThatIsNoJsonDoesNoHarm) {
  for (const char* text : {"", "{", "[", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{:}", "{,}", "[,,]", "[\"",
                           "[[", "{\"a\\", "{\"a\"}", "]}", "{\"a\":1", "[1}"}) {
    (void)json_items(text);
    EXPECT_LT(python_layout(text).size(), 100U) << text;
  }
}

// The same text, parsed, is the same value.
TEST(JsonLayout, NothingIsLostInAnyLayout) {
  const std::string text =
      R"({"type":"object","properties":{"x":{"type":["string","null"],"enum":[1.5,"a\\b"]}}})";
  for (const int indent : {-1, 0, 2})
    EXPECT_EQ(parse_json(python_layout(text, indent), "test"), parse_json(text, "test")) << indent;
}

}  // namespace
}  // namespace dsa
