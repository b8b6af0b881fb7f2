// Calls that are forced, and tools that are strict, through all three APIs: what is asked, what is refused,
// and what a model without sense then answers.
#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/step_engine.h"
#include "grammar/grammar_compiler.h"
#include "server/anthropic.h"
#include "server/request_fields.h"
#include "server/responses.h"
#include "testing/fake_runner.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using nlohmann::json;

constexpr const char* kHeldTools =
    R"("tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object",
  "properties": {"z": {"type": "string", "maxLength": 9}, "a": {"type": "array", "items":
  {"enum": ["\"}", "</tool_call>", 7]}, "minItems": 1, "maxItems": 3}}, "required": ["z", "a"]}}},
  {"type": "function", "function": {"name": "now"}}])";

struct ForcedCalls : ::testing::Test {
  ForcedCalls() : compiler(model.tokenizer, model.served.vocab_size) { model.served.grammars = &compiler; }

  ChatCall chat(const std::string& more) const {
    const std::string text =
        R"({"messages": [{"role": "user", "content": "q"}], "max_tokens": 900, )" + more + "}";
    const json body = parse_body(text);
    return read_chat(Fields(body), model.served, text);
  }
  std::string refusal(const std::string& more) const {
    try {
      (void)chat(more);
    } catch (const ApiError& error) {
      return fmt::format("{} {}: {}", error.status(), error.param(), error.what());
    }
    return "taken";
  }
  // The answer of a model whose tokens are as good as random.
  json answer(ChatCall call, std::uint64_t seed) {
    auto writer = write_chat(call, model.served);
    compile_structure(*call.plan.structure, model.served, call.plan);
    play(call.plan.requests.front(), *writer, seed);
    return json::parse(writer->whole().body).at("choices").at(0);
  }
  void play(Request request, AnswerWriter& writer, std::uint64_t seed) const {
    request.sampling.seed = seed;
    request.sampling.temperature = seed % 3 == 0 ? 0 : 1;
    test::FakeRunner runner(
        {.context = 4096, .rows = 96, .pages = 100, .vocabulary = model.served.vocab_size});
    StepEngine engine(runner, model.tokenizer, {});
    engine.add(std::make_shared<const Submission>(
        Submission{.request = request,
                   .sink = [&](Event&& event) { writer.push(0, std::move(event)); },
                   .cancelled = std::make_shared<std::atomic<bool>>(false),
                   .submitted = {}}));
    while (engine.step()) {
    }
    ASSERT_TRUE(writer.finished());
  }
  static void fits(const json& call) {
    const json arguments = json::parse(call.at("function").at("arguments").get<std::string>());
    if (call.at("function").at("name") == "now") {
      EXPECT_EQ(arguments, json::object());
      return;
    }
    EXPECT_EQ(call.at("function").at("name"), "look");
    ASSERT_EQ(arguments.size(), 2U) << arguments;
    EXPECT_LE(arguments.at("z").get<std::string>().size(), 36U);
    ASSERT_GE(arguments.at("a").size(), 1U);
    EXPECT_LE(arguments.at("a").size(), 3U);
    const json values{"\"}", "</tool_call>", 7};
    for (const json& one : arguments.at("a")) EXPECT_NE(std::ranges::find(values, one), values.end()) << one;
  }

  test::ScriptedModel model;
  GrammarCompiler compiler;
};

TEST_F(ForcedCalls, ARequiredCallIsMadeWhateverTheModelWouldSay) {
  for (const char* more : {R"(, "tool_choice": "required", "parallel_tool_calls": false)",
                           R"(, "tool_choice": {"type": "function", "function": {"name": "look"}})",
                           R"(, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required",
          "tools": [{"type": "function", "function": {"name": "look"}}]}}, "parallel_tool_calls": false)",
                           R"(, "tool_choice": "required", "parallel_tool_calls": false,
          "response_format": {"type": "json_object"})"}) {
    std::set<std::string> names;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const json choice = answer(chat(kHeldTools + std::string(more)), seed);
      EXPECT_EQ(choice.at("finish_reason"), "tool_calls") << choice;
      const json& message = choice.at("message");
      EXPECT_TRUE(message.at("content").is_null() || message.at("content") == "") << choice;
      ASSERT_EQ(message.at("tool_calls").size(), 1U);
      fits(message.at("tool_calls")[0]);
      names.insert(message.at("tool_calls")[0].at("function").at("name"));
    }
    const bool any = std::string_view(more).starts_with(R"(, "tool_choice": "required")");
    EXPECT_EQ(names, any ? (std::set<std::string>{"look", "now"}) : (std::set<std::string>{"look"})) << more;
  }
}

TEST_F(ForcedCalls, SeveralAreReadOneByOne) {
  std::size_t most = 0;
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    const json choice = answer(chat(kHeldTools + std::string(R"(, "tool_choice": "required")")), seed);
    if (choice.at("finish_reason") == "length") continue;
    for (const json& call : choice.at("message").at("tool_calls")) fits(call);
    most = std::max(most, choice.at("message").at("tool_calls").size());
  }
  EXPECT_GT(most, 1U);
}

TEST_F(ForcedCalls, AStrictToolIsHeldToItsSchemaWhereACallIsTheModelsChoice) {
  std::string strict = kHeldTools;
  strict.insert(strict.find("\"name\": \"look\""), "\"strict\": true, ");
  const ChatCall call =
      chat(strict + R"(, "response_format": {"type": "json_schema", "json_schema": {"schema":
    {"properties": {"n": {"type": "boolean"}}, "required": ["n"]}}})");
  std::size_t calls = 0, texts = 0;
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    const json choice = answer(call, seed);
    if (choice.at("finish_reason") == "length") continue;
    const json& message = choice.at("message");
    if (!message.contains("tool_calls")) {
      ++texts;
      EXPECT_TRUE(json::parse(message.at("content").get<std::string>()).at("n").is_boolean()) << choice;
    } else {
      ++calls;
      for (const json& one : message.at("tool_calls"))
        if (one.at("function").at("name") == "look") fits(one);
    }
  }
  EXPECT_GT(calls, 0U);
  EXPECT_GT(texts, 0U);
  EXPECT_TRUE(chat(strict).plan.structure) << "also without a format of text";
  EXPECT_FALSE(chat(kHeldTools).plan.structure) << "nobody asked for one";
  EXPECT_FALSE(chat(strict + R"(, "tool_choice": "none")").plan.structure);
}

TEST_F(ForcedCalls, WhatCannotBeForcedIsNamed) {
  const auto starts = [](const std::string& text, std::string_view with) {
    EXPECT_TRUE(text.starts_with(with)) << text << ", expected " << with;
  };
  starts(refusal(R"("tool_choice": "required")"), "400 tool_choice: ");
  starts(refusal(R"("tools": [], "tool_choice": "required")"), "400 tool_choice: ");
  const std::string tools = kHeldTools;
  starts(refusal(tools + R"(, "tool_choice": "any")"), "400 tool_choice: ");
  starts(refusal(tools + R"(, "tool_choice": 7)"), "400 tool_choice: ");
  starts(refusal(tools + R"(, "tool_choice": {"type": "custom"})"), "400 tool_choice.type: ");
  starts(refusal(tools + R"(, "tool_choice": {"type": "function"})"), "400 tool_choice.name: ");
  starts(refusal(tools + R"(, "tool_choice": {"type": "function", "function": {"name": "other"}})"),
         "400 tool_choice.function: ");
  starts(refusal(tools + R"(, "tool_choice": {"type": "allowed_tools", "mode": "x"})"),
         "400 tool_choice.mode: ");
  starts(refusal(tools + R"(, "tool_choice": {"type": "allowed_tools", "tools": []})"),
         "400 tool_choice.tools: ");
  const std::string said = refusal(R"("tools": [{"type": "function", "function": {"name": "f", "strict": true,
    "parameters": {"properties": {"a": {"type": "array", "uniqueItems": true}}}}}])");
  starts(said,
         "400 tools[0].function.parameters: tools[0].function.parameters: the schema's \"uniqueItems\" at "
         "#/properties/a");
  EXPECT_EQ(refusal(R"("tools": [{"type": "function", "function": {"name": "f",
    "parameters": {"properties": {"a": {"type": "array", "uniqueItems": true}}}}}])"),
            "taken")
      << "it is not strict";
  starts(refusal(R"("tools": [{"type": "function", "function": {"name": "f", "strict": 1}}])"),
         "400 tools[0].function.strict: ");
}

TEST_F(ForcedCalls, TheOtherApisForceTheSame) {
  const auto structure = [&](const ChatCall& call) { return call.plan.structure->structure.text; };
  const auto wanted = [&](const std::string& choice) {
    return structure(chat(
        R"("tools": [{"type": "function", "function": {"name": "f", "description": "",
        "parameters": {"properties": {"z": {"type": "null"}, "a": {"type": "null"}}}}}], "tool_choice": )" +
        choice));
  };
  const std::string several = wanted(R"("required")");
  const std::string once = wanted(R"({"type": "function", "function": {"name": "f"}})");
  EXPECT_NE(several, once);
  const std::string message = R"({"messages": [{"role": "user", "content": "q"}], "max_tokens": 9, "tools":
    [{"name": "f", "input_schema": {"properties": {"z": {"type": "null"}, "a": {"type": "null"}}}}],
    "tool_choice": )";
  for (const auto& [choice, same] :
       {std::pair(R"({"type": "any"}})", several), std::pair(R"({"type": "tool", "name": "f"}})", once)}) {
    const std::string text = message + choice;
    const json body = parse_body(text);
    const MessagesCall call = read_messages(Fields(body), model.served, false, text);
    EXPECT_EQ(structure(call.chat), same);
  }
  const std::string item = R"({"input": "q", "tools": [{"type": "function", "name": "f", "parameters":
    {"properties": {"z": {"type": "null"}, "a": {"type": "null"}}}}], "tool_choice": )";
  for (const auto& [choice, same] :
       {std::pair(R"("required"})", several), std::pair(R"({"type": "function", "name": "f"}})", once),
        std::pair(
            R"({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}})",
            several)}) {
    const std::string text = item + choice;
    const json body = parse_body(text);
    EXPECT_EQ(structure(read_responses(Fields(body), model.served, text).chat), same);
  }
  const std::string text =
      R"({"input": "q", "text": {"format": {"type": "json_schema", "name": "n",
        "schema": {"z": 1, "a": 2}}}})";
  const json body = parse_body(text);
  EXPECT_EQ(structure(read_responses(Fields(body), model.served, text).chat), R"({"z": 1, "a": 2})");
}

}  // namespace
}  // namespace dsa::server
