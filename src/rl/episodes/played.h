// A model's way through a task, in tokens: what it is trained on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rl/episodes/wording.h"
#include "rl/tasks/domain.h"

namespace dsa::rl {

struct Played {
  std::vector<std::int32_t> tokens;   // the whole conversation
  std::vector<std::int32_t> written;  // places of the model's own tokens in it, ascending; never 0
  std::vector<float> log_probs;       // of those, as they were sampled; empty: nobody sampled them
  std::vector<std::string> messages;  // the model's
  Score score;
  bool cut = false;  // its last message had no end where it had to
  /// By the rubric: share of its lines that the rules answer with yes, and what a judge model made of it.
  double rubric = 0, judged = 0;
};

/// A task played with given messages, as the model would have written them; up to `context` tokens, past
/// which it is cut.
Played played(const Wording& wording, const Seat& seat, std::span<const std::string> messages,
              std::int64_t context);

}  // namespace dsa::rl
