#include "sampling/log_probs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa {

LogProbs log_probs(std::span<const float> logits, std::int32_t id, std::int32_t best) {
  DSA_CHECK(id >= 0 && id < std::ssize(logits));
  const float most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit} - double{most});
  const double log_sum = double{most} + std::log(sum);
  const auto of = [&](std::int32_t i) { return static_cast<float>(double{logits[usize(i)]} - log_sum); };

  LogProbs out{.log_prob = of(id)};
  if (best <= 0) return out;
  std::vector<std::int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto count = std::min<std::ptrdiff_t>(best, std::ssize(ids));
  std::ranges::partial_sort(ids, ids.begin() + count, [&](std::int32_t a, std::int32_t b) {
    const float x = logits[usize(a)], y = logits[usize(b)];
    return x != y ? x > y : a < b;
  });
  for (const auto i : std::span(ids).first(usize(count))) out.best.push_back({.id = i, .log_prob = of(i)});
  return out;
}

}  // namespace dsa
