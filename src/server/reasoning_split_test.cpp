#include "server/reasoning_split.h"

#include <gtest/gtest.h>

#include "chat/chat_prompt.h"
#include "testing/chat_tokenizer.h"

namespace dsa::server {
namespace {

const ReasoningMarks kMarks{.begin = "<think>", .end = "</think>"};

// The parts, however the text is cut.
void expect_parts(const std::string& text, bool begun, const std::string& reasoning,
                  const std::string& content) {
  for (std::size_t piece = 1; piece <= text.size() + 1; ++piece) {
    ReasoningSplit split(kMarks, begun);
    ReasoningSplit::Parts all;
    const auto add = [&](const ReasoningSplit::Parts& parts) {
      all.reasoning += parts.reasoning;
      all.content += parts.content;
    };
    for (std::size_t at = 0; at < text.size(); at += piece) add(split.push(text.substr(at, piece)));
    add(split.finish());
    EXPECT_EQ(all.reasoning, reasoning) << text << ", pieces of " << piece;
    EXPECT_EQ(all.content, content) << text << ", pieces of " << piece;
  }
}

TEST(ReasoningSplit, PartsReasoningFromContentHoweverTheTextIsCut) {
  expect_parts("<think>a</think>b", false, "a", "b");
  expect_parts("a</think>\n\nb", true, "a", "\n\nb");
  expect_parts("<think>a</think>b", true, "a", "b");
  expect_parts("no thought", false, "", "no thought");
  expect_parts("a <think>b</think>", false, "", "a <think>b</think>");
  expect_parts("<thin", false, "", "<thin");
  expect_parts("<thin", true, "<thin", "");
  expect_parts("<think>a</thi", false, "a</thi", "");
  expect_parts("a</think>b</think>c", true, "a", "b</think>c");
  expect_parts("", true, "", "");
}

TEST(ReasoningSplit, AgreesWithTheMessageThatHistoryKeeps) {
  TokenizerSpec spec = test::chat_tokenizer_spec();
  for (const char* mark : {"<think>", "</think>"})
    spec.added.push_back(
        {.id = static_cast<std::int32_t>(spec.tokens.size() + spec.added.size()), .text = mark});
  const Tokenizer tokenizer(std::move(spec));
  const ChatPrompt prompt(Architecture::llama, tokenizer, {}, {.name = "qwen3"});
  const std::vector<ChatMessage> asked{{.role = Role::user, .content = "?"}};
  const bool begun = prompt.begins_in_reasoning(asked, {});
  for (const std::string text :
       {"<think>\na\n</think>\n\nb", "b", "<think>never ends", "</think>", "<think></think>"}) {
    const ChatMessage message = prompt.as_message(text, asked, {});
    expect_parts(text, begun, message.reasoning.value_or(""), message.content);
  }
}

TEST(ReasoningSplit, WithoutMarksAllIsContentAtOnce) {
  ReasoningSplit split(std::nullopt, false);
  EXPECT_EQ(split.push("<think>a").content, "<think>a");
  EXPECT_FALSE(split.in_reasoning());
}

}  // namespace
}  // namespace dsa::server
