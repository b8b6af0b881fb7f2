#include "rl/tasks/tool_episode.h"

#include "base/error.h"

namespace dsa::rl {

std::nullopt_t ToolEpisode::end(Score score) {
  over_ = true;
  score_ = std::move(score);
  return std::nullopt;
}

std::optional<std::string> ToolEpisode::reply(std::string_view message) {
  DSA_CHECK(!over_);
  --turns_;
  const ReadMessage read = read_message(message, verbs_);
  if (!read.action) return end({.value = 0, .reason = read.fault});
  if (message_answers(*read.action)) return end(judge(read.action->argument));
  if (turns_ == 0) return end({.value = 0, .reason = "too many turns"});
  std::string text = call(*read.action);
  if (text.size() > kLongestReply) text.resize(kLongestReply);
  return text;
}

}  // namespace dsa::rl
