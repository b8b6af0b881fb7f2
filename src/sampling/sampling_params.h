// How the next token is chosen: what a request may ask for, and the ranges it must keep to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace dsa {

struct LogitBias {
  std::int32_t id = 0;
  double bias = 0;  // added to the token's logit; -infinity: never this token
};

/// The defaults choose from the model's own distribution, nothing cut away.
struct SamplingParams {
  double temperature = 1;  // 0: greedy, always the best token
  std::int64_t top_k = 0;  // keep the k best tokens; 0: all
  double top_p = 1;        // keep the smallest set of best tokens that reaches this probability; 1: all
  double min_p = 0;        // keep tokens of at least min_p times the best token's probability; 0: all
  double repetition_penalty = 1;  // every token of prompt or answer: logit / r if positive, logit * r if not
  double presence_penalty = 0;    // every token of the answer: logit - p
  double frequency_penalty = 0;   // every token of the answer: logit - f * (times it occurs there)
  std::optional<std::uint64_t> seed = std::nullopt;  // none: a different answer every time
  std::vector<LogitBias> logit_bias = {};            // every id once

  /// Throws Error that names the field, its value and its range.
  void validate(std::int64_t vocab_size) const;
};

/// One row of the table behind validate(); help texts and JSON schemas can be made from it too.
struct SamplingRange {
  std::string_view name;
  double min = 0;
  double max = 0;
  std::string_view hint;  // what the ends mean
  double (*get)(const SamplingParams&) = nullptr;
};
std::span<const SamplingRange> sampling_ranges();

}  // namespace dsa
