// An episode of calls and replies, which ends with an answer, a message that is neither, or too many of them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "rl/tasks/message.h"

namespace dsa::rl {

class ToolEpisode : public Episode {
 public:
  std::optional<std::string> reply(std::string_view message) final;
  [[nodiscard]] Score score() const final { return score_; }

 protected:
  /// `verbs`: of the tools; they must outlive it.  `turns`: messages, at least 1.
  ToolEpisode(std::span<const std::string_view> verbs, int turns) : verbs_(verbs), turns_(turns) {}
  /// Any argument.  What is past kLongestReply is cut off.
  virtual std::string call(const Action& action) = 0;
  [[nodiscard]] virtual Score judge(std::string_view answer) const = 0;

 private:
  std::nullopt_t end(Score score);

  std::span<const std::string_view> verbs_;
  int turns_;  // that are left
  bool over_ = false;
  Score score_{.value = 0, .reason = "not over"};
};

}  // namespace dsa::rl
