// Tokens and their log-probabilities as the APIs show them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/request.h"
#include "tokenizer/tokenizer.h"

namespace dsa::server {

/// The token's text; of one that is part of a character only, its bytes: "bytes:\xe2\x96".
std::string token_text(const Tokenizer& tokenizer, std::int32_t id);
/// JSON has no infinity: OpenAI's word for "far too unlikely" is -9999.
double finite_log_prob(float log_prob);

/// {"token", "logprob", "bytes", "top_logprobs": [{"token", "logprob", "bytes"}]}: of the chat API.
nlohmann::ordered_json chat_log_prob(const Tokenizer& tokenizer, std::int32_t id, const LogProbs& log_probs);
/// {token: log-probability} of the best and of the token itself: of the completions API.
nlohmann::ordered_json best_log_probs(const Tokenizer& tokenizer, std::int32_t id, const LogProbs& log_probs);

}  // namespace dsa::server
