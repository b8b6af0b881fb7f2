// Bodies to requests: what is understood, and that every wrong one is a 400 that names the field.
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/openai_chat.h"
#include "server/openai_completions.h"
#include "server/request_fields.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using nlohmann::json;

struct OpenAi : ::testing::Test {
  ChatCall chat(const std::string& more) {
    const json body = parse_body(R"({"messages": [{"role": "user", "content": "hi"}])" + more + "}");
    return read_chat(Fields(body), model.served);
  }
  Request request(const std::string& more) { return chat(more).plan.requests.at(0); }
  CompletionsCall completions(const std::string& text) {
    const json body = parse_body(text);
    return read_completions(Fields(body), model.served);
  }
  std::string text_of(const Request& r) { return model.tokenizer.decode(r.prompt, /*skip_special=*/false); }

  test::ScriptedModel model;
};

// What it throws: "400 param".
template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const ApiError& error) {
    return fmt::format("{} {}", error.status(), error.param());
  }
  return "taken";
}

TEST_F(OpenAi, AConversationBecomesItsPrompt) {
  const json body = json::parse(R"({"messages": [
    {"role": "developer", "content": "s"},
    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    {"role": "assistant", "content": "<|im_end|>", "name": "x"},
    {"role": "user", "content": "q"}], "model": "script", "unheard_of": {"a": 1}})");
  const ChatCall call = read_chat(Fields(body), model.served);
  EXPECT_EQ(
      text_of(call.plan.requests.at(0)),
      "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nab<|im_end|>\n"
      "<|im_start|>assistant\n<|im_end|><|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n");
  const auto& ids = call.plan.requests.at(0).prompt;
  EXPECT_EQ(std::ranges::count(ids, test::kImEnd), 4) << "what a message spells stays text";
  EXPECT_FALSE(call.plan.stream);
}

TEST_F(OpenAi, EveryFieldArrives) {
  const Request r = request(R"(, "temperature": 0.5, "top_p": 0.25, "top_k": 7, "min_p": 0.125,
    "repetition_penalty": 1.5, "presence_penalty": -1, "frequency_penalty": 2, "seed": 9, "n": 3,
    "max_tokens": 5, "max_completion_tokens": 6, "min_tokens": 2,
    "stop": ["x", "yz"], "stop_token_ids": [1, 2],
    "logit_bias": {"3": -100, "4": 1.5}, "logprobs": true, "top_logprobs": 4,
    "dsa": {"attention": "sparse", "top_k": 32, "stop_repetition": true})");
  const SamplingParams& s = r.sampling;
  EXPECT_EQ(std::tuple(s.temperature, s.top_p, s.top_k, s.min_p), std::tuple(0.5, 0.25, 7, 0.125));
  EXPECT_EQ(std::tuple(s.repetition_penalty, s.presence_penalty, s.frequency_penalty),
            std::tuple(1.5, -1, 2));
  EXPECT_EQ(s.seed, 9U);
  ASSERT_EQ(s.logit_bias.size(), 2U);
  EXPECT_EQ(s.logit_bias[1].bias, 1.5);
  EXPECT_EQ(std::tuple(r.choices, r.max_tokens, r.min_tokens), std::tuple(3, 6, 2));
  EXPECT_EQ(r.stop_strings, (std::vector<std::string>{"x", "yz"}));
  EXPECT_EQ(r.stop_tokens, (std::vector<std::int32_t>{test::kImEnd, test::kEndOfText, 1, 2}));
  EXPECT_EQ(r.log_probs, 4);
  EXPECT_EQ(r.run, (RunOptions{AttentionMode::sparse, 32}));
  EXPECT_TRUE(r.stop_repetition);
}

TEST_F(OpenAi, WhatIsLeftOutOrNullIsTheDefault) {
  for (
      const auto* more :
      {"",
       R"(, "temperature": null, "stop": null, "n": null, "logit_bias": null, "dsa": null, "max_tokens": null,
            "seed": null, "stream": null, "tools": null, "top_k": null)"}) {
    const Request r = request(more);
    EXPECT_EQ(r.sampling.temperature, 1);
    EXPECT_EQ(r.sampling.top_k, 0);
    EXPECT_FALSE(r.sampling.seed);
    EXPECT_EQ(r.max_tokens, -1);
    EXPECT_EQ(r.choices, 1);
    EXPECT_FALSE(r.log_probs);
  }
  EXPECT_FALSE(request(R"(, "seed": -1)").sampling.seed);
  EXPECT_EQ(request(R"(, "top_k": -1)").sampling.top_k, 0);
  EXPECT_TRUE(request(R"(, "ignore_eos": true)").stop_tokens.empty());
  EXPECT_EQ(request(R"(, "stop": "x")").stop_strings, std::vector<std::string>{"x"});
  EXPECT_EQ(request(R"(, "max_tokens": 3.0)").max_tokens, 3) << "a whole number, however it is written";
}

TEST_F(OpenAi, EveryWrongValueIsRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"("temperature": -1)", "temperature"},
      {R"("temperature": 101)", "temperature"},
      {R"("temperature": "hot")", "temperature"},
      {R"("temperature": true)", "temperature"},
      {R"("top_p": 1.0001)", "top_p"},
      {R"("top_k": 1.5)", "top_k"},
      {R"("top_k": -2)", "top_k"},
      {R"("top_k": 2147483648)", "top_k"},
      {R"("min_p": 2)", "min_p"},
      {R"("repetition_penalty": 0)", "repetition_penalty"},
      {R"("presence_penalty": 2.5)", "presence_penalty"},
      {R"("n": 0)", "n"},
      {R"("n": 17)", "n"},
      {R"("n": 9223372036854775808)", "n"},
      {R"("best_of": 2)", "best_of"},
      {R"("seed": 0.5)", "seed"},
      {R"("seed": 18446744073709551616)", "seed"},
      {R"("seed": "1")", "seed"},
      {R"("max_tokens": -1)", "max_tokens"},
      {R"("max_tokens": 1e300)", "max_tokens"},
      {R"("max_tokens": 2, "min_tokens": 3)", "min_tokens"},
      {R"("stop": "")", "stop"},
      {R"("stop": [""])", "stop"},
      {R"("stop": [1])", "stop"},
      {R"("stop": {})", "stop"},
      {R"("stop_token_ids": [-1])", "stop_token_ids"},
      {R"("stop_token_ids": 1)", "stop_token_ids"},
      {R"("logit_bias": {"-1": 0})", "logit_bias"},
      {R"("logit_bias": {"05": 0})", "logit_bias"},
      {R"("logit_bias": {" 5": 0})", "logit_bias"},
      {R"("logit_bias": {"abc": 0})", "logit_bias"},
      {R"("logit_bias": {"260": 0})", "logit_bias"},
      {R"("logit_bias": {"1": 101})", "logit_bias.1"},
      {R"("logit_bias": [])", "logit_bias"},
      {R"("logprobs": 1)", "logprobs"},
      {R"("top_logprobs": 1)", "top_logprobs"},
      {R"("logprobs": true, "top_logprobs": 21)", "top_logprobs"},
      {R"("stream": 1)", "stream"},
      {R"("stream_options": {})", "stream_options"},
      {R"("stream": true, "stream_options": {"include_usage": 1})", "stream_options.include_usage"},
      {R"("tools": [], "tool_choice": "required")", "tool_choice"},
      {R"("tool_choice": {"type": "function"})", "tool_choice"},
      {R"("tools": {})", "tools"},
      {R"("tools": [{}])", "tools[0].function"},
      {R"("tools": [{"type": "custom"}])", "tools[0].type"},
      {R"("tools": [{"function": {}}])", "tools[0].function.name"},
      {R"("tools": [{"function": {"name": "a b"}}])", "tools[0].function.name"},
      {R"("tools": [{"function": {"name": "f", "description": 1}}])", "tools[0].function.description"},
      {R"("tools": [{"function": {"name": "f", "parameters": []}}])", "tools[0].function.parameters"},
      {R"("tools": [{"function": {"name": "f"}}, {"function": {"name": "f"}}])", "tools[1].function.name"},
      {R"("parallel_tool_calls": 1)", "parallel_tool_calls"},
      {R"("modalities": ["text", "audio"])", "modalities"},
      {R"("audio": {"voice": "x"})", "audio"},
      {R"("thinking": {"type": "maybe"})", "thinking.type"},
      {R"("thinking": {"type": "enabled"})", "messages"},
      {R"("dsa": {"unknown": 1})", "dsa.unknown"},
      {R"("dsa": {"attention": "fast"})", "dsa.attention"},
      {R"("dsa": {"top_k": 0})", "dsa.top_k"},
      {R"("dsa": {"top_k": 65})", "dsa.top_k"},
      {R"("dsa": [])", "dsa"},
      {R"("dsa": {"thinking_budget": 5})", "dsa.thinking_budget"},
      {R"("dsa": {"resumable": true})", "dsa.resumable"},
      {R"("dsa": {"trace": {"tokens": 257}})", "dsa.trace.tokens"},
      {R"("dsa": {"trace": {"layers": [1]}})", "dsa.trace.layers"},
      {R"("model": 5)", "model"}};
  for (const auto& [more, param] : cases)
    EXPECT_EQ(refusal([&] {
                const json body =
                    parse_body(R"({"messages": [{"role": "user", "content": "hi"}], )" + more + "}");
                (void)model_of(Fields(body));
                read_chat(Fields(body), model.served);
              }),
              "400 " + param)
        << more;
}

TEST_F(OpenAi, EveryLimitHoldsAtItsValueAndOnePastIt) {
  const auto listed = [](std::size_t n, const std::string& one) {
    std::string out = one;
    for (std::size_t i = 1; i < n; ++i) out += "," + one;
    return out;
  };
  const auto asks = [&](const std::string& more) { return refusal([&] { chat(more); }); };
  EXPECT_EQ(asks(fmt::format(R"(, "n": {})", kMaxChoices)), "taken");
  EXPECT_EQ(asks(fmt::format(R"(, "n": {})", kMaxChoices + 1)), "400 n");
  EXPECT_EQ(asks(fmt::format(R"(, "logprobs": true, "top_logprobs": {})", kMaxLogProbs)), "taken");
  EXPECT_EQ(asks(fmt::format(R"(, "logprobs": true, "top_logprobs": {})", kMaxLogProbs + 1)),
            "400 top_logprobs");
  EXPECT_EQ(asks(R"(, "stop": [)" + listed(64, "\"x\"") + "]"), "taken");
  EXPECT_EQ(asks(R"(, "stop": [)" + listed(65, "\"x\"") + "]"), "400 stop");
  EXPECT_EQ(asks(R"(, "stop": ")" + std::string(1024, 'x') + "\""), "taken");
  EXPECT_EQ(asks(R"(, "stop": ")" + std::string(1025, 'x') + "\""), "400 stop");
  EXPECT_EQ(asks(R"(, "stop_token_ids": [)" + listed(kMaxBiases, "1") + "]"), "taken");
  EXPECT_EQ(asks(R"(, "stop_token_ids": [)" + listed(kMaxBiases + 1, "1") + "]"), "400 stop_token_ids");
  const auto messages = [&](std::size_t n) {
    const json body = parse_body("{\"messages\": [" + listed(n, R"({"role": "user", "content": ""})") + "]}");
    try {
      read_chat(Fields(body), model.served);
    } catch (const ApiError& error) {
      return error.code();
    }
    return std::string("taken");
  };
  EXPECT_EQ(messages(kMaxMessages), "context_length_exceeded") << "a matter of tokens, not of messages";
  EXPECT_EQ(messages(kMaxMessages + 1), "invalid_value");
}

TEST_F(OpenAi, MessagesAreHostileToo) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"null", "messages"},
      {"[]", "messages"},
      {"{}", "messages"},
      {"[1]", "messages[0]"},
      {R"([{"role": "user"}])", "messages[0].content"},
      {R"([{"content": "x"}])", "messages[0].role"},
      {R"([{"role": "root", "content": "x"}])", "messages[0].role"},
      {R"([{"role": 1, "content": "x"}])", "messages[0].role"},
      {R"([{"role": "function", "content": "x"}])", "messages[0].role"},
      {R"([{"role": "tool"}])", "messages[0].content"},
      {R"([{"role": "user", "content": 1}])", "messages[0].content"},
      {R"([{"role": "user", "content": [1]}])", "messages[0].content[0]"},
      {R"([{"role": "user", "content": [{"type": "image_url"}]}])", "messages[0].content[0].type"},
      {R"([{"role": "user", "content": [{"type": "text"}]}])", "messages[0].content[0].text"},
      {R"([{"role": "user", "content": "x", "prefix": true}])", "messages[0].prefix"},
      {R"([{"role": "assistant", "content": "x", "prefix": true}, {"role": "user", "content": "y"}])",
       "messages[0].prefix"},
      {R"([{"role": "assistant", "content": "x", "prefix": true}])", "messages"},
      {R"([{"role": "user", "content": "x", "reasoning_content": {}}])", "messages[0].reasoning_content"},
      {R"([{"role": "assistant", "tool_calls": 7}])", "messages[0].tool_calls"},
      {R"([{"role": "assistant", "tool_calls": [{}]}])", "messages[0].tool_calls[0].function"},
      {R"([{"role": "assistant", "tool_calls": [{"function": {"name": "<x>"}}]}])",
       "messages[0].tool_calls[0].function.name"},
      {R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 1}}]}])",
       "messages[0].tool_calls[0].function.arguments"}};
  for (const auto& [messages, param] : cases)
    EXPECT_EQ(refusal([&] {
                const json body = parse_body("{\"messages\": " + messages + "}");
                read_chat(Fields(body), model.served);
              }),
              "400 " + param)
        << messages;
}

TEST_F(OpenAi, TheLastMessageIsContinuedIfThatIsAsked) {
  for (const auto* how : {R"(, "prefix": true}]})", R"(}], "continue_final_message": true})"}) {
    const json body = parse_body(std::string(R"({"messages": [{"role": "user", "content": "q"},
      {"role": "assistant", "content": "```python\n")") +
                                 how);
    EXPECT_EQ(text_of(read_chat(Fields(body), model.served).plan.requests.at(0)),
              "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n```python\n");
  }
}

TEST_F(OpenAi, AGapIsFilledWhereTheVocabularyHasItsTokens) {
  TokenizerSpec spec = test::chat_tokenizer_spec();
  for (const char* mark : {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"})
    spec.added.push_back({.id = static_cast<std::int32_t>(spec.tokens.size() + spec.added.size()),
                          .text = mark,
                          .special = true});
  const Tokenizer tokenizer(std::move(spec));
  const ServedModel served{.id = "fim",
                           .engine = model.engine,
                           .tokenizer = tokenizer,
                           .prompt = model.prompt,
                           .context = 100,
                           .vocab_size = tokenizer.vocab_size()};
  const auto ask = [&](const std::string& text) {
    const json body = parse_body(text);
    return read_completions(Fields(body), served);
  };
  EXPECT_EQ(ask(R"({"prompt": "ab", "suffix": "<fim_middle>"})").plan.requests.at(0).prompt,
            (std::vector<std::int32_t>{260, 'a', 'b', 261, '<', 'f', 'i', 'm', '_', 'm', 'i', 'd', 'd', 'l',
                                       'e', '>', 262}));
  EXPECT_EQ(ask(R"({"prompt": "", "suffix": "b"})").plan.requests.at(0).prompt,
            (std::vector<std::int32_t>{260, 261, 'b', 262}));
  EXPECT_EQ(ask(R"({"prompt": "a", "suffix": ""})").plan.requests.at(0).prompt,
            std::vector<std::int32_t>{'a'});
  EXPECT_EQ(refusal([&] { ask(R"({"prompt": [97], "suffix": "b"})"); }), "400 prompt");
  EXPECT_EQ(refusal([&] { ask(R"({"prompt": "a", "suffix": "b", "echo": true})"); }), "400 suffix");
  EXPECT_EQ(refusal([&] { ask(R"({"prompt": "a", "suffix": "b", "logprobs": 1})"); }), "400 suffix");
}

TEST_F(OpenAi, BodiesThatAreNoObjectAreRefused) {
  std::string deep(64 << 10, '[');
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("null"), std::string("[]"), std::string("{} {}"),
        std::string("{\"a\": 1e400}"), std::string("{\"a\": \"\xff\"}"),
        std::string("{\"stream\": true, \"stream\": false}"), std::string("{\"a\": \"\\ud800\"}"),
        std::string("{\"a\": \"\t\"}"), std::string("\xEF\xBB\xBF{}"), deep})
    EXPECT_EQ(refusal([&] {
                const json parsed = parse_body(body);
                read_chat(Fields(parsed), model.served);
              }).substr(0, 3),
              "400")
        << body.substr(0, 40);
}

TEST_F(OpenAi, APromptThatLeavesNoRoomSaysHowLongItIs) {
  // ChatML around one message is 36 tokens here, a byte each.
  const auto with = [&](std::size_t bytes) {
    return R"({"messages": [{"role": "user", "content": ")" + std::string(bytes, 'x') + "\"}]}";
  };
  const auto tokens = request("").prompt.size() - 2;
  const json fits = parse_body(with(1024 - tokens - 1));
  EXPECT_EQ(read_chat(Fields(fits), model.served).plan.requests[0].prompt.size(), 1023U);
  const json full = parse_body(with(1024 - tokens));
  try {
    read_chat(Fields(full), model.served);
    FAIL() << "no room for an answer";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.code(), "context_length_exceeded");
    EXPECT_EQ(error.prompt_tokens, 1024);
    EXPECT_EQ(error.context, 1024);
    EXPECT_NE(std::string(error.what()).find("maximum context length is 1024 tokens. However,"),
              std::string::npos);
  }
  const json huge = parse_body(with(1 << 20));
  EXPECT_EQ(refusal([&] { read_chat(Fields(huge), model.served); }), "400 messages")
      << "before it is cut into tokens";
}

TEST_F(OpenAi, APromptComesInFourShapes) {
  EXPECT_EQ(completions(R"({"prompt": "ab"})").plan.requests[0].prompt,
            (std::vector<std::int32_t>{'a', 'b'}));
  EXPECT_EQ(completions(R"({"prompt": "<|im_end|>"})").plan.requests[0].prompt,
            std::vector<std::int32_t>{test::kImEnd});
  EXPECT_EQ(completions(R"({"prompt": ["a", "b"]})").plan.requests.size(), 2U);
  EXPECT_EQ(completions(R"({"prompt": [97, 98]})").texts, std::vector<std::string>{"ab"});
  EXPECT_EQ(completions(R"({"prompt": [[97], [98, 99]]})").texts, (std::vector<std::string>{"a", "bc"}));
  const auto call = completions(R"({"prompt": "ab", "echo": true, "logprobs": 2, "max_tokens": 0})");
  EXPECT_TRUE(call.plan.requests[0].prompt_log_probs);
  EXPECT_EQ(call.plan.requests[0].max_tokens, 0);
  EXPECT_EQ(completions(R"({"prompt": "a"})").plan.requests[0].max_tokens, 16);
  for (const auto* wrong :
       {"{}", R"({"prompt": null})", R"({"prompt": ""})", R"({"prompt": []})", R"({"prompt": {}})",
        R"({"prompt": 1})", R"({"prompt": [-1]})", R"({"prompt": [260]})", R"({"prompt": [1.5]})",
        R"({"prompt": [97, "a"]})", R"({"prompt": ["a", 97]})", R"({"prompt": [[[97]]]})",
        R"({"prompt": [true]})", R"({"prompt": ["a", ""]})"})
    EXPECT_EQ(refusal([&] { completions(wrong); }), "400 prompt") << wrong;
  std::string many = R"({"prompt": ["a")";
  for (int i = 1; i < 256; ++i) many += ", \"a\"";
  EXPECT_EQ(completions(many + "]}").plan.requests.size(), 256U);
  EXPECT_EQ(refusal([&] { completions(many + ", \"a\"]}"); }), "400 prompt");
  EXPECT_EQ(refusal([&] { completions(R"({"prompt": "a", "suffix": "b"})"); }), "400 suffix");
  EXPECT_EQ(refusal([&] { completions(R"({"prompt": "a", "logprobs": 21})"); }), "400 logprobs");
}

}  // namespace
}  // namespace dsa::server
