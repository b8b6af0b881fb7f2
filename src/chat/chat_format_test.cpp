#include "chat/chat_format.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "chat/chat_families.h"
#include "testing/joined.h"

namespace dsa {
namespace {

std::vector<std::string> controls(const std::vector<Segment>& segments) {
  std::vector<std::string> out;
  for (const Segment& s : segments)
    if (s.control) out.push_back(s.text);
  return out;
}

const std::map<std::string, ChatFormat>& formats() {
  static const std::map<std::string, ChatFormat> kFormats{
      {"smollm2", chatml("You are a helpful AI assistant named SmolLM, trained by Hugging Face")},
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
      {"deepseek-r1", deepseek_r1()},
      {"deepseek-r1 (first)", deepseek_r1(R1Prompt::bare)},
      {"deepseek-r1 (llama.cpp)", deepseek_r1(R1Prompt::switched)},
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

struct Goldens {
  std::map<std::string, std::vector<ChatMessage>> conversations;
  nlohmann::json cases;
};

const Goldens& goldens() {
  static const Goldens kGoldens = [] {
    const std::string path = DSA_SOURCE_DIR "/tests/goldens/chat/chat.json";
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const nlohmann::json json = parse_json(text.str(), path);
    Goldens out{{}, json.at("cases")};
    for (const auto& [name, messages] : json.at("conversations").items())
      for (const auto& m : messages) {
        const auto role = m.at("role").get<std::string>();
        ChatMessage message{role == "system" ? Role::system
                            : role == "user" ? Role::user
                                             : Role::assistant,
                            m.at("content").get<std::string>()};
        if (m.contains("reasoning")) message.reasoning = m.at("reasoning").get<std::string>();
        out.conversations[name].push_back(std::move(message));
      }
    return out;
  }();
  return kGoldens;
}

// The models' own templates, rendered by jinja2 (tools/goldens/chat/make.py), byte for byte.
TEST(ChatFormat, EqualsTheTemplates) {
  std::map<std::string, int> seen;
  for (const auto& c : goldens().cases) {
    const auto format = c.at("format").get<std::string>();
    const auto conversation = c.at("conversation").get<std::string>();
    ChatOptions options{.add_generation_prompt = c.at("prompt").get<bool>()};
    if (!c.at("thinking").is_null())
      options.thinking = c.at("thinking").get<bool>() ? Thinking::on : Thinking::off;
    if (!c.at("date").is_null()) options.date = c.at("date").get<std::string>();
    const auto segments = formats().at(format).render(goldens().conversations.at(conversation), options);
    EXPECT_EQ(test::joined(segments), c.at("text").get<std::string>())
        << format << ", " << conversation << ", prompt " << c.at("prompt") << ", thinking "
        << c.at("thinking");
    ++seen[format];
  }
  EXPECT_EQ(seen.size(), formats().size());
  for (const auto& [format, n] : seen) EXPECT_GE(n, 50) << format;
}

TEST(ChatFormat, ControlSegmentsAreSingleTokensOfTheFormat) {
  const std::set<std::string> known{"<|im_start|>",
                                    "<|im_end|>",
                                    "<|begin_of_text|>",
                                    "<|start_header_id|>",
                                    "<|end_header_id|>",
                                    "<|eot_id|>",
                                    "<｜begin▁of▁sentence｜>",
                                    "<｜end▁of▁sentence｜>",
                                    "<｜User｜>",
                                    "<｜Assistant｜>",
                                    "<think>",
                                    "</think>",
                                    "[gMASK]",
                                    "<sop>",
                                    "<|system|>",
                                    "<|user|>",
                                    "<|assistant|>"};
  for (const auto& [name, format] : formats())
    for (const auto& [conversation, messages] : goldens().conversations) {
      const auto segments = format.render(messages, {});
      for (std::size_t i = 0; i < segments.size(); ++i) {
        if (segments[i].control)
          EXPECT_TRUE(known.contains(segments[i].text)) << name << ": " << segments[i].text;
        else
          EXPECT_TRUE(i == 0 || segments[i - 1].control) << name << ": two texts in a row";
        EXPECT_FALSE(segments[i].text.empty());
      }
    }
}

// docs/hostile-inputs.md H51: what a person types cannot become a control token.
TEST(ChatFormat, TypedSpecialTokensStayText) {
  const auto& hostile = goldens().conversations.at("special tokens");
  std::vector<ChatMessage> harmless = hostile;
  for (ChatMessage& m : harmless) m.content = "x";
  for (const auto& [name, format] : formats())
    for (const Thinking thinking : {Thinking::model_default, Thinking::off}) {
      const ChatOptions options{.thinking = thinking};
      EXPECT_EQ(controls(format.render(hostile, options)), controls(format.render(harmless, options)))
          << name;
    }
}

TEST(ChatFormat, Reasoning) {
  const std::vector<ChatMessage> question{{Role::user, "q"}};
  for (const auto& [name, format] : formats()) {
    EXPECT_EQ(format.can_think(), format.reasoning().has_value()) << name;
    if (!format.can_think()) {
      EXPECT_THROW((void)format.render(question, {.thinking = Thinking::on}), Error) << name;
      continue;
    }
    const bool open = ends_in_reasoning(format, format.render(question, {.thinking = Thinking::on}));
    EXPECT_EQ(open, name != "qwen3" && name != "qwen3 (2025-05)" && name != "glm-4.6" &&
                        name != "deepseek-r1 (first)")
        << name << ": those let the model write <think>";
    EXPECT_FALSE(ends_in_reasoning(format, format.render(question, {.thinking = Thinking::off}))) << name;
  }
  // White space may stand behind the mark, as in QwQ's prompt, and no more.
  const Segment mark{"<think>", true};
  EXPECT_TRUE(ends_in_reasoning(qwq(), std::vector<Segment>{mark, {"\n", false}}));
  EXPECT_FALSE(ends_in_reasoning(qwq(), std::vector<Segment>{mark, {"\nx", false}}));
  // What a person typed last is no mark.
  EXPECT_FALSE(ends_in_reasoning(formats().at("glm-4.7"), std::vector<Segment>{{"<think>", false}}));
}

TEST(ChatFormat, NoMessagesIsAnError) {
  for (const auto& [name, format] : formats()) EXPECT_THROW((void)format.render({}, {}), Error) << name;
}

TEST(ChatFormat, Date) {
  using namespace std::chrono;
  EXPECT_EQ(chat_date(2024y / July / 26), "26 Jul 2024");
  EXPECT_EQ(chat_date(2031y / February / 1), "01 Feb 2031");
  EXPECT_TRUE(formats().at("llama-3.2").wants_today());
}

}  // namespace
}  // namespace dsa
