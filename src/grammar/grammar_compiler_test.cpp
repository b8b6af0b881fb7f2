#include "grammar/grammar_compiler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/numeric.h"
#include "testing/chat_tokenizer.h"

namespace dsa {
namespace {

constexpr std::int64_t kVocabulary = 270;  // ten more than there are tokens, as some models have

class GrammarCompilerTest : public testing::Test {
 protected:
  GrammarCompilerTest() : tokenizer_(test::chat_tokenizer_spec()), compiler_(tokenizer_, kVocabulary) {}

  std::shared_ptr<const Grammar> schema(const std::string& text) {
    return compiler_.compile({StructureKind::json_schema, text});
  }
  // How a text fares, byte by byte: "whole", "unfinished", or what was refused and behind what.
  static std::string fate(const Grammar& grammar, const std::string& text) {
    const auto state = grammar.start();
    std::vector<std::uint32_t> bits((kVocabulary + 31) / 32);
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      state->mask(bits);
      const bool permitted = (bits[byte / 32] >> (byte % 32) & 1U) != 0;
      EXPECT_EQ(state->accept(byte), permitted) << text << " at " << i;
      if (!permitted) return "refused behind " + text.substr(0, i);
    }
    return state->complete() ? "whole" : "unfinished";
  }
  std::string fate(const Structure& structure, const std::string& text) {
    return fate(*compiler_.compile(structure), text);
  }
  std::string refusal(const Structure& structure) {
    try {
      compiler_.compile(structure);
    } catch (const StructureError& error) {
      return error.what();
    }
    return "taken";
  }

  Tokenizer tokenizer_;
  GrammarCompiler compiler_;
};

TEST_F(GrammarCompilerTest, AnObjectHasItsPropertiesInTheirOrder) {
  const auto grammar = schema(R"({"properties": {"z": {"type": "integer"}, "a": {"type": "string"}},
                                  "required": ["z", "a"]})");
  EXPECT_EQ(fate(*grammar, R"({"z": 12, "a": "x"})"), "whole");
  EXPECT_EQ(fate(*grammar, "{\n  \"z\": 12,\n  \"a\": \"x\"\n}"), "whole");
  EXPECT_EQ(fate(*grammar, R"({"a")"), "refused behind {\"");
  EXPECT_EQ(fate(*grammar, R"({"z": 1.5)"), "refused behind {\"z\": 1");
  EXPECT_EQ(fate(*grammar, R"({"z": 12, "a": "x")"), "unfinished");
  EXPECT_EQ(fate(*grammar, R"({"z": 12, "a": "x", )"), R"(refused behind {"z": 12, "a": "x")");
}

TEST_F(GrammarCompilerTest, EachKindHoldsToWhatItSays) {
  EXPECT_EQ(fate({StructureKind::json_object, ""}, R"({"any": [1, null, {"x": "y"}]})"), "whole");
  EXPECT_EQ(fate({StructureKind::json_object, ""}, "[1]"), "refused behind ");
  EXPECT_EQ(fate({StructureKind::regex, "[ab]{2}c?"}, "ab"), "whole");
  EXPECT_EQ(fate({StructureKind::regex, "[ab]{2}c?"}, "abcc"), "refused behind abc");
  EXPECT_EQ(fate({StructureKind::ebnf, "root ::= \"yes\" | \"no\" word\nword ::= [a-z]+"}, "nope"), "whole");
  EXPECT_EQ(fate({StructureKind::ebnf, ebnf_of_choices({"a\"\\\n", "Grüße"})}, "a\"\\\n"), "whole");
  EXPECT_EQ(fate({StructureKind::ebnf, ebnf_of_choices({"a\"\\\n", "Grüße"})}, "Grüße"), "whole");
  EXPECT_EQ(fate({StructureKind::json_schema, R"({"$ref": "#/$defs/n", "$defs": {"n": {"properties":
      {"next": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}}, "required": ["next"]}}})"},
                 R"({"next":{"next":null}})"),
            "whole");
}

TEST_F(GrammarCompilerTest, ControlTokensNeverComeNextNorDoesWhatIsNoToken) {
  const auto state = compiler_.compile({StructureKind::regex, "(.|\\n)*"})->start();
  std::vector<std::uint32_t> bits((kVocabulary + 31) / 32);
  state->mask(bits);
  for (const int id : {static_cast<int>('a'), test::kNewlines})
    EXPECT_TRUE(bits[usize(id / 32)] >> (id % 32) & 1U) << id;
  for (int id = test::kImStart; id < kVocabulary; ++id) {
    EXPECT_FALSE(bits[usize(id / 32)] >> (id % 32) & 1U) << id;
    EXPECT_FALSE(state->accept(id)) << id;
  }
}

TEST_F(GrammarCompilerTest, ACloneGoesItsOwnWay) {
  const auto state = compiler_.compile({StructureKind::regex, "a(b|c)d"})->start();
  EXPECT_TRUE(state->accept('a'));
  const auto other = state->clone();
  EXPECT_TRUE(state->accept('b'));
  EXPECT_TRUE(other->accept('c'));
  EXPECT_TRUE(state->accept('d'));
  EXPECT_TRUE(state->complete());
  EXPECT_FALSE(other->complete());
}

TEST_F(GrammarCompilerTest, WhatIsAskedForTwiceIsCompiledOnceAndTheOldestGoFirst) {
  const auto first = schema(R"({"type": "integer"})");
  EXPECT_EQ(first, schema(R"({ "type":"integer" })")) << "the text may be spaced otherwise";
  EXPECT_EQ(compiler_.kept(), 1U);
  GrammarCompiler small(tokenizer_, kVocabulary, {.kept_bytes = 3 * first->bytes()});
  for (int i = 0; i < 30; ++i)
    small.compile({StructureKind::json_schema, fmt::format(R"({{"type": "integer", "title": "{}"}})", i)});
  EXPECT_GE(small.kept(), 1U);
  EXPECT_LT(small.kept(), 30U);
  EXPECT_LE(small.kept_bytes(), 3 * first->bytes());
}

TEST_F(GrammarCompilerTest, ManyThreadsMayAsk) {
  std::vector<std::thread> threads;
  std::vector<std::shared_ptr<const Grammar>> got(4);
  for (std::size_t i = 0; i < got.size(); ++i)
    threads.emplace_back([&, i] {
      got[i] = compiler_.compile({StructureKind::regex, i % 2 == 0 ? "a+" : "b+"});
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(got[0], got[2]);
  EXPECT_EQ(got[1], got[3]);
  EXPECT_EQ(fate(*got[0], "aa"), "whole");
  EXPECT_EQ(fate(*got[1], "aa"), "refused behind ");
}

TEST_F(GrammarCompilerTest, WhatTheLibraryWouldDropIsRefused) {
  // No two of these exclude each other as far as it sees: it would make anyOf of them.
  const auto schema_refusal = [&](const std::string& text) {
    return refusal({StructureKind::json_schema, text});
  };
  const std::string said = schema_refusal(
      R"({"properties": {"a": {"oneOf": [{"type": "integer", "minimum": 1},
                                     {"type": "integer", "maximum": 5}]}}})");
  EXPECT_NE(said.find("\"oneOf\" at #/properties/a: "), std::string::npos) << said;
  EXPECT_EQ(schema_refusal(R"({"oneOf": [{"type": "integer"}, {"type": "null"}]})"), "taken");
  EXPECT_EQ(schema_refusal(R"({"oneOf": [{"type": "array"}]})"), "taken") << "one fits no two";
}

// Nothing of this may hang, crash, or fill the memory; what is refused says why in one line.
// Grammars share their parts: what was compiled before shows in none.
TEST_F(GrammarCompilerTest, WhatWasCompiledBeforeChangesNoMask) {
  const std::string person = R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 9},
    "age": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["name"]})";
  const std::string text = R"({"name": "Anna", "age": -12, "tags": ["x \"y\"", "z"]})";
  schema(R"({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "number"}}})");
  schema(R"({"type": "array", "items": {"type": "string", "maxLength": 8}})");
  GrammarCompiler fresh(tokenizer_, kVocabulary);
  const auto one = schema(person)->start(),
             other = fresh.compile({StructureKind::json_schema, person})->start();
  std::vector<std::uint32_t> bits((kVocabulary + 31) / 32), expected(bits.size());
  for (const char c : text) {
    one->mask(bits);
    other->mask(expected);
    ASSERT_EQ(bits, expected) << "before " << c;
    ASSERT_TRUE(one->accept(c) && other->accept(c)) << c;
  }
  EXPECT_TRUE(one->complete() && other->complete());
}

TEST_F(GrammarCompilerTest, OneThatIsSlowToBeginIsRefused) {
  GrammarCompiler impatient(tokenizer_, kVocabulary, {.begin = std::chrono::milliseconds(-1)});
  try {
    impatient.compile({StructureKind::ebnf, "root ::= \"a\""});
    FAIL();
  } catch (const StructureError& error) {
    EXPECT_NE(std::string(error.what()).find("what may come first"), std::string::npos) << error.what();
  }
}

TEST_F(GrammarCompilerTest, HostileStructuresAreRefusedOrHarmless) {
  std::string chain, groups(60'000, '(');
  for (int i = 0; i < 5000; ++i) chain += fmt::format("r{} ::= r{}\n", i, i + 1);
  std::vector<Structure> all{
      {StructureKind::ebnf, ""},
      {StructureKind::ebnf, "roof ::= \"a\""},
      {StructureKind::ebnf, "root ::= "},
      {StructureKind::ebnf, "root ::= root"},
      {StructureKind::ebnf, "root ::= root \"a\" | \"b\""},
      {StructureKind::ebnf, "root ::= a\na ::= b\nb ::= a"},
      {StructureKind::ebnf, "root ::= (\"\"*)*"},
      {StructureKind::ebnf, "root ::= \"a\"{1000000}"},
      {StructureKind::ebnf, "root ::= \"a\"{5,2}"},
      {StructureKind::ebnf, "root ::= \"a\"{,}"},
      {StructureKind::ebnf, "root ::= ((\"a\"{900}){900}){900}"},
      {StructureKind::ebnf, "root ::= [z-a]"},
      {StructureKind::ebnf, "root ::= [a"},
      {StructureKind::ebnf, "root ::= \"a"},
      {StructureKind::ebnf, "root ::= \xFF\xFE"},
      {StructureKind::ebnf, std::string("root ::= \"a\0b\"", 14)},
      {StructureKind::ebnf, "root ::= " + groups},
      {StructureKind::ebnf, "root ::= r0\n" + chain + "r5000 ::= \"x\""},
      {StructureKind::regex, "^+"},
      {StructureKind::regex, "^{2}"},
      {StructureKind::regex, "(a*)*"},
      {StructureKind::regex, "((((a+)+)+)+)+"},
      {StructureKind::regex, "(a|aa)+$"},
      {StructureKind::regex, "[]"},
      {StructureKind::regex, "[^\\s\\S]"},
      {StructureKind::regex, "a**"},
      {StructureKind::regex, "|"},
      {StructureKind::regex, "(a?){5000}"},
      {StructureKind::json_schema, R"({"type": "integer", "minimum": 5, "maximum": 3})"},
      {StructureKind::json_schema, R"({"type": "string", "maxLength": 10000})"},
      {StructureKind::json_schema,
       R"({"type": "array", "items": {"type": "array", "maxItems": 9999}, "maxItems": 9999})"},
      {StructureKind::json_schema, R"({"$ref": "#"})"},
      {StructureKind::json_schema,
       R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})"},
      {StructureKind::json_schema, R"({"properties": {"a": {"$ref": "#"}}, "required": ["a"]})"},
  };
  std::string values = R"({"enum": [0)";
  for (int i = 1; i < 9000; ++i) values += fmt::format(",{}", i);
  all.push_back({StructureKind::json_schema, values + "]}"});
  std::string optional = R"({"properties": {"p": {})";
  for (int i = 0; i < 2000; ++i) optional += fmt::format(R"(,"p{}":{{"type":"null"}})", i);
  all.push_back({StructureKind::json_schema, optional + "}}"});
  GrammarCompiler hurried(tokenizer_, kVocabulary, {.compile = {.time = std::chrono::milliseconds(500)}});
  for (const Structure& structure : all) {
    try {
      const auto state = hurried.compile(structure)->start();
      std::vector<std::uint32_t> bits((kVocabulary + 31) / 32);
      state->mask(bits);
    } catch (const StructureError& error) {
      EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace dsa
