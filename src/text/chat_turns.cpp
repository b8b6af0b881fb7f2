#include "text/chat_turns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace dsa {
namespace {

constexpr std::uint64_t kStream = std::uint64_t{1} << 32;  // apart from retrieval documents of the same seed
// A passage has a quarter to half as many bytes as the conversation has tokens: a dozen fill it.
constexpr std::int64_t kLeastPart = 4, kMostPart = 2;
constexpr std::int64_t kFewest = 16;  // bytes of a passage in the smallest room
constexpr double kGiving = 0.7;       // share of turns with a passage

// {}: a word of the passage.
constexpr std::array<std::string_view, 11> kTasks{
    "Sum this up in two sentences.",
    "Give this a title of at most eight words, and say in one sentence why it fits.",
    "List three points that it makes, one short line each.",
    "Rewrite its first sentence so that a child understands it.",
    "What kind of writing is this, and who would read it? Answer in two sentences.",
    "Go on where it stops, in the same manner, with one or two sentences.",
    "Ask me two questions about it.",
    "Quote one sentence from it that matters and say why.",
    "What does it say about \"{}\"? Be brief.",
    "Explain in one sentence what \"{}\" means there.",
    "Find the part with \"{}\" and put it in your own words, briefly."};
constexpr std::array<std::string_view, 9> kBack{
    "Go back to what I sent you first. In one sentence, what was it about?",
    "One of the pieces I sent begins with \"{}\". Name one thing that it says.",
    "Which piece begins with \"{}\", and what did I want you to do with it?",
    "Repeat in fewer words what you answered about the piece that begins with \"{}\".",
    "Compare the latest piece with the one that begins with \"{}\". One difference is enough.",
    "How did you answer my very first message? Quote yourself.",
    "What have I asked you so far? Make a short list.",
    "Pick the most useful of all the pieces so far and say why, in one sentence.",
    "Is there anything that two of the pieces have in common? One sentence."};
constexpr std::array<std::string_view, 2> kBackToTopic{
    "Earlier somebody wrote about \"{}\". Which piece was that, and what was said?",
    "Where did \"{}\" come up before? Answer in one sentence."};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A word of seven letters or more, drawn; "" if there is none.
std::string long_word(std::string_view text, Draws& draws) {
  constexpr std::size_t kLong = 7, kLongest = 24;
  std::vector<std::string_view> found;
  for (std::size_t at = 0; at < text.size();) {
    const auto* const from = text.begin() + at;
    const auto size = static_cast<std::size_t>(std::find_if_not(from, text.end(), is_letter) - from);
    if (size >= kLong && size <= kLongest) found.push_back(text.substr(at, size));
    at += size + 1;
  }
  return found.empty() ? "" : std::string(draws.one_of(found));
}

std::string first_words(std::string_view text) {
  constexpr std::size_t kMost = 60;
  return std::string(trimmed(cut_text(text.substr(0, text.find('\n')), kMost)));
}

bool wants_word(std::string_view form) { return form.find("{}") != std::string_view::npos; }

std::string filled(std::string_view form, const std::string& word) {
  return wants_word(form) ? fmt::format(fmt::runtime(form), word) : std::string(form);
}

}  // namespace

ChatTurns::ChatTurns(const Passages& passages, std::int64_t tokens, std::uint64_t seed, std::int64_t number)
    : passages_(passages),
      least_(tokens / kLeastPart),
      most_(tokens / kMostPart),
      draws_(seed, kStream + static_cast<std::uint64_t>(number)) {}

std::string ChatTurns::next(std::int64_t room) {
  const std::int64_t bytes = least_ + draws_.below(most_ - least_ + 1);
  const bool gives = draws_.unit() < kGiving;
  if (!given_.empty() && (!gives || room < least_)) return follow_up();
  const auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(room, kFewest, bytes));
  const std::string passage = passages_.draw(draws_, static_cast<std::int64_t>(most));
  return about(trimmed(cut_text(passage, most)));
}

std::string ChatTurns::closing(std::int64_t bytes) { return about(passages_.draw(draws_, bytes)); }

std::string ChatTurns::about(std::string_view passage) {
  const Given& given =
      given_.emplace_back(Given{.begins = first_words(passage), .topic = long_word(passage, draws_)});
  std::string_view task = draws_.one_of(kTasks);
  if (given.topic.empty() && wants_word(task)) task = kTasks.front();
  const std::string asked = filled(task, given.topic);
  return draws_.below(2) == 0 ? fmt::format("{}\n\n{}", asked, passage)
                              : fmt::format("{}\n\n{}", passage, asked);
}

std::string ChatTurns::follow_up() {
  const Given& given = draws_.one_of(given_);
  const std::size_t forms = kBack.size() + (given.topic.empty() ? 0 : kBackToTopic.size());
  const auto which = static_cast<std::size_t>(draws_.below(static_cast<std::int64_t>(forms)));
  return which < kBack.size() ? filled(kBack[which], given.begins)
                              : filled(kBackToTopic[which - kBack.size()], given.topic);
}

}  // namespace dsa
