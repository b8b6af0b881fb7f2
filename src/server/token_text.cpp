#include "server/token_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "tokenizer/utf8.h"

namespace dsa::server {
namespace {

nlohmann::ordered_json one(const Tokenizer& tokenizer, std::int32_t id, float log_prob) {
  nlohmann::ordered_json bytes = nlohmann::ordered_json::array();
  for (const char byte : tokenizer.piece(id)) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", token_text(tokenizer, id)},
          {"logprob", finite_log_prob(log_prob)},
          {"bytes", std::move(bytes)}};
}

}  // namespace

std::string token_text(const Tokenizer& tokenizer, std::int32_t id) {
  const std::string_view piece = tokenizer.piece(id);
  std::string repaired;
  if (repaired_utf8(piece, repaired) == piece) return std::string(piece);
  std::string out = "bytes:";
  for (const char byte : piece) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  return out;
}

double finite_log_prob(float log_prob) {
  constexpr double kFarTooUnlikely = -9999;
  return std::isfinite(log_prob) ? log_prob : kFarTooUnlikely;
}

nlohmann::ordered_json chat_log_prob(const Tokenizer& tokenizer, std::int32_t id, const LogProbs& log_probs) {
  nlohmann::ordered_json out = one(tokenizer, id, log_probs.log_prob);
  nlohmann::ordered_json best = nlohmann::ordered_json::array();
  for (const TokenLogProb& other : log_probs.best) best.push_back(one(tokenizer, other.id, other.log_prob));
  out["top_logprobs"] = std::move(best);
  return out;
}

nlohmann::ordered_json best_log_probs(const Tokenizer& tokenizer, std::int32_t id,
                                      const LogProbs& log_probs) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const TokenLogProb& other : log_probs.best)
    out[token_text(tokenizer, other.id)] = finite_log_prob(other.log_prob);
  out[token_text(tokenizer, id)] = finite_log_prob(log_probs.log_prob);
  return out;
}

}  // namespace dsa::server
