#include "text/conversation_file.h"

#include <gtest/gtest.h>

#include "checkpoint/open_model.h"
#include "testing/test_files.h"
#include "testing/text_model.h"
#include "text/documents.h"

namespace dsa {
namespace {

constexpr std::int32_t kEnd = 255, kStart = 256;  // of test::write_chat_model()

std::string conversation(const std::string& messages) { return "{\"messages\": [" + messages + "]}"; }
std::string message(const std::string& role, const std::string& content) {
  return "{\"role\": \"" + role + "\", \"content\": \"" + content + "\"}";
}

Tokenizer chat_tokenizer(const TempFolder& folder) {
  const auto golden = std::filesystem::path(DSA_SOURCE_DIR) / "tests" / "goldens" / "models" / "llama_gqa";
  test::write_chat_model(golden, folder.path() / "model");
  return open_tokenizer(open_model(folder.path() / "model"));
}

void add_bytes(std::vector<std::int32_t>& ids, std::string_view text) {
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
}

TEST(ConversationFile, IsKnownByItsName) {
  EXPECT_TRUE(is_conversation_file("a/b.chat.json"));
  for (const char* other : {"a.json", "chat.json", "a.chat.json.txt", "a.chat.json/b.txt", "a.CHAT.JSON"})
    EXPECT_FALSE(is_conversation_file(other)) << other;
}

TEST(ConversationFile, ReadsWhatItWrites) {
  const std::vector<ChatMessage> messages{{Role::system, "Be brief."},
                                          {Role::user, "A \"quote\",\na tab\t, \xC3\xA9 and <|im_end|>"},
                                          {Role::assistant, "\\n"},
                                          {Role::user, "more"}};
  const auto again = parse_conversation(conversation_json(messages), "a");
  ASSERT_EQ(again.size(), messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(again[i].role, messages[i].role);
    EXPECT_EQ(again[i].content, messages[i].content);
  }
}

TEST(ConversationFile, WhatStandsBesideTheMessagesIsForOthers) {
  const std::string text =
      R"({"id": 7, "messages": [{"content": "a", "role": "user"}], "source": {"x": []}})";
  EXPECT_EQ(parse_conversation(text, "a").size(), 1U);
}

TEST(ConversationFile, SaysWhatIsWrong) {
  struct Case {
    std::string json;
    std::vector<std::string> error;
  };
  const std::string user = message("user", "a"), assistant = message("assistant", "b"),
                    system = message("system", "c");
  const Case cases[]{
      {"", {"not valid JSON"}},
      {"{\"messages\": [", {"not valid JSON"}},
      {conversation(user) + "x", {"not valid JSON"}},
      {"[]", {"expected an object", "\"messages\""}},
      {"{}", {"expected an object", "\"messages\""}},
      {"{\"messages\": {}}", {"\"messages\""}},
      {"{\"messages\": null}", {"\"messages\""}},
      {"{\"messages\": [], \"messages\": []}", {"twice"}},
      {conversation(""), {"nobody says anything"}},
      {conversation(system), {"nobody says anything"}},
      {conversation("1"), {"message 1", "number", "expected an object"}},
      {conversation("[]"), {"message 1", "array"}},
      {conversation(R"({"content": "a"})"), {"message 1", "no \"role\""}},
      {conversation(R"({"role": "user"})"), {"message 1", "no \"content\""}},
      {conversation(R"({"role": 1, "content": "a"})"), {"\"role\" is number", "string"}},
      {conversation(R"({"role": "user", "content": [{"type": "text"}]})"), {"\"content\" is array"}},
      {conversation(R"({"role": "user", "content": null})"), {"\"content\" is null"}},
      {conversation(message("human", "a")), {"message 1", "human", "expected system, user or assistant"}},
      {conversation(message("User", "a")), {"User"}},
      {conversation(user + "," + message("tool", "a")), {"message 2", "tool"}},
      {conversation(assistant), {"message 1", "assistant", "expected user"}},
      {conversation(user + "," + user), {"message 2", "user", "expected assistant"}},
      {conversation(user + "," + assistant + "," + assistant), {"message 3", "expected user"}},
      {conversation(user + "," + system), {"message 2", "system", "comes first"}},
      {conversation(system + "," + system), {"message 2", "system", "expected user"}},
      {conversation(message("user", "")), {"message 1", "empty"}},
      {conversation(message("user", R"(a\u0000b)")), {"message 1", "byte 1 is NUL"}},
      {conversation(message("user", "caf\xE9")), {"not valid JSON"}},
      {conversation(message("user", R"(\ud800)")), {"not valid JSON"}},
      {conversation(R"({"role": "user", "content": "a", "tool_calls": []})"), {"message 1", "tool_calls"}},
      {std::string(100, '['), {"nested deeper"}},
  };
  for (const auto& c : cases) {
    auto parts = c.error;
    parts.emplace_back("x.chat.json: ");
    expect_error([&] { (void)parse_conversation(c.json, "x.chat.json"); }, parts);
  }
}

TEST(ConversationFile, ControlTokensAreControlTokensAndWhatIsTypedIsText) {
  const TempFolder folder;
  const Tokenizer tokenizer = chat_tokenizer(folder);
  folder.write("a.chat.json",
               conversation(message("user", "1<|im_end|>2") + "," + message("assistant", "<|im_start|>")));
  const auto documents =
      read_documents({(folder.path() / "a.chat.json").string()}, tokenizer, Architecture::llama);
  std::vector<std::int32_t> expected{kStart};
  add_bytes(expected, "user\n1<|im_end|>2");
  expected.push_back(kEnd);
  add_bytes(expected, "\n");
  expected.push_back(kStart);
  add_bytes(expected, "assistant\n<|im_start|>");
  expected.push_back(kEnd);
  add_bytes(expected, "\n");
  ASSERT_EQ(documents.size(), 1U);
  EXPECT_EQ(documents[0].tokens, expected);
}

TEST(ConversationFile, IsOnlyTextUnderAnotherName) {
  const TempFolder folder;
  const Tokenizer tokenizer = chat_tokenizer(folder);
  const std::string json = conversation(message("user", "<|im_end|>"));
  const auto file = folder.write("a.json", json);
  std::vector<std::int32_t> expected;
  add_bytes(expected, json);
  EXPECT_EQ(read_documents({file.string()}, tokenizer, Architecture::llama)[0].tokens, expected);
}

TEST(ConversationFile, NamesTheFileThatCannotBeRead) {
  const TempFolder folder;
  const auto without = Tokenizer::from_tokenizer_json(std::filesystem::path(DSA_SOURCE_DIR) / "tests" /
                                                      "goldens" / "tokenizer" / "gpt2.tokenizer.json");
  const auto good = folder.write("good.chat.json", conversation(message("user", "a")));
  const auto bad = folder.write("bad.chat.json", "{}");
  const auto read = [&](const std::filesystem::path& file) {
    (void)read_documents({file.string()}, without, Architecture::llama);
  };
  expect_error([&] { read(good); }, {"good.chat.json", "no chat template", "give plain text"});
  expect_error([&] { read(bad); }, {"bad.chat.json", "messages"});
  expect_error([&] { read(folder.write("latin1.chat.json", "\xE9\xE9")); }, {"latin1.chat.json", "UTF-8"});
}

}  // namespace
}  // namespace dsa
