// What a grammar of calls admits, the family's parser reads; what the family's template writes, it admits.
#include "grammar/call_grammar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <regex>

#include "base/json.h"
#include "base/numeric.h"
#include "grammar/grammar_compiler.h"
#include "testing/chat_tokenizer.h"
#include "testing/joined.h"

namespace dsa {
namespace {

using nlohmann::json;

ChatTool tool_of(const std::string& name, const std::string& parameters) {
  return {name, fmt::format(R"({{"type": "function", "function": {{"name": "{}", "parameters": {}}}}})", name,
                            parameters)};
}

// With what is awkward: no arguments, optional ones alone, names with dots, texts that look like JSON,
// values that hold marks, lists, choices, references, formats and bounds.
const std::vector<std::pair<std::string, std::string>> kSchemas{
    {"now", "{}"},
    {"a.b-c_1", R"({"type": "object", "properties": {}})"},
    {"get_weather",
     R"({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"},
      "units": {"enum": ["c", "f", "null", "1"]}}, "required": ["city"]})"},
    {"nested", R"({"properties": {"z": {"type": "array", "items": {"type": "object", "properties":
      {"k": {"type": "string"}, "v": {"type": ["number", "null"]}}, "required": ["v", "k"]}, "minItems": 1,
      "maxItems": 3}, "a": {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]}},
      "required": ["z", "a"]})"},
    {"unions", R"({"properties": {"s": {"anyOf": [{"type": "string"}, {"type": "null"}]},
      "t": {"type": ["string", "integer"], "maxLength": 5}, "c": {"const": 5}, "m": {"enum": ["x", 1, null]}},
      "required": ["s", "t", "c", "m"]})"},
    {"bounds", R"({"properties": {"p": {"type": "string", "pattern": "^[A-Z]{2}[^a-c]\\S.?$"},
      "l": {"type": "string", "minLength": 2, "maxLength": 4}, "d": {"type": "string", "format": "date"},
      "i": {"type": "integer", "minimum": -3, "maximum": 12}}, "required": ["p", "l", "d", "i"]})"},
    {"references", R"({"properties": {"node": {"$ref": "#/$defs/node"}, "color": {"$ref": "#/$defs/color"}},
      "required": ["node", "color"], "$defs": {"color": {"type": "string", "enum": ["red", "green"]}, "node":
      {"type": "object", "properties": {"next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}},
      "required": ["next"]}}})"}};

std::vector<ChatTool> all_tools() {
  std::vector<ChatTool> out;
  for (const auto& [name, schema] : kSchemas) out.push_back(tool_of(name, schema));
  return out;
}

// Why a value does not fit; "": it does.  Of the keywords above.
std::string misfit(const json& value, const json& schema, const json& root) {
  if (schema.contains("$ref"))
    return misfit(value, root.at(json::json_pointer(schema["$ref"].get<std::string>().substr(1))), root);
  if (schema.contains("anyOf")) {
    for (const json& one : schema["anyOf"])
      if (misfit(value, one, root).empty()) return "";
    return value.dump() + " fits nothing of anyOf";
  }
  if (schema.contains("const") && value != schema["const"]) return value.dump() + " is another constant";
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end())
    return value.dump() + " is not of enum";
  const std::string type = value.is_number() && value == std::trunc(value.get<double>()) ? "integer"
                           : value.is_number()                                           ? "number"
                                                                                         : value.type_name();
  if (schema.contains("type")) {
    const json types = schema["type"].is_array() ? schema["type"] : json::array({schema["type"]});
    const bool whole = type == "integer" && std::ranges::find(types, json("number")) != types.end();
    if (!whole && std::ranges::find(types, json(type)) == types.end()) return value.dump() + " is a " + type;
  }
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const auto length =
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    if (length < schema.value("minLength", 0) || length > schema.value("maxLength", 1 << 20))
      return value.dump() + " is of another length";
    if (schema.value("format", "") == "date" && !std::regex_match(text, std::regex("\\d{4}-\\d\\d-\\d\\d")))
      return value.dump() + " is no date";
    if (schema.contains("pattern")) {
      // Characters beyond ASCII are bytes there.
      std::string plain;
      for (const char c : text)
        if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) plain += (c & 0x80) != 0 ? '~' : c;
      if (!std::regex_match(plain, std::regex(schema["pattern"].get<std::string>())))
        return value.dump() + " does not match";
    }
  }
  if (value.is_number() &&
      (value < schema.value("minimum", -1e300) || value > schema.value("maximum", 1e300)))
    return value.dump() + " is out of bounds";
  if (value.is_array()) {
    if (value.size() < schema.value("minItems", 0U) || value.size() > schema.value("maxItems", 1000U))
      return "too few or many";
    if (schema.contains("items"))
      for (const json& one : value)
        if (auto why = misfit(one, schema["items"], root); !why.empty()) return why;
  }
  if (!value.is_object()) return "";
  const json properties = schema.value("properties", json::object());
  for (const auto& [key, one] : value.items()) {
    if (!properties.contains(key)) return key + " is not listed";
    if (auto why = misfit(one, properties[key], root); !why.empty()) return key + ": " + why;
  }
  for (const json& key : schema.value("required", json::array()))
    if (!value.contains(key.get<std::string>())) return key.dump() + " is missing";
  return "";
}

struct Read {
  std::string text;
  std::vector<ToolCall> calls;
  bool complete = true;
};
Read read_back(const ChatFormat& format, std::span<const ChatTool> tools, std::string_view answer,
               std::size_t piece) {
  const auto parser = format.tool_parser(tools);
  std::vector<ToolPiece> pieces;
  for (std::size_t at = 0; at < answer.size();) {
    std::size_t end = std::min(at + piece, answer.size());
    while (end < answer.size() && (static_cast<unsigned char>(answer[end]) & 0xC0) == 0x80) ++end;
    parser->push(answer.substr(at, end - at), pieces);
    at = end;
  }
  parser->finish(pieces);
  Read out;
  for (const ToolPiece& one : pieces) {
    if (one.kind == ToolPiece::Kind::text) out.text += one.text;
    if (one.kind == ToolPiece::Kind::begin) out.calls.push_back({"", one.text, ""});
    if (one.kind == ToolPiece::Kind::arguments) out.calls.back().arguments += one.text;
    if (one.kind == ToolPiece::Kind::end) out.complete = out.complete && one.complete;
  }
  return out;
}

class CallGrammarTest : public testing::TestWithParam<std::string> {
 protected:
  CallGrammarTest()
      : format_(ChatFormat::named(GetParam())),
        tokenizer_(spec(format_)),
        vocabulary_(tokenizer_.vocab_size()),
        compiler_(tokenizer_, vocabulary_) {}

  // A token a byte; the marks of calls are special tokens.
  static TokenizerSpec spec(const ChatFormat& format) {
    TokenizerSpec out = test::chat_tokenizer_spec();
    for (const std::string& mark : format.calls().marks)
      out.added.push_back({.id = static_cast<std::int32_t>(out.tokens.size() + out.added.size()),
                           .text = mark,
                           .special = true});
    return out;
  }

  std::shared_ptr<const Grammar> grammar(std::span<const ChatTool> tools, const CallRules& rules) {
    std::vector<CallableTool> callable;
    for (const ChatTool& tool : tools) callable.push_back(callable_tool(format_.calls(), tool, tool.name));
    return compiler_.compile(structure_of_calls(format_.calls(), callable, rules));
  }

  bool permits(std::uint32_t id) const { return (bits_[id / 32] >> (id % 32) & 1U) != 0; }

  // What may come next, at random, but now and then what ends something; nothing: it became too long.
  std::optional<std::string> wander(const Grammar& grammar, std::mt19937& random) {
    const auto state = grammar.start();
    std::string out, wanted;
    bits_.assign(usize(ceil_div(vocabulary_, 32)), 0);
    const auto one_in = [&](unsigned n) { return random() % n == 0; };
    const std::string end = format_.calls().parameters ? format_.calls().parameters->end : "\"";
    while (out.size() < 4000) {
      state->mask(bits_);
      std::vector<std::uint32_t> all;
      for (std::uint32_t id = 0; id < vocabulary_; ++id)
        if (permits(id)) all.push_back(id);
      if (state->complete() && (all.empty() || one_in(2))) return out;
      if (all.empty()) return std::nullopt;
      if (wanted.empty() && all.size() > 60 && one_in(3)) wanted = one_in(2) ? end : "\"";
      std::uint32_t id = all[random() % all.size()];
      // Characters of one byte for the most part: others are long.  No half of a pair, which is no
      // character, and no power of ten, which may be no double.
      const auto amiss = [&] {
        const bool digit = !out.empty() && out.back() >= '0' && out.back() <= '9';
        return id == 0xED || ((id | 32U) == 'e' && digit) || ((id | 32U) == 'd' && out.ends_with("\\u"));
      };
      for (int i = 0; i < 20 && (amiss() || (id >= 128 && i < 2)); ++i) id = all[random() % all.size()];
      if (!wanted.empty()) {
        const auto next = static_cast<unsigned char>(wanted.front());
        wanted.erase(0, 1);
        if (permits(next))
          id = next;
        else
          wanted.clear();
      }
      EXPECT_TRUE(state->accept(static_cast<std::int32_t>(id)));
      out += tokenizer_.piece(static_cast<std::int32_t>(id));
    }
    return std::nullopt;
  }

  // Byte by byte: how far it is admitted, and whether it is whole.
  static std::string fate(const Grammar& grammar, std::string_view text) {
    const auto state = grammar.start();
    for (std::size_t at = 0; at < text.size(); ++at)
      if (!state->accept(static_cast<unsigned char>(text[at])))
        return fmt::format("refused behind {}", text.substr(0, at));
    return state->complete() ? "whole" : "unfinished";
  }

  ChatFormat format_;
  Tokenizer tokenizer_;
  std::int64_t vocabulary_;
  GrammarCompiler compiler_;
  std::vector<std::uint32_t> bits_;
};

TEST_P(CallGrammarTest, EveryForcedCallIsReadAndFitsItsSchema) {
  std::mt19937 random(7);
  for (const auto& [name, schema] : kSchemas) {
    const std::vector<ChatTool> tools{tool_of(name, schema)};
    const auto held = grammar(tools, {.required = true, .several = false});
    int whole = 0;
    for (int i = 0; i < 25; ++i) {
      const auto answer = wander(*held, random);
      if (!answer) continue;
      ++whole;
      for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, answer->size() + 1}) {
        const Read read = read_back(format_, tools, *answer, piece);
        EXPECT_EQ(read.text, "") << *answer;
        ASSERT_EQ(read.calls.size(), 1U) << *answer;
        EXPECT_TRUE(read.complete) << *answer;
        EXPECT_EQ(read.calls[0].name, name);
        const json root = parse_json(schema, name);
        EXPECT_EQ(misfit(parse_json(read.calls[0].arguments, "arguments"), root, root), "") << *answer;
      }
    }
    EXPECT_GE(whole, 5) << name << ": nothing is shown";
  }
}

TEST_P(CallGrammarTest, ManyCallsOfManyToolsAreReadOneByOne) {
  const auto tools = all_tools();
  const auto held = grammar(tools, {.required = true});
  std::mt19937 random(8);
  std::size_t most = 0;
  for (int i = 0; i < 40; ++i)
    if (const auto answer = wander(*held, random)) {
      const Read read = read_back(format_, tools, *answer, 5);
      EXPECT_EQ(read.text, "") << *answer;
      EXPECT_TRUE(read.complete) << *answer;
      EXPECT_GE(read.calls.size(), 1U) << *answer;
      most = std::max(most, read.calls.size());
    }
  EXPECT_EQ(most > 1, format_.calls().several);
}

// The next prompt shows a call as the template has it: a model that writes it so is in nobody's way.
TEST_P(CallGrammarTest, WhatTheTemplateWritesIsAdmitted) {
  const std::vector<ChatTool> tools{tool_of("get_weather", kSchemas[2].second),
                                    tool_of("nested", kSchemas[3].second)};
  std::vector<ChatMessage> messages{{Role::user, "q"}, {.role = Role::assistant, .content = ""}};
  messages[1].tool_calls = {{"", "get_weather", R"({"city": "Köln \"x\"", "days": 2, "units": "c"})"},
                            {"", "nested", R"({"z": [{"k": "1", "v": null}], "a": {"b": true}})"}};
  if (!format_.calls().several) messages[1].tool_calls.pop_back();
  const ChatOptions options{.add_generation_prompt = false, .thinking = Thinking::off};
  const std::string asked = test::joined(format_.render(std::span(messages).first(1), options));
  std::string called = test::joined(format_.render(messages, options));
  ASSERT_TRUE(called.starts_with(asked));
  called.erase(0, asked.size());
  const auto begin =
      called.find(format_.calls().begin.empty() ? format_.calls().before_name : format_.calls().begin);
  ASSERT_NE(begin, std::string::npos) << called;
  const std::string last =
      format_.calls().end.empty() ? format_.calls().after_arguments : format_.calls().end;
  const std::string text = called.substr(begin, called.rfind(last) + last.size() - begin);
  EXPECT_EQ(fate(*grammar(tools, {.required = true}), text), "whole") << text;
  EXPECT_EQ(fate(*grammar(tools, {}), text), "whole") << "also where none is required";
}

TEST_P(CallGrammarTest, TextMayStandAroundCallsThatAreNotRequired) {
  const std::vector<ChatTool> tools{tool_of("get_weather", kSchemas[2].second)};
  const auto held = grammar(tools, {.several = false});
  EXPECT_EQ(fate(*held, "Well, <b>it rains</b>."), "whole");
  EXPECT_EQ(fate(*held, ""), "whole");
  const auto none = grammar(tools, {.required = true});
  EXPECT_EQ(fate(*none, "W"), "refused behind ");
  EXPECT_EQ(fate(*none, ""), "unfinished");
  std::mt19937 random(9);
  for (int i = 0; i < 20; ++i)
    if (const auto answer = wander(*held, random)) {
      const Read read = read_back(format_, tools, *answer, 3);
      EXPECT_LE(read.calls.size(), 1U);
      EXPECT_TRUE(read.complete) << *answer;
    }
  const auto& calls = format_.calls();
  if (!calls.whole_message) {
    EXPECT_NE(fate(*held, "I look. " + calls.trigger + "x"), "unfinished");
    EXPECT_EQ(fate(*held, "I look. " + calls.trigger), "unfinished");
  }
}

TEST_P(CallGrammarTest, TextBesideStrictToolsCanBeHeldToAStructure) {
  const std::vector<ChatTool> tools{tool_of("get_weather", kSchemas[2].second)};
  const auto held =
      grammar(tools, {.text = Structure{StructureKind::json_schema,
                                        R"({"properties": {"n": {"type": "integer"}}, "required": ["n"]})"}});
  EXPECT_EQ(fate(*held, "{\"n\": 5}"), "whole");
  EXPECT_EQ(fate(*held, "Well"), "refused behind ");
  for (const auto& structure :
       {Structure{StructureKind::regex, "a+"}, Structure{StructureKind::ebnf, "root ::= \"a\"+"}})
    EXPECT_EQ(fate(*grammar(tools, {.text = structure}), "aa"), "whole");
}

TEST_P(CallGrammarTest, AModelMayReasonFirst) {
  const std::vector<ChatTool> tools{tool_of("now", "{}")};
  const auto held = grammar(tools, {.required = true, .reasoning = ReasoningMarks{"<think>", "</think>"}});
  EXPECT_EQ(fate(*held, "<think>hm <b>"), "unfinished");
  EXPECT_EQ(fate(*held, "<think>hm</think>\n\n"), "unfinished");
  EXPECT_EQ(fate(*held, "<think>hm</think>x"), "refused behind <think>hm</think>");
}

INSTANTIATE_TEST_SUITE_P(Families, CallGrammarTest,
                         testing::Values("qwen3", "chatml", "llama-3", "deepseek-v3.1", "deepseek-v3.2",
                                         "glm-4.6", "glm-5.2"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name, [](char c) { return c == '-' || c == '.'; });
                           return name;
                         });

TEST(CallGrammar, ASchemaThatCannotBeHeldToIsRefusedWithItsPlace) {
  const auto refusal = [](const char* format, const std::string& schema) -> std::string {
    try {
      (void)callable_tool(ChatFormat::named(format).calls(), tool_of("f", schema), "tools[3]");
    } catch (const StructureError& error) {
      return error.what();
    }
    return "taken";
  };
  const auto of = [](const char* what) { return fmt::format(R"({{"properties": {{"a": {}}}}})", what); };
  for (const char* format : {"qwen3", "deepseek-v3.2", "glm-4.6"}) {
    const std::string said = refusal(format, of(R"({"type": "array", "uniqueItems": true})"));
    EXPECT_TRUE(said.starts_with("tools[3]: ")) << said;
    EXPECT_NE(said.find("\"uniqueItems\" at #/properties/a"), std::string::npos) << said;
    EXPECT_NE(refusal(format, R"({"type": "string"})").find("expected object"), std::string::npos);
    EXPECT_EQ(refusal(format, "{}"), "taken");
  }
  for (const char* format : {"deepseek-v3.2", "glm-4.6"}) {
    EXPECT_NE(refusal(format, of(R"({"type": "string", "pattern": "<b>"})")), "taken");
    EXPECT_NE(refusal(format, of(R"({"type": "string", "format": "ipv6"})")), "taken");
    EXPECT_NE(refusal(format, of(R"({"$ref": "#"})")), "taken");
    EXPECT_NE(refusal(format, R"({"properties": {"a>": {"type": "null"}}})"), "taken");
    EXPECT_EQ(refusal(format, of(R"({"type": "string", "format": "email"})")), "taken");
  }
  EXPECT_NE(refusal("glm-4.6", of(R"({"enum": ["</arg_value>"]})")), "taken");
  EXPECT_EQ(refusal("qwen3", of(R"({"enum": ["</arg_value>"]})")), "taken");
}

}  // namespace
}  // namespace dsa
