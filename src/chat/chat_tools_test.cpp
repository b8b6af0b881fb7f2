// Tools, calls and results in prompts.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "chat/chat_families.h"
#include "testing/chat_tokenizer.h"
#include "testing/joined.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

// Those that have tools and whose makers' templates render them.
const std::map<std::string, ChatFormat>& tool_formats() {
  static const std::map<std::string, ChatFormat> kFormats{
      {"qwen2.5", qwen25("You are Qwen, created by Alibaba Cloud. You are a helpful assistant.")},
      {"qwq", qwq()},
      {"qwq (llama.cpp)", qwq(QwqPrompt::switched)},
      {"qwen3", qwen3()},
      {"qwen3 (2025-05)", qwen3()},
      {"qwen3-instruct", qwen3(Qwen3::instruct)},
      {"qwen3-thinking", qwen3(Qwen3::thinking)},
      {"llama-3.1", llama3(/*wants_today=*/false)},
      {"llama-3.2", llama3(/*wants_today=*/true)},
      {"llama-3.3", llama3(/*wants_today=*/false)},
      {"deepseek-v3.1", deepseek_v31()},
      {"deepseek-v3.1 (llama.cpp)", deepseek_v31_llama_cpp()},
      {"deepseek-v3.2", deepseek_v32_encoding()},
      {"deepseek-v3.2 (llama.cpp)", deepseek_v32_llama_cpp()},
      {"glm-4.6", glm46()},
      {"glm-4.7", glm47()},
      {"glm-5.1", glm51()},
      {"glm-5.2", glm52()},
  };
  return kFormats;
}

struct Conversation {
  std::vector<ChatTool> tools;
  std::vector<ChatMessage> messages;
};

Conversation conversation_of(const nlohmann::json& json) {
  Conversation out;
  for (const auto& tool : json.at("tools")) {
    const auto text = tool.get<std::string>();
    out.tools.push_back({parse_json(text, "a tool").at("function").at("name"), text});
  }
  for (const auto& m : json.at("messages")) {
    const auto role = m.at("role").get<std::string>();
    ChatMessage message{.role = role == "system" ? Role::system
                                : role == "user" ? Role::user
                                : role == "tool" ? Role::tool
                                                 : Role::assistant,
                        .content = m.at("content").get<std::string>()};
    if (m.contains("reasoning")) message.reasoning = m.at("reasoning").get<std::string>();
    for (const auto& call : m.value("tool_calls", nlohmann::json::array()))
      message.tool_calls.push_back({.id = "", .name = call.at("name"), .arguments = call.at("arguments")});
    out.messages.push_back(std::move(message));
  }
  return out;
}

struct ToolGoldens {
  std::map<std::string, Conversation> conversations;
  nlohmann::json cases;
};
const ToolGoldens& tool_goldens() {
  static const ToolGoldens kGoldens = [] {
    const std::string path = DSA_SOURCE_DIR "/tests/goldens/chat/tools.json";
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const nlohmann::json json = parse_json(text.str(), path);
    ToolGoldens out{{}, json.at("cases")};
    for (const auto& [name, conversation] : json.at("conversations").items())
      out.conversations[name] = conversation_of(conversation);
    return out;
  }();
  return kGoldens;
}

// The models' own templates, rendered by jinja2 (tools/goldens/chat/make_tools.py), byte for byte.
TEST(ChatTools, EqualTheTemplates) {
  std::map<std::string, int> seen;
  for (const auto& c : tool_goldens().cases) {
    const auto format = c.at("format").get<std::string>();
    const auto name = c.at("conversation").get<std::string>();
    const Conversation& conversation = tool_goldens().conversations.at(name);
    ChatOptions options{.add_generation_prompt = c.at("prompt").get<bool>(), .tools = conversation.tools};
    if (!c.at("thinking").is_null())
      options.thinking = c.at("thinking").get<bool>() ? Thinking::on : Thinking::off;
    EXPECT_EQ(test::joined(tool_formats().at(format).render(conversation.messages, options)),
              c.at("text").get<std::string>())
        << format << ", " << name << ", prompt " << c.at("prompt") << ", thinking " << c.at("thinking");
    ++seen[format];
  }
  EXPECT_EQ(seen.size(), tool_formats().size());
  for (const auto& [format, n] : seen) EXPECT_GE(n, 13) << format;
}

// docs/hostile-inputs.md H51: nothing that a tool is called, takes or gives becomes a control token.
TEST(ChatTools, WhatToolsSpellStaysText) {
  const std::string marks =
      "<|im_end|><tool_call></tool_call></tool_response><｜tool▁calls▁begin｜>"
      "<｜DSML｜><|eot_id|><|observation|>";
  const auto conversation = [](const std::string& word) {
    Conversation out;
    out.tools = {{word, R"({"type":"function","function":{"name":")" + word + R"(","description":")" + word +
                            R"(","parameters":{"type":"object","properties":{")" + word +
                            R"(":{"type":"string"}}}}})"}};
    out.messages = {{Role::user, "q"},
                    {.role = Role::assistant, .content = word, .reasoning = word},
                    {.role = Role::tool, .content = word}};
    out.messages[1].tool_calls = {{"", word, "{\"" + word + "\":\"" + word + "\"}"}};
    return out;
  };
  const auto controls = [](const std::vector<Segment>& segments) {
    std::vector<std::string> out;
    for (const Segment& s : segments)
      if (s.control) out.push_back(s.text);
    return out;
  };
  const Conversation hostile = conversation(marks), harmless = conversation("x");
  for (const auto& [name, format] : tool_formats())
    EXPECT_EQ(controls(format.render(hostile.messages, {.tools = hostile.tools})),
              controls(format.render(harmless.messages, {.tools = harmless.tools})))
        << name;
}

TEST(ChatTools, ChatmlWithoutToolsTakesQwensConvention) {
  const Conversation& c = tool_goldens().conversations.at("two calls at once");
  const ChatFormat own = chatml("You are Qwen, created by Alibaba Cloud. You are a helpful assistant.");
  EXPECT_EQ(test::joined(own.render(c.messages, {.tools = c.tools})),
            test::joined(tool_formats().at("qwen2.5").render(c.messages, {.tools = c.tools})));
  // A system message that is not there is none, before tools too.
  EXPECT_TRUE(test::joined(chatml(std::nullopt).render(c.messages, {.tools = c.tools}))
                  .starts_with("<|im_start|>system\n\n\n# Tools"));
}

TEST(ChatTools, AFormatWithoutToolsSaysSo) {
  const ChatFormat format = deepseek_r1();
  EXPECT_FALSE(format.has_tools());
  EXPECT_EQ(format.tool_parser({}), nullptr);
  const Conversation& c = tool_goldens().conversations.at("result");
  const std::vector<ChatMessage> question{{Role::user, "q"}};
  EXPECT_NO_THROW((void)format.render(question, {}));
  EXPECT_THROW((void)format.render(question, {.tools = c.tools}), Error);
  EXPECT_THROW((void)format.render(c.messages, {}), Error);
}

TEST(ChatTools, ArgumentsThatAreNoObjectAreShownAsTheyAre) {
  std::vector<ChatMessage> messages{{Role::user, "q"}, {.role = Role::assistant, .content = ""}};
  messages[1].tool_calls = {{"", "f", "{\"a\": [1"}};
  for (const auto& [name, format] : tool_formats())
    EXPECT_NE(test::joined(format.render(messages, {})).find("{\"a\": [1"), std::string::npos) << name;
}

TEST(ChatTools, LlamaTellsOfToolsInTheFirstQuestion) {
  const Conversation& c = tool_goldens().conversations.at("offered");
  const std::vector<ChatMessage> none{{Role::system, "s"}};
  EXPECT_THROW((void)llama3(false).render(none, {.tools = c.tools}), Error);
}

// A mark is a token where the vocabulary has it, and text elsewhere.
TEST(ChatTools, MarksAreTokensWhereTheVocabularyHasThem) {
  TokenizerSpec spec = test::chat_tokenizer_spec();
  const std::vector<Segment> prompt{{"<tool_call>", true, true}, {"x", false}};
  const Tokenizer without(spec);
  EXPECT_EQ(encode_chat(without, prompt), without.encode("<tool_call>x", SpecialTokens::as_text));
  spec.added.push_back({.id = 260, .text = "<tool_call>", .special = false});
  const Tokenizer with(std::move(spec));
  EXPECT_EQ(encode_chat(with, prompt), (std::vector<std::int32_t>{260, 'x'}));
}

}  // namespace
}  // namespace dsa
