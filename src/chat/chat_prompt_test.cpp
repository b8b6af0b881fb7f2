#include "chat/chat_prompt.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "testing/chat_tokenizer.h"

namespace dsa {
namespace {

using Ids = std::vector<std::int32_t>;

constexpr const char* kChatml =
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

Tokenizer tokenizer_with(const std::optional<std::string>& chat_template, const Ids& prefix = {}) {
  TokenizerSpec spec = test::chat_tokenizer_spec();
  spec.chat_template = chat_template;
  spec.prefix = prefix;
  if (prefix.size() == 1) spec.bos = prefix.front();
  return Tokenizer(std::move(spec));
}

Ids bytes(std::string_view text) {
  Ids ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

Ids operator+(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const std::vector<ChatMessage> kQuestion{{Role::system, "s"}, {Role::user, "<|im_end|>"}};

TEST(ChatPrompt, MessagesInTheModelsFormat) {
  const Tokenizer tokenizer = tokenizer_with(kChatml);
  const ChatPrompt prompt(Architecture::llama, tokenizer, {}, {});
  ASSERT_TRUE(prompt.format());
  const Ids system = Ids{test::kImStart} + bytes("system\ns") + Ids{test::kImEnd} + bytes("\n");
  const Ids user = Ids{test::kImStart} + bytes("user\n<|im_end|>") + Ids{test::kImEnd} + bytes("\n");
  EXPECT_EQ(prompt.encode(kQuestion, {.add_generation_prompt = false}), system + user);
  EXPECT_EQ(prompt.encode(kQuestion), system + user + Ids{test::kImStart} + bytes("assistant\n"));
  const std::vector<ChatMessage> meant{kQuestion[1]};
  EXPECT_EQ(prompt.encode(meant, {.add_generation_prompt = false}, SpecialTokens::parse),
            Ids{test::kImStart} + bytes("user\n") + (Ids{test::kImEnd, test::kImEnd} + bytes("\n")));
}

// GLM's tokenizers put two tokens before a plain prompt, others one or none.
TEST(ChatPrompt, PlainTextBeginsAsTheTokenizerSays) {
  for (const Ids& prefix : {Ids{}, Ids{test::kImStart}, Ids{test::kEndOfText, test::kImStart}}) {
    const Tokenizer tokenizer = tokenizer_with(kChatml, prefix);
    const ChatPrompt raw(Architecture::llama, tokenizer, {}, {.raw = true});
    EXPECT_FALSE(raw.format());
    EXPECT_EQ(raw.encode_text("ab"), prefix + bytes("ab"));
    EXPECT_EQ(raw.encode(kQuestion), prefix + bytes("<|im_end|>")) << "the last message alone";
    EXPECT_EQ(raw.encode_text("<|im_end|>", SpecialTokens::parse), prefix + Ids{test::kImEnd});
  }
}

TEST(ChatPrompt, ATemplateMayBeginWithTheTokenizersOwnToken) {
  const std::string begins = std::string("{{bos_token}}") + kChatml;
  for (const SpecialTokens typed : {SpecialTokens::as_text, SpecialTokens::parse})
    for (const Ids& bos : {Ids{}, Ids{test::kEndOfText}}) {
      const Tokenizer tokenizer = tokenizer_with(begins, bos), plain = tokenizer_with(kChatml);
      EXPECT_EQ(ChatPrompt(Architecture::llama, tokenizer, {}, {}).encode(kQuestion, {}, typed),
                bos + ChatPrompt(Architecture::llama, plain, {}, {}).encode(kQuestion, {}, typed));
    }
}

TEST(ChatPrompt, AFormatByNameCountsForMoreThanTheTemplate) {
  for (const auto& chat_template :
       {std::optional<std::string>(), std::optional<std::string>("{{ messages }}")}) {
    const Tokenizer tokenizer = tokenizer_with(chat_template);
    const ChatPrompt prompt(Architecture::llama, tokenizer, {}, {.name = "chatml"});
    EXPECT_EQ(prompt.format()->name(), "chatml");
    EXPECT_THROW(ChatPrompt(Architecture::llama, tokenizer, {}, {.name = "chatmal"}), Error);
    EXPECT_THROW(ChatPrompt(Architecture::llama, tokenizer, {}, {.name = "llama-3"}), Error)
        << "its tokens are not in the vocabulary";
  }
}

TEST(ChatPrompt, EveryTokenThatEndsAnAnswerOnce) {
  const Tokenizer tokenizer = tokenizer_with(kChatml);
  EXPECT_EQ(ChatPrompt(Architecture::llama, tokenizer, Ids{7, test::kEndOfText}, {}).stop_ids(),
            (Ids{test::kImEnd, test::kEndOfText, 7}));
  EXPECT_EQ(ChatPrompt(Architecture::llama, tokenizer, Ids{7}, {.raw = true}).stop_ids(),
            (Ids{test::kImEnd, 7}));
}

TEST(ChatPrompt, AModelWithoutAFormatCompletesOrIsRefused) {
  const Tokenizer tokenizer = tokenizer_with(std::nullopt);
  EXPECT_THROW(ChatPrompt(Architecture::llama, tokenizer, {}, {}), Error);
  const PromptSettings complete{.without = WithoutFormat::complete};
  EXPECT_FALSE(ChatPrompt(Architecture::llama, tokenizer, {}, complete).format());
  // DeepSeek-V3.2 has a format without a template, whose tokens this vocabulary lacks.
  EXPECT_THROW(ChatPrompt(Architecture::deepseek_v32, tokenizer, {}, complete), Error);
  const Tokenizer unknown = tokenizer_with("{{ messages }}");
  EXPECT_THROW(ChatPrompt(Architecture::llama, unknown, {}, complete), Error);
  EXPECT_FALSE(ChatPrompt(Architecture::llama, unknown, {}, {.raw = true}).format());
}

// The longest token of this vocabulary has 13 bytes.
TEST(ChatPrompt, WhatNoContextCanHoldIsRefusedBeforeItIsCut) {
  const Tokenizer tokenizer = tokenizer_with(kChatml);
  ASSERT_EQ(tokenizer.longest_piece(), 13);
  const auto refused = [&](const PromptSettings& settings, std::size_t bytes) {
    try {
      (void)ChatPrompt(Architecture::llama, tokenizer, {}, settings)
          .encode(std::vector<ChatMessage>{{Role::user, std::string(bytes, 'a')}});
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("the context of 10 tokens holds 130"), std::string::npos)
          << e.what();
      return true;
    }
    return false;
  };
  for (const bool raw : {false, true}) {
    EXPECT_TRUE(refused({.raw = raw, .context = 10}, 131));
    EXPECT_FALSE(refused({.raw = raw, .context = 10}, 130)) << "whether it fits is seen once it is cut";
    EXPECT_FALSE(refused({.raw = raw}, 131));
  }
}

TEST(ChatPrompt, AnAnswerWithoutReasoningIsItsContent) {
  const Tokenizer tokenizer = tokenizer_with(kChatml);
  const auto message =
      ChatPrompt(Architecture::llama, tokenizer, {}, {}).as_message("<think>a", kQuestion, {});
  EXPECT_EQ(message.role, Role::assistant);
  EXPECT_EQ(message.content, "<think>a");
  EXPECT_FALSE(message.reasoning);
}

}  // namespace
}  // namespace dsa
