// Anthropic's bodies to requests, and events to its answers.
#include "server/anthropic.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "server/request_fields.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using nlohmann::json;

struct Anthropic : ::testing::Test {
  MessagesCall read(const std::string& text, bool counting = false) const {
    const json body = parse_body(text);
    return read_messages(Fields(body), model.served, counting);
  }
  std::string prompt_of(const MessagesCall& call) const {
    return model.tokenizer.decode(call.chat.plan.requests.at(0).prompt, /*skip_special=*/false);
  }
  std::string refusal(const std::string& text) const {
    try {
      (void)read(text);
    } catch (const ApiError& error) {
      return fmt::format("{} {}", error.status(), error.param());
    }
    return "taken";
  }
  // The names and data of a stream's events.
  static std::vector<std::pair<std::string, json>> events(const std::string& text) {
    std::vector<std::pair<std::string, json>> out;
    std::size_t at = 0;
    for (std::size_t end; (end = text.find("\n\n", at)) != std::string::npos; at = end + 2) {
      const std::string one = text.substr(at, end - at);
      const auto line = one.find('\n');
      EXPECT_TRUE(one.starts_with("event: ")) << one;
      out.emplace_back(one.substr(7, line - 7), json::parse(one.substr(line + 7)));
      EXPECT_EQ(out.back().second.at("type"), out.back().first);
    }
    EXPECT_EQ(at, text.size());
    return out;
  }

  test::ScriptedModel model;
};

constexpr const char* kHello = R"({"max_tokens": 5, "messages": [{"role": "user", "content": "hi"}])";

TEST_F(Anthropic, AConversationBecomesItsPrompt) {
  const auto call =
      read(R"({"model": "claude-x", "max_tokens": 7, "stop_sequences": ["x"], "top_k": 3, "temperature": 0,
    "stream": true, "tools": [{"type": "web_search_20250305", "name": "w"}], "metadata": {"user_id": "u"},
    "thinking": {"type": "enabled", "budget_tokens": 9},
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "a"},
                 {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": ""},
                                                   {"type": "text", "text": "b"}]},
                 {"role": "user", "content": [{"type": "text", "text": "c"},
                                              {"type": "text", "text": "d"}]}]})");
  EXPECT_EQ(
      prompt_of(call),
      "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
      "<|im_start|>user\ncd<|im_end|>\n<|im_start|>assistant\n");
  const Request& request = call.chat.plan.requests.at(0);
  EXPECT_EQ(request.max_tokens, 7);
  EXPECT_EQ(request.stop_strings, std::vector<std::string>{"x"});
  EXPECT_EQ(request.sampling.top_k, 3);
  EXPECT_EQ(request.sampling.temperature, 0);
  EXPECT_FALSE(request.thinking) << "this model cannot reason";
  EXPECT_TRUE(call.chat.plan.stream);
  EXPECT_EQ(call.aside.dropped, "");
}

TEST_F(Anthropic, AnAnswerGoesOnWithItsBeginning) {
  const auto call = read(R"({"max_tokens": 5, "messages": [{"role": "user", "content": "q"},
    {"role": "assistant", "content": [{"type": "text", "text": "{\"a\""}]}]})");
  EXPECT_EQ(prompt_of(call), "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n{\"a\"");
}

TEST_F(Anthropic, LinesThatChangeWithEveryRequestAreLeftOut) {
  const auto call = read(R"({"max_tokens": 5, "messages": [{"role": "user", "content": "hi"}],
    "system": "x-anthropic-billing-header: cch=123\nYou are."})");
  EXPECT_TRUE(prompt_of(call).starts_with("<|im_start|>system\nYou are.<|im_end|>")) << prompt_of(call);
  EXPECT_EQ(call.aside.dropped, "x-anthropic-billing-header");
}

TEST_F(Anthropic, WhatCannotBeDoneIsNamed) {
  const std::string hello(kHello);
  EXPECT_EQ(refusal(hello + "}"), "taken");
  EXPECT_EQ(refusal(R"({"messages": [{"role": "user", "content": "hi"}]})"), "400 max_tokens");
  EXPECT_EQ(refusal(R"({"max_tokens": 0, "messages": [{"role": "user", "content": "hi"}]})"),
            "400 max_tokens");
  EXPECT_EQ(refusal(R"({"max_tokens": 5, "messages": []})"), "400 messages");
  EXPECT_EQ(refusal(R"({"max_tokens": 5})"), "400 messages");
  EXPECT_EQ(refusal(hello + R"(, "system": 7})"), "400 system");
  EXPECT_EQ(refusal(hello + R"(, "temperature": -1})"), "400 temperature");
  EXPECT_EQ(refusal(hello + R"(, "tool_choice": {"type": "any"}})"), "400 tool_choice");
  EXPECT_EQ(refusal(hello + R"(, "tool_choice": {"type": "auto"}})"), "taken");
  EXPECT_EQ(refusal(hello + R"(, "thinking": {"type": "maybe"}})"), "400 thinking.type");
  const auto of = [](const std::string& message) {
    return R"({"max_tokens": 5, "messages": [{"role": "user", "content": "hi"}, )" + message + "]}";
  };
  EXPECT_EQ(refusal(of(R"({"role": "tool", "content": "x"})")), "400 messages[1].role");
  EXPECT_EQ(refusal(of(R"({"role": "user"})")), "400 messages[1].content");
  EXPECT_EQ(refusal(of(R"({"role": "user", "content": [{"type": "image"}]})")),
            "400 messages[1].content[0].type");
  EXPECT_EQ(refusal(of(R"({"role": "user", "content": [{"type": "text"}]})")),
            "400 messages[1].content[0].text");
  EXPECT_EQ(
      refusal(of(R"({"role": "assistant", "content": [{"type": "tool_use", "name": "t", "input": {}}]})")),
      "400 messages");
}

TEST_F(Anthropic, CountedIsWhatIsRead) {
  const auto counted = read(R"({"messages": [{"role": "user", "content": "hi"}]})", /*counting=*/true);
  EXPECT_EQ(counted.chat.plan.requests.at(0).prompt,
            read(std::string(kHello) + "}").chat.plan.requests.at(0).prompt);
}

TEST_F(Anthropic, AnyClaudeIsTheFirstModel) {
  const std::vector<ModelCard> cards{card_of(model.served), {.id = "other"}, {.id = "claude-own"}};
  EXPECT_EQ(find_anthropic_model(cards, "claude-opus-4"), 0U);
  EXPECT_EQ(find_anthropic_model(cards, "other"), 1U);
  EXPECT_EQ(find_anthropic_model(cards, "claude-own"), 2U);
  EXPECT_THROW((void)find_anthropic_model(cards, "gpt"), ApiError);
}

TEST_F(Anthropic, AStreamHasItsEventsInOrder) {
  const auto call = read(std::string(kHello) + R"(, "stream": true})");
  const auto writer = write_message(call, model.served);
  std::string text = writer->begin();
  text += writer->push(0, {.what = Reading{.done = 2, .total = 2, .cached = 3}});
  text += writer->push(0, {.what = NewToken{.id = 1, .text = "Hel"}});
  text += writer->push(0, {.what = NewToken{.id = 2, .text = "lo"}});
  Finished finished{.reason = FinishReason::length, .text = "!"};
  finished.timings.prompt_tokens = 5;
  finished.timings.cached_tokens = 3;
  finished.timings.completion_tokens = 5;
  text += writer->push(0, {.what = finished});
  ASSERT_TRUE(writer->finished());
  text += writer->end();
  const auto all = events(text);
  std::vector<std::string> names;
  std::string said;
  for (const auto& [name, data] : all) {
    names.push_back(name);
    if (name == "content_block_delta") said += data.at("delta").at("text").get<std::string>();
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"message_start", "ping", "content_block_start", "content_block_delta",
                                      "content_block_delta", "content_block_delta", "content_block_stop",
                                      "message_delta", "message_stop"}));
  EXPECT_EQ(said, "Hello!");
  const json& start = all.front().second.at("message");
  EXPECT_EQ(start.at("usage").at("cache_read_input_tokens"), 3);
  EXPECT_TRUE(start.at("id").get<std::string>().starts_with("msg_"));
  const json& last = all[all.size() - 2].second;
  EXPECT_EQ(last.at("delta"), (json{{"stop_reason", "max_tokens"}, {"stop_sequence", nullptr}}));
  EXPECT_EQ(last.at("usage").at("input_tokens"), 2);
  EXPECT_EQ(last.at("usage").at("output_tokens"), 5);
}

TEST_F(Anthropic, AWholeAnswerSaysWhyItEnded) {
  struct Case {
    FinishReason reason;
    std::optional<std::string> stop;
    std::int64_t written;
    const char* expected;
  };
  for (const Case& c : {Case{FinishReason::stop, std::nullopt, 2, "end_turn"},
                        Case{FinishReason::stop, "x", 2, "stop_sequence"},
                        Case{FinishReason::length, std::nullopt, 5, "max_tokens"},
                        Case{FinishReason::length, std::nullopt, 4, "model_context_window_exceeded"},
                        Case{FinishReason::repetition, std::nullopt, 2, "end_turn"}}) {
    const auto writer = write_message(read(std::string(kHello) + "}"), model.served);
    EXPECT_EQ(writer->push(0, {.what = NewToken{.id = 1, .text = "Hi"}}), "");
    Finished finished{.reason = c.reason, .stop_string = c.stop};
    finished.timings.completion_tokens = c.written;
    EXPECT_EQ(writer->push(0, {.what = finished}), "");
    const json body = json::parse(writer->whole().body);
    EXPECT_EQ(body.at("stop_reason"), c.expected);
    EXPECT_EQ(body.at("content"), json::parse(R"([{"type": "text", "text": "Hi"}])"));
    EXPECT_EQ(body.at("usage").at("dsa").at("kernels"), "none");
  }
}

TEST_F(Anthropic, ErrorsHaveItsShapeAndTheWordsClientsLookFor) {
  const json body = json::parse(anthropic_error_json(context_exceeded(2000, 1024, "messages")));
  EXPECT_EQ(body, json::parse(R"({"type": "error", "error": {"type": "invalid_request_error",
                                    "message": "prompt is too long: 2000 tokens > 1024 maximum"}})"));
  EXPECT_EQ(anthropic_error_answer(draining_error()).status, 529);
  EXPECT_TRUE(is_anthropic("/messages/count_tokens"));
  EXPECT_FALSE(is_anthropic("/messagesx"));
}

}  // namespace
}  // namespace dsa::server
