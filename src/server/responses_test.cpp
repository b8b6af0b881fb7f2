// The newer API: its bodies to requests, and events to its answers.
#include "server/responses.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "server/request_fields.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using nlohmann::json;

struct Responses : ::testing::Test {
  ResponsesCall read(const std::string& text) const {
    const json body = parse_body(text);
    return read_responses(Fields(body), model.served, text);
  }
  std::string prompt_of(const ResponsesCall& call) const {
    return model.tokenizer.decode(call.chat.plan.requests.at(0).prompt, /*skip_special=*/false);
  }
  std::string refusal(const std::string& text) const {
    try {
      (void)read(text);
    } catch (const ApiError& error) {
      return error.param();
    }
    return "taken";
  }
  static std::string play(AnswerWriter& writer, std::string_view text,
                          FinishReason reason = FinishReason::stop) {
    std::string out = writer.begin();
    for (std::size_t at = 0; at < text.size(); at += 4)
      out += writer.push(0, {.what = NewToken{.id = 1, .text = std::string(text.substr(at, 4))}});
    out += writer.push(0, {.what = Finished{.reason = reason}});
    return out + writer.end();
  }

  test::ScriptedModel model;
};

constexpr const char* kTwoTools =
    R"("tools": [{"type": "web_search"}, {"type": "function", "name": "now", "description": "T",
  "parameters": {"type": "object", "properties": {}}, "strict": true}])";
constexpr const char* kTextAndCall =
    "I look.\n<tool_call>\n{\"name\": \"now\", \"arguments\": {\"a\": 1}}\n</tool_call>";

TEST_F(Responses, ItemsAreAConversation) {
  const auto call = read(R"({"instructions": "s", "max_output_tokens": 5, "temperature": 0.5, "input": [
    {"role": "user", "content": "q"},
    {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "r"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
    {"type": "function_call", "call_id": "1", "name": "now", "arguments": "{}"},
    {"type": "function_call", "call_id": "2", "name": "now", "arguments": "{\"a\":1}"},
    {"type": "function_call_output", "call_id": "1", "output": "noon"},
    {"type": "function_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "one"}]},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "and?"}]}]})");
  EXPECT_EQ(
      prompt_of(call),
      "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\nI look.\n"
      "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n"
      "<tool_call>\n{\"name\": \"now\", \"arguments\": {\"a\": 1}}\n</tool_call><|im_end|>\n"
      "<|im_start|>user\n<tool_response>\nnoon\n</tool_response>\n<tool_response>\none\n</tool_response>"
      "<|im_end|>\n<|im_start|>user\nand?<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(call.chat.plan.requests.at(0).max_tokens, 5);
  EXPECT_EQ(call.chat.plan.requests.at(0).sampling.temperature, 0.5);
  EXPECT_EQ(prompt_of(read(R"({"input": "q"})")), "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(Responses, ToolsOfOtherServersArePassedOver) {
  const auto call = read(std::string(R"({"input": "q", )") + kTwoTools + "}");
  ASSERT_EQ(call.chat.shape.tools.size(), 1U);
  EXPECT_EQ(call.chat.shape.tools[0].definition,
            R"({"type": "function", "function": {"name": "now", "description": "T", "parameters": )"
            R"({"type": "object", "properties": {}}, "strict": true}})");
}

// What is kept goes on: a conversation in two requests has the prompt of the same in one.
TEST_F(Responses, AnAnswerThatWasKeptIsGoneOnFrom) {
  KeptResponses kept;
  const ResponseShelf anna{.kept = &kept, .owner = "anna"}, bob{.kept = &kept, .owner = "bob"};
  const auto ask = [&](const std::string& more, const ResponseShelf& shelf) {
    const std::string text = R"({"input": [{"role": "user", "content": "q"}], )" + more + "}";
    const json body = parse_body(text);
    return read_responses(Fields(body), model.served, text, shelf);
  };
  for (const bool stream : {false, true}) {
    const std::string tools = kTwoTools;
    const auto first = ask(tools + fmt::format(R"(, "instructions": "one", "stream": {})", stream), anna);
    const auto writer = write_response(first, model.served, anna);
    const std::string told = play(*writer, kTextAndCall);
    const auto found = kept.find(writer->id(), "anna");
    ASSERT_TRUE(found);
    if (stream)
      EXPECT_NE(told.find(found->body.substr(0, found->body.size() - 1)), std::string::npos);
    else
      EXPECT_EQ(writer->whole().body, found->body);
    const json body = json::parse(found->body);
    EXPECT_EQ(body.at("store"), true);
    const json call = body.at("output").at(1);
    const std::string result = fmt::format(
        R"({{"type": "function_call_output", "call_id": {}, "output": "noon"}})", call.at("call_id").dump());
    const std::string next = fmt::format(R"({{"previous_response_id": "{}", "instructions": "two", {},
      "input": [{}]}})",
                                         writer->id(), tools, result);
    const json parsed = parse_body(next);
    const auto second = read_responses(Fields(parsed), model.served, next, anna);
    const std::string whole =
        fmt::format(R"({{"instructions": "two", {}, "input": [{{"role": "user", "content": "q"}},
      {}, {}, {}]}})",
                    tools, body.at("output").at(0).dump(), call.dump(), result);
    EXPECT_EQ(prompt_of(second), prompt_of(read(whole))) << "instructions are each request's own";
    EXPECT_EQ(json::parse(second.asked).at("previous_response_id"), writer->id());
    for (const ResponseShelf& other : {bob, ResponseShelf{}}) try {
        (void)read_responses(Fields(parsed), model.served, next, other);
        ADD_FAILURE() << "another's";
      } catch (const ApiError& error) {
        EXPECT_EQ(error.code(), "previous_response_not_found");
        EXPECT_EQ(error.status(), 400);
      }
  }
  const auto unkept = write_response(ask(R"("store": false)", anna), model.served, anna);
  play(*unkept, "x");
  EXPECT_FALSE(kept.find(unkept->id(), "anna"));
  EXPECT_EQ(json::parse(unkept->whole().body).at("store"), false);
  const auto failed = write_response(ask(R"("store": true)", anna), model.served, anna);
  play(*failed, "x", FinishReason::failed);
  EXPECT_FALSE(kept.find(failed->id(), "anna")) << "it is no answer";
}

TEST(KeptResponses, AreBoundedAndEachOwnersOwn) {
  const KeptResponses::Clock::time_point start{};
  KeptResponses kept({.bytes = 3000, .responses = 3, .time = std::chrono::seconds(10)});
  const auto keep = [&](const char* id, std::size_t bytes, int second) {
    kept.keep(id, {.owner = "a", .body = std::string(bytes, 'x'), .messages = ""},
              start + std::chrono::seconds(second));
  };
  const auto there = [&](const char* id, int second, const char* owner = "a") {
    return kept.find(id, owner, start + std::chrono::seconds(second)).has_value();
  };
  for (const char* id : {"1", "2", "3", "4"}) keep(id, 10, 0);
  EXPECT_FALSE(there("1", 1)) << "three at most";
  EXPECT_TRUE(there("2", 1));
  EXPECT_FALSE(there("2", 1, "b"));
  EXPECT_FALSE(kept.forget("2", "b", start));
  EXPECT_TRUE(kept.forget("2", "a", start));
  EXPECT_FALSE(there("2", 1));
  keep("5", 2000, 5);
  EXPECT_FALSE(there("3", 5)) << "3000 bytes at most";
  EXPECT_LE(kept.bytes(), 3000U);
  keep("6", 4000, 5);
  EXPECT_FALSE(there("6", 5));
  EXPECT_TRUE(there("5", 14)) << "one that is too large drops none";
  EXPECT_FALSE(there("5", 15));
  EXPECT_EQ(kept.bytes(), 0U);
}

TEST_F(Responses, WhatCannotBeDoneIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "input"},
      {R"({"input": []})", "input"},
      {R"({"input": 7})", "input"},
      {R"({"input": [{"type": "item_reference", "id": "x"}]})", "input[0].type"},
      {R"({"input": [{"role": "tool", "content": "x"}]})", "input[0].role"},
      {R"({"input": [{"role": "user", "content": [{"type": "input_image"}]}]})", "input[0].content[0].type"},
      {R"({"input": [{"type": "function_call", "name": "f"}]})", "input[0].arguments"},
      {R"({"input": [{"type": "function_call_output"}]})", "input[0].output"},
      {R"({"input": "q", "previous_response_id": "resp_1"})", "previous_response_id"},
      {R"({"input": "q", "background": true})", "background"},
      {R"({"input": "q", "text": {"format": {"type": "json_schema"}}})", "text.format.schema"},
      {R"({"input": "q", "tool_choice": "required"})", "tool_choice"},
      {R"({"input": "q", "max_output_tokens": 0})", "max_output_tokens"},
      {R"({"input": "q", "tools": [{"type": "function", "name": "a b"}]})", "tools[0].name"}};
  for (const auto& [text, param] : cases) EXPECT_EQ(refusal(text), param) << text;
  EXPECT_EQ(
      refusal(R"({"input": "q", "background": false, "store": true, "include": [], "truncation": "auto"})"),
      "taken");
}

TEST_F(Responses, AWholeAnswerIsItsItems) {
  const auto writer = write_response(read(std::string(R"({"input": "q", )") + kTwoTools + "}"), model.served);
  play(*writer, kTextAndCall);
  const json body = json::parse(writer->whole().body);
  EXPECT_EQ(body.at("status"), "completed");
  EXPECT_EQ(body.at("object"), "response");
  EXPECT_EQ(body.at("tools").size(), 2U) << "what was asked is said again";
  ASSERT_EQ(body.at("output").size(), 2U);
  EXPECT_EQ(body.at("output")[0].at("content")[0].at("text"), "I look.");
  EXPECT_EQ(body.at("output")[1].at("type"), "function_call");
  EXPECT_EQ(body.at("output")[1].at("arguments"), R"({"a": 1})");
  EXPECT_TRUE(body.at("usage").contains("input_tokens_details"));

  const auto cut = write_response(read(R"({"input": "q"})"), model.served);
  play(*cut, "Hello", FinishReason::length);
  const json short_body = json::parse(cut->whole().body);
  EXPECT_EQ(short_body.at("status"), "incomplete");
  EXPECT_EQ(short_body.at("incomplete_details").at("reason"), "max_output_tokens");
}

TEST_F(Responses, AStreamHasItsEventsInOrder) {
  const auto writer =
      write_response(read(std::string(R"({"input": "q", "stream": true, )") + kTwoTools + "}"), model.served);
  const std::string text = play(*writer, kTextAndCall);
  std::vector<std::string> order;
  std::string said, arguments;
  json last;
  std::int64_t sequence = 0;
  for (std::size_t at = 0; (at = text.find("data: {", at)) != std::string::npos; ++at) {
    const json event = json::parse(text.substr(at + 6, text.find('\n', at) - at - 6));
    const std::string name = event.at("type");
    EXPECT_EQ(event.at("sequence_number"), sequence++);
    if (name == "response.output_text.delta") said += event.at("delta");
    if (name == "response.function_call_arguments.delta") arguments += event.at("delta");
    if (order.empty() || order.back() != name) order.push_back(name);
    last = event;
  }
  EXPECT_EQ(order,
            (std::vector<std::string>{
                "response.created", "response.in_progress", "response.output_item.added",
                "response.content_part.added", "response.output_text.delta", "response.output_text.done",
                "response.content_part.done", "response.output_item.done", "response.output_item.added",
                "response.function_call_arguments.delta", "response.function_call_arguments.done",
                "response.output_item.done", "response.completed"}));
  EXPECT_EQ(said, "I look.");
  EXPECT_EQ(arguments, R"({"a": 1})");
  EXPECT_EQ(last.at("response").at("output").size(), 2U);
  EXPECT_EQ(last.at("response").at("output")[1].at("arguments"), R"({"a": 1})");
}

TEST_F(Responses, AFaultIsAnEvent) {
  const auto writer = write_response(read(R"({"input": "q", "stream": true})"), model.served);
  std::string text = writer->begin();
  text += writer->push(0, {.what = Finished{.reason = FinishReason::failed, .error = "the fault"}});
  EXPECT_NE(text.find("event: response.failed\n"), std::string::npos);
  EXPECT_NE(text.find("the fault"), std::string::npos);
}

}  // namespace
}  // namespace dsa::server
