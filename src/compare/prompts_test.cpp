#include "compare/prompts.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "testing/test_files.h"

namespace dsa::compare {
namespace {

class Prompts : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path() / name) << text;
    return folder_.path() / name;
  }
  std::vector<Prompt> read(const std::string& text) { return read_prompts(write("some.jsonl", text)); }
  std::string complaint(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  TempFolder folder_;
};

TEST_F(Prompts, APromptIsOneTurn) {
  const auto all =
      read(R"({"id": "a", "prompt": "Why?", "facts": ["x", ["y", "z"]], "forbidden": ["q"]})"
           "\n\n"
           R"({"id": "b", "set": "other", "prompt": "2+2?", "number": 4, "rewordings": ["two and two?"]})");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].set, "some");
  EXPECT_EQ(all[0].turns, std::vector<std::string>{"Why?"});
  EXPECT_EQ(all[0].expected.facts, (std::vector<Ways>{{"x"}, {"y", "z"}}));
  EXPECT_EQ(all[1].set, "other");
  EXPECT_EQ(all[1].expected.number, 4);
  EXPECT_NE(all[0].digest, all[1].digest);
}

TEST_F(Prompts, MessagesEndWithWhatIsAsked) {
  const auto all = read(
      R"({"id": "a", "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]})");
  ASSERT_EQ(all[0].history.size(), 1U);
  EXPECT_EQ(all[0].history[0].role, Role::system);
  EXPECT_EQ(all[0].turns, std::vector<std::string>{"U"});
}

TEST_F(Prompts, ADocumentStandsBeforeTheQuestionAndItsRewordings) {
  write("long.txt", "A story.");
  const std::string line = R"({"id": "a", "document": "long.txt", "prompt": "How many?", "number": 1, )"
                           R"("rewordings": ["What number?"]})";
  const auto all = read(line);
  EXPECT_EQ(all[0].turns[0], "A story.\n\nHow many?");
  EXPECT_EQ(all[0].rewordings[0], "A story.\n\nWhat number?");
  write("long.txt", "Another story.");
  EXPECT_NE(read(line)[0].digest, all[0].digest) << "another document is another prompt";
}

TEST_F(Prompts, WhatIsNoPromptIsNamedWithItsLine) {
  const std::string good = R"({"id": "a", "prompt": "x"})";
  EXPECT_NE(complaint("\n" + good + "\n{\"id\": \"b\", \"promt\": \"x\"}").find("line 3"), std::string::npos);
  EXPECT_NE(complaint(good + "\n" + good).find("another line has the id \"a\""), std::string::npos);
  for (const char* line :
       {"", "[]", "{", R"({"prompt": "x"})", R"({"id": "a"})", R"({"id": "a", "prompt": 1})",
        R"({"id": "a", "prompt": "x", "turns": ["y"]})", R"({"id": "a", "turns": []})",
        R"({"id": "a", "prompt": "x", "rewordings": ["y"]})",
        R"({"id": "a", "prompt": "x", "turns_ago": 0.5})",
        R"({"id": "a", "messages": [{"role": "assistant", "content": "x"}]})",
        R"({"id": "a", "messages": [{"role": "tool", "content": "x"}]})",
        R"({"id": "a", "prompt": "x", "document": "absent.txt"})",
        R"({"id": "a", "prompt": "x", "facts": [1]})"})
    EXPECT_NE(complaint(line), "") << line;
}

}  // namespace
}  // namespace dsa::compare
