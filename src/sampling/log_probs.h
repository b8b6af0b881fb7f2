// How likely the model thought a token, and which ones more so.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dsa {

struct TokenLogProb {
  std::int32_t id = 0;
  float log_prob = 0;  // of the model's own distribution: temperature 1, no penalty, no bias
};
struct LogProbs {
  float log_prob = 0;                   // of the token itself
  std::vector<TokenLogProb> best = {};  // best first; equal ones by id
};

/// Of the token `id`, by `logits` as the model gave them, and of the `best` likeliest ones (fewer if there
/// are not so many).  logits[i] - log(sum(exp(logits))), summed in double.
LogProbs log_probs(std::span<const float> logits, std::int32_t id, std::int32_t best);

}  // namespace dsa
