#include "grammar/schema_subset.h"

#include <gtest/gtest.h>

#include <vector>

#include "grammar/structure.h"

namespace dsa {
namespace {

std::string schema_refusal(const std::string& text) {
  try {
    plain_schema(text);
  } catch (const StructureError& error) {
    return error.what();
  }
  return "taken";
}

TEST(SchemaSubset, PropertiesKeepTheirOrderAndObjectsThatListThemAreClosed) {
  EXPECT_EQ(
      plain_schema(R"({"properties": {"z": {"type": "string"}, "a": {"items": {}}}, "required": ["z"]})"),
      R"({"properties":{"z":{"type":"string"},"a":{"items":{},"type":"array"}},"required":["z"],)"
      R"("type":"object","additionalProperties":false})");
  EXPECT_EQ(plain_schema(R"({"type": "object"})"), R"({"type":"object","additionalProperties":true})");
  EXPECT_EQ(plain_schema(R"({"type": "object", "additionalProperties": {"type": "integer"}})"),
            R"({"type":"object","additionalProperties":{"type":"integer"}})");
  EXPECT_EQ(plain_schema(R"({"properties": {"a": true}, "additionalProperties": true})"),
            R"({"properties":{"a":{}},"additionalProperties":false,"type":"object"})");
  EXPECT_EQ(plain_schema("true"), "{}");
}

TEST(SchemaSubset, WhatIsReferredToIsReadToo) {
  EXPECT_EQ(plain_schema(R"({"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"next": {"$ref": "#"}}}}})"),
            R"({"$ref":"#/$defs/n","$defs":{"n":{"properties":{"next":{"$ref":"#"}},"type":"object",)"
            R"("additionalProperties":false}}})");
  EXPECT_NE(schema_refusal(R"({"$ref": "#/$defs/n", "$defs": {"n": {"not": {}}}})").find("#/$defs/n"),
            std::string::npos);
  EXPECT_EQ(schema_refusal(R"({"$defs": {"unused": {"not": {}}}})"), "taken");
  // Each place is looked at once, however many ways lead to it.
  std::string diamond = R"({"$ref": "#/$defs/0", "$defs": {)";
  for (int i = 0; i < 40; ++i)
    diamond += fmt::format(R"("{}": {{"anyOf": [{{"$ref": "#/$defs/{}"}}, {{"$ref": "#/$defs/{}"}}]}}, )", i,
                           i + 1, i + 1);
  EXPECT_EQ(schema_refusal(diamond + R"("40": {"type": "null"}}})"), "taken");
}

TEST(SchemaSubset, AWordThatIsNoKeywordMayNameAProperty) {
  EXPECT_EQ(
      schema_refusal(R"({"type": "object", "properties": {"not": {"type": "string"}, "$ref": {"type": "null"},
                        "properties": {"enum": [{"if": 1}]}}, "title": "t", "x-order": 3})"),
      "taken");
}

// Keyword and path of each.
TEST(SchemaSubset, WhatCannotBeHeldToIsRefusedByKeywordAndPath) {
  struct Case {
    const char *schema, *keyword, *path;
  };
  for (const Case& c : std::vector<Case>{
           {R"({"not": {}})", "not", "#"},
           {R"({"if": {}})", "if", "#"},
           {R"({"type": "object", "properties": {"a/b": {"patternProperties": {}}}})", "patternProperties",
            "#/properties/a~1b"},
           {R"({"type": "array", "items": {"type": "array", "uniqueItems": true}})", "uniqueItems",
            "#/items"},
           {R"({"type": "array", "contains": {}})", "contains", "#"},
           {R"({"type": "object", "minProperties": 1})", "minProperties", "#"},
           {R"({"type": "object", "dependentRequired": {}})", "dependentRequired", "#"},
           {R"({"type": "object", "unevaluatedProperties": false})", "unevaluatedProperties", "#"},
           {R"({"properties": {"a": {"$id": "x"}}})", "$id", "#/properties/a"},
           {R"({"type": "strnig"})", "type", "#"},
           {R"({"type": []})", "type", "#"},
           {R"({"minimum": 3})", "type", "#"},
           {R"({"type": "string", "minimum": 3})", "minimum", "#"},
           {R"({"type": "string", "minLength": 3, "pattern": "a"})", "pattern", "#"},
           {R"({"type": "string", "maxLength": 3, "format": "date"})", "format", "#"},
           {R"({"type": "string", "format": "regex"})", "format", "#"},
           {R"j({"type": "string", "pattern": "^(?=a)"})j", "pattern", "#"},
           {R"({"type": "string", "pattern": 1})", "pattern", "#"},
           {R"({"type": "string", "maxLength": 1000000000})", "maxLength", "#"},
           {R"({"type": "string", "minLength": -1})", "minLength", "#"},
           {R"({"type": "string", "minLength": 3, "maxLength": 2})", "minLength", "#"},
           {R"({"type": "array", "minItems": 10001})", "minItems", "#"},
           {R"({"type": "array", "items": false, "minItems": 1})", "minItems", "#"},
           {R"({"type": "array", "prefixItems": [{}, {}], "maxItems": 1})", "maxItems", "#"},
           {R"({"type": "array", "items": [{}]})", "", "#/items"},
           {R"({"type": "number", "multipleOf": 0.5})", "multipleOf", "#"},
           {R"({"type": "integer", "multipleOf": 7, "minimum": 3})", "multipleOf", "#"},
           {R"({"type": "integer", "minimum": 1.5})", "minimum", "#"},
           {R"({"type": "integer", "maximum": 1e300})", "maximum", "#"},
           {R"({"type": "integer", "minimum": 4, "maximum": 3})", "minimum", "#"},
           {R"({"type": "integer", "minimum": 1, "exclusiveMinimum": 3, "maximum": 3})", "minimum", "#"},
           {R"({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 4})", "exclusiveMinimum", "#"},
           {R"({"type": "number", "minimum": 0.5, "exclusiveMaximum": 0.5})", "minimum", "#"},
           {R"({"type": "object", "required": ["a"]})", "required", "#"},
           {R"({"properties": {"a": {}}, "required": [1]})", "required", "#"},
           {R"({"properties": {"a": {}}, "additionalProperties": {"type": "null"}})", "additionalProperties",
            "#"},
           {R"({"enum": []})", "enum", "#"},
           {R"({"enum": [1, "a"], "type": "string"})", "enum", "#"},
           {R"({"const": 1, "minimum": 0})", "minimum", "#"},
           {R"({"$ref": "#/$defs/a", "$defs": {"a": {}}, "type": "object"})", "type", "#"},
           {R"({"$ref": "http://example.com/schema"})", "$ref", "#"},
           {R"({"$ref": "other.json"})", "$ref", "#"},
           {R"({"$ref": "#/$defs/none"})", "$ref", "#/$defs/none"},
           {R"({"$ref": "#/a/~2"})", "$ref", "#/a/~2"},
           {R"({"allOf": [{}, {}]})", "allOf", "#"},
           {R"({"anyOf": {}})", "anyOf", "#"},
           {R"({"anyOf": [{"type": "null"}, {"not": {}}]})", "not", "#/anyOf/1"},
           {R"({"properties": {"a": false}})", "", "#/properties/a"},
           {"[]", "", "#"}}) {
    const std::string said = schema_refusal(c.schema);
    EXPECT_NE(said.find(*c.keyword != '\0' ? fmt::format("\"{}\"", c.keyword) : std::string("schema")),
              std::string::npos)
        << c.schema << ": " << said;
    EXPECT_NE(said.find(c.path), std::string::npos) << c.schema << ": " << said;
  }
}

TEST(SchemaSubset, WhatIsNoJsonOrTooLargeIsRefused) {
  EXPECT_NE(schema_refusal("{"), "taken");
  EXPECT_NE(schema_refusal(R"({"type": "null", "type": "null"})"), "taken");
  std::string deep = R"({"type": "null"})";
  for (int i = 0; i < 40; ++i) deep = R"({"items": )" + deep + "}";
  EXPECT_EQ(schema_refusal(deep), "taken");
  for (int i = 0; i < 40; ++i) deep = R"({"items": )" + deep + "}";
  EXPECT_NE(schema_refusal(deep), "taken");
  EXPECT_NE(schema_refusal("{\"title\": \"" + std::string(kMostStructureBytes, 'a') + "\"}"), "taken");
}

}  // namespace
}  // namespace dsa
