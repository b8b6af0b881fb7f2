#include "sampling/sampling_params.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace dsa {
namespace {

// Ends: temperature 100 is already uniform; penalties as the OpenAI API; the repetition penalty as wide as
// anyone uses it, but away from 0 and infinity, where it would turn logits into infinities.
constexpr std::array<SamplingRange, 7> kRanges{{
    {"temperature", 0, 100, "0 is greedy", [](const SamplingParams& p) { return p.temperature; }},
    {"top_k", 0, std::numeric_limits<std::int32_t>::max(), "0 keeps every token",
     [](const SamplingParams& p) { return static_cast<double>(p.top_k); }},
    {"top_p", 0, 1, "1 keeps every token", [](const SamplingParams& p) { return p.top_p; }},
    {"min_p", 0, 1, "0 keeps every token", [](const SamplingParams& p) { return p.min_p; }},
    {"repetition_penalty", 0.01, 100, "1 is none",
     [](const SamplingParams& p) { return p.repetition_penalty; }},
    {"presence_penalty", -2, 2, "0 is none", [](const SamplingParams& p) { return p.presence_penalty; }},
    {"frequency_penalty", -2, 2, "0 is none", [](const SamplingParams& p) { return p.frequency_penalty; }},
}};

constexpr double kMaxBias = 100;  // as the OpenAI API

}  // namespace

std::span<const SamplingRange> sampling_ranges() { return kRanges; }

void SamplingParams::validate(std::int64_t vocab_size) const {
  for (const SamplingRange& range : kRanges) {
    const double value = range.get(*this);
    if (!(value >= range.min && value <= range.max))  // false for NaN
      fail("sampling: {} is {}, expected a number from {} to {} ({})", range.name, value, range.min,
           range.max, range.hint);
  }
  std::vector<std::int32_t> ids;
  for (const LogitBias& b : logit_bias) {
    if (b.id < 0 || b.id >= vocab_size)
      fail("sampling: logit_bias names token {}, expected an id from 0 to {}", b.id, vocab_size - 1);
    const bool ban = std::isinf(b.bias) && b.bias < 0;
    const bool in_range = b.bias >= -kMaxBias && b.bias <= kMaxBias;  // a NaN is not
    if (!ban && !in_range)
      fail(
          "sampling: logit_bias of token {} is {}, expected a number from {} to {}, or -inf to ban the token",
          b.id, b.bias, -kMaxBias, kMaxBias);
    ids.push_back(b.id);
  }
  std::sort(ids.begin(), ids.end());
  if (const auto twice = std::adjacent_find(ids.begin(), ids.end()); twice != ids.end())
    fail("sampling: logit_bias names token {} more than once, expected each token once", *twice);
}

}  // namespace dsa
