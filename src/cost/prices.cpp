#include "cost/prices.h"

#include <array>

namespace dsa::cost {

std::span<const Price> announcement_prices() {
  static const std::array kPrices{
      Price{.name = "DeepSeek-V3.2-Exp", .date = "2025-09-29", .hit = 0.028, .miss = 0.28, .output = 0.42},
      Price{
          .name = "DeepSeek-V3.1-Terminus", .date = "2025-09-29", .hit = 0.07, .miss = 0.56, .output = 1.68},
      Price{.name = "GPT-5 nano", .date = "2025-09-29", .hit = 0.005, .miss = 0.05, .output = 0.40},
      Price{.name = "Gemini 2.5 Flash-Lite", .date = "2025-09-29", .hit = {}, .miss = 0.10, .output = 0.40},
      Price{.name = "Claude Haiku 3.5", .date = "2025-09-29", .hit = 0.08, .miss = 0.80, .output = 4.00},
      Price{.name = "Grok-4 fast", .date = "2025-09-29", .hit = 0.05, .miss = 0.20, .output = 0.50},
  };
  return kPrices;
}

double bill(const Price& price, const Workload& workload, double requests) {
  const double prompt = workload.prompt_tokens.value(), hits = prompt * workload.hit_ratio.value();
  const double request = hits * price.hit.value_or(price.miss) + (prompt - hits) * price.miss +
                         workload.answer_tokens.value() * price.output;
  return requests * request / 1e6;
}

}  // namespace dsa::cost
