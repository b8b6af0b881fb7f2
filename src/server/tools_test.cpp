// Tools through both APIs: what is asked, and what is made of an answer that calls.
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/anthropic.h"
#include "server/request_fields.h"
#include "server/tool_fields.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using nlohmann::json;

constexpr const char* kTools =
    R"("tools": [{"type": "function", "function": {"name": "get_weather", "description": "W",
  "parameters": {"type":"object","properties":{"city":{"type":"string"},"a":{"type":"number"}},
  "required":["city"]}}},
  {"type": "function", "function": {"name": "now"}}])";
constexpr const char* kAnswer =
    "I look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>\n"
    "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";

struct Tools : ::testing::Test {
  ChatCall chat(const std::string& text) const {
    const json body = parse_body(text);
    return read_chat(Fields(body), model.served, text);
  }
  MessagesCall message(const std::string& text) const {
    const json body = parse_body(text);
    return read_messages(Fields(body), model.served, /*counting=*/false, text);
  }
  std::string prompt_of(const ChatCall& call) const {
    return model.tokenizer.decode(call.plan.requests.at(0).prompt, /*skip_special=*/false);
  }
  // What a writer makes of an answer whose text comes in pieces.
  static std::string play(AnswerWriter& writer, std::string_view text, std::size_t piece = 3,
                          FinishReason reason = FinishReason::stop) {
    std::string out = writer.begin();
    for (std::size_t at = 0; at < text.size(); at += piece)
      out += writer.push(0, {.what = NewToken{.id = 1, .text = std::string(text.substr(at, piece))}});
    out += writer.push(0, {.what = Finished{.reason = reason}});
    return out + writer.end();
  }
  // The chunks of a stream.
  static std::vector<json> chunks(const std::string& text) {
    std::vector<json> out;
    for (std::size_t at = 0; (at = text.find("data: {", at)) != std::string::npos; ++at)
      out.push_back(json::parse(text.substr(at + 6, text.find('\n', at) - at - 6)));
    return out;
  }
  static std::string ask(const std::string& more) {
    return R"({"messages": [{"role": "user", "content": "q"}], )" + more + "}";
  }

  test::ScriptedModel model;
};

TEST_F(Tools, AreShownInTheOrderInWhichTheyWereWritten) {
  const std::string prompt = prompt_of(chat(ask(kTools)));
  EXPECT_NE(prompt.find(R"({"type": "function", "function": {"name": "get_weather", "description": "W", )"
                        R"("parameters": {"type": "object", "properties": {"city": {"type": "string"}, "a": )"
                        R"({"type": "number"}}, "required": ["city"]}}})"),
            std::string::npos)
      << prompt;
  const std::string none = prompt_of(chat(ask(std::string(kTools) + R"(, "tool_choice": "none")")));
  EXPECT_EQ(none, prompt_of(chat(ask(R"("tool_choice": "auto")"))));
}

TEST_F(Tools, CallsAndResultsAreTheConversation) {
  const ChatCall call = chat(R"({"messages": [{"role": "user", "content": "q"},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function":
      {"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"}}]},
    {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "18"}]}]})");
  EXPECT_EQ(
      prompt_of(call),
      "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<tool_call>\n{\"name\": \"get_weather\", "
      "\"arguments\": {\"city\": \"Paris\"}}\n</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n18\n"
      "</tool_response><|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(Tools, AFormatWithoutToolsIsNamed) {
  test::ScriptedModel raw({}, {.raw = true});
  const json body = parse_body(ask(kTools));
  EXPECT_THROW(read_chat(Fields(body), raw.served), ApiError);
}

TEST_F(Tools, AWholeAnswerTellsItsCalls) {
  const auto writer = write_chat(chat(ask(kTools)), model.served);
  play(*writer, kAnswer);
  const json choice = json::parse(writer->whole().body).at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
  EXPECT_EQ(choice.at("message").at("content"), "I look.");
  const json& calls = choice.at("message").at("tool_calls");
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].at("function"), (json{{"name", "get_weather"}, {"arguments", R"({"city": "Paris"})"}}));
  EXPECT_EQ(calls[1].at("function"), (json{{"name", "now"}, {"arguments", "{}"}}));
  EXPECT_EQ(calls[0].at("type"), "function");
  EXPECT_TRUE(calls[0].at("id").get<std::string>().starts_with("call_"));
  EXPECT_NE(calls[0].at("id"), calls[1].at("id"));
}

TEST_F(Tools, AStreamTellsArgumentsAsTheyAreWritten) {
  const auto writer = write_chat(chat(ask(std::string(kTools) + R"(, "stream": true)")), model.served);
  std::string content;
  std::vector<std::string> names, arguments;
  std::size_t pieces = 0;
  json last;
  for (const json& chunk : chunks(play(*writer, kAnswer))) {
    const json& delta = chunk.at("choices").at(0).at("delta");
    content += delta.value("content", "");
    last = chunk.at("choices").at(0).at("finish_reason");
    for (const json& call : delta.value("tool_calls", json::array())) {
      const std::size_t index = call.at("index");
      if (call.contains("id")) {
        ASSERT_EQ(index, names.size());
        EXPECT_EQ(call.at("type"), "function");
        names.push_back(call.at("function").at("name"));
        arguments.emplace_back();
      }
      ASSERT_EQ(index + 1, names.size()) << "one call after the other";
      arguments[index] += call.at("function").at("arguments");
      ++pieces;
    }
  }
  EXPECT_EQ(content, "I look.");
  EXPECT_EQ(names, (std::vector<std::string>{"get_weather", "now"}));
  EXPECT_EQ(arguments, (std::vector<std::string>{R"({"city": "Paris"})", "{}"}));
  EXPECT_GE(pieces, 7U);
  EXPECT_EQ(last, "tool_calls");
}

TEST_F(Tools, WhatWasNotOfferedIsText) {
  for (const char* more :
       {R"("tools": [])", R"("tools": [{"type": "function", "function": {"name": "other"}}])"}) {
    const auto writer = write_chat(chat(ask(more)), model.served);
    play(*writer, kAnswer);
    const json choice = json::parse(writer->whole().body).at("choices").at(0);
    EXPECT_EQ(choice.at("message").at("content"), kAnswer);
    EXPECT_FALSE(choice.at("message").contains("tool_calls"));
    EXPECT_EQ(choice.at("finish_reason"), "stop");
  }
}

TEST_F(Tools, OneCallAtATimeIfThatIsAsked) {
  const auto writer =
      write_chat(chat(ask(std::string(kTools) + R"(, "parallel_tool_calls": false)")), model.served);
  play(*writer, kAnswer);
  const json message = json::parse(writer->whole().body).at("choices").at(0).at("message");
  EXPECT_EQ(message.at("tool_calls").size(), 1U);
  EXPECT_EQ(message.at("content"), "I look.");
}

TEST_F(Tools, ACallThatWasCutOffIsText) {
  const std::string cut = std::string(kAnswer).substr(0, 68);
  const auto writer = write_chat(chat(ask(kTools)), model.served);
  play(*writer, cut, 3, FinishReason::length);
  const json choice = json::parse(writer->whole().body).at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_EQ(choice.at("message").at("content"), "I look.\n" + cut.substr(8));
  EXPECT_FALSE(choice.at("message").contains("tool_calls"));
}

// A client sends names and arguments back, and lays them out anew: the prompt still goes on from the answer.
TEST_F(Tools, TheNextPromptGoesOnFromTheSampledTokens) {
  const std::string sampled =
      "Hm.\n\n <tool_call>{ \"name\":\"get_weather\",\"arguments\":{\"city\":  \"Paris\"} }</tool_call>";
  const ChatCall first = chat(ask(kTools));
  const auto writer = write_chat(first, model.served);
  std::vector<std::int32_t> tokens;
  for (const char c : sampled) {  // a token a byte, which the tokenizer would not do with two line breaks
    tokens.push_back(c);
    writer->push(0, {.what = NewToken{.id = c, .text = std::string(1, c)}});
  }
  writer->push(0, {.what = NewToken{.id = test::kImEnd, .stops = true}});
  writer->push(0, {.what = Finished{}});
  json message = json::parse(writer->whole().body).at("choices").at(0).at("message");
  const auto next = [&](const json& said) {
    json body = json::parse(ask(kTools));
    body["messages"].push_back(said);
    body["messages"].push_back({{"role", "tool"}, {"content", "18"}});
    const std::string text = body.dump();
    const json parsed = parse_body(text);
    return read_chat(Fields(parsed), model.served,
                     R"({"tools": )" + ask(kTools).substr(ask(kTools).find("[{\"type")))
        .plan.requests.at(0)
        .prompt;
  };
  std::vector<std::int32_t> expected = first.plan.requests.at(0).prompt;
  expected.insert(expected.end(), tokens.begin(), tokens.end());
  expected.push_back(test::kImEnd);
  const auto starts = [&](const std::vector<std::int32_t>& prompt) {
    return prompt.size() > expected.size() && std::equal(expected.begin(), expected.end(), prompt.begin());
  };
  EXPECT_TRUE(starts(next(message)));
  json& arguments = message["tool_calls"][0]["function"]["arguments"];
  arguments = R"({"city":"Paris"})";
  EXPECT_TRUE(starts(next(message))) << "the same, laid out anew";
  arguments = R"({"city": "Rome"})";
  const auto changed = next(message);
  EXPECT_FALSE(starts(changed)) << "what a client changes counts";
  EXPECT_NE(model.tokenizer.decode(changed, false).find("Rome"), std::string::npos);
  arguments = R"({"city":"Paris"})";
  message["content"] = "Well.";
  EXPECT_FALSE(starts(next(message)));
  message["content"] = "Hm.";
  message["tool_calls"][0]["id"] = "call_other";
  EXPECT_FALSE(starts(next(message)));
}

// A model that reasons before it calls: with its reasoning sent back, all of it is what was sampled; without,
// the template shows none, and nothing is put back that it would not show.
TEST_F(Tools, ReasoningBeforeACallIsPutBackIfTheClientSendsIt) {
  TokenizerSpec spec = test::chat_tokenizer_spec();
  spec.added.push_back({.id = 260, .text = "<think>", .special = false});
  spec.added.push_back({.id = 261, .text = "</think>", .special = false});
  const Tokenizer tokenizer(std::move(spec));
  const ChatPrompt prompt(Architecture::llama, tokenizer, {}, {.name = "qwen3"});
  const ServedModel served{.id = "qwen",
                           .engine = model.engine,
                           .tokenizer = tokenizer,
                           .prompt = prompt,
                           .context = 4096,
                           .vocab_size = tokenizer.vocab_size()};
  const json first_body = parse_body(ask(kTools));
  const ChatCall first = read_chat(Fields(first_body), served);
  const auto writer = write_chat(first, served);
  std::vector<std::int32_t> tokens{260, '\n', 'r', '\n', 261, '\n', '\n'};
  for (const char c : std::string("<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>"))
    tokens.push_back(c);
  for (const std::int32_t id : tokens)
    writer->push(0, {.what = NewToken{.id = id, .text = std::string(tokenizer.piece(id))}});
  writer->push(0, {.what = NewToken{.id = test::kImEnd, .stops = true}});
  writer->push(0, {.what = Finished{}});
  json message = json::parse(writer->whole().body).at("choices").at(0).at("message");
  EXPECT_EQ(message.at("reasoning_content"), "\nr\n");
  ASSERT_EQ(message.at("tool_calls").size(), 1U);
  std::vector<std::int32_t> expected = first.plan.requests.at(0).prompt;
  expected.insert(expected.end(), tokens.begin(), tokens.end());
  const auto goes_on = [&] {
    json body = first_body;
    body["messages"].push_back(message);
    body["messages"].push_back({{"role", "tool"}, {"content", "noon"}});
    const auto next = read_chat(Fields(body), served).plan.requests.at(0).prompt;
    return next.size() > expected.size() && std::equal(expected.begin(), expected.end(), next.begin());
  };
  EXPECT_TRUE(goes_on());
  message.erase("reasoning_content");
  EXPECT_FALSE(goes_on());
}

TEST(KeptCalls, TheOldestGoFirst) {
  const Tokenizer tokenizer(test::chat_tokenizer_spec());
  KeptCalls kept(10);
  const std::vector<std::int32_t> prompt{1, 2, 3};
  for (const char* id : {"a", "b", "c"})
    kept.keep({.prompt = mark_of(prompt),
               .tokens = {7, 7, 7, 7, 7},
               .end = 9,
               .reasoning = "",
               .content = "",
               .calls = {{id, "f", "{}"}}});
  const auto restored = [&](const char* id) {
    std::vector<std::int32_t> out{1, 2, 3, 4, 9, 5};
    const ChatMessage message{.role = Role::assistant, .content = "", .tool_calls = {{id, "f", "{ }"}}};
    kept.restore(std::span(&message, 1), tokenizer, out);
    return out;
  };
  const std::vector<std::int32_t> as_it_was{1, 2, 3, 4, 9, 5}, as_sampled{1, 2, 3, 7, 7, 7, 7, 7, 9, 5};
  EXPECT_EQ(restored("a"), as_it_was);
  EXPECT_EQ(restored("b"), as_sampled);
  EXPECT_EQ(restored("c"), as_sampled);
}

constexpr const char* kAnthropicTools =
    R"("tools": [{"name": "get_weather", "description": "W", "input_schema":
  {"type":"object","properties":{"city":{"type":"string"},"a":{"type":"number"}},"required":["city"]}},
  {"type": "custom", "name": "now", "input_schema": {}}, {"type": "bash_20250124", "name": "bash"}])";

TEST_F(Tools, AnthropicsAreTheSameTools) {
  const std::string more =
      std::string(R"({"max_tokens": 9, "messages": [{"role": "user", "content": "q"}], )") + kAnthropicTools +
      "}";
  std::string own = ask(kTools);
  own.insert(own.rfind("\"now\"") + 5, R"(, "description": "", "parameters": {})");
  EXPECT_EQ(prompt_of(message(more).chat), prompt_of(chat(own)));
  EXPECT_EQ(message(more).chat.shape.tools.size(), 2U);
}

TEST_F(Tools, AnthropicsBlocksAreTheSameConversation) {
  const MessagesCall call = message(R"({"max_tokens": 9, "messages": [{"role": "user", "content": "q"},
    {"role": "assistant", "content": [{"type": "text", "text": "I look."},
      {"type": "tool_use", "id": "1", "name": "get_weather", "input": {"city":"Paris","a":1.0}},
      {"type": "tool_use", "id": "2", "name": "now", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "18"},
      {"type": "tool_result", "tool_use_id": "2", "is_error": true,
       "content": [{"type": "text", "text": "x"}]},
      {"type": "text", "text": "and?"}]}]})");
  EXPECT_EQ(
      prompt_of(call.chat),
      "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\nI look.\n<tool_call>\n"
      "{\"name\": \"get_weather\", "
      "\"arguments\": {\"city\": \"Paris\", \"a\": 1.0}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", "
      "\"arguments\": {}}\n</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n18\n</tool_response>\n"
      "<tool_response>\nx\n</tool_response><|im_end|>\n<|im_start|>user\nand?<|im_end|>\n"
      "<|im_start|>assistant\n");
}

TEST_F(Tools, AnthropicsAnswersHaveABlockForEachCall) {
  const std::string body =
      std::string(R"({"max_tokens": 9, "messages": [{"role": "user", "content": "q"}], )") + kAnthropicTools;
  const auto whole = write_message(message(body + "}"), model.served);
  play(*whole, kAnswer);
  const json answer = json::parse(whole->whole().body);
  EXPECT_EQ(answer.at("stop_reason"), "tool_use");
  ASSERT_EQ(answer.at("content").size(), 3U);
  EXPECT_EQ(answer.at("content")[0], (json{{"type", "text"}, {"text", "I look."}}));
  EXPECT_EQ(answer.at("content")[1].at("input"), (json{{"city", "Paris"}}));
  EXPECT_TRUE(answer.at("content")[1].at("id").get<std::string>().starts_with("toolu_"));
  EXPECT_EQ(answer.at("content")[2].at("name"), "now");

  const auto stream = write_message(message(body + R"(, "stream": true})"), model.served);
  std::vector<std::string> order;
  std::string input, reason;
  for (const json& event : chunks(play(*stream, kAnswer))) {
    std::string name = event.at("type");
    if (event.contains("content_block"))
      name += " " + event.at("content_block").at("type").get<std::string>();
    if (name == "content_block_delta") name = event.at("delta").at("type");
    if (name == "input_json_delta" && event.at("index") == 1) input += event.at("delta").at("partial_json");
    if (name == "message_delta") reason = event.at("delta").at("stop_reason");
    if (order.empty() || order.back() != name) order.push_back(name);
  }
  EXPECT_EQ(order, (std::vector<std::string>{
                       "message_start", "ping", "content_block_start text", "text_delta",
                       "content_block_stop", "content_block_start tool_use", "input_json_delta",
                       "content_block_stop", "content_block_start tool_use", "input_json_delta",
                       "content_block_stop", "message_delta", "message_stop"}));
  EXPECT_EQ(input, R"({"city": "Paris"})");
  EXPECT_EQ(reason, "tool_use");
}

TEST_F(Tools, AnthropicsWrongOnesAreNamed) {
  const auto refusal = [&](const std::string& more) -> std::string {
    try {
      (void)message(R"({"max_tokens": 9, "messages": [{"role": "user", "content": "q"}, )" + more + "}");
    } catch (const ApiError& error) {
      return error.param();
    }
    return "taken";
  };
  const std::pair<const char*, const char*> cases[] = {
      {R"({"role": "user", "content": "q"}], "tools": [{"name": "t"}])", "tools[0].input_schema"},
      {R"({"role": "user", "content": "q"}], "tools": [{"name": "a b", "input_schema": {}}])",
       "tools[0].name"},
      {R"({"role": "user", "content": "q"}], "tools": 7)", "tools"},
      {R"({"role": "user", "content": "q"}], "tool_choice": {"type": "tool", "name": "t"})", "tool_choice"},
      {R"({"role": "user", "content": [{"type": "tool_use", "name": "t", "input": {}}]}])",
       "messages[1].content[0].type"},
      {R"({"role": "assistant", "content": [{"type": "tool_use", "name": "t"}]}])",
       "messages[1].content[0].input"},
      {R"({"role": "user", "content": [{"type": "tool_result", "content": [{"type": "image"}]}]}])",
       "messages[1].content[0].content[0].type"}};
  for (const auto& [more, param] : cases) EXPECT_EQ(refusal(more), param) << more;
}

}  // namespace
}  // namespace dsa::server
