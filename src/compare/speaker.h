// Whoever answers: a model here, or one behind a URL.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/ordered_json.h"
#include "chat/chat_format.h"
#include "compare/metrics.h"
#include "cost/settings.h"

namespace dsa::compare {

/// How answers are asked for.
struct Manner {
  std::int64_t max_tokens = 512;
  double temperature = 0;
  std::uint64_t seed = 0;
  std::optional<cost::Price> price = std::nullopt;
};

struct Said {
  ChatMessage message;
  std::string finish;  // as OpenAI's API says it
  /// tokens, cut, seconds, ttft_ms, tok_s and usd_per_1000: those that are known.
  Figures figures;
};

/// One thread at a time.
class Speaker {
 public:
  virtual ~Speaker() = default;
  /// Nothing if `cancel` was set.  Throws Error if there is no answer.
  virtual std::optional<Said> say(std::span<const ChatMessage> messages, const std::atomic<bool>& cancel) = 0;
  /// What its answers depend on, for the file of results.
  [[nodiscard]] virtual nlohmann::ordered_json identity() const = 0;
};

/// Dollars for a thousand such answers.
inline double usd_per_1000(const cost::Price& price, double hit, double miss, double output) {
  return (hit * price.hit.value_or(price.miss) + miss * price.miss + output * price.output) / 1e3;
}

}  // namespace dsa::compare
