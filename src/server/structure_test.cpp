// Which fields ask for a structure, and what comes of it.
#include <gtest/gtest.h>

#include "base/json.h"
#include "grammar/grammar_compiler.h"
#include "server/answer_writer.h"
#include "server/fields.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

// "kind field text", or "400 param"; "" if none is asked for.
std::string read(const std::string& body) {
  const auto json = parse_json(body, "test");
  try {
    const auto asked = read_structure(Fields(json), body);
    if (!asked) return "";
    return fmt::format("{} {} {}", name(asked->structure.kind), asked->field, asked->structure.text);
  } catch (const ApiError& error) {
    return fmt::format("{} {}", error.status(), error.param());
  }
}

TEST(StructureFields, EachWordForAStructureIsUnderstood) {
  for (const auto& [body, want] : std::vector<std::pair<std::string, std::string>>{
           {R"({})", ""},
           {R"({"response_format": null, "guided_json": null, "grammar": "", "guided_choice": []})", ""},
           {R"({"response_format": {"type": "text"}})", ""},
           {R"({"response_format": {"type": "json_object"}})", "JSON object response_format.type "},
           {R"({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true,
                "schema": {"z": 1, "a": 2}}}})",
            R"(JSON schema response_format.json_schema.schema {"z": 1, "a": 2})"},
           {R"({"guided_json": {"z": 1, "a": 2}})", R"(JSON schema guided_json {"z": 1, "a": 2})"},
           {R"({"guided_json": "{\"z\": 1}"})", R"(JSON schema guided_json {"z": 1})"},
           {R"({"json_schema": {"z": 1}})", R"(JSON schema json_schema {"z": 1})"},
           {R"({"guided_regex": "a+"})", "regular expression guided_regex a+"},
           {R"({"guided_grammar": "root ::= \"a\""})", "grammar guided_grammar root ::= \"a\""},
           {R"({"grammar": "root ::= \"a\""})", "grammar grammar root ::= \"a\""},
           {R"({"guided_choice": ["a", "b\""]})", "grammar guided_choice root ::= \"a\" | \"b\\\"\"\n"},
           {R"({"structured_outputs": {"json": {"z": 1}}})",
            R"(JSON schema structured_outputs.json {"z": 1})"},
           {R"({"structured_outputs": {"regex": "a"}})", "regular expression structured_outputs.regex a"},
           {R"({"structured_outputs": {"json_object": true}})",
            "JSON object structured_outputs.json_object "},
           {R"({"structured_outputs": {"json_object": false}})", ""}})
    EXPECT_EQ(read(body), want) << body;
}

TEST(StructureFields, EveryWrongOneIsRefusedByName) {
  for (const auto& [body, want] : std::vector<std::pair<std::string, std::string>>{
           {R"({"response_format": "json"})", "400 response_format"},
           {R"({"response_format": {"type": "xml"}})", "400 response_format.type"},
           {R"({"response_format": {}})", "400 response_format.type"},
           {R"({"response_format": {"type": "json_schema"}})", "400 response_format.json_schema"},
           {R"({"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}})",
            "400 response_format.json_schema.schema"},
           {R"({"guided_json": 5})", "400 guided_json"},
           {R"({"guided_regex": 5})", "400 guided_regex"},
           {R"({"guided_choice": "a"})", "400 guided_choice"},
           {R"({"guided_choice": ["a", ""]})", "400 guided_choice"},
           {R"({"structured_outputs": {"structural_tag": {"a": 1}}})",
            "400 structured_outputs.structural_tag"},
           {R"({"structured_outputs": []})", "400 structured_outputs"},
           {R"({"guided_regex": "a", "guided_grammar": "b"})", "400 guided_grammar"}})
    EXPECT_EQ(read(body), want) << body;
}

TEST(StructureFields, AStructureThatCannotBeHeldToIsA400ThatNamesKeywordAndPath) {
  test::ScriptedModel model;
  Plan plan;
  plan.requests.resize(2);
  const AskedStructure bad{{StructureKind::json_schema, R"({"properties": {"a": {"not": {}}}})"},
                           "guided_json"};
  EXPECT_THROW(compile_structure(bad, model.served, plan), ApiError) << "this model compiles nothing";
  GrammarCompiler compiler(model.tokenizer, model.served.vocab_size);
  model.served.grammars = &compiler;
  try {
    compile_structure(bad, model.served, plan);
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 400);
    EXPECT_EQ(error.code(), "unsupported_schema");
    EXPECT_EQ(error.param(), "guided_json");
    EXPECT_NE(std::string(error.what()).find("\"not\" at #/properties/a"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace dsa::server
