// A conversation that grows is one prompt that grows: what is in the cache stays of use.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "chat/chat_format.h"
#include "testing/joined.h"

namespace dsa {
namespace {

using Messages = std::vector<ChatMessage>;

std::string rendered(const ChatFormat& format, std::span<const ChatMessage> messages, bool generate) {
  return test::joined(format.render(messages, {.add_generation_prompt = generate}));
}

std::size_t common(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

// As clients send them: with and without a system message, one in the middle, reasoning that comes back and
// reasoning that was dropped.
std::vector<Messages> conversations() {
  const ChatMessage system{Role::system, "SYSTEM"}, reminder{Role::system, "REMINDER"};
  std::vector<ChatMessage> talk;
  for (const char* turn : {"1", "2", "3"}) {
    talk.push_back({Role::user, std::string("question ") + turn});
    talk.push_back({Role::assistant, std::string("answer ") + turn});
  }
  Messages plain = talk, with_system = talk, reminded = talk, reasoned = talk;
  with_system.insert(with_system.begin(), system);
  reminded.insert(reminded.begin(), system);
  reminded.insert(reminded.begin() + 3, reminder);
  for (ChatMessage& m : reasoned)
    if (m.role == Role::assistant) m.reasoning = "because";
  return {plain, with_system, reminded, reasoned};
}

// Their templates gather all system messages at the top, and R1's keeps the last alone.
bool gathers_system(std::string_view format) { return format == "deepseek-r1" || format == "deepseek-v3.1"; }

// Where the last answer of the messages begins; their end if there is none.
std::size_t last_answer(const Messages& messages, std::size_t count) {
  for (std::size_t i = count; i > 0; --i)
    if (messages[i - 1].role == Role::assistant) return i - 1;
  return count;
}

TEST(ChatAppend, OneMessageMoreChangesNothingBeforeTheLastAnswer) {
  std::set<std::string> changed;  // formats that write the last answer anew once something follows it
  for (const std::string& name : ChatFormat::names()) {
    const ChatFormat format = ChatFormat::named(name);
    for (const Messages& all : conversations())
      for (std::size_t n = 1; n < all.size(); ++n) {
        if (gathers_system(name) && all[n].role == Role::system) continue;
        const std::span<const ChatMessage> messages(all);
        const std::string before = rendered(format, messages.first(n), false);
        const std::string after = rendered(format, messages.first(n + 1), false);
        const std::size_t same = common(before, after);
        if (same == before.size()) continue;
        changed.insert(name);
        const std::size_t answer = last_answer(all, n);
        ASSERT_LT(answer, n) << name << " changes what no answer is part of:\n" << before << "\n" << after;
        EXPECT_GE(same, rendered(format, messages.first(std::max<std::size_t>(answer, 1)), false).size())
            << name << " changes more than the last answer:\n"
            << before << "\n"
            << after;
      }
  }
  // Their templates take reasoning out of all answers but the last.
  EXPECT_EQ(changed, (std::set<std::string>{"glm-4.6", "glm-4.7", "glm-5.1", "glm-5.2", "qwen3",
                                            "qwen3-instruct", "qwen3-thinking"}));
}

TEST(ChatAppend, WhatTheModelWasAskedAndSaidIsTheNextPromptsBeginning) {
  std::set<std::string> changed;
  for (const std::string& name : ChatFormat::names()) {
    const ChatFormat format = ChatFormat::named(name);
    const Messages all{{Role::system, "S"}, {Role::user, "Q"}, {Role::assistant, "A"}, {Role::user, "R"}};
    const std::span<const ChatMessage> messages(all);
    const std::string asked = rendered(format, messages.first(2), true);
    const std::string next = rendered(format, messages, true);
    if (!next.starts_with(asked + "A")) changed.insert(name);
    EXPECT_TRUE(next.starts_with(rendered(format, messages.first(2), false))) << name;
  }
  // Their prompts open the reasoning, which is no part of an old answer.
  EXPECT_EQ(changed, (std::set<std::string>{"deepseek-r1", "glm-4.6", "glm-4.7", "glm-5.1", "glm-5.2",
                                            "qwen3-thinking", "qwq"}));
}

TEST(ChatAppend, AnAnswerIsContinuedBehindItsPrompt) {
  for (const std::string& name : ChatFormat::names()) {
    const ChatFormat format = ChatFormat::named(name);
    Messages all{{Role::user, "Q"}, {Role::assistant, "BEGUN"}};
    const std::string asked = rendered(format, std::span(all).first(1), true);
    const auto continued = [&](const ChatOptions& options) {
      std::string out;
      for (const Segment& s : format.render(all, options)) out += s.text;
      return out;
    };
    const std::string text = continued({.continue_last = true});
    EXPECT_TRUE(text.starts_with(asked)) << name << ": " << text;
    EXPECT_TRUE(text.ends_with("BEGUN")) << name << ": " << text;
    if (!format.reasoning() || !ends_in_reasoning(format, format.render(std::span(all).first(1), {})))
      continue;
    EXPECT_NE(text.find(format.reasoning()->end + "BEGUN"), std::string::npos) << name << ": " << text;
    all[1] = {.role = Role::assistant, .content = "", .reasoning = "because"};
    EXPECT_EQ(continued({.continue_last = true}), asked + "because") << name;
  }
  const ChatFormat format = ChatFormat::named("chatml");
  const Messages alone{{Role::assistant, "x"}}, asked{{Role::user, "x"}, {Role::user, "y"}};
  EXPECT_THROW((void)format.render(alone, {.continue_last = true}), Error);
  EXPECT_THROW((void)format.render(asked, {.continue_last = true}), Error);
}

TEST(ChatAppend, SystemMessagesStayWhereTheyStand) {
  for (const std::string& name : ChatFormat::names()) {
    const ChatFormat format = ChatFormat::named(name);
    const std::string text = rendered(format, conversations()[2], true);
    if (gathers_system(name)) {
      EXPECT_LT(text.find("REMINDER"), text.find("question 1")) << name << " does as the others now";
      continue;
    }
    EXPECT_LT(text.find("answer 1"), text.find("REMINDER")) << name << ": " << text;
    EXPECT_LT(text.find("REMINDER"), text.find("question 2")) << name << ": " << text;
  }
}

}  // namespace
}  // namespace dsa
